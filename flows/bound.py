"""Start a program bound to this one's parent: when the parent dies, in whatever way, the program is killed by the kernel.

    python -m flows.bound PARENT PROGRAM ARGUMENT…     any program; PARENT is the process id of whoever starts it
    python -m flows.bound run                          a flow run, as the worker starts it

Without this, a server or a flow run would go on when the process that looks after it is killed, and a second one beside it would
be started. A flow run also takes its lock here (`flows.attendance`), before Prefect is loaded, so that one run never goes on in
two processes. Linux alone has such a bond; elsewhere the lock alone protects.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from flows.attendance import take

PARENT = "_KEEPSAKE_PARENT"  # the process that a flow run must not outlive
RUN = "PREFECT__FLOW_RUN_ID"
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def bind(parent: int) -> None:
    """Be killed when `parent` dies; ends this process if it is dead already."""
    with suppress(OSError, AttributeError):  # no such call on this system
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def main(words: list[str]) -> None:
    """Become the program that is named."""
    if words == ["run"]:
        _become_run()
    bind(int(words[0]))
    os.environ[PARENT] = str(os.getpid())
    os.execvp(words[1], words[1:])  # noqa: S606 - by list, no shell


def _become_run() -> None:
    bind(int(os.environ[PARENT]))
    if take(Path(os.environ["KEEPSAKE_HOME"]), os.environ[RUN]) is None:
        os._exit(0)  # the run goes on in another process, which will say how it ended
    os.environ.pop(PARENT)
    os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
