"""`keepsake up` for real: a server, a worker and flow runs as processes, killed and stopped in every way. Long."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows import attendance
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


def require_well_ended(service: Up, runs: list[dict[str, Any]], count: int, commits_wanted: int | None = None) -> None:
    assert Counter(run["state_name"] for run in runs) == {"Completed": count}
    assert commits(service.home) == [1] * (commits_wanted or count)
    assert "database is locked" not in logged(service)
    require_no_content(service)


def require_no_content(service: Up) -> None:
    told = logged(service)
    assert told
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
        processes = service.everything()
        assert service.stop(signal.SIGHUP) == 0
        assert not any(lives(pid) for pid in processes)


def test_a_run_that_is_cancelled_ends_and_its_deposit_can_be_brought_in_later(tmp_path: Path) -> None:
    """From Prefect's page, in the midst of it. Nobody starts it again by itself; and a second run of one deposit does no harm."""
    home, ids = deposits(tmp_path, 1)
    with up(home) as service:
        (run,) = service.submit(ids)
        service.wait_for_one_at_work([run])
        state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        service.http.post(f"/flow_runs/{run}/set_state", json=state).raise_for_status()
        assert service.wait_for_all([run])[0]["state_name"] == "Cancelled"
        until(lambda: not attendance.is_attended(home.data, run))
        both = service.wait_for_all(service.submit([*ids, *ids]))
        require_well_ended(service, both, 2, commits_wanted=1)
        assert service.api.state_names(run)[-1] == "Cancelled"
        service.stop()


BREAKS = """
import preservation.storage.local as local
def put_once(*_, **__):
    raise ValueError("could not store {caption} of maker0.fx from https://video.tiktokv.com/secret")
local.LocalStore.put_once = put_once
"""


def test_a_run_that_breaks_on_content_quotes_none_of_it(tmp_path: Path) -> None:
    """In the worker's own process, by a library that fails with a message full of content; no log, no database of Prefect has it."""
    home, ids = deposits(tmp_path, 1)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(BREAKS.format(caption=CAPTION))
    with up(home, PYTHONPATH=str(broken)) as service:
        (run,) = service.wait_for_all(service.submit(ids))
        assert run["state_name"] == "Failed"
        assert "ValueError at broken/sitecustomize.py:4" in logged(service), "by kind and place, so that it can be mended"
        assert service.stop() == 0
    require_no_content(service)


def test_nothing_outlives_a_killed_up(tmp_path: Path) -> None:
    """Only the supervisor is killed: the kernel kills the rest, and the next start finds a free port and a free lock.

    It is started in a folder and a shell that have been set up for another server of Prefect's, which changes nothing.
    """
    home, ids = deposits(tmp_path, 1)
    theirs = f"sqlite+aiosqlite:///{tmp_path / 'theirs.db'}"
    (tmp_path / "prefect.toml").write_text(f'[server.database]\nconnection_url = "{theirs}"\n')
    with up(home, PREFECT_SERVER_DATABASE_CONNECTION_URL=theirs, HTTP_PROXY="http://127.0.0.1:9") as service:
        runs = service.submit(ids)
        service.wait_for_one_at_work(runs)
        processes = service.everything()
        os.kill(service.pid, signal.SIGKILL)
        assert isinstance(service.process, subprocess.Popen)
        service.process.wait(30)
        until(lambda: not any(lives(pid) for pid in processes), 60)
        (home.data / "prefect" / "server.json").unlink()
        service.start()
        assert not (tmp_path / "theirs.db").exists()
        require_well_ended(service, service.wait_for_all(runs), 1)
        service.stop()
