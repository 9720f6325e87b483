"""Whatever the shell, the network and the disk are like around `keepsake up`, it is this archive's service and goes on."""

import http.server
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from preservation.cli.commands import app
from preservation.cli.service import children
from preservation.cli.service.api import Server
from preservation.cli.service.children import Child, keep_short
from preservation.cli.service.environment import environment
from preservation.cli.service.judging import HealthReport, judged
from preservation.cli.service.page import serve_page
from preservation.cli.service.recovery import AGAIN, crashes_before
from preservation.cli.service.supervisor import LOCK, NOTE, SILENCE, _Service, told, use_running_server
from preservation.settings import Settings
from tests.archives import Home
from tests.service.running import free_port, until
from tests.service.test_alone import HOLD
from tests.service.test_health import WELL

URL = "http://127.0.0.1:4200"
NOBODY = "http://127.0.0.1:9"
ELSEWHERE = {
    "PREFECT_API_URL": f"{NOBODY}/api",
    "PREFECT_API_KEY": "pnu_other_team",
    "PREFECT_API_AUTH_STRING": "admin:pass",
    "PREFECT_HOME": "/elsewhere",
    "PREFECT_PROFILE": "cloud",
    "PREFECT_PROFILES_PATH": "/elsewhere/profiles.toml",
    "PREFECT_SERVER_API_AUTH_STRING": "admin:pass",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://elsewhere/prefect",
    "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://elsewhere/prefect",
    "PREFECT_LOCAL_STORAGE_PATH": "/elsewhere/storage",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "botocore",
}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def settings(home: Home, **more: object) -> Settings:
    return Settings(home=home.data, configs=home.configs, **more)  # type: ignore[arg-type]


@contextmanager
def a_service(home: Home, **note: str) -> Iterator[None]:
    """A process that holds the data directory, and the note that it wrote."""
    (home.data / "prefect").mkdir(parents=True, exist_ok=True)
    (home.data / "prefect" / NOTE).write_text(json.dumps(note))
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home.data / LOCK)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


# -- the shell --------------------------------------------------------------------------------------------------------


def test_a_shell_that_points_prefect_elsewhere_moves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the server, not its database, not who may ask; how Prefect behaves is the operator's."""
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "11")
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    made = environment(settings(home), URL)
    assert [name for name, value in ELSEWHERE.items() if made.get(name) == value] == []
    assert made["PREFECT_API_URL"] == f"{URL}/api"
    assert made["PREFECT_HOME"] == str(home.data / "prefect")
    assert (made["PREFECT_WORKER_QUERY_SECONDS"], made["PREFECT_SERVER_ANALYTICS_ENABLED"]) == ("11", "false")


def test_places_named_from_where_the_service_was_started_stay_there(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flow runs work in another folder: a relative catalogue would be another catalogue there."""
    monkeypatch.chdir(tmp_path)
    relative = settings(home, withdrawals_file=Path("list.txt"), catalogue_url="sqlite:///there/catalogue.sqlite")
    made = environment(relative, URL)
    assert made["KEEPSAKE_WITHDRAWALS_FILE"] == str(tmp_path / "list.txt")
    assert made["KEEPSAKE_CATALOGUE_URL"] == f"sqlite:///{tmp_path}/there/catalogue.sqlite"


def test_commands_report_to_this_archive_s_service_whatever_the_shell_says(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ELSEWHERE, **home.environment()}.items():
        monkeypatch.setenv(name, value)
    with a_service(home, url=f"{URL}/api"):
        use_running_server()
        assert os.environ["PREFECT_API_URL"] == f"{URL}/api"
        assert os.environ["PREFECT_HOME"] == str(home.data / "prefect")
        assert not {"PREFECT_API_KEY", "PREFECT_PROFILE"} & os.environ.keys()


@pytest.mark.parametrize("note", ["", "{", "[1]", "null"])
def test_a_note_that_cannot_be_read_says_nothing(home: Home, note: str) -> None:
    with a_service(home):
        (home.data / "prefect" / NOTE).write_text(note)
        assert told(home.data) == {}


def test_health_is_asked_of_the_service_of_this_data_directory(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two archives on one machine: the shell names the other one's port, or none."""
    theirs, ours = free_port(), free_port()
    other = judged(WELL.model_copy(update={"server_answers": False}))
    monkeypatch.setenv("KEEPSAKE_HEALTH_PORT", str(theirs))
    words = ["--home", str(home.data), "--configs", str(home.configs), "health", "--json"]
    with (
        serve_page(theirs, lambda _: other),
        serve_page(ours, lambda _: judged(WELL)),
        a_service(home, url=f"{NOBODY}/api", health=f"http://127.0.0.1:{ours}"),
    ):
        result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert HealthReport.model_validate_json(result.stdout).well


def test_a_restore_is_refused_while_the_service_runs(home: Home, tmp_path: Path) -> None:
    """Its processes would go on with stores that were moved away."""
    (tmp_path / "backup").mkdir()
    words = ["--home", str(home.data), "--configs", str(home.configs), "backup", "restore", str(tmp_path / "backup"), "--json"]
    with a_service(home):
        result = CliRunner().invoke(app, words)
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "service-runs")


# -- the network ------------------------------------------------------------------------------------------------------


class _Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *_: object) -> None:
        pass


def test_this_machine_is_not_asked_through_a_proxy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the service nor by Prefect's client in its processes; others still are."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.setenv("no_proxy", "sites.example")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    asked = Server(url)
    try:
        assert asked.answers()
        ask = f"import httpx; assert httpx.get({url!r}).status_code == 200"
        subprocess.run([sys.executable, "-c", ask], env=environment(settings(home), url), check=True, timeout=60)
        assert environment(settings(home), url)["no_proxy"].startswith("sites.example,")
    finally:
        asked.close()
        server.shutdown()
        server.server_close()


# -- the disk, the terminal -------------------------------------------------------------------------------------------


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process grows beyond what it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_does_not_stop_the_service(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is kept short all the same, a line that finds no room is lost, and nobody is stopped."""
    monkeypatch.setattr(children, "LOG_UP_TO", 100)
    service = _Service(settings(home), threading.Event())
    service._logs.mkdir(parents=True)
    (service._logs / "service.log").write_text("x" * 200)
    with no_room():
        keep_short(service._logs / "service.log")
        assert not (service._logs / "service.log").stat().st_size
        service._say("a line that is longer than the room there is")


def test_a_child_that_cannot_be_started_counts_as_a_quick_death(tmp_path: Path) -> None:
    """No memory for a process, or its folder was taken away: it is tried again, later and later."""
    one = Child("worker", [sys.executable, "-c", ""], {}, tmp_path / "logs", tmp_path / "gone")
    one.start(now=0.0)
    assert not one.running
    assert one.look(now=1.0)
    assert one.quick_deaths == 1
    (tmp_path / "gone").mkdir()
    one.look(now=1.0)
    until(lambda: not one.running, 30)
    assert one.look(now=2.0)


def test_a_reader_that_went_away_is_no_reason_to_end() -> None:
    """`keepsake up | head`, or a terminal that was closed."""
    tells = (
        "import sys; from preservation.cli.service.supervisor import _tell\n"
        "sys.stdin.readline()\n"
        "for _ in range(9): _tell('x' * 9999)\n"
        "sys.stderr.write('goes on')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", tells], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, told_of = process.communicate("begin\n", timeout=60)
    assert "goes on" in told_of


# -- processes that are there and do nothing --------------------------------------------------------------------------


def idle(tmp_path: Path, name: str) -> Child:
    made = Child(name, [sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path)
    made.start(0.0)
    return made


@pytest.fixture
def service(home: Home, server_url: str, tmp_path: Path) -> Iterator[_Service]:
    """A service beside a real server, with a worker and a server process that are there and do nothing."""
    made = _Service(settings(home, server_port=httpx.URL(server_url).port), threading.Event())
    made._logs.mkdir(parents=True)
    made._server, made._worker = idle(tmp_path, "server"), idle(tmp_path, "worker")
    made._heard_at = 0.0
    made._beat = (None, 0.0)
    with httpx.Client(base_url=server_url, timeout=60) as client:
        client.post("/work_pools/", json={"name": "keepsake", "type": "process"})
    yield made
    put_away(made)


def put_away(service: _Service) -> None:
    service._worker.kill()
    service._server.kill()
    service._api.close()


@pytest.mark.prefect
def test_a_worker_that_is_silent_for_minutes_is_started_again(service: _Service) -> None:
    service._worker_since = datetime(2020, 1, 1, tzinfo=UTC)  # a clock that was set, or a machine that slept, is no silence
    service._look_at_runs(1.0)
    service._look_at_runs(SILENCE - 1)
    assert service._worker.running
    service._look_at_runs(2 * SILENCE)
    assert not service._worker.running
    assert service._server.running
    service._look_at(service._worker, 2 * SILENCE)
    service._look_at(service._worker, 2 * SILENCE)
    assert service._worker.running
    service._look_at_runs(2 * SILENCE + 1)
    assert service._worker.running, "it has just been started"


@pytest.mark.prefect
def test_a_worker_that_is_heard_of_is_left_alone(service: _Service, server_url: str) -> None:
    for now in (0.0, 0.8 * SILENCE, 1.6 * SILENCE):
        with httpx.Client(base_url=server_url, timeout=60) as client:
            client.post("/work_pools/keepsake/workers/heartbeat", json={"name": "keepsake"}).raise_for_status()
        service._look_at_runs(now)
        assert service._worker.running


def test_a_server_that_is_silent_for_minutes_is_started_again_and_the_worker_is_not_blamed(home: Home, tmp_path: Path) -> None:
    made = _Service(settings(home, server_port=free_port()), threading.Event())
    made._logs.mkdir(parents=True)
    made._server, made._worker = idle(tmp_path, "server"), idle(tmp_path, "worker")
    made._heard_at, made._beat = 0.0, (None, 0.0)
    try:
        made._look_at_runs(SILENCE - 1)
        assert made._server.running
        made._look_at_runs(SILENCE + 1)
        assert not made._server.running
        assert made._worker.running
        assert made._beat[1] == SILENCE + 1, "nobody could hear it meanwhile"
    finally:
        put_away(made)


def test_retries_by_hand_are_no_crashes() -> None:
    """Prefect names a retry from its page as we name ours."""
    assert crashes_before(["Scheduled", "Running", "Failed", AGAIN, "Running", "Failed", AGAIN, "Running", "Crashed"]) == 0
    assert crashes_before(["Scheduled", "Running", "Crashed", AGAIN, "Running", "Crashed", AGAIN, "Running", "Crashed"]) == 2
