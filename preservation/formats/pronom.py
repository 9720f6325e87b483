"""What format bytes are, in PRONOM's words, told by siegfried with DROID's signatures: from the bytes, never from a name.

Siegfried takes a path, and what is examined must not lie readable on a disk: it is given an anonymous file in memory. Of more
than WHOLE bytes it is given the beginning and the end, which is where signatures look; offsets in `basis` are those of the file.
Where the system has no such files (all but Linux), nothing is identified.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from preservation.model.export import MediaKind

if TYPE_CHECKING:
    from pygfried import DetailedIdentifyResult, Match

MIB = 1024 * 1024
WHOLE = 16 * MIB
END = WHOLE // 2  # so much of the beginning, and of the end
UNKNOWN = "UNKNOWN"
_NUMBER = re.compile(r"\d+")
_PUID = re.compile(r"\b(?:x-)?fmt/\d+")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_KINDS = (("Image", MediaKind.image), ("Video", MediaKind.video), ("Audio", MediaKind.audio))


@dataclass(frozen=True, slots=True)
class Identity:
    """A format. `puid` is PRONOM's identifier, e.g. `fmt/199`, empty if it knows none; `basis` says what in the bytes told it."""

    puid: str = ""
    name: str = ""
    version: str = ""
    mime: str = ""
    basis: str = ""
    kind: MediaKind = MediaKind.unknown  # by PRONOM's class of the format; `unknown` for what is no medium
    name_mismatch: bool = False  # files of this format do not end in the extension that was given


def identify(stream: BinaryIO, size: int, extension: str = "") -> Identity:
    """The format of a stream's `size` bytes. `extension`, without the dot, plays no part in it; it is only compared."""
    match = _match(stream, size)
    if match is None:
        return Identity()
    puid = match["id"]
    return Identity(
        puid=puid,
        name=match["format"],
        version=match["version"],
        mime=match["mime"],
        basis=_as_in_file(match["basis"], size),
        kind=_kind(match["class"]),
        name_mismatch=bool(extension) and puid not in formats_ending_in(extension.lower()),
    )


@lru_cache(maxsize=1)
def tool() -> str:
    """Name and version of the tool and of its signatures, for reports and for the agents of events."""
    found = _asked_of_nothing("a")
    details = [name.removesuffix(".xml") for name in found["identifiers"][0]["details"].split("; ")]
    return f"siegfried {found['siegfried']}, {', '.join(details)}"


@lru_cache(maxsize=1024)
def formats_ending_in(extension: str) -> frozenset[str]:
    """PRONOM's identifiers of the formats whose files usually end in this extension (lower case, without the dot)."""
    if not _EXTENSION.fullmatch(extension):
        return frozenset()
    (match,) = _asked_of_nothing(f"a.{extension}")["files"][0]["matches"]
    return frozenset(_PUID.findall(f"{match['id']} {match['warning']}"))


def _asked_of_nothing(name: str) -> "DetailedIdentifyResult":
    """What siegfried says of an empty file of that name: only what its name makes possible."""
    import pygfried  # loads a Go runtime: only where something is identified

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.touch()
        return pygfried.identify(str(path), detailed=True)


def _match(stream: BinaryIO, size: int) -> "Match | None":
    """Siegfried's first match, None if there is none. Given no name to look at, it says more than one only where signatures cannot tell."""
    import pygfried

    if sys.platform != "linux":
        return None
    with os.fdopen(os.memfd_create("examined"), "wb") as memory:
        for at, count in _parts(size):
            _copy(stream, memory, at, count)
        memory.flush()
        path = f"/proc/self/fd/{memory.fileno()}"
        matches = pygfried.identify(path, detailed=True)["files"][0]["matches"]
    return matches[0] if matches and matches[0]["id"] != UNKNOWN else None


def _parts(size: int) -> Iterator[tuple[int, int]]:
    if size <= WHOLE:
        yield 0, size
    else:
        yield 0, END
        yield size - END, END


def _copy(stream: BinaryIO, target: BinaryIO, at: int, count: int) -> None:
    stream.seek(at)
    while count and (chunk := stream.read(min(MIB, count))):
        target.write(chunk)
        count -= len(chunk)


def _as_in_file(basis: str, size: int) -> str:
    """Offsets in the end part, moved to where they are in the whole file. No signature is as long as a part."""
    if size <= WHOLE:
        return basis
    return _NUMBER.sub(lambda found: str(int(found[0]) + (size - WHOLE if int(found[0]) >= END else 0)), basis)


def _kind(pronom_class: str) -> MediaKind:
    return next((kind for word, kind in _KINDS if word in pronom_class), MediaKind.unknown)
