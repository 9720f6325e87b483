"""Writing files that are either whole or not there, whatever kills the process or the machine."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from preservation.formats.digests import Digester
from preservation.model.fixity import Fixity

_PARTIAL = ".partial"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its name only when it is complete and on the disk. Left early, it leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + _PARTIAL)
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, pieces: Iterable[bytes]) -> Fixity:
    """Write a file whole, piece by piece, and say what it is."""
    digester = Digester()
    with whole_file(path) as out:
        for piece in pieces:
            digester.update(piece)
            out.write(piece)
    return digester.fixity()


def settle(folder: Path, expected: Collection[str]) -> None:
    """Remove every file below `folder` that is not `expected` (an earlier, killed or differing run left it); make names durable."""
    for directory, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(directory) / name
            if path.relative_to(folder).as_posix() not in expected:
                path.unlink()
        if not any(Path(directory).iterdir()):
            Path(directory).rmdir()
        else:
            _sync_folder(Path(directory))
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
