"""Talks to clamd: zPING, zVERSION and zINSTREAM over its socket (clamd(8), "COMMANDS").

Whatever goes wrong is an answer with a code, never an exception and never a wait without end: a scanner that is restarting, a
socket that is no clamd, an answer that is cut, late or too long. What the caller's own bytes raise passes through.
"""

import re
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 4096  # an answer is one line
UNREACHABLE, TIMEOUT, CUT_OFF, UNEXPECTED = "scanner-unreachable", "scanner-timeout", "scanner-cut-off", "scanner-unexpected"
TCP = re.compile(r"^tcp://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})$")
LOOPBACK = re.compile(r"^(localhost|127(\.\d{1,3}){3}|::1)$")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a line of text, or `problem`, a code. `sent`: bytes sent before it came; `whole`: whether that was all."""

    text: str = ""
    problem: str = ""
    sent: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Clamd:
    """A clamd at `address`: the path of its socket, or tcp://host:port. `timeout`: seconds that any one wait may take."""

    address: str
    timeout: float = 150.0

    @property
    def on_this_machine(self) -> bool:
        """Whether what is sent there stays on this machine. The protocol is not encrypted."""
        tcp = TCP.match(self.address)
        return tcp is None or bool(LOOPBACK.match(tcp[1].strip("[]")))

    def ping(self) -> bool:
        """Whether a clamd answers now."""
        return self._ask(b"PING") == Answer("PONG")

    def version(self) -> Answer:
        """Program, number and date of the signature database: "ClamAV 1.4.6/27500/Wed Dec  4 09:41:27 2024"."""
        return self._ask(b"VERSION")

    def scan(self, chunks: Iterable[bytes]) -> Answer:
        """Stream bytes to it, each chunk below 4 GiB; what it said. It may answer before the end and close the connection."""
        return self._ask(b"INSTREAM", chunks)

    def _ask(self, command: bytes, chunks: Iterable[bytes] | None = None) -> Answer:
        try:
            connection = self._connect()
        except TimeoutError:
            return Answer(problem=TIMEOUT, whole=False)
        except (OSError, OverflowError, UnicodeError):
            return Answer(problem=UNREACHABLE, whole=False)
        with connection:
            problem = _put(connection, b"z" + command + b"\0")
            sent, whole = (0, True) if chunks is None or problem else _stream(connection, chunks)
            return _read(connection, time.monotonic() + self.timeout, sent, whole and not problem)

    def _connect(self) -> socket.socket:
        tcp = TCP.match(self.address)
        if tcp:
            return socket.create_connection((tcp[1].strip("[]"), int(tcp[2])), timeout=self.timeout)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.address)
        except BaseException:
            connection.close()
            raise
        return connection


def _stream(connection: socket.socket, chunks: Iterable[bytes]) -> tuple[int, bool]:
    """Send length and bytes of each chunk, then the zero that ends them; bytes sent, and whether those were all.

    An answer that waits to be read ends the sending: over its size limit clamd answers and hangs up.
    """
    sent = 0
    for chunk in chunks:
        if chunk:
            if _has_answered(connection) or _put(connection, struct.pack(">I", len(chunk)) + chunk):
                return sent, False
            sent += len(chunk)
    return sent, not _put(connection, struct.pack(">I", 0))


def _has_answered(connection: socket.socket) -> bool:
    watch = select.poll()
    watch.register(connection, select.POLLIN)
    return bool(watch.poll(0))


def _put(connection: socket.socket, data: bytes) -> bool:
    """Send; whether it failed. Why is then for the answer to say, which may lie there already."""
    try:
        connection.sendall(data)
    except OSError:
        return True
    return False


def _read(connection: socket.socket, deadline: float, sent: int, whole: bool) -> Answer:
    """One answer, ended by a zero byte, before the deadline, however slowly it drips."""
    data, problem = b"", ""
    while not problem and b"\0" not in data:
        try:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            more = connection.recv(LONGEST)
        except TimeoutError:
            problem = TIMEOUT
        except OSError:
            problem = CUT_OFF
        else:
            data += more
            problem = "" if more else CUT_OFF
            problem = UNEXPECTED if len(data) > LONGEST else problem
    return Answer(problem=problem, sent=sent, whole=whole) if problem else _line(data, sent, whole)


def _line(data: bytes, sent: int, whole: bool) -> Answer:
    text, rest = data.split(b"\0", 1)
    if rest or not text.isascii() or not text.decode("ascii").isprintable():
        return Answer(problem=UNEXPECTED, sent=sent, whole=whole)
    return Answer(text.decode("ascii"), "", sent, whole)
