"""A fortnight of nightly audits against a real Prefect server that keeps five days: `python -m tests.benchmarks.fortnight`.

Time is an argument: after each night every moment in Prefect's database becomes a day older, and housekeeping and Prefect's own
cleaning find what is old.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests import archives
from tests.archives import Home, hand_in, make_home
from tests.service.ageing import age_by_a_day, pages, rows
from tests.service.running import prefect_server

FORTNIGHT = 14
KEPT = 5  # days, for runs as for events
CLEANING = 3.0  # seconds between two rounds of Prefect's own cleaning
OF_RUNS = ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact", "events", "event_resources")


class Night(NamedTuple):
    """What Prefect's database holds in the morning."""

    day: int
    rows: dict[str, int]
    in_use: int  # bytes
    file: int  # bytes


def nights(folder: Path, count: int) -> Iterator[Night]:
    """Audit every night, keep house every morning."""
    home: Home = make_home(folder / "archive")
    cleaning = {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{KEPT}D",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": str(CLEANING),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ORPHAN_CLEANUP_LOOP_SECONDS": str(CLEANING),
    }
    with prefect_server(folder / "prefect", **cleaning) as url, home.opened() as archive:
        archives.accession(archives.a_deposit(archive, hand_in(folder / "in")))
        for day in range(1, count + 1):
            _one_night(url)
            database = folder / "prefect" / "prefect.db"
            age_by_a_day(database)
            time.sleep(1.5 * CLEANING)
            yield Night(day, {name: number for name, number in rows(database).items() if name in OF_RUNS}, *pages(database))


def _one_night(url: str) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.audit import AuditRequest, audit
    from flows.housekeeping import forget_runs

    with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        ended: Any = audit(AuditRequest(), return_state=True)
        assert ended.is_completed()
        forget_runs(datetime.now(UTC) - timedelta(days=KEPT))


def main() -> None:
    """Print a row a night."""
    with tempfile.TemporaryDirectory() as folder:
        for night in nights(Path(folder), FORTNIGHT):
            told = "  ".join(f"{name} {night.rows[name]:5}" for name in OF_RUNS)
            print(
                f"{night.day:2}  {told}  in use {night.in_use / 1024:8,.0f} KiB  file {night.file / 1024:8,.0f} KiB", flush=True
            )


if __name__ == "__main__":
    main()
