"""Which run is at work is known by a lock that no dead process can hold; and nothing outlives what started it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.attendance import attended, forget, is_attended, sweep, take
from flows.bound import PARENT, RUN
from tests.service.running import children, lives, until

A_RUN = "0b6b2f6e-8f0c-4b62-9c65-0e8f0d6d2f11"
HOLD = "import sys, time; from pathlib import Path; from flows.attendance import take; assert take(Path(sys.argv[1]), sys.argv[2]) is not None; print('held', flush=True); time.sleep(60)"  # noqa: E501
BOUND = "import os, subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', 'flows.bound', str(os.getpid()), 'sleep', '60']); print(p.pid, flush=True); time.sleep(60)"  # noqa: E501


def holder(home: Path, code: str = HOLD) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, str(home), A_RUN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def test_a_run_is_attended_until_its_process_dies_however_it_dies(tmp_path: Path) -> None:
    assert not is_attended(tmp_path, A_RUN)
    process = holder(tmp_path)
    assert is_attended(tmp_path, A_RUN)
    end(process)
    assert not is_attended(tmp_path, A_RUN)


def test_one_run_never_goes_on_in_two_processes(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert take(tmp_path, A_RUN, patience=0.2) is None
    second = {**os.environ, PARENT: str(os.getpid()), RUN: A_RUN, "KEEPSAKE_HOME": str(tmp_path)}
    impatient = "import flows.bound as b, flows.attendance as a; b.take = lambda h, r: a.take(h, r, 0.2); b.main(['run'])"
    done = subprocess.run([sys.executable, "-c", impatient], env=second, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), "it leaves quietly: the other process says how the run ends"
    end(process)


def test_a_run_in_this_process_is_attended_while_it_goes_on(tmp_path: Path) -> None:
    with attended(tmp_path, A_RUN):
        assert is_attended(tmp_path, A_RUN)
        with attended(tmp_path, A_RUN):  # the process was started with the lock already
            assert is_attended(tmp_path, A_RUN)
        assert is_attended(tmp_path, A_RUN)
    assert not is_attended(tmp_path, A_RUN)


def test_locks_of_ended_runs_are_swept_and_held_ones_stay(tmp_path: Path) -> None:
    process = holder(tmp_path)
    with attended(tmp_path, "another"):
        pass
    assert sweep(tmp_path) == 1
    assert is_attended(tmp_path, A_RUN)
    end(process)
    forget(tmp_path, A_RUN)
    assert not list((tmp_path / "prefect" / "runs").iterdir())


def test_a_lock_taken_is_the_one_that_others_look_at(tmp_path: Path) -> None:
    """Its file was swept away between being opened and being held: whoever holds what is gone holds nothing."""
    process = holder(tmp_path)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(take, tmp_path, A_RUN, 60.0)
        time.sleep(0.3)  # it has opened the file
        forget(tmp_path, A_RUN)
        end(process)
        lock = waiting.result(60)
    assert lock is not None
    assert is_attended(tmp_path, A_RUN)
    os.close(lock)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")
def test_what_is_bound_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", BOUND], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0], 30)
    assert children(parent.pid) == [child]
    os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not lives(child), 30)
    parent.wait(10)
    parent.stdout.close()


def test_what_lost_its_parent_before_it_was_bound_does_not_begin(tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    subprocess.run([sys.executable, "-m", "flows.bound", "1", "touch", str(mark)], check=False, timeout=60)
    time.sleep(0.1)
    assert not mark.exists()
