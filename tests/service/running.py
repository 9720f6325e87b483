"""A real `keepsake up`, and Prefect's server alone, on free ports of 127.0.0.1; ended by process id, never by name."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from flows import attendance
from preservation.cli.service.api import Server
from tests import archives
from tests.archives import Home, hand_in, make_home

PATIENCE = 600.0  # seconds; a machine may be busy
KEEPSAKE = [sys.executable, "-c", "from preservation.cli import main; main()"]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for something to be true; its value."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def deposits(folder: Path, count: int) -> tuple[Home, list[str]]:
    """An archive with deposits of as many creators."""
    home = make_home(folder)
    with home.opened() as archive:
        made = [archives.a_deposit(archive, hand_in(folder / f"in-{n}", handle=f"maker{n}.fx")).deposit_id for n in range(count)]
    return home, made


class Up:
    """`keepsake up` as a process of its own."""

    def __init__(self, home: Home, **settings: str) -> None:
        self.home = home
        self.port, self.health_port = free_port(), free_port()
        ports = {"KEEPSAKE_SERVER_PORT": str(self.port), "KEEPSAKE_HEALTH_PORT": str(self.health_port)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "KEEPSAKE_"))}
        self.environment = {**kept, **home.environment(), **ports, "PREFECT_SERVER_LOG_RETRYABLE_ERRORS": "true", **settings}
        self.api = Server(f"http://127.0.0.1:{self.port}/api", timeout=60)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api", timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def logs(self) -> Path:
        return self.home.data / "logs"

    def start(self) -> "Up":
        folder = self.home.data.parent
        with (folder / "up.out").open("ab") as said:
            self.process = subprocess.Popen(
                [*KEEPSAKE, "up"], env=self.environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=folder
            )
        note = self.home.data / "prefect" / "server.json"
        until(lambda: self.process is None or self.process.poll() is not None or note.is_file())
        assert self.process.poll() is None, (self.home.data.parent / "up.out").read_text()
        return self

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another keepsake command of the same environment."""
        return subprocess.run(
            [*KEEPSAKE, *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """As systemd, Ctrl-C and a terminal that is closed do; the exit code."""
        assert self.process is not None
        self.process.send_signal(by)
        return self.process.wait(120)

    def everything(self) -> list[int]:
        """This process, the server, the worker, the flow runs."""
        below = children(self.pid)
        return [self.pid, *below, *(grandchild for child in below for grandchild in children(child))]

    def kill_everything(self) -> None:
        for pid in self.everything():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait(30)
        (self.home.data / "prefect" / "server.json").unlink(missing_ok=True)  # so that the next start is waited for

    def worker(self) -> int:
        return self._child("worker")

    def server(self) -> int:
        return self._child("flows.server")

    def _child(self, word: str) -> int:
        for pid in children(self.pid):
            with suppress(OSError):
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
        raise AssertionError(f"no {word}")

    def submit(self, deposit_ids: Sequence[str]) -> list[str]:
        """Accessions, as the Run button asks for them; their runs."""
        deployment = self._asked("GET", "/deployments/name/accession/archivist")["id"]
        return [self.submit_one(deployment, each) for each in deposit_ids]

    def submit_one(self, deployment: str, deposit_id: str) -> str:
        body = {"parameters": {"request": {"deposit": deposit_id}}, "state": {"type": "SCHEDULED"}}
        return str(self._asked("POST", f"/deployments/{deployment}/create_flow_run", json=body)["id"])

    def runs(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        found = self._asked("POST", "/flow_runs/filter", json={"flow_runs": {"id": {"any_": list(run_ids)}}})
        assert isinstance(found, list)
        return found

    def states(self, run_ids: Sequence[str]) -> Counter[str]:
        return Counter(run["state_name"] for run in self.runs(run_ids))

    def wait_for_all(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Until every run has ended; the runs."""
        ended = {"COMPLETED", "FAILED", "CANCELLED"}

        def all_ended() -> list[dict[str, Any]]:
            with suppress(httpx.TransportError):  # the server may just be started again
                found = self.runs(run_ids)
                return found if len(found) == len(run_ids) and all(run["state_type"] in ended for run in found) else []
            return []

        done = until(all_ended)
        assert isinstance(done, list)
        return done

    def wait_for_one_at_work(self, run_ids: Sequence[str]) -> str:
        """Until the process of a run is in the middle of it; the run."""

        def at_work() -> str | None:
            running = [run["id"] for run in self.runs(run_ids) if run["state_type"] == "RUNNING"]
            staged = any((self.home.data / "staging").rglob("*"))
            return next((each for each in running if staged and attendance.is_attended(self.home.data, each)), None)

        found = until(at_work)
        assert isinstance(found, str)
        return found

    def _asked(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, path, **body)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def up(home: Home, **settings: str) -> Iterator[Up]:
    """`keepsake up` while the body runs; whatever happens, none of its processes stays."""
    service = Up(home, **settings).start()
    try:
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.kill_everything()
        service.http.close()
        service.api.close()


@contextmanager
def prefect_server(folder: Path, **settings: str) -> Iterator[str]:
    """Prefect's server alone, as `keepsake up` starts it, with its database in `folder`; the address of its API."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "KEEPSAKE_"))}
    environment = {
        **kept,
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_COLORS": "false",
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "flows.server", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        api = f"http://127.0.0.1:{port}/api"
        try:
            until(lambda: process.poll() is not None or Server(api).answers(), 180)
            assert process.poll() is None, (folder / "server.log").read_text()
            yield api
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)
