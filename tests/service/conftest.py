"""One of Prefect's servers for the session, as `keepsake up` starts it; and an archive that the flows of this process find."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import Home, make_home
from tests.service.running import prefect_server


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server's API."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The configuration of an archive that nobody has opened yet."""
    return make_home(tmp_path / "archive")
