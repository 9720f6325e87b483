"""One `keepsake up` a data directory, by a lock; and a note that is out of date misleads nobody."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from preservation.cli.service.supervisor import LOCK, NOTE, is_up, serve, use_running_server
from preservation.errors import SettingsWrong
from preservation.settings import load_settings
from tests.archives import Home

HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
NOTED = "http://127.0.0.1:9/api"


@pytest.fixture
def alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    folder = home.data / "prefect"
    folder.mkdir(parents=True)
    (folder / NOTE).write_text(json.dumps({"url": NOTED, "pid": os.getpid()}))  # a process that lives, and is no keepsake up
    before = dict(os.environ)
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def holder(alone: Home) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(alone.data / LOCK)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait(10)
    process.stdout.close()


def test_a_note_without_a_lock_is_not_believed(alone: Home) -> None:
    """The service was killed and its process id is another's now."""
    assert not is_up(alone.data)
    use_running_server()
    assert "PREFECT_API_URL" not in os.environ
    assert Path(os.environ["PREFECT_HOME"]) == alone.data / "prefect"


def test_commands_report_to_the_server_of_the_up_that_runs(alone: Home, holder: subprocess.Popen[str]) -> None:
    use_running_server()
    assert os.environ["PREFECT_API_URL"] == NOTED


def test_a_lock_without_a_note_means_that_it_is_starting(alone: Home, holder: subprocess.Popen[str]) -> None:
    (alone.data / "prefect" / NOTE).unlink()
    use_running_server()
    assert "PREFECT_API_URL" not in os.environ


def test_a_second_up_on_the_same_data_directory_is_refused(alone: Home, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(SettingsWrong) as refusal:
        serve(load_settings())
    assert refusal.value.code == "already-up"
    assert (alone.data / "prefect" / NOTE).is_file(), "the note of the one that runs is left alone"


def test_a_killed_up_is_in_nobody_s_way(alone: Home, holder: subprocess.Popen[str]) -> None:
    assert is_up(alone.data)
    holder.kill()
    holder.wait(10)
    assert not is_up(alone.data)


def test_what_cannot_be_a_data_directory_holds_no_service(tmp_path: Path) -> None:
    """Whoever opens it is told what is wrong; asking whether a service runs there is no fault."""
    (tmp_path / "a-file").write_bytes(b"")
    assert not is_up(tmp_path / "a-file")
    assert not is_up(tmp_path / "nothing")
