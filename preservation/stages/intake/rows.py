"""A reduced document: what is left of an export's data file when it was read as a stream.

It is the document itself (nested dicts, scalars as they are), with two replacements, so that its size no longer depends on how
many records an export has:

* every list is a `Rows`: how many records, what their fields say, and what was kept of them;
* objects deeper than anybody looks (a chat by partner, a map by id) are a `Rows` with `listed=False`, of which only `count` is
  told. Empty objects stay `{}`.

A `Shape` says for each place what is wanted: names of keys, records turned into something at once, values as written, or nothing
but a count. `fold` reduces a value that is in memory, `Gatherer` a list that comes record by record; a value that is reduced
already is taken as it is. A reader's shape (`tiktok_shape.DOCUMENT`) is the same for all formats of its export:

    gathered = Gatherer(DOCUMENT.at("Post", "Posts", "VideoList"))
    gathered.add({"Date": "2025-05-01 10:00:00", "Link": "https://…", "WhoCanView": "Everyone"})   # once per record
    document = {"Post": {"Posts": {"VideoList": gathered.rows}}}                                    # rows.kept holds a Post
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from preservation.stages.intake.exports.values import AGAIN, BOOKKEEPING, plain, says_nothing

MOST_NAMES = 2_000  # in one object whose keys are kept, or among the fields of one list; no platform comes near
MORE = f"{AGAIN}more"  # under this key stands what came after that many


@dataclass(slots=True)
class Rows:
    """Stands in a document where a list of records stood: how many there were, and what was kept of them.

    `fields` has every key that occurred in a record, as written, with the number of records in which it says something; keys that
    never do are there with 0. `within` counts what lies in lists within a field, over all records. Both only where the shape asks
    for `fields`. `kept` is what the shape's `take` made of the records it wanted, in order. `listed` is False for an object
    that was only counted.
    """

    count: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    kept: list[Any] = field(default_factory=list)
    within: Counter[str] = field(default_factory=Counter)
    listed: bool = True

    def __bool__(self) -> bool:
        """As of a list or an object: whether anything stood there."""
        return self.count > 0 or not self.listed


@dataclass(frozen=True, slots=True)
class Shape:
    """What is wanted of the value at one place of a document.

    `below`: an object is kept key by key, and this is the shape of the value under a key; without it, it is only counted.
    `take(record, index)`: what is kept of each record of a list; None keeps nothing of it. `fields`: count the records' fields.
    `whole`: the value is kept as written (fields of a profile).
    """

    below: "Callable[[str], Shape] | None" = None
    take: Callable[[Any, int], Any] | None = None
    fields: bool = False
    whole: bool = False

    def at(self, *keys: str) -> "Shape":
        """The shape some keys further down."""
        shape = self
        for key in keys:
            shape = shape.below(key) if shape.below else COUNTED
        return shape


COUNTED = Shape()
WHOLE = Shape(whole=True)


class Gatherer:
    """A list of records, one at a time."""

    def __init__(self, shape: Shape) -> None:
        self.rows, self._shape = Rows(), shape

    def add(self, record: Any) -> None:
        """The next record, as an object of scalars and lists."""
        rows, take = self.rows, self._shape.take
        if take is not None and (kept := take(record, rows.count)) is not None:
            rows.kept.append(kept)
        rows.count += 1
        if self._shape.fields and isinstance(record, dict):
            self._tell_fields(record)

    def _tell_fields(self, record: dict[str, Any]) -> None:
        rows = self.rows
        for key, value in record.items():
            name = key if key in rows.fields or len(rows.fields) < MOST_NAMES else MORE
            rows.fields[name] += not says_nothing(value)
            if isinstance(value, list | Rows):
                rows.within[name] += count(value)


class Tally:
    """An object of which only the count is wanted, one value at a time."""

    def __init__(self) -> None:
        self._inner, self._own, self._any = 0, False, False

    def add(self, key: str, value: Any) -> None:
        """The next key with its value, reduced or not."""
        self._any = True
        if isinstance(value, dict | list | Rows):
            self._inner += count(value)
        elif not self._own:
            self._own = not says_nothing(value) and plain(key) not in BOOKKEEPING

    @property
    def total(self) -> int:
        """Records in it, and one for the object itself if a field of it says something."""
        return self._inner + self._own

    @property
    def folded(self) -> Any:
        """What stands in its place."""
        return Rows(self.total, listed=False) if self._any else {}


class Named:
    """An object whose keys are kept, one at a time; beyond `MOST_NAMES` they are counted together under `MORE`."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.full = False  # whether what comes now is only counted

    def add(self, key: str, value: Any) -> None:
        """The next key with its value, reduced."""
        if not self.full:
            self.kept[key] = value
            self.full = len(self.kept) >= MOST_NAMES
            return
        more = self.kept.setdefault(MORE, Rows(listed=False))
        more.count += count(value)


def fold(value: Any, shape: Shape) -> Any:
    """A value in memory, reduced to its shape; what is reduced already stays."""
    if shape.whole or isinstance(value, Rows):
        return value
    if isinstance(value, list):
        return _rows(value, shape)
    if not isinstance(value, dict):
        return value
    if shape.below is None:
        return Rows(count(value), listed=False) if value else {}
    named = Named()
    for key, inner in value.items():
        named.add(key, fold(inner, COUNTED if named.full else shape.below(key)))
    return named.kept


def _rows(records: list[Any], shape: Shape) -> Rows:
    if shape.take is None and not shape.fields:
        return Rows(len(records))
    gathered = Gatherer(shape)
    for record in records:
        gathered.add(record)
    return gathered.rows


def count(value: Any) -> int:
    """How many records a value holds: items of lists, and one for an object with any field that says something."""
    if isinstance(value, Rows):
        return value.count
    if isinstance(value, list):
        return len(value)
    if not isinstance(value, dict):
        return 0 if says_nothing(value) else 1
    tally = Tally()
    for key, inner in value.items():
        tally.add(key, inner)
    return tally.total
