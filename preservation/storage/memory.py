"""A site in memory: the smallest store that keeps every promise, for tests and for trying things out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from threading import RLock

from preservation.model.fixity import Fixity
from preservation.storage.keys import check_advanceable, check_key, check_prefix
from preservation.storage.refusals import different_bytes, inventory_moved, missing
from preservation.storage.sources import holds, source_chunks
from preservation.storage.store import CHUNK, Chunks, Leftover, Opener, StoredObject


class MemoryStore:
    """All powers over a dictionary. One lock makes put-once and compare-and-swap atomic between threads."""

    def __init__(self, site: str = "memory") -> None:
        """An empty site of that name."""
        self._site = site
        self._objects: dict[str, bytes] = {}
        self._lock = RLock()

    def stat(self, key: str) -> StoredObject:
        """See store.Reader."""
        return StoredObject(key=key, size=len(self._bytes(key)))

    def read(self, key: str, start: int = 0, length: int | None = None) -> AbstractContextManager[Chunks]:
        """See store.Reader."""
        data = self._bytes(key)
        wanted = data[start:] if length is None else data[start : start + length]
        return nullcontext(wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See store.Reader."""
        check_prefix(prefix)
        with self._lock:
            found = sorted((key, len(data)) for key, data in self._objects.items() if key.startswith(prefix))
        return (StoredObject(key=key, size=size) for key, size in found)

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """None: memory has no versions and no unfinished uploads."""
        check_prefix(prefix)
        return iter(())

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        """See store.Putter."""
        if self._is_there(key, fixity):
            return False
        data = _gather(source, fixity)
        with self._lock:
            if self._is_there(key, fixity):
                return False
            self._objects[key] = data
        return True

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        """See store.Advancer."""
        with self._lock:
            now = self._objects.get(check_advanceable(key))
            if now == data:
                return False
            if now != expected:
                raise inventory_moved(self._site, key)
            self._objects[key] = bytes(data)
            return True

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        """See store.Replacer."""
        check_key(key)
        data = _gather(source, fixity)
        with self._lock:
            self._objects[key] = data

    def erase(self, key: str) -> int:
        """See store.Eraser."""
        with self._lock:
            return 0 if self._objects.pop(check_key(key), None) is None else 1

    def _bytes(self, key: str) -> bytes:
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise missing(self._site, key) from None

    def _is_there(self, key: str, fixity: Fixity) -> bool:
        if check_key(key) not in self._objects:
            return False
        if not holds(self, key, self.stat(key).size, fixity):
            raise different_bytes(self._site, key, fixity)
        return True


def _gather(source: Opener, fixity: Fixity) -> bytes:
    with closing(source_chunks(source, fixity)) as chunks:
        return b"".join(chunks)
