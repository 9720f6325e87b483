"""What the tests of backups share: archives with something in each store, disasters, and processes that die where they are told."""

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preservation.model.backup import BackupMade, Restored
from preservation.settings import Settings
from preservation.steps.backing_up import back_up
from preservation.steps.restoring import restore_backup
from preservation.wiring import Archive, clock
from tests import archives
from tests.archives import Home, hand_in, make_home

STORES = ("keys", "identity.sqlite", "quarantine", "staging", "locks")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STEPS = frozenset({"os.rename", "os.mkdir", "os.rmdir", "os.link", "os.remove", "sqlite3.connect", "shutil.rmtree"})


@dataclass(frozen=True)
class Life:
    """An archive with one package, and one deposit of another account that waits."""

    home: Home
    package: str
    record: str
    waiting: str
    waiting_record: str


def a_life(folder: Path, **policy: Any) -> Life:
    """Make one below `folder`."""
    home = make_home(folder / "archive", **policy)
    with home.opened() as archive:
        first = archives.a_deposit(archive, hand_in(folder / "in"))
        package = archives.accession(first).package_id
        second = archives.a_deposit(archive, hand_in(folder / "waiting", handle="bo.fx", posts=3))
    return Life(home, package, first.record_id, second.deposit_id, second.record_id)


def backed_up(archive: Archive, to: Path, keys_to: Path | None = None) -> tuple[Path, BackupMade]:
    """A backup: its folder, and what was said of it."""
    made = back_up(archive, to, keys_to)
    assert made.problems == ()
    return Path(made.folder), made


def settings_of(home: Home) -> Settings:
    """The settings of a home, opened or not."""
    return Settings(home=home.data, configs=home.configs)


def disaster(home: Home) -> None:
    """Every store is gone; the sites and the configuration stand."""
    for name in STORES:
        path = home.data / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in home.data.glob("catalogue.sqlite*"):
        path.unlink()


def put_back(home: Home, folder: Path, keys_from: Path | None = None) -> Restored:
    """What `keepsake backup restore` does."""
    return restore_backup(settings_of(home), folder, keys_from, clock())


def forked(work: Callable[[], object]) -> int:
    """Do `work` in a process of its own; its exit code, or minus the signal that ended it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with idle threads: the child uses none of them
        child = os.fork()
    if child == 0:
        code = 70
        try:
            signal.alarm(60)
            work()
            code = 0
        except BaseException as failure:
            print(f"{type(failure).__name__}: {failure}", flush=True)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_before(step: int) -> None:
    """From now on, this process is killed before its `step`th change to a disk: no `finally`, no flush."""
    count = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event in STEPS or (event == "open" and len(args) > 2 and isinstance(args[2], int) and args[2] & WRITES):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
