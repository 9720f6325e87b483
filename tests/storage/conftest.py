"""Servers the suites run against, started once a session."""

from collections.abc import Iterator

import pytest

from tests.storage import servers


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """A moto server of this session."""
    with servers.moto() as endpoint:
        yield endpoint
