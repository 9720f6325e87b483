"""Unfinished uploads of a directory site: `.keepsake-tmp/<upload>/<key>`, each locked by the process that writes it.

The lock is the kernel's and dies with the process, so an upload that can be locked has been abandoned. A put of the same key
removes it; an erasure of the key removes it even while it is being written, and that put then fails.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from preservation.storage.folders import folder_below, listed_keys
from preservation.storage.keys import SCRATCH


class Unfinished:
    """One upload, begun under the site's lock, so that nobody finds it before it is locked itself.

    Used with `with`: on leaving it is removed, whatever became of it, because its key has a link of its own by then.
    """

    def __init__(self, root: int, key: str) -> None:
        """Make the folder and the file, and lock the file. `root` is the site's open directory, the caller's to close."""
        self.root = root
        self._key = key
        self._upload = secrets.token_hex(16)
        self._open: list[int] = []
        try:
            self._begin()
        except OSError:
            self._forget()
            raise

    def __enter__(self) -> Self:
        """The upload itself."""
        return self

    def write(self, chunks: Iterable[bytes]) -> None:
        """Write every chunk and sync; raises OSError."""
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._file, view) :]
        os.fsync(self._file)

    def link(self, folder: int, name: str) -> None:
        """Give the bytes a second name, unless it is taken (FileExistsError)."""
        os.link(self._key.rsplit("/", 1)[-1], name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)

    def rename(self, folder: int, name: str) -> None:
        """Give the bytes another name, whatever has it now."""
        os.rename(self._key.rsplit("/", 1)[-1], name, src_dir_fd=self._folder, dst_dir_fd=folder)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove what is left of the upload."""
        self._forget()

    def _begin(self) -> None:
        *folders, name = self._key.split("/")
        self._folder = folder_below(self.root, [SCRATCH, self._upload, *folders], make=True)
        self._open.append(self._folder)
        self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=self._folder)
        self._open.append(self._file)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def _forget(self) -> None:
        while self._open:
            os.close(self._open.pop())
        _remove(self.root, self._upload)


def unfinished_uploads(root: int) -> Iterator[tuple[str, str]]:
    """Every unfinished upload below the site's root: its id and the key it is for."""
    for upload in _uploads(root):
        try:
            folder = folder_below(root, [SCRATCH, upload])
        except FileNotFoundError:
            continue
        try:
            yield from ((upload, key) for key, _ in listed_keys(folder, ""))
        finally:
            os.close(folder)


def forget_abandoned(root: int, key: str, *, even_if_running: bool = False) -> int:
    """Remove the uploads of a key that no process is writing; how many."""
    removed = 0
    for upload in _uploads(root):
        if _is_for(root, upload, key, even_if_running):
            _remove(root, upload)
            removed += 1
    return removed


def sweep_abandoned(root: int) -> int:
    """Remove every upload that no process is writing; how many. A put that was killed after its link leaves one that no later put of
    the same key meets, because the key is there.
    """
    abandoned = [upload for upload, key in unfinished_uploads(root) if _is_for(root, upload, key, even_if_running=False)]
    for upload in abandoned:
        _remove(root, upload)
    return len(abandoned)


def _uploads(root: int) -> list[str]:
    try:
        folder = folder_below(root, [SCRATCH])
    except FileNotFoundError:
        return []
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    finally:
        os.close(folder)


def _is_for(root: int, upload: str, key: str, even_if_running: bool) -> bool:
    """Whether the upload is for this key and, unless that does not matter, abandoned."""
    *folders, name = key.split("/")
    try:
        folder = folder_below(root, [SCRATCH, upload, *folders])
    except FileNotFoundError:
        return False
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return False
    finally:
        os.close(folder)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return even_if_running
    finally:
        os.close(file)
    return True


def _remove(root: int, upload: str) -> None:
    try:
        folder = folder_below(root, [SCRATCH])
    except FileNotFoundError:
        return
    try:
        shutil.rmtree(upload, ignore_errors=True, dir_fd=folder)
    finally:
        os.close(folder)
