"""The few questions that `keepsake up` asks Prefect's server, over HTTP, so that it need not load Prefect itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from preservation.errors import StoreUnavailable

PAGE = 200
POOL = "keepsake"
PROCEDURES = ("accession", "audit", "repair", "withdrawal", "housekeeping")


@dataclass(frozen=True, slots=True)
class Run:
    """A flow run as the server tells of it."""

    run_id: str
    state: str  # PENDING, RUNNING, CANCELLING, CRASHED, SCHEDULED…
    state_name: str
    state_id: str
    since: datetime
    expected: datetime  # when it was to start
    by_worker: bool  # started from a deployment, so the worker can start it again; else by a command


class Server:
    """Prefect's server at one address."""

    def __init__(self, url: str, timeout: float = 20.0) -> None:
        """`url` ends in /api; `timeout` in seconds."""
        self._client = httpx.Client(base_url=url, timeout=timeout, trust_env=False)  # no proxy stands before this machine

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def answers(self, timeout: float = 5.0) -> bool:
        """Whether the server is there and well."""
        try:
            return self._client.get("/health", timeout=timeout).status_code == 200
        except httpx.HTTPError:
            return False

    def runs(self, *states: str) -> list[Run]:
        """The runs of our procedures in any of these types of state. Raises StoreUnavailable."""
        found: list[Run] = []
        while True:
            page = self._post("/flow_runs/filter", {**_ours(states), "limit": PAGE, "offset": len(found), "sort": "ID_DESC"})
            found += [_run(each) for each in page if each["state"]]
            if len(page) < PAGE:
                return found

    def count(self, *states: str) -> int:
        """How many runs of our procedures are in any of these types of state."""
        return int(self._post("/flow_runs/count", _ours(states)))

    def state_names(self, run_id: str) -> list[str]:
        """The names of all states a run has been in, oldest first."""
        told = self._get("/flow_run_states/", flow_run_id=run_id)
        return [str(each["name"]) for each in sorted(told, key=lambda each: str(each["timestamp"]))]

    def set_state(self, run_id: str, kind: str, name: str, message: str, due: datetime | None = None) -> None:
        """Put a run into a state, whatever the rules of the running process say: it is dead."""
        details = {"scheduled_time": due.isoformat()} if due else {}
        state = {"type": kind, "name": name, "message": message, "state_details": details}
        self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def end_tasks(self, run_id: str, message: str) -> int:
        """Mark the steps that a dead process left as running; how many."""
        asked = {"flow_runs": {"id": {"any_": [run_id]}}, "task_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}}
        left = self._post("/task_runs/filter", {**asked, "limit": PAGE})
        for each in left:
            state = {"type": "CRASHED", "name": "Crashed", "message": message}
            self._post(f"/task_runs/{each['id']}/set_state", {"state": state, "force": True})
        return len(left)

    def last_heartbeat(self) -> datetime | None:
        """When a worker of our pool was last heard of."""
        heard = [
            w["last_heartbeat_time"] for w in self._post(f"/work_pools/{POOL}/workers/filter", {}) if w["last_heartbeat_time"]
        ]
        return max((moment(each) for each in heard), default=None)

    def _get(self, path: str, **query: str) -> Any:
        with _answering():
            return self._client.get(path, params=query).raise_for_status().json()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        with _answering():
            return self._client.post(path, json=body).raise_for_status().json()


def moment(text: str) -> datetime:
    """A moment as Prefect writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _ours(states: tuple[str, ...]) -> dict[str, Any]:
    return {"flows": {"name": {"any_": list(PROCEDURES)}}, "flow_runs": {"state": {"type": {"any_": list(states)}}}}


def _run(told: dict[str, Any]) -> Run:
    state = told["state"]
    return Run(
        run_id=told["id"],
        state=state["type"],
        state_name=state["name"],
        state_id=state["id"],
        since=moment(state["timestamp"]),
        expected=moment(told["expected_start_time"] or state["timestamp"]),
        by_worker=told["deployment_id"] is not None,
    )


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, ValueError, KeyError) as failure:
        kind = failure.response.status_code if isinstance(failure, httpx.HTTPStatusError) else type(failure).__name__
        raise StoreUnavailable(
            "server-silent",
            f"Prefect's server did not answer as it should: {kind}",
            remedy="read logs/server.log in the data directory",
        ) from None
