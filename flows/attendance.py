"""Whether the process of a flow run is alive: it holds a lock that the kernel lets go of when the process dies.

A process id can be another process's by now, and a heartbeat can be late; a lock is neither. Imports nothing of Prefect, because
the process that looks after the service asks here every few seconds.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 10.0  # seconds a second process of the same run waits for the first to end


def take(home: Path, run_id: str, patience: float = PATIENCE) -> int | None:
    """Hold the lock of a run until this process ends, programs it turns into included; None if another process keeps it.

    `home` is the data directory. Raises OSError if the lock cannot be made.
    """
    path = _path(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(lock, path):
                os.set_inheritable(lock, True)
                return lock
        os.close(lock)
        if time.monotonic() > until:
            return None
        time.sleep(0.1)


def _is_at(lock: int, path: Path) -> bool:
    """Whether the file that is held is the one others will look at: a sweep may have removed it just before."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock), path.stat())
    return False


@contextmanager
def attended(home: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of a run while it goes on in this process, unless this process was started with it."""
    lock = take(home, run_id, patience=0.0)
    if lock is not None:
        os.set_inheritable(lock, False)  # what this process starts must not keep it
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def is_attended(home: Path, run_id: str) -> bool:
    """Whether some process holds the lock of a run."""
    try:
        lock = os.open(_path(home, run_id), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def sweep(home: Path) -> int:
    """Remove the lock files that no process holds; how many. Only while no run can begin: before a worker is started."""
    gone = 0
    for path in _folder(home).glob("*.lock"):
        if not is_attended(home, path.stem):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _folder(home: Path) -> Path:
    return home / "prefect" / "runs"


def _path(home: Path, run_id: str) -> Path:
    return _folder(home) / f"{run_id}.lock"


def forget(home: Path, run_id: str) -> None:
    """Remove the lock file of a run that is over."""
    _path(home, run_id).unlink(missing_ok=True)
