"""The process in which bytes of strangers are identified and decoded: `python -m preservation.formats.media_child`.

Decoders are large and read what anyone may have made. Here a crash, a loop or a flood of memory ends one small process with no
keys, no network and no disk to write to, and the file is `not_decoded`. Bytes come by pipe as they are asked for, never by disk.

Protocol, by `media_examiner`, which trusts none of the answers. In: a job as `<u32 length><JSON: size, extension, kind, seconds>`,
then data as `<u32 length><bytes>`. Out: `R<u64 offset><u32 count>` asks for data; `D<u64 0><u32 length><JSON>` ends the job.
"""

import ctypes
import io
import json
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, BinaryIO

from preservation.formats import moving_pictures, pronom, still_pictures
from preservation.formats.decoded import Decoded
from preservation.formats.media_types import HEAD, sniff
from preservation.formats.pronom import Identity
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition

MIB = 1024 * 1024
ASKED = struct.Struct(">cQI")
LENGTH = struct.Struct(">I")
READ, DONE = b"R", b"D"
BLOCK = MIB
SMALL = 16 * MIB  # read once and held
MOST_MEMORY = 2048 * MIB  # written to; with what the Go runtime reserves and never uses, twice that of addresses
MOST_WRITTEN = 64 * MIB  # to files in memory; there is no reason for any other


def main() -> None:
    """Serve jobs until the other side hangs up."""
    confine()
    _end_with(os.getppid())
    source, target = sys.stdin.buffer, sys.stdout.buffer
    _answer(target, {"tools": [pronom.tool(), moving_pictures.tool(), still_pictures.tool()]})
    while head := source.read(LENGTH.size):
        job = json.loads(source.read(LENGTH.unpack(head)[0]))
        _limit_processor(job["seconds"])
        _answer(target, examined(_opened(source, target, job["size"]), job["size"], job["extension"], MediaKind(job["kind"])))


def examined(stream: BinaryIO, size: int, extension: str, expected: MediaKind) -> dict[str, Any]:
    """Identify and decode: fields of `MediaFacts`. `expected` is used only where PRONOM does not know the bytes."""
    identity = pronom.identify(stream, size, extension)
    stream.seek(0)
    decoded = _decoded(stream, size, identity, stream.read(HEAD), expected)
    return {
        **asdict(decoded),
        "puid": identity.puid,
        "format_name": identity.name,
        "format_version": identity.version,
        "mime_type": identity.mime,
        "basis": identity.basis,
        "name_mismatch": identity.name_mismatch,
    }


def _decoded(stream: BinaryIO, size: int, identity: Identity, head: bytes, expected: MediaKind) -> Decoded:
    kind = identity.kind if identity.puid else expected
    if kind is MediaKind.image:
        return still_pictures.decode(stream, size, identity.mime or _known_media_type(head))
    if kind in (MediaKind.video, MediaKind.audio):
        found = moving_pictures.decode(stream, size, kind)
        return found if found.kind is not MediaKind.unknown else replace(found, kind=kind)
    return Decoded(Condition.not_media, MediaKind.unknown, note="another-format" if identity.puid else "unrecognised")


def _known_media_type(head: bytes) -> str:
    found = sniff(head)
    return found if found.startswith("image/") else ""


class _Asked(io.RawIOBase):
    """A readable, seekable view of bytes that the other side of the pipe has."""

    def __init__(self, source: BinaryIO, target: BinaryIO, size: int) -> None:
        self._source, self._target, self._size = source, target, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), BLOCK, self._size - self._position))
        if not count:
            return 0
        self._target.write(ASKED.pack(READ, self._position, count))
        self._target.flush()
        data = self._source.read(LENGTH.unpack(self._source.read(LENGTH.size))[0])
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _opened(source: BinaryIO, target: BinaryIO, size: int) -> BinaryIO:
    stream = io.BufferedReader(_Asked(source, target, size), BLOCK)
    return io.BytesIO(stream.read()) if size <= SMALL else stream


def _answer(target: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode()
    target.write(ASKED.pack(DONE, 0, len(data)) + data)
    target.flush()


def confine() -> None:
    """Give up what decoding needs none of. What a system does not offer is left out."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, MOST_WRITTEN)
    with suppress(OSError, ValueError):
        _lower(resource.RLIMIT_DATA, MOST_MEMORY)
        _lower(resource.RLIMIT_AS, 2 * MOST_MEMORY)
    if sys.platform == "linux":
        system = ctypes.CDLL(None)
        new_user, new_network, dumpable, no_new_privileges = 0x10000000, 0x40000000, 4, 38
        system.unshare(new_user | new_network)  # many containers forbid it
        system.prctl(no_new_privileges, 1, 0, 0, 0)
        system.prctl(dumpable, 0, 0, 0, 0)  # no image of its memory on a disk, whatever kills it


def _lower(what: int, most: int) -> None:
    """For good. Where the system allows less already, that stands: a limit cannot be raised."""
    hard = resource.getrlimit(what)[1]
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, allowed))


def _limit_processor(seconds: float) -> None:
    """So many more seconds of processor time; the clock is watched by the other side."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def _end_with(parent: int) -> None:
    """End when the other side was killed, even in the middle of a film."""

    def look(_signal: int, _frame: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)


if __name__ == "__main__":
    main()
