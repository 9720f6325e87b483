"""`keepsake up`: Prefect's server and UI, and a process that offers the procedures to it. Both end with this one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

import flows  # sets the defaults Prefect must be started with; does not import it
from preservation.cli.running import out
from preservation.errors import SettingsWrong, StoreUnavailable
from preservation.settings import Settings, load_settings

NOTE = "server.json"
PATIENCE = 180.0  # seconds for a first start on a busy machine


def use_running_server() -> None:
    """If this archive's `keepsake up` is running, let flows report to its server; else leave Prefect's own files in the data directory."""
    home = load_settings().home
    os.environ.setdefault("PREFECT_HOME", str(home.resolve() / "prefect"))
    note = home / "prefect" / NOTE
    if "PREFECT_API_URL" in os.environ or not note.is_file():
        return
    running = json.loads(note.read_text())
    if _alive(running["pid"]):
        os.environ["PREFECT_API_URL"] = running["url"]


def serve(settings: Settings) -> None:
    """Run until Ctrl-C or SIGTERM."""
    url = f"http://127.0.0.1:{settings.server_port}"
    _require_free(url)
    home = settings.home.resolve() / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **_quiet(),
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",  # else the page asks the default port
        "KEEPSAKE_HOME": str(settings.home.resolve()),
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    out.print(f"Starting Prefect's server on {url} …")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(settings.server_port)]
    with (home / "server.log").open("ab") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        offering: subprocess.Popen[bytes] | None = None
        try:
            _await(url, server)
            environment["PREFECT_API_URL"] = f"{url}/api"
            offering = subprocess.Popen(
                [sys.executable, "-m", "flows.schedule"],
                env=environment,
                cwd=Path(flows.__file__).parents[1],  # Prefect finds a served flow's code from where it was served
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            (home / NOTE).write_text(json.dumps({"url": f"{url}/api", "pid": os.getpid()}))
            _say(url, settings)
            _watch(server, offering)
        except KeyboardInterrupt:
            out.print("Stopping.")
        finally:
            (home / NOTE).unlink(missing_ok=True)
            for process in (offering, server):
                _stop(process)


def _say(url: str, settings: Settings) -> None:
    out.print(f"[bold]Open {url}/deployments[/] and press Run on: accession, audit, repair, withdrawal.")
    out.print(f"Data: {settings.home.resolve()}    Logs: {settings.home.resolve() / 'prefect' / 'server.log'}")
    if {site.kind for site in settings.sites()} == {"directory"}:
        out.print("[yellow]All sites are directories of this machine and share its disk and this user's rights: enough to try")
        out.print("[yellow]everything, not to rely on. configs/production.toml shows sites that fail apart.")
    out.print("Ctrl-C stops everything; nothing is lost.")


def _quiet() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PREFECT_") or name == flows.NO_TRACKING}


def _require_free(url: str) -> None:
    try:
        httpx.get(f"{url}/api/health", timeout=1)
    except httpx.HTTPError:
        return
    raise SettingsWrong(
        "port-taken", f"something answers at {url} already", remedy="stop it, or choose another port: KEEPSAKE_SERVER_PORT"
    )


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(f"{url}/api/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise StoreUnavailable(
        "server-not-started", "Prefect's server did not start", remedy="read server.log in the data directory's folder prefect"
    )


def _watch(*processes: subprocess.Popen[bytes]) -> None:
    while all(process.poll() is None for process in processes):
        time.sleep(0.5)
    raise StoreUnavailable(
        "service-died", "a process of the service ended by itself", remedy="read server.log, then start again: nothing is lost"
    )


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    """Ask, then insist: the group, because the server has children of its own."""
    if process is None:
        return
    for number, patience in ((signal.SIGINT, 8.0), (signal.SIGTERM, 4.0), (signal.SIGKILL, 4.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
