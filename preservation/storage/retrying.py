"""A store that tries again. Only StoreUnavailable is worth it; every other refusal means the same the second time."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from preservation.errors import StoreUnavailable
from preservation.model.fixity import Fixity
from preservation.storage.store import Chunks, Leftover, Opener, Store, StoredObject

T = TypeVar("T")

DELAYS = (0.5, 2.0)  # seconds before the second and third try; longer outages are the procedures' to wait out (flows/retries.py)


class RetryingStore:
    """All powers of a store, each call tried again. A put begins anew from its Opener; bytes handed out are never repeated."""

    def __init__(
        self,
        store: Store,
        *,
        delays: Sequence[float] = DELAYS,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`delays` in seconds bound the tries; `jitter` (0 to 1) spreads them from half to the whole delay."""
        self._store = store
        self._delays = tuple(delays)
        self._sleep = sleep
        self._jitter = jitter

    def stat(self, key: str) -> StoredObject:
        """See store.Reader."""
        return self._again(lambda: self._store.stat(key))

    @contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        """See store.Reader. Opening is tried again, reading is not: who digests must know that the stream broke."""
        with ExitStack() as stack:

            def opened() -> Chunks:
                opening: AbstractContextManager[Chunks] = self._store.read(key, start, length)
                return stack.enter_context(opening)

            yield self._again(opened)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See store.Reader. A listing that breaks is begun again behind the last key, which byte order makes safe."""
        last: bytes | None = None
        tries = 0
        while True:
            try:
                for found in self._store.list(prefix):
                    if last is None or found.key.encode() > last:
                        last, tries = found.key.encode(), 0
                        yield found
                return
            except StoreUnavailable:
                if tries == len(self._delays):
                    raise
                self._wait(tries)
                tries += 1

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """See store.Reader. Begun again only before the first: leftovers have no order to resume in."""
        begun, first = self._again(lambda: _first(self._store.leftovers(prefix)))
        if first is not None:
            yield first
            yield from begun

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        """See store.Putter. If an answer was lost, the next try finds the bytes there and says False."""
        return self._again(lambda: self._store.put_once(key, source, fixity))

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        """See store.Advancer."""
        return self._again(lambda: self._store.advance(key, data, expected=expected))

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        """See store.Replacer."""
        self._again(lambda: self._store.replace(key, source, fixity))

    def erase(self, key: str) -> int:
        """See store.Eraser. What an interrupted try removed is not counted."""
        return self._again(lambda: self._store.erase(key))

    def _again(self, act: Callable[[], T]) -> T:
        for tries in range(len(self._delays)):
            try:
                return act()
            except StoreUnavailable:
                self._wait(tries)
        return act()

    def _wait(self, tries: int) -> None:
        self._sleep(self._delays[tries] * (0.5 + 0.5 * self._jitter()))


def _first(found: Iterator[Leftover]) -> tuple[Iterator[Leftover], Leftover | None]:
    return found, next(found, None)
