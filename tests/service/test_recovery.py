"""Runs whose process died are found and gone on with; those that ended by themselves, or are at work, are left alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from flows.attendance import attended, is_attended
from preservation.cli.service.api import Run, Server
from preservation.cli.service.recovery import AGAIN, DELAYS, SLOW_START, STOPPED, Act, Look, Recovery, delay_after, judge
from preservation.errors import StoreUnavailable

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(minutes=10), NOW - timedelta(minutes=1)


def run(state: str = "RUNNING", by_worker: bool = True, since: datetime = BEFORE) -> Run:
    return Run("r", state, state.title(), "s", since, since, by_worker)


# -- the rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "act"),
    [
        (Look(run(), alive=True, seen_before=True, worker_since=None), Act.leave),
        (Look(run(), alive=False, seen_before=False, worker_since=AFTER), Act.wait),
        (Look(run(), alive=False, seen_before=True, worker_since=AFTER), Act.crash),
        (Look(run(), alive=False, seen_before=False, worker_since=None), Act.crash),
        (Look(run(by_worker=False), alive=False, seen_before=False, worker_since=None), Act.wait),
        (Look(run(by_worker=False), alive=False, seen_before=True, worker_since=None), Act.crash),
        (Look(run("CANCELLING"), alive=False, seen_before=True, worker_since=AFTER), Act.cancel),
        (Look(run("PENDING", since=AFTER), alive=False, seen_before=True, worker_since=BEFORE), Act.leave),
        (Look(run("PENDING", since=BEFORE), alive=False, seen_before=True, worker_since=AFTER), Act.crash),
        (
            Look(run("PENDING", since=NOW - 2 * SLOW_START), alive=False, seen_before=True, worker_since=NOW - 3 * SLOW_START),
            Act.crash,
        ),
    ],
)
def test_what_becomes_of_a_run(look: Look, act: Act) -> None:
    """Alive: left. Dead: believed at the second look, or at once if no worker could have it. Just beginning: given its time."""
    assert judge(look, NOW) is act


def test_a_run_is_gone_on_with_ever_later_and_then_a_person_must_look() -> None:
    waits = [delay_after(crashes) for crashes in range(1, len(DELAYS) + 1)]
    assert waits == sorted(waits, key=lambda each: each or timedelta())
    assert None not in waits
    assert delay_after(len(DELAYS) + 1) is None


def test_a_server_that_is_silent_is_no_reason_to_touch_anything() -> None:
    recovery = Recovery(Server("http://127.0.0.1:9/api", timeout=1), lambda _: False, lambda _: None)
    with pytest.raises(StoreUnavailable) as silence:
        recovery.look(NOW, None)
    assert silence.value.code == "server-silent"


# -- with a real server -----------------------------------------------------------------------------------------------


class Desk:
    """Makes runs on a real server, as the worker and commands do."""

    def __init__(self, url: str, home: Path) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.server = Server(url, timeout=60)
        self.said: list[str] = []
        self.recovery = Recovery(self.server, lambda run_id: is_attended(home, run_id), self.said.append)
        self.flow = self.post("/flows/", {"name": "accession"})["id"]
        deployment = {"name": f"d-{uuid4()}", "flow_id": self.flow, "entrypoint": "flows.accession.accession"}
        self.deployment = self.post("/deployments/", deployment)["id"]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def run(self, *states: str, deployed: bool = True) -> str:
        place = f"/deployments/{self.deployment}/create_flow_run" if deployed else "/flow_runs/"
        body = {"state": {"type": "SCHEDULED"}, "parameters": {}} | ({} if deployed else {"flow_id": self.flow})
        made = str(self.post(place, body)["id"])
        for state in states:
            self.post(f"/flow_runs/{made}/set_state", {"state": {"type": state, "name": state.title()}, "force": True})
        return made

    def state(self, run_id: str) -> tuple[str, str]:
        found = self.http.get(f"/flow_runs/{run_id}").json()
        return found["state"]["type"], found["state"]["name"]

    def task(self, run_id: str) -> str:
        body = {"flow_run_id": run_id, "task_key": "copy", "dynamic_key": "copy-0", "state": {"type": "RUNNING"}}
        return str(self.post("/task_runs/", body)["id"])

    def forget(self) -> None:
        for found in self.server.runs("PENDING", "RUNNING", "CANCELLING", "CRASHED", "SCHEDULED"):
            self.http.delete(f"/flow_runs/{found.run_id}")
        self.http.close()
        self.server.close()


@pytest.fixture
def desk(server_url: str, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(server_url, tmp_path)
    yield made
    made.forget()


@pytest.mark.prefect
def test_a_dead_run_is_marked_and_put_back_and_its_steps_are_no_longer_running(desk: Desk, tmp_path: Path) -> None:
    dead, alive = desk.run("PENDING", "RUNNING"), desk.run("PENDING", "RUNNING")
    step = desk.task(dead)
    now = datetime.now(UTC)
    with attended(tmp_path, alive):
        desk.recovery.look(now, now)
        assert desk.state(dead)[0] == "RUNNING"  # it may yet say how it ended
        desk.recovery.look(now, now)
        assert desk.state(dead) == ("SCHEDULED", AGAIN)
        assert desk.state(alive)[0] == "RUNNING"
    assert "Crashed" in desk.server.state_names(dead)
    assert desk.http.get(f"/task_runs/{step}").json()["state"]["type"] == "CRASHED"
    assert (desk.recovery.recovered, desk.recovery.last) == (1, now)


@pytest.mark.prefect
@pytest.mark.parametrize("ended", ["FAILED", "COMPLETED", "CANCELLED"])
def test_a_run_that_ended_by_itself_is_left_alone(desk: Desk, ended: str) -> None:
    """A refusal means the same the second time."""
    over = desk.run("PENDING", "RUNNING", ended)
    for _ in range(3):
        desk.recovery.look(datetime.now(UTC), None)
    assert desk.state(over)[0] == ended


@pytest.mark.prefect
def test_a_command_s_run_is_marked_and_not_run_by_the_worker(desk: Desk) -> None:
    run_id = desk.run("PENDING", "RUNNING", deployed=False)
    for _ in range(3):
        desk.recovery.look(datetime.now(UTC), datetime.now(UTC))
    assert desk.state(run_id)[0] == "CRASHED"
    assert desk.recovery.given_up == 0


@pytest.mark.prefect
def test_a_run_that_crashes_again_and_again_waits_for_a_person(desk: Desk) -> None:
    run_id = desk.run("PENDING", "RUNNING", "CRASHED")
    for _ in range(len(DELAYS)):
        desk.recovery.look(datetime.now(UTC), None)
        assert desk.state(run_id) == ("SCHEDULED", AGAIN)
        desk.post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True})
    for _ in range(2):
        desk.recovery.look(datetime.now(UTC), None)
        assert desk.state(run_id)[0] == "CRASHED"
    assert desk.recovery.given_up == 1
    assert sum("a person must look" in line for line in desk.said) == 1


@pytest.mark.prefect
def test_a_stop_sets_runs_aside_and_does_not_count_as_a_crash(desk: Desk) -> None:
    run_id = desk.run("PENDING", "RUNNING")
    assert desk.recovery.set_aside() == 1
    assert desk.state(run_id) == ("SCHEDULED", STOPPED)
    assert "Crashed" not in desk.server.state_names(run_id)


@pytest.mark.prefect
def test_what_an_earlier_life_left_under_way_is_picked_up_at_the_start(desk: Desk) -> None:
    begun, waiting, command = desk.run("PENDING", "RUNNING"), desk.run("PENDING"), desk.run("RUNNING", deployed=False)
    assert desk.recovery.pick_up(datetime.now(UTC)) == 2
    assert desk.state(begun) == desk.state(waiting) == ("SCHEDULED", STOPPED)
    assert desk.state(command)[0] == "RUNNING"  # told from a living command's at the second look
