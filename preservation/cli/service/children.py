"""The processes that `keepsake up` looks after: started bound to it, started again when they die, their logs kept short.

A child cannot outlive this process (`flows.bound`), so a killed service leaves nothing behind that would be in the next one's way.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from preservation.errors import StoreUnavailable

LOG_UP_TO = 5 * 1024 * 1024  # bytes of one log file
LOGS_KEPT = 3  # older files beside it
QUICK = 60.0  # seconds; a child that dies sooner has died quickly
QUICK_DEATHS = 5  # in a row: then something is wrong that another start will not mend
DELAYS = (0.0, 2.0, 5.0, 15.0, 30.0)  # seconds before the next start, by the number of quick deaths in a row


class Child:
    """One process that should be running."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], logs: Path, folder: Path | None = None
    ) -> None:
        """`name` is for people and for the log's name; `logs` the folder of the logs; `folder` the one to work in."""
        self.name = name
        self.log = logs / f"{name}.log"
        self.quick_deaths = 0
        self._command, self._environment, self._folder = list(command), dict(environment), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._died_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, now: float) -> None:
        """Start it. `now` is a monotonic clock's seconds. One that cannot be started, for want of memory or room, has died quickly."""
        keep_short(self.log)
        self._started_at, self._died_at, self._process = now, 0.0, None
        with suppress(OSError):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "flows.bound", str(os.getpid()), *self._command],
                    env=self._environment,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def look(self, now: float) -> bool:
        """See to it that it runs; True if it was found dead. Raises StoreUnavailable after too many quick deaths in a row."""
        keep_short(self.log)
        if self.running:
            return False
        if not self._died_at:
            self._note_death(now)
            return True
        if now - self._died_at >= DELAYS[min(self.quick_deaths, len(DELAYS)) - 1]:
            self.start(now)
        return False

    def _note_death(self, now: float) -> None:
        self._died_at = now
        self.quick_deaths = self.quick_deaths + 1 if now - self._started_at < QUICK else 1
        if self.quick_deaths > QUICK_DEATHS:
            raise StoreUnavailable(
                "service-died",
                f"the {self.name} ended by itself {self.quick_deaths} times in a row, each time within a minute",
                remedy=f"read logs/{self.log.name} in the data directory, then start again: nothing is lost",
            )

    def wait(self, patience: float) -> int | None:
        """Until it ends by itself: its exit code. None if it was never there, or was killed after `patience` seconds."""
        try:
            return None if self._process is None else self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """End it at once; it has nothing to say that matters."""
        self._send(signal.SIGKILL, 5.0)

    def stop(self, patience: float) -> None:
        """Ask it to end, then insist. `patience` in seconds."""
        if not self._send(signal.SIGTERM, patience):
            self.kill()

    def _send(self, number: signal.Signals, patience: float) -> bool:
        if self._process is None or not self.running:
            return True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        return True


def keep_short(log: Path) -> None:
    """If a log has grown long, move its words to an older file and begin it anew. Writers append, so they go on in the same file.

    Where there is no room for the older file, its words are lost: a log must not fill the disk, nor stop the service.
    """
    with suppress(OSError):
        if log.stat().st_size <= LOG_UP_TO:
            return
        for number in range(LOGS_KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                Path(f"{log}.{number}").replace(f"{log}.{number + 1}")
        try:
            shutil.copyfile(log, f"{log}.1")
        except OSError:
            with suppress(OSError):
                Path(f"{log}.1").unlink()
        os.truncate(log, 0)
