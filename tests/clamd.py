"""Malware scanners for tests: one that says what it is told to, over a real socket, and Debian's clamd with signatures of our own."""

import hashlib
import io
import shutil
import socket
import struct
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The test file every scanner knows (eicar.org), in two halves so that no scanner takes this module for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + rb"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
MADE_AT = 1733305287  # 2024-12-04 09:41:27 UTC
VERSION = b"ClamAV 1.4.6/27500/Wed Dec  4 09:41:27 2024\0"
Behaviour = Callable[["FakeClamd", socket.socket], bytes]


class FakeClamd:
    """Listens on a socket and speaks clamd's protocol. What it answers to INSTREAM is `behaviours`, one per request, then the last.

    A behaviour reads from the connection what it likes and gives the bytes to be sent; then the connection is closed.
    """

    def __init__(self, address: Path | None = None) -> None:
        self.behaviours: list[Behaviour] = [honest]
        self.version = VERSION
        self.asked: list[str] = []
        self.seen: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX if address else socket.AF_INET)
        self._listener.bind(str(address) if address else ("127.0.0.1", 0))
        self._listener.listen()
        self.address = str(address) if address else f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def streams(self) -> int:
        """How many files it was asked about."""
        return self.asked.count("INSTREAM")

    def close(self) -> None:
        """Stop listening; the next to connect is refused. Twice is once."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def read_stream(self, connection: socket.socket) -> bytes:
        """All chunks of INSTREAM."""
        data = b""
        while (size := struct.unpack(">I", _exactly(connection, 4))[0]) > 0:
            data += _exactly(connection, size)
        self.seen.append(data)
        return data

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    connection.sendall(self._reply(connection))
                except OSError:
                    continue  # the client went away, as some tests want it to

    def _reply(self, connection: socket.socket) -> bytes:
        command = b""
        while not command.endswith(b"\0"):
            command += _exactly(connection, 1)
        name = command.strip(b"z\0").decode()
        self.asked.append(name)
        if name != "INSTREAM":
            return {"PING": b"PONG\0", "VERSION": self.version}.get(name, b"UNKNOWN COMMAND\0")
        return (self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0])(self, connection)


def honest(server: FakeClamd, connection: socket.socket) -> bytes:
    """Find EICAR wherever it stands."""
    return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in server.read_stream(connection) else b"stream: OK\0"


def saying(answer: bytes) -> Behaviour:
    """Read everything, then say this."""

    def behave(server: FakeClamd, connection: socket.socket) -> bytes:
        server.read_stream(connection)
        return answer

    return behave


def at_once(answer: bytes) -> Behaviour:
    """Say this without reading, and hang up."""
    return lambda server, connection: answer


def over(limit: int) -> Behaviour:
    """As clamd with this StreamMaxLength: beyond it, it answers and hangs up in the middle of the sending."""

    def behave(server: FakeClamd, connection: socket.socket) -> bytes:
        taken = 0
        while (size := struct.unpack(">I", _exactly(connection, 4))[0]) > 0:
            taken += size
            if taken > limit:
                return b"INSTREAM size limit exceeded. ERROR\0"
            _exactly(connection, size)
        return b"stream: OK\0"

    return behave


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(min(count - len(data), 1 << 20))
        if not more:
            raise OSError("the client hung up")
        data += more
    return data


@contextmanager
def fake_clamd(address: Path | None = None) -> Iterator[FakeClamd]:
    """A fake that listens until the test ends: on the socket `address`, else on a port."""
    server = FakeClamd(address)
    try:
        yield server
    finally:
        server.close()


def installed() -> bool:
    """Whether a real clamd is on this machine."""
    return binary() is not None


def binary() -> str | None:
    """Debian keeps it off the PATH of ordinary users."""
    return shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or shutil.which("clamd")


class RealClamd:
    """A clamd of this machine's own, with a database that knows EICAR and a date; configured as Debian does unless told otherwise."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = str(folder / "clamd.sock")
        (folder / "db").mkdir(exist_ok=True)
        write_database(folder / "db")
        lines = {
            "DatabaseDirectory": str(folder / "db"),
            "LocalSocket": self.address,
            "TemporaryDirectory": str(folder),
            "Foreground": "yes",
            "StreamMaxLength": "25M",
            "MaxFileSize": "25M",
            "MaxScanSize": "100M",
            **settings,
        }
        (folder / "clamd.conf").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = binary()
        assert program is not None
        log = (self.folder / "clamd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [program, "-c", str(self.folder / "clamd.conf")], stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(self.address)
                    return
                except OSError:
                    time.sleep(0.05)
        raise RuntimeError("clamd did not start: " + (self.folder / "clamd.log").read_text(errors="replace")[-500:])

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        Path(self.address).unlink(missing_ok=True)


@contextmanager
def real_clamd(**settings: str) -> Iterator[RealClamd]:
    """A running clamd; gone afterwards, with its folder, whose path is short because a socket's must be."""
    folder = Path(tempfile.mkdtemp(prefix="keepsake-av-"))
    server = RealClamd(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def write_database(folder: Path, version: int = 27500, made_at: int = MADE_AT, name: str = "Eicar-Test-Body") -> None:
    """An unsigned daily.cud: a header of 512 bytes, then a tar with the signatures and their digests. So zVERSION tells a date."""
    head = f"ClamAV-VDB:made for tests:{version}:1:90:X:X:keepsake:{made_at}"
    signatures = f"{name}:0:*:{EICAR.hex()}\n".encode()
    info = f"{head}\ndaily.ndb:{len(signatures)}:{hashlib.sha256(signatures).hexdigest()}\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member, data in (("COPYING", b"-\n"), ("daily.info", info), ("daily.ndb", signatures)):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    (folder / "daily.cud").write_bytes(head.encode().ljust(512) + packed.getvalue())
