"""A backup as a folder: files written whole and read only by this user, and a listing that `sha256sum -c` can check."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from preservation.formats.canonical import canonical_json
from preservation.model.backup import BackupManifest

MANIFEST = "backup.json"
LISTING = "manifest-sha256.txt"
PARTIAL = ".partial"
CHUNK = 1024 * 1024
LINE = re.compile(r"^([0-9a-f]{64})  (\S(?:.*\S)?)$")
Progress = Callable[[int, int], None]


class Listing:
    """Writes files below a folder and lists each with its digest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.bytes = folder, 0, 0
        self._target = opened_new(folder / LISTING)

    def add(self, path: str, source: Path, progress: Callable[[int], None] = lambda _bytes: None) -> None:
        """Copy one file in as `path`."""
        self._note(path, copy_file(source, self.folder / path, progress))

    def note(self, path: str) -> str:
        """List a file that lies there already; its digest."""
        digest, size = digest_of(self.folder / path)
        self._note(path, (digest, size))
        return digest

    def release(self) -> None:
        """Let go of the file; once ended, no change."""
        self._target.close()

    def close(self) -> str:
        """End the listing; its digest."""
        settle(self._target)
        self._target.close()
        return digest_of(self.folder / LISTING)[0]

    def _note(self, path: str, found: tuple[str, int]) -> None:
        self._target.write(f"{found[0]}  {path}\n".encode())
        self.files += 1
        self.bytes += found[1]


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and digest of each listed file. A line that is none, or leads out of the folder, has an empty digest."""
    with (folder / LISTING).open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = LINE.match(line.rstrip("\n"))
            inside = found is not None and not found[2].startswith("/") and ".." not in found[2].split("/")
            yield (found[2], found[1]) if found and inside else (line.strip()[:80], "")


def unsigned(manifest: BackupManifest) -> bytes:
    """The bytes that the manifest's signature is over."""
    return canonical_json(manifest.model_dump(mode="json", exclude={"signature"}))


def read_manifest(folder: Path) -> BackupManifest | None:
    """The manifest of a backup; None if there is none that can be read."""
    with suppress(OSError, ValidationError):
        return BackupManifest.model_validate_json((folder / MANIFEST).read_bytes())
    return None


def write_small(path: Path, data: bytes) -> None:
    """A small file, whole or not at all, in place of the last one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with opened_new(unfinished) as target:
        target.write(data)
        settle(target)
    unfinished.replace(path)
    settle_folder(path.parent)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A folder that appears whole under its name, or not at all. What another run left half-made beside it goes."""
    for left in folder.parent.glob(f"keepsake-*{PARTIAL}"):
        _sweep(left)
    partial = folder.with_name(folder.name + PARTIAL)
    partial.mkdir(mode=0o700)
    lock = os.open(partial, os.O_RDONLY)
    try:
        with suppress(OSError):  # where folders cannot be locked, nobody can sweep this one either
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield partial
        for path in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
            settle_folder(path)
        partial.rename(folder)
        settle_folder(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _sweep(left: Path) -> None:
    """Remove a half-made backup, unless it is one that is being made."""
    with suppress(OSError):
        lock = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
        finally:
            os.close(lock)


def copy_file(source: Path, to: Path, progress: Callable[[int], None] = lambda _bytes: None) -> tuple[str, int]:
    """Copy one file to a new name, on the disk before this returns; digest and size of what was written."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, opened_new(to) as target:
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
            progress(len(chunk))
        settle(target)
    return digest.hexdigest(), size


def digest_of(path: Path, progress: Callable[[int], None] = lambda _bytes: None) -> tuple[str, int]:
    """SHA-256 and size of a file, read through."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as reading:
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            progress(len(chunk))
    return digest.hexdigest(), size


def opened_new(path: Path) -> BinaryIO:
    """A file that was not there, readable by this user alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def settle(file: BinaryIO) -> None:
    """On the disk, not only in its cache."""
    file.flush()
    os.fsync(file.fileno())


def settle_folder(folder: Path) -> None:
    """A folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
