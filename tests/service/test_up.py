"""`keepsake up` for real: a server, a worker and flow runs as processes, killed and stopped in every way. Long."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from preservation.cli.service.recovery import STOPPED
from preservation.model.events import Event
from tests.archives import CAPTION, Home
from tests.service.running import Up, deposits, lives, until, up

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
TWENTY = 20
CONTENT = (CAPTION, "maker0.fx", "tiktokv.com", "2025-05-01-10-00-00", "TikTok_Data")


def commits(home: Home) -> list[int]:
    """How often each version was committed, by the ledger, which must hold."""
    with home.opened() as archive:
        assert archive.catalogue.verify_ledger() == []
        return list(Counter(e.subject for e in archive.catalogue.ledger_entries() if e.event is Event.version_committed).values())


def logged(service: Up) -> str:
    return "".join(path.read_text(errors="replace") for path in service.logs.iterdir())


def require_well_ended(service: Up, runs: list[dict[str, Any]], count: int) -> None:
    assert Counter(run["state_name"] for run in runs) == {"Completed": count}
    assert commits(service.home) == [1] * count
    told = logged(service)
    assert "database is locked" not in told
    assert [word for word in CONTENT if word in told] == []
    for path in (service.home.data / "prefect").glob("prefect.db*"):
        assert [word for word in CONTENT if word.encode() in path.read_bytes()] == []


def test_runs_of_a_killed_worker_go_on_by_themselves(tmp_path: Path) -> None:
    """The flow run dies with the worker, is marked, and is picked up by the next worker; then the same for the server."""
    home, ids = deposits(tmp_path, 2)
    with up(home) as service:
        (first,) = service.submit(ids[:1])
        service.wait_for_one_at_work([first])
        flow_runs = [pid for pid in service.everything() if pid not in (service.pid, service.server(), service.worker())]
        os.kill(service.worker(), signal.SIGKILL)
        assert flow_runs
        until(lambda: not any(lives(pid) for pid in flow_runs))
        (run,) = service.wait_for_all([first])
        assert run["run_count"] == 2
        names = service.api.state_names(first)
        assert "Crashed" in names and "AwaitingRetry" in names[names.index("Crashed") :]
        (second,) = service.submit(ids[1:])
        service.wait_for_one_at_work([second])
        os.kill(service.server(), signal.SIGKILL)
        require_well_ended(service, service.wait_for_all([first, second]), 2)
        page = until(lambda: _page(service, 200))
        assert "All is well" in page.text
        assert service.stop() == 0


def _page(service: Up, status: int) -> httpx.Response | None:
    answer = httpx.get(f"http://127.0.0.1:{service.health_port}/", timeout=60)
    return answer if answer.status_code == status else None


def test_everything_killed_during_twenty_accessions_ends_rightly_after_another_start(tmp_path: Path) -> None:
    """Twenty at once on one machine; supervisor, server, worker and flow runs killed among them; none is lost, none done twice."""
    home, ids = deposits(tmp_path, TWENTY)
    with up(home) as service:
        runs = service.submit(ids)
        service.wait_for_one_at_work(runs)
        service.kill_everything()
        under_way = service.start().states(runs)
        assert sum(under_way.values()) == TWENTY
        require_well_ended(service, service.wait_for_all(runs), TWENTY)
        assert service.stop() == 0


def test_a_planned_stop_loses_nothing_and_a_second_up_is_refused(tmp_path: Path) -> None:
    """Stopped in the middle: no run stays RUNNING, no process stays at all; the next start goes on."""
    home, ids = deposits(tmp_path, 2)
    with up(home) as service:
        refused = service.command("up")
        assert (refused.returncode, "already-up" in refused.stderr) == (1, True)
        runs = service.submit(ids)
        cut_off = service.wait_for_one_at_work(runs)
        processes = service.everything()
        assert service.stop() == 0
        assert not any(lives(pid) for pid in processes)
        assert service.command("health", "--json").returncode == 1  # says that it is down
        service.start()
        assert STOPPED in service.api.state_names(cut_off)
        require_well_ended(service, service.wait_for_all(runs), 2)
        assert service.command("audit", "--json").returncode == 0  # through the server that runs
        assert service.api.count("COMPLETED") == 3
        service.stop()


def test_nothing_outlives_a_killed_up(tmp_path: Path) -> None:
    """Only the supervisor is killed: the kernel kills the rest, and the next start finds a free port and a free lock."""
    home, ids = deposits(tmp_path, 1)
    with up(home) as service:
        runs = service.submit(ids)
        service.wait_for_one_at_work(runs)
        processes = service.everything()
        os.kill(service.pid, signal.SIGKILL)
        assert isinstance(service.process, subprocess.Popen)
        service.process.wait(30)
        until(lambda: not any(lives(pid) for pid in processes), 60)
        (home.data / "prefect" / "server.json").unlink()
        service.start()
        require_well_ended(service, service.wait_for_all(runs), 1)
        service.stop()
