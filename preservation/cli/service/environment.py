"""What the processes of `keepsake up` are told by their environment: where everything lies, and how Prefect is to behave.

Each choice is explained in docs/decisions/0008-service.md. What the operator has set under a name of Prefect's wins, except where
things lie.
"""

import os
from pathlib import Path

import flows  # sets the defaults Prefect must be started with; does not import it
from preservation.settings import Settings

DAY = 24 * 60 * 60


def environment(settings: Settings, url: str) -> dict[str, str]:
    """The environment of the server, the worker and, through it, of every flow run. `url` is the server's, without /api."""
    prefect = settings.home.resolve() / "prefect"
    return {
        **_behaviour(settings),
        **os.environ,
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_HOME": str(prefect),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",  # else the page asks the default port
        "KEEPSAKE_HOME": str(settings.home.resolve()),
        "KEEPSAKE_CONFIGS": str(settings.configs.resolve()),
        "TMPDIR": str(prefect / "tmp"),
        **_checkout(),
    }


def _behaviour(settings: Settings) -> dict[str, str]:
    return {
        "PREFECT_LOGGING_COLORS": "false",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "3",
        "PREFECT_CLIENT_MAX_RETRIES": "8",  # a run outlasts a restart of the server
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # seconds a writer of SQLite waits for its turn
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",  # outlasts it too
        "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "600",  # a run that waits for a free place is not late
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",  # a service that was down for a week owes one audit, not several
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_runs_days * DAY),
    }


def _checkout() -> dict[str, str]:
    """In a checkout that is not installed, where its packages are found; an installed one is found as it is."""
    root = Path(flows.__file__).resolve().parents[1]
    if not (root / "pyproject.toml").is_file():
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))}
