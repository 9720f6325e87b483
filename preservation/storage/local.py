"""A directory as a site. A key is a path below it; what is unfinished lies under `.keepsake-tmp/` until it is whole.

A put writes a file of its own in the scratch folder, digests it on the way, syncs it, and only then links it to its key: the
link either happens or finds the key taken, so putting once is atomic, and a kill at any moment leaves no object. Every folder
is opened by its name in the folder above and never through a symbolic link, so nothing outside the site is read or written.
"""

import os
import stat as modes
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from preservation.model.fixity import Fixity
from preservation.storage.folders import (
    folder_below,
    listed_keys,
    locked,
    opened_folder,
    remove_empty_folders,
    translated_listing,
    translated_reading,
    translated_writing,
)
from preservation.storage.keys import SCRATCH, check_advanceable, check_key, check_prefix
from preservation.storage.refusals import (
    cut_off,
    different_bytes,
    in_the_way,
    inventory_moved,
    missing,
    not_reachable,
    unreadable,
)
from preservation.storage.scratch import Unfinished, forget_abandoned, sweep_abandoned, unfinished_uploads
from preservation.storage.sources import holds, source_chunks
from preservation.storage.store import CHUNK, Chunks, Leftover, Opener, StoredObject

_ROUNDS = 8  # how often a folder may vanish under a put, because an erasure emptied it, before we say so


class LocalStore:
    """All powers over one directory, which must exist: an unmounted disk must look away, not empty."""

    def __init__(self, root: Path, site: str = "local") -> None:
        """`root` is the site's directory; `site` its configured name, for messages."""
        self._root = root
        self._site = site

    def stat(self, key: str) -> StoredObject:
        """See store.Reader."""
        with translated_reading(self._site, key), self._parent(key) as folder:
            found = os.stat(_name(key), dir_fd=folder, follow_symlinks=False)
        if modes.S_ISDIR(found.st_mode):
            raise missing(self._site, key)
        if not modes.S_ISREG(found.st_mode):
            raise unreadable(self._site, key, "it is no plain file")
        return StoredObject(key=key, size=found.st_size)

    @contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        """See store.Reader."""
        size = self.stat(key).size
        wanted = max(0, size - start) if length is None else min(length, max(0, size - start))
        with translated_reading(self._site, key), self._parent(key) as folder:
            handle = os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            yield self._chunks(handle, key, start, wanted)
        finally:
            os.close(handle)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See store.Reader. What is no file of ours, a link for instance, is listed too: an audit should see it."""
        check_prefix(prefix)
        with translated_listing(self._site), self._opened_root() as root:
            for key, size in listed_keys(root, prefix, skip=SCRATCH):
                yield StoredObject(key=key, size=size)

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """See store.Reader. Unfinished uploads, those running now included: a directory has no versions."""
        check_prefix(prefix)
        with translated_listing(self._site), self._opened_root() as root:
            for upload, key in unfinished_uploads(root):
                if key.startswith(prefix):
                    yield Leftover(key=key, kind="upload", reference=upload)

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        """See store.Putter."""
        if self._is_there(key, fixity):
            return False
        with self._written(key, source, fixity) as upload:
            if self._link(upload, key):
                return True
        if self._is_there(key, fixity):
            return False
        raise not_reachable(self._site, "an object came and went while it was put", code="put-raced")

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        """See store.Advancer."""
        check_advanceable(key)
        with translated_writing(self._site, key), self._opened_root() as root, locked(root):
            now = self._whole(key)
            if now == data:
                return False
            if now != expected:
                raise inventory_moved(self._site, key)
            sweep_abandoned(root)
            with Unfinished(root, key) as upload:
                upload.write((data,))
                self._rename(upload, key)
        return True

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        """See store.Replacer."""
        with self._written(key, source, fixity) as upload, locked(upload.root):
            self._rename(upload, key)

    def erase(self, key: str) -> int:
        """See store.Eraser. Folders that become empty go too."""
        check_key(key)
        with translated_writing(self._site, key), self._opened_root() as root, locked(root):
            removed = self._unlink(key)
            removed += forget_abandoned(root, key, even_if_running=True)
            remove_empty_folders(root, key)
        return removed

    def _opened_root(self) -> AbstractContextManager[int]:
        return opened_folder(self._root, self._site)

    @contextmanager
    def _parent(self, key: str, *, make: bool = False) -> Iterator[int]:
        """The open folder that holds the key's last segment."""
        check_key(key)
        with self._opened_root() as root:
            handle = folder_below(root, key.split("/")[:-1], make=make, sync=make)
            try:
                yield handle
            finally:
                os.close(handle)

    def _chunks(self, handle: int, key: str, start: int, wanted: int) -> Chunks:
        """Exactly `wanted` bytes, or ObjectUnreadable: a file that shrinks while it is read is not the object."""
        done = 0
        while done < wanted:
            with translated_reading(self._site, key):
                chunk = os.pread(handle, min(CHUNK, wanted - done), start + done)
            if not chunk:
                raise cut_off(self._site, key, wanted, done)
            done += len(chunk)
            yield chunk

    def _is_there(self, key: str, fixity: Fixity) -> bool:
        """Whether the key holds these bytes already; raises ShelfConflict if it holds others."""
        check_key(key)
        try:
            with self._parent(key) as folder:
                found = os.stat(_name(key), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise in_the_way(self._site, key) from error
        if not modes.S_ISREG(found.st_mode):
            raise in_the_way(self._site, key)
        if not holds(self, key, found.st_size, fixity):
            raise different_bytes(self._site, key, fixity)
        return True

    def _whole(self, key: str) -> bytes | None:
        """A small object's bytes, None where there is none."""
        try:
            with self._parent(key) as folder:
                os.stat(_name(key), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        with self.read(key) as chunks:
            return b"".join(chunks)

    @contextmanager
    def _written(self, key: str, source: Opener, fixity: Fixity) -> Iterator[Unfinished]:
        """The source's bytes, proved and synced, in an upload that is gone afterwards unless it was linked or renamed."""
        check_key(key)
        with translated_writing(self._site, key), self._opened_root() as root:
            with locked(root):
                sweep_abandoned(root)
                begun = Unfinished(root, key)
            with begun as upload, closing(source_chunks(source, fixity)) as chunks:
                upload.write(chunks)
                yield upload

    def _link(self, upload: Unfinished, key: str) -> bool:
        """Give the upload its key; False if the key is taken."""
        for _ in range(_ROUNDS):
            try:
                with self._parent(key, make=True) as folder:
                    upload.link(folder, _name(key))
                    os.fsync(folder)
                return True
            except FileExistsError:
                return False
            except FileNotFoundError:
                continue
        raise not_reachable(self._site, "a folder keeps vanishing while an object is put into it", code="put-raced")

    def _rename(self, upload: Unfinished, key: str) -> None:
        """Give the upload its key, whatever is there now. The lock keeps erasures from emptying the folder meanwhile."""
        with self._parent(key, make=True) as folder:
            upload.rename(folder, _name(key))
            os.fsync(folder)

    def _unlink(self, key: str) -> int:
        try:
            with self._parent(key) as folder:
                os.unlink(_name(key), dir_fd=folder)
                os.fsync(folder)
        except (FileNotFoundError, IsADirectoryError):
            return 0
        return 1


def _name(key: str) -> str:
    return key.rsplit("/", 1)[-1]
