"""Archives for the promises: one that is open while a test runs, and the servers of the conformance suites."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from preservation.wiring import Archive
from tests.archives import Home, make_home
from tests.storage import servers


@pytest.fixture
def make_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Archive]]:
    """`make_archive(sites=3, s3="", **policy)`: a new archive, which the flows of this process find until the test ends."""
    with ExitStack() as stack:

        def made(folder: str = "archive", **wanted: Any) -> Archive:
            home: Home = make_home(tmp_path / folder, **wanted)
            return stack.enter_context(home.opened())

        for name in ("KEEPSAKE_HOME", "KEEPSAKE_CONFIGS", "PREFECT_API_URL"):
            monkeypatch.delenv(name, raising=False)
        yield made


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server of this session."""
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def prefect_database() -> Iterator[Path]:
    """A real Prefect server of this session; where its database lies."""
    import flows  # noqa: F401, I001  (its settings must stand before Prefect is imported)
    from prefect.settings import (
        PREFECT_API_DATABASE_CONNECTION_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        url = PREFECT_API_DATABASE_CONNECTION_URL.value()
        assert isinstance(url, str) or url is not None
        text = url if isinstance(url, str) else url.get_secret_value()
        yield Path(text.split("///", 1)[1])
