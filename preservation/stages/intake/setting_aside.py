"""A second name for what waits, so that it can be copied in peace while its accession goes on and quarantine is wiped.

Hard links: no byte is copied to make one. They lie in a room of quarantine that is held by a lock like a hand-in under way, so
that the sweep which clears up after hand-ins that died clears up after this, too.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def setting_aside(quarantine: Path, name: str) -> Iterator[Path]:
    """A room of that name, held and empty; gone with its links at the end."""
    room = quarantine / name
    with ExitStack() as held:
        with _no_sweep(quarantine):  # between the room and its lock
            room.mkdir(mode=0o700)
            fcntl.flock(held.enter_context((room / ".lock").open("w")), fcntl.LOCK_EX)
        try:
            yield room
        finally:
            with _no_sweep(quarantine):
                shutil.rmtree(room, ignore_errors=True)


@contextmanager
def _no_sweep(quarantine: Path) -> Iterator[None]:
    with quarantine.with_suffix(".lock").open("w") as settling:
        fcntl.flock(settling, fcntl.LOCK_SH)
        yield


def link(quarantine: Path, deposit_id: str, aside: Path) -> None:
    """Give every file of one deposit a second name below `aside`. What is still being written has a hidden name and is left."""
    (aside / deposit_id).mkdir(mode=0o700)
    for path in sorted((quarantine / deposit_id).iterdir()):
        if not path.name.startswith("."):
            os.link(path, aside / deposit_id / path.name)
