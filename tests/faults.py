"""Damage and stores that fail, for tests of what notices them. Every store here wraps a real one."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from preservation.errors import StoreUnavailable
from preservation.model.fixity import Fixity
from preservation.storage.refusals import cut_off, full
from preservation.storage.store import Chunks, Leftover, Opener, Store, StoredObject

T = TypeVar("T")


def flip_bit(path: Path, at: int | None = None) -> None:
    """Flip the lowest bit of one byte, the middle one unless told; the size stays."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        place = size // 2 if at is None else at
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


def truncate(path: Path, to: int | None = None) -> None:
    """Cut a file, to half its size unless told."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2 if to is None else to)


class Passing:
    """A store that passes every call on, counted by name. The others change one thing each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: dict[str, int] = {}

    def before(self, call: str, key: str) -> None:
        """Called before each call is passed on; may raise."""

    def stat(self, key: str) -> StoredObject:
        return self._pass_on("stat", key, lambda: self.store.stat(key))

    def read(self, key: str, start: int = 0, length: int | None = None) -> AbstractContextManager[Chunks]:
        return self._pass_on("read", key, lambda: self.store.read(key, start, length))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._pass_on("list", prefix, lambda: self.store.list(prefix))

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        return self._pass_on("leftovers", prefix, lambda: self.store.leftovers(prefix))

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        return self._pass_on("put_once", key, lambda: self.store.put_once(key, source, fixity))

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        return self._pass_on("advance", key, lambda: self.store.advance(key, data, expected=expected))

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        return self._pass_on("replace", key, lambda: self.store.replace(key, source, fixity))

    def erase(self, key: str) -> int:
        return self._pass_on("erase", key, lambda: self.store.erase(key))

    def _pass_on(self, call: str, key: str, act: Callable[[], T]) -> T:
        self.calls[call] = self.calls.get(call, 0) + 1
        self.before(call, key)
        return act()


def down() -> StoreUnavailable:
    """What a site that does not answer raises."""
    return StoreUnavailable("site-unavailable", "the site does not answer", remedy="run again when it does")


class Down(Passing):
    """Does not answer, until `up` is set."""

    up = False

    def before(self, call: str, key: str) -> None:
        if not self.up:
            raise down()


class FailsOnce(Passing):
    """Does not answer the first `times` calls named in `calls_that_fail` (all, if none are named)."""

    def __init__(self, store: Store, *calls_that_fail: str, times: int = 1) -> None:
        super().__init__(store)
        self._wanted = calls_that_fail
        self._left = times

    def before(self, call: str, key: str) -> None:
        if self._left and (not self._wanted or call in self._wanted):
            self._left -= 1
            raise down()


class LiesOnRead(Passing):
    """Flips one bit in what it gives of the keys that end in `suffix`, the first `times` times (for ever, if None)."""

    def __init__(self, store: Store, suffix: str = "", times: int | None = None) -> None:
        super().__init__(store)
        self._suffix = suffix
        self._left = times

    @contextlib.contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        with super().read(key, start, length) as chunks:
            yield _flipped(chunks) if self._lies(key) else chunks

    def _lies(self, key: str) -> bool:
        if not key.endswith(self._suffix) or self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True


class CutsReads(LiesOnRead):
    """Ends the bytes early, as a broken connection does, for the keys and times of LiesOnRead."""

    @contextlib.contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        with Passing.read(self, key, start, length) as chunks:
            yield _cut(chunks, key) if self._lies(key) else chunks


class Full(Passing):
    """Has no room: refuses what would add bytes."""

    def before(self, call: str, key: str) -> None:
        if call in {"put_once", "replace"}:
            raise full("full")


def _flipped(chunks: Chunks) -> Chunks:
    first = next(chunks, b"")
    yield bytes([first[0] ^ 1]) + first[1:] if first else b"\0"
    yield from chunks


def _cut(chunks: Chunks, key: str) -> Chunks:
    whole = next(chunks, b"")
    yield whole[: len(whole) // 2]
    raise cut_off("cut", key, len(whole), len(whole) // 2)
