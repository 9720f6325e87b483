"""Servers the suites run against, started once a session."""

import shutil
from collections.abc import Iterator

import pytest

from tests.storage import servers, swift


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """A moto server of this session."""
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def ministack_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MiniStack server of this session."""
    if not shutil.which("ministack"):
        pytest.skip("MiniStack is not installed (no command `ministack`)")
    with servers.ministack(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def swift_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OpenStack Swift of this session."""
    if not swift.installed():
        pytest.skip("OpenStack Swift is not installed (no command `swift-proxy-server`)")
    with swift.swift(tmp_path_factory.mktemp("swift")) as endpoint:
        yield endpoint
