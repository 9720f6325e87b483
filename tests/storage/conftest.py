"""The servers of the conformance suites."""

from tests.conformance.conftest import moto_endpoint as moto_endpoint
