"""`keepsake up`: Prefect's server and UI, a worker, the schedules and a health page, all looked after by this one process.

It starts what dies, and has runs gone on with whose process died (`recovery`). A lock in the data directory says that it
runs; the kernel lets go of it whatever happens, so a killed service is in nobody's way.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.markup import escape

from flows import attendance
from preservation.cli.running import out
from preservation.cli.service.api import POOL, Server
from preservation.cli.service.children import Child, keep_short
from preservation.cli.service.environment import environment, past_proxies
from preservation.cli.service.health import Health
from preservation.cli.service.judging import WorkerFact
from preservation.cli.service.page import serve_page
from preservation.cli.service.recovery import Recovery, try_look
from preservation.errors import ArchiveError, SettingsWrong, StoreUnavailable
from preservation.settings import Settings, load_settings
from preservation.wiring import RESTORED, open_archive

NOTE = "server.json"
LOCK = "service.lock"
FIRST_START = 180.0  # seconds for a first start on a busy machine
BEAT = 1.0  # seconds between looks at the processes
ROUND = 10.0  # seconds between looks at the runs
SILENCE = 300.0  # seconds after which a process that is there and says nothing is started again; of a clock that nobody sets
STOPPING = 8.0  # seconds the server has to end
REGISTERING = 300.0  # seconds
PICKING_UP = 5  # tries to ask a server that has just begun and may be busy
FOREIGN = ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_PROFILE")  # for another server than this archive's


def use_running_server() -> None:
    """If this archive's `keepsake up` is running, let flows report to its server, whatever else the shell names.

    If not, leave Prefect's own files in the data directory.
    """
    home = load_settings().home
    os.environ.setdefault("PREFECT_HOME", str(home.resolve() / "prefect"))
    if url := told(home).get("url"):
        for name in FOREIGN:
            os.environ.pop(name, None)
        os.environ |= {"PREFECT_HOME": str(home.resolve() / "prefect"), "PREFECT_API_URL": url, **past_proxies(os.environ)}


def told(home: Path) -> dict[str, str]:
    """Where the `keepsake up` that runs answers: `url` of Prefect's API, `health`; nothing if none runs, or it is only starting."""
    with suppress(OSError, ValueError):
        found = json.loads((home / "prefect" / NOTE).read_text()) if is_up(home) else None
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
    return {}


def is_up(home: Path) -> bool:
    """Whether a `keepsake up` holds this data directory: by its lock, which no dead process can hold.

    A data directory that cannot be looked into has none that this user could use; whoever opens it is told what is wrong with it.
    """
    try:
        with (home / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def serve(settings: Settings) -> None:
    """Run until Ctrl-C, SIGTERM or the end of its terminal.

    Raises SettingsWrong if it runs already or a port is taken, StoreUnavailable if it cannot go on.
    """
    open_archive(settings).close()  # what is wrong with the settings is said now, and the databases are brought up to date once
    with _disk_answers(), _alone(settings.home) as stop:
        _Service(settings, stop).run()


@contextmanager
def _disk_answers() -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except OSError as failure:
        raise StoreUnavailable(
            "service-disk",
            f"the service cannot write what it needs: {failure.strerror or type(failure).__name__}",
            remedy="see that the data directory's folders prefect and logs can be written and its disk has room, then start again",
        ) from None


@contextmanager
def _alone(home: Path) -> Iterator[threading.Event]:
    """Hold the data directory; the event is set when this process is asked to end."""
    stop = threading.Event()
    with (home / LOCK).open("w") as lock:
        _take(lock.fileno(), home)
        asked = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup has it go on without its terminal
            asked.append(signal.SIGHUP)
        before = {number: signal.signal(number, lambda *_: stop.set()) for number in asked}
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _take(lock: int, home: Path) -> None:
    for _ in range(20):  # a command that asks whether we run holds it for a moment
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
    raise SettingsWrong(
        "already-up",
        f"keepsake up is running already on the data directory {home}",
        remedy="use the one that runs, stop it, or name another data directory with --home",
    )


class _Service:
    """The processes, the runs, the page: one life of `keepsake up`."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings, self._stop = settings, stop
        self._home = settings.home.resolve()
        self._url = f"http://127.0.0.1:{settings.server_port}"
        self._logs = self._home / "logs"
        self._work = self._home / "prefect" / "work"  # where Prefect finds no settings of somebody else's
        self._env = environment(settings, self._url)
        serving = ["flows.server", "--host", "127.0.0.1", "--port", str(settings.server_port)]
        working = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", POOL, "--install-policy", "never"]
        self._server = self._child("server", serving)
        self._worker = self._child("worker", [*working, "--limit", str(settings.worker_limit)])
        self._api = Server(f"{self._url}/api")
        self._recovery = Recovery(self._api, lambda run_id: attendance.is_attended(self._home, run_id), self._say)
        self._health = Health(settings, self._api, self._recovery, self._worker_now)
        self._worker_since: datetime | None = None
        self._heard_at = time.monotonic()  # when the server last answered
        self._beat: tuple[datetime | None, float] = (
            None,
            time.monotonic(),
        )  # the worker's newest sign of life, and when it was new

    def _child(self, name: str, words: list[str]) -> Child:
        return Child(name, [sys.executable, "-m", *words], self._env, self._logs, self._work)

    def run(self) -> None:
        """From start to end."""
        self._prepare()
        _require_free(self._url)
        with serve_page(self._settings.health_port, self._health.latest), self._health.looking():
            try:
                self._begin()
                self._watch()
            finally:
                self._end()

    def _prepare(self) -> None:
        for folder in (self._logs, self._work):
            folder.mkdir(parents=True, exist_ok=True)
        debris = self._home / "prefect" / "tmp"
        shutil.rmtree(debris, ignore_errors=True)  # of an earlier life
        debris.mkdir(parents=True, exist_ok=True)

    def _begin(self) -> None:
        _tell(f"Starting Prefect's server on {self._url} …")
        self._say("starts")
        self._server.start(time.monotonic())
        self._await_server()
        if self._stop.is_set():
            return
        self._register()
        if self._stop.is_set():
            return
        attendance.sweep(self._home)
        if picked_up := self._pick_up():
            _tell(f"{picked_up} runs that were cut off go on.")
        self._start_worker()
        note = {"url": f"{self._url}/api", "health": f"http://127.0.0.1:{self._settings.health_port}", "pid": os.getpid()}
        (self._home / "prefect" / NOTE).write_text(json.dumps(note))
        self._welcome()

    def _await_server(self) -> None:
        until = time.monotonic() + FIRST_START
        while time.monotonic() < until and self._server.running and not self._stop.is_set():
            if self._api.answers(2.0):
                return
            self._stop.wait(0.2)
        if not self._stop.is_set():
            raise StoreUnavailable(
                "server-not-started", "Prefect's server did not start", remedy="read logs/server.log in the data directory"
            )

    def _register(self) -> None:
        """In a process of its own, so that Prefect need not be loaded here."""
        registering = Child("service", [sys.executable, "-m", "flows.schedule"], self._env, self._logs, self._work)
        registering.start(time.monotonic())
        code = registering.wait(REGISTERING)
        if code != 0 and not self._stop.is_set():
            raise StoreUnavailable(
                "not-registered",
                "the procedures could not be registered with Prefect's server",
                remedy="read logs/service.log in the data directory, then start again",
            )

    def _pick_up(self) -> int:
        for _ in range(PICKING_UP - 1):
            with suppress(StoreUnavailable):
                return self._recovery.pick_up(datetime.now(UTC))
            self._stop.wait(BEAT)
        return self._recovery.pick_up(datetime.now(UTC))

    def _start_worker(self) -> None:
        self._worker_since = datetime.now(UTC)
        self._worker.start(time.monotonic())
        self._beat = (None, time.monotonic())

    def _watch(self) -> None:
        next_round = time.monotonic() + ROUND
        while not self._stop.wait(BEAT):
            now = time.monotonic()
            for child in (self._server, self._worker):
                self._look_at(child, now)
            if now >= next_round:
                keep_short(self._logs / "service.log")
                self._look_at_runs(now)
                next_round = time.monotonic() + ROUND

    def _look_at(self, child: Child, now: float) -> None:
        running = child.running
        if child.look(now):
            self._say(f"the {child.name} died and is started again ({child.quick_deaths} quick deaths in a row)")
        elif child.running and not running:
            self._heard_at = now
            if child is self._worker:
                self._worker_since = datetime.now(UTC)
                self._beat = (None, now)

    def _look_at_runs(self, now: float) -> None:
        """The server's silence and the worker's are judged here too: a process may be there and do nothing."""
        if try_look(self._recovery, datetime.now(UTC), self._worker_since if self._worker.running else None):
            self._heard_at = now
            self._require_heartbeat(now)
            return
        self._beat = (self._beat[0], now)  # the worker cannot be heard either
        if now - self._heard_at > SILENCE and self._server.running:
            self._say("the server has said nothing for minutes and is killed, to be started again")
            self._server.kill()

    def _require_heartbeat(self, now: float) -> None:
        """By the change of the newest sign of life, not its age: after a sleep, or when its clock is set, a machine's times jump."""
        with suppress(StoreUnavailable):
            heard = self._api.last_heartbeat()
            if heard != self._beat[0]:
                self._beat = (heard, now)
            if now - self._beat[1] > SILENCE and self._worker.running:
                self._say("the worker has said nothing for minutes and is killed, to be started again")
                self._worker.kill()

    def _end(self) -> None:
        """Runs are cut off at once: each step is safe to do again, and a stop must not wait for an accession of hours."""
        _tell("Stopping.")
        with suppress(OSError):
            (self._home / "prefect" / NOTE).unlink(missing_ok=True)
        self._worker.kill()
        with suppress(StoreUnavailable):
            if self._server.running and self._api.answers(3.0):
                self._recovery.set_aside()
        self._server.stop(STOPPING)
        self._say("stopped")

    def _worker_now(self) -> WorkerFact:
        """What only this process knows, for the health page."""
        return WorkerFact(alive=self._worker.running, limit=self._settings.worker_limit, since=self._worker_since)

    def _say(self, line: str) -> None:
        """A line for the log. Without room for it the service goes on all the same."""
        with suppress(OSError), (self._logs / "service.log").open("a") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")

    def _welcome(self) -> None:
        _tell(f"[bold]Open {self._url}/deployments[/] and press Run on: accession, audit, repair, withdrawal.")
        data, logs = escape(str(self._home)), escape(str(self._logs))
        _tell(f"Health: http://127.0.0.1:{self._settings.health_port}/    Data: {data}    Logs: {logs}")
        if (self._home / RESTORED).exists():
            _tell(
                "[bold red]The archive is held[/] after a restore: keepsake backup confirm. Audits and withdrawals alone are done."
            )
        if {site.kind for site in self._settings.sites()} == {"directory"}:
            _tell("[yellow]All sites are directories of this machine and share its disk and this user's rights: enough to try")
            _tell("[yellow]everything, not to rely on. configs/production.toml shows sites that fail apart.")
        _tell("Ctrl-C stops everything; nothing is lost.")


def _tell(sentence: str) -> None:
    """For whoever watches. The terminal, or the program that read this, may be gone: then nobody does."""
    with suppress(OSError, SystemExit):  # the latter is how the console takes a reader that went
        out.print(sentence)


def _require_free(url: str) -> None:
    """Refuse if something else answers there; a server of an earlier life may take a moment to be gone."""
    for _ in range(20):
        try:
            httpx.get(f"{url}/api/health", timeout=1, trust_env=False)
        except httpx.ConnectError:
            return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)
    raise SettingsWrong(
        "port-taken", f"something answers at {url} already", remedy="stop it, or choose another port: KEEPSAKE_SERVER_PORT"
    )
