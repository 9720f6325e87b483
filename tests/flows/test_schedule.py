"""What is offered on Prefect's pages and what runs by itself: found wherever the program lies, and never there twice."""

import importlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import flows  # noqa: F401  (its settings must stand before Prefect is imported)
from flows import schedule
from flows.housekeeping import forget_runs
from flows.server import write_in_turn
from preservation.cli.service.api import POOL, PROCEDURES
from preservation.settings import load_settings
from tests.archives import Home, make_home
from tests.service.running import prefect_server

DAILY = {"audit": "0 3 * * *", "housekeeping": "0 5 * * *"}  # UTC


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path / "an archive")  # with a blank, as folders have
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def test_every_procedure_is_offered_and_found_by_its_module(home: Home) -> None:
    """By module and not by file: the same in a checkout and in an installed package."""
    offered = schedule.deployments(load_settings())
    assert sorted(each.flow_name or "" for each in offered) == sorted(PROCEDURES)
    for each in offered:
        module, name = (each.entrypoint or "").rsplit(".", 1)
        assert getattr(importlib.import_module(module), name).name == each.flow_name
        assert each.work_pool_name == schedule.POOL == POOL
        assert shlex.split(each.job_variables["command"]) == [sys.executable, "-m", "flows.bound", "run"]
        assert Path(each.job_variables["working_dir"]).is_relative_to(home.data.resolve())


def test_the_audit_is_nightly_and_only_what_is_scheduled_runs_by_itself(home: Home) -> None:
    offered = schedule.deployments(load_settings(keep_runs_days=11))
    times: dict[Any, Any] = {each.flow_name: [s.schedule.cron for s in each.schedules or []] for each in offered}  # type: ignore[union-attr]
    assert times == {name: [DAILY[name]] if name in DAILY else [] for name in PROCEDURES}
    (housekeeping,) = (each for each in offered if each.flow_name == "housekeeping")
    assert housekeeping.parameters == {"request": {"keep_days": 11}}


def test_this_prefect_has_the_place_where_its_transactions_begin() -> None:
    """Without it, SQLite's writers would not take turns: see docs/decisions/0008-service.md."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    before = AioSqliteConfiguration.begin_transaction
    try:
        assert write_in_turn()
        assert AioSqliteConfiguration.begin_transaction is not before
    finally:
        AioSqliteConfiguration.begin_transaction = before  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("prefect")
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        prefect_server(folder) as url,
        temporary_settings({PREFECT_API_URL: url}),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def _offered(server: httpx.Client) -> list[dict[str, Any]]:
    found = server.post("/deployments/filter", json={}).json()
    assert isinstance(found, list)
    return found


@pytest.mark.prefect
def test_registering_again_changes_nothing_and_a_paused_schedule_stays_paused(home: Home, server: httpx.Client) -> None:
    schedule.register_all()
    first = {each["id"]: len(each["schedules"]) for each in _offered(server)}
    assert len(first) == len(PROCEDURES)
    (audit,) = (each for each in _offered(server) if each["name"] == "nightly")
    server.patch(f"/deployments/{audit['id']}/schedules/{audit['schedules'][0]['id']}", json={"active": False}).raise_for_status()
    schedule.register_all()
    assert {each["id"]: len(each["schedules"]) for each in _offered(server)} == first
    active = {each["name"]: each["schedules"][0]["active"] for each in _offered(server) if each["schedules"]}
    assert active == {"nightly": False, "daily": True}


@pytest.mark.prefect
def test_housekeeping_forgets_what_ended_before_a_moment_and_nothing_else(home: Home, server: httpx.Client) -> None:
    from datetime import UTC, datetime, timedelta

    flow = server.post("/flows/", json={"name": "audit"}).json()["id"]
    for state in ("COMPLETED", "FAILED", "RUNNING", "SCHEDULED"):
        made = server.post("/flow_runs/", json={"flow_id": flow}).json()["id"]
        server.post(f"/flow_runs/{made}/set_state", json={"state": {"type": state}, "force": True}).raise_for_status()
    now = datetime.now(UTC)
    with home.opened():
        assert forget_runs(now - timedelta(days=1)) == 0
        assert forget_runs(now + timedelta(days=1)) == 2
    left = server.post("/flow_runs/filter", json={"flows": {"id": {"any_": [flow]}}}).json()
    assert sorted(run["state"]["type"] for run in left) == ["RUNNING", "SCHEDULED"]
