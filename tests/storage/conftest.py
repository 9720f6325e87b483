"""The servers of the conformance suites."""

from tests.conformance.conftest import moto_endpoint

__all__ = ["moto_endpoint"]
