"""Identify and decode media in a process of their own (`media_child`), which may die of what it reads without harm.

One `Examiner` is one such process, started when first needed, used for one file after another, started again when it died.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, BinaryIO

from preservation.errors import SettingsWrong
from preservation.formats.media_child import ASKED, BLOCK, DONE, LENGTH
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition

MODULE = "preservation.formats.media_child"
LONGEST_ANSWER = 64 * 1024
SECONDS, SECONDS_PER_MB = 60.0, 2.0  # for one file: a film of 4 Mbit/s is given as long as it plays, and a minute
START = 120.0  # seconds to start in
Answer = dict[str, Any]  # fields of `MediaFacts` but digest and size


class ChildDied(Exception):
    """It hung up in the middle of a file."""


@dataclass(slots=True)
class _Clock:
    """Whether the time for a file ran out."""

    ran_out: bool = False


class Examiner:
    """Examines files, one at a time. Not for several threads at once. `seconds` is what any file may take at least."""

    def __init__(self, seconds: float = SECONDS, command: tuple[str, ...] = (sys.executable, "-P", "-m", MODULE)) -> None:
        self._seconds = seconds
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._tools: tuple[str, ...] = ()

    def __enter__(self) -> "Examiner":
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def tools(self) -> tuple[str, ...]:
        """Names and versions of what examines. Raises SettingsWrong if it does not start."""
        self._started()
        return self._tools

    def examine(self, stream: BinaryIO, size: int, extension: str = "", expected: MediaKind = MediaKind.unknown) -> Answer:
        """What is found in a stream of `size` bytes. `extension` is only compared; `expected` counts where PRONOM knows nothing.

        A stream that raises OSError while it is read gives `not_decoded`, as does whatever ends the process. Raises
        SettingsWrong if the process does not start at all.
        """
        if not size:
            return _nothing(Condition.empty, expected)
        child = self._started()
        seconds = self._seconds + SECONDS_PER_MB * size / 1_000_000
        job = {"size": size, "extension": extension, "kind": str(expected), "seconds": seconds}
        with _killed_after(child, seconds) as clock:
            try:
                _send(child, json.dumps(job).encode())
                return _checked(_served(child, stream))
            except OSError as failure:
                note = "decoder-died" if isinstance(failure, BrokenPipeError) else "unreadable"
            except (ChildDied, ValueError, KeyError):
                note = "decoder-died"
        self.close()  # it stands in the middle of a file, or is no more
        return _nothing(Condition.not_decoded, expected, "took-too-long" if clock.ran_out else note)

    def abort(self) -> None:
        """End the process now, whatever it is at; the one method that another thread may call."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """End the process. It is started again if it is needed again."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                _close(pipe)

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._child is None:
            self._child = child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
            )
            try:
                with _killed_after(child, START):
                    self._tools = tuple(_served(child, None)["tools"])
            except (ChildDied, OSError, ValueError, KeyError):
                self.close()
                raise _does_not_start() from None
        return self._child


def _environment() -> dict[str, str]:
    """Nothing of ours but where the program lies: no keys, no settings."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "GOMAXPROCS": "1", "LANG": "C.UTF-8"}


def _served(child: "subprocess.Popen[bytes]", stream: BinaryIO | None) -> Answer:
    """Give the process the data it asks for until it answers."""
    while True:
        what, offset, count = ASKED.unpack(_received(child, ASKED.size))
        if what == DONE and count <= LONGEST_ANSWER:
            answer: Answer = json.loads(_received(child, count))
            return answer
        if stream is None or what == DONE or count > BLOCK:
            raise ChildDied
        stream.seek(offset)
        _send(child, stream.read(count))


def _send(child: "subprocess.Popen[bytes]", data: bytes) -> None:
    if child.stdin is None:
        raise ChildDied
    child.stdin.write(LENGTH.pack(len(data)) + data)
    child.stdin.flush()


def _received(child: "subprocess.Popen[bytes]", count: int) -> bytes:
    data = child.stdout.read(count) if child.stdout else b""
    if len(data) < count:
        raise ChildDied
    return data


def _checked(answer: Answer) -> Answer:
    """Nothing but short values under known names; `MediaFacts` looks at each more closely."""
    if not isinstance(answer, dict) or any(isinstance(value, str) and len(value) > 1000 for value in answer.values()):
        raise ChildDied
    return answer


@contextmanager
def _killed_after(child: "subprocess.Popen[bytes]", seconds: float) -> Iterator[_Clock]:
    """Kill the process when the time is over; whoever waits for it then finds that it hung up."""
    clock = _Clock()

    def end() -> None:
        clock.ran_out = True
        child.kill()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield clock
    finally:
        timer.cancel()
        timer.join()


def _nothing(condition: Condition, kind: MediaKind, note: str = "") -> Answer:
    return {"condition": condition, "kind": kind, "note": note}


def _close(pipe: Any) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except BrokenPipeError:  # what was not sent yet has nobody to go to
        return


def _does_not_start() -> SettingsWrong:
    return SettingsWrong(
        "examiner-does-not-start",
        "the process that looks into media does not start",
        remedy=f"run `python -m {MODULE} < /dev/null` with the program's own Python and see what it says",
    )
