"""What the processes of `keepsake up` are told by their environment: where everything lies, and how Prefect is to behave.

Each choice is explained in docs/decisions/0008-service.md. Of Prefect's own settings, the operator's win where they say how it is
to behave. Those that say where things are, or who may ask, are left out: a shell or a profile that points to another server, another
database or another team's key has been set up for other work than this.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import flows  # sets the defaults Prefect must be started with; does not import it
from preservation.catalogue.snapshot import sqlite_file
from preservation.settings import Settings

DAY = 24 * 60 * 60
PREFECT = "PREFECT_"
BEHAVIOUR = tuple(
    PREFECT + name
    for name in ("SERVER_SERVICES_", "SERVER_EVENTS_", "SERVER_LOG_", "SERVER_DATABASE_TIMEOUT", "WORKER_", "CLIENT_", "FLOWS_")
)
HERE = "127.0.0.1,localhost"


def environment(settings: Settings, url: str) -> dict[str, str]:
    """The environment of the server, the worker and, through it, of every flow run. `url` is the server's, without /api."""
    prefect = settings.home.resolve() / "prefect"
    return {
        **_behaviour(settings),
        **{name: value for name, value in os.environ.items() if not is_foreign(name)},
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_HOME": str(prefect),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",  # else the page asks the default port
        "TMPDIR": str(prefect / "tmp"),
        **_places(settings),
        **past_proxies(os.environ),
        **_checkout(),
    }


def is_foreign(name: str) -> bool:
    """Whether a variable is one of Prefect's that says where things are, or who may ask."""
    return name.startswith(PREFECT) and not name.startswith(BEHAVIOUR) and name not in flows.DEFAULTS


def past_proxies(given: Mapping[str, str]) -> dict[str, str]:
    """This machine is not asked through a proxy, whatever else is."""
    told = given.get("no_proxy") or given.get("NO_PROXY") or ""
    everywhere = ",".join(filter(None, (told, HERE)))
    return {"NO_PROXY": everywhere, "no_proxy": everywhere}


def _places(settings: Settings) -> dict[str, str]:
    """Every place that the settings name, from the root: flow runs work in a folder of their own."""
    found = {"KEEPSAKE_HOME": str(settings.home.resolve()), "KEEPSAKE_CONFIGS": str(settings.configs.resolve())}
    if settings.withdrawals_file is not None:
        found["KEEPSAKE_WITHDRAWALS_FILE"] = str(settings.withdrawals_file.resolve())
    if settings.catalogue_url and (catalogue := sqlite_file(settings.catalogue_url)):
        found["KEEPSAKE_CATALOGUE_URL"] = f"sqlite:///{catalogue.resolve()}"
    return found


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
