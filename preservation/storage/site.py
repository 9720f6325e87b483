"""A site: a configured place, and one handle per power over it. Each handle may carry a credential of its own."""

from dataclasses import dataclass

from preservation.storage.store import Advancer, Eraser, Putter, Reader, Replacer, Store


@dataclass(frozen=True, slots=True)
class Site:
    """What `wiring` hands out. An audit takes `reader` and cannot write; only repair takes `replacer`, only withdrawal `eraser`."""

    name: str
    reader: Reader
    putter: Putter
    advancer: Advancer
    replacer: Replacer
    eraser: Eraser
    on_this_machine: bool = True

    @classmethod
    def of(cls, name: str, store: Store, *, on_this_machine: bool = True) -> "Site":
        """A site whose powers all share one credential: the embedded default."""
        return cls(name, store, store, store, store, store, on_this_machine)
