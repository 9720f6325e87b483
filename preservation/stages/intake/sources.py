"""What was handed in, and how to open any part of it again: sources and locators.

A locator is a small JSON array `[name, nth, index, ...]`: the name of a source, which of the sources of that name it is
(0 for the first), and, if it lies in an archive, its position in that archive's directory, one number per level. Positions
rather than member names, because names repeat, lie and come in several encodings.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from preservation.errors import DepositUnusable


@dataclass(frozen=True, slots=True)
class Source:
    """One file as handed in. `open` gives a fresh seekable stream each time it is called; `size` is in bytes.

    `sha256`, if given, was taken by us on receiving: such a file need not be read to the end again to be known.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]
    sha256: str | None = None


def write_locator(name: str, nth: int, path: tuple[int, ...] = ()) -> str:
    """Spell the place of a source (`path` empty) or of a member within it."""
    return json.dumps([name, nth, *path], ensure_ascii=True, separators=(",", ":"))


def read_locator(locator: str) -> tuple[str, int, tuple[int, ...]]:
    """Take a locator apart; raises DepositUnusable("locator-unreadable")."""
    try:
        name, nth, *path = json.loads(locator)
    except (ValueError, TypeError):
        raise _unreadable() from None
    if not isinstance(name, str) or not all(type(n) is int and n >= 0 for n in [nth, *path]):
        raise _unreadable()
    return name, nth, tuple(path)


def find_source(sources: Sequence[Source], name: str, nth: int) -> Source:
    """The `nth` source called `name`; raises DepositUnusable("source-gone")."""
    matches = [source for source in sources if source.name == name]
    if nth >= len(matches):
        raise DepositUnusable(
            "source-gone", "a part of the deposit is no longer where it was read", remedy="hand the deposit in again"
        )
    return matches[nth]


def _unreadable() -> DepositUnusable:
    return DepositUnusable("locator-unreadable", "a locator is not one of ours", remedy="read the export again")
