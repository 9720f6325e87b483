"""Tolerant reading of JSON that platforms and people really hand in (RFC 8259, and what departs from it), as a stream.

Byte order marks, UTF-16, lone surrogates, NaN, keys that occur twice: read and noted. Cut off, too deep, too large: an error
as a value, never half a document. What comes out is a reduced document (rows.py). Only the outer containers are walked here;
each record is decoded at once by the standard library, within a window that slides over the text, so that memory holds one record
and what is kept, however large the file. A value longer than `LONGEST` characters is walked too, and only its beginning kept.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from preservation.model.export import Note
from preservation.stages.intake.exports.values import AGAIN
from preservation.stages.intake.json_text import AT_THE_END, WINDOW, Progress, Text, Unreadable
from preservation.stages.intake.rows import COUNTED, WHOLE, Gatherer, Named, Rows, Shape, Tally, fold

SCALARS = "-0123456789tfn"  # what a number or a constant begins with
LONGEST = 1024 * 1024  # characters of one value that is decoded at once
SHORTEST = 64  # characters of a container that is tried at once, however deep it lies
FIRST_TRY = 4096  # characters that are copied to be tried, before eight times as many are; most records are shorter
BEGINNING = 4096  # characters that are kept of a longer string
MOST_NAMES_IN_ALL = 30_000  # keys that are kept, records aside; the fullest export we know has some 500
MOST_KNOWN = 100_000  # keys of one object that are remembered, to tell which occur again
_SURROGATE = re.compile("[\ud800-\udfff]")
_MESSAGES = {
    "json-not-utf8": "some bytes are not valid text and were replaced",
    "json-lone-surrogate": "half characters (lone surrogates) were replaced by U+FFFD",
    "json-not-a-number": "numbers that JSON does not know (NaN, Infinity) were read as empty",
    "json-duplicate-key": "some keys occur more than once in one object; every value was kept",
    "json-long-number": "numbers of thousands of digits were kept as text",
    "json-long-value": f"values of more than {LONGEST} characters were counted, and only the beginning of texts kept",
}


@dataclass(frozen=True, slots=True)
class JsonReading:
    """The document (`value`, meaningless if `error`), what was odd about it, and what made it unreadable."""

    value: Any
    notes: tuple[Note, ...] = ()
    error: Note | None = None


def looks_like_json(head: bytes) -> bool:
    """Whether the first bytes are those of an object or array, in UTF-8, UTF-16 or UTF-32, with or without a mark."""
    try:
        text = head.decode(json.detect_encoding(head), "ignore")
    except (UnicodeError, LookupError):
        return False
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read_json(
    stream: IO[bytes],
    max_bytes: int,
    max_depth: int,
    shape: Shape = WHOLE,
    *,
    progress: Progress | None = None,
    window: int = WINDOW,
    longest: int = LONGEST,
) -> JsonReading:
    """Read one document of at most `max_bytes` bytes, nested at most `max_depth` deep, reduced to `shape`.

    `progress` hears how many bytes each read brought. What is found does not depend on `window` (bytes read at a time).
    Errors: json-too-large, json-too-deep, json-truncated, json-invalid. Messages hold positions, never content.
    """
    odd: Counter[str] = Counter()
    try:
        walk = _Walk(Text(stream, max_bytes, window, odd, progress), max_depth, odd, longest)
        value = walk.value(shape, 0)
        walk.require_end()
    except Unreadable as error:
        return JsonReading(None, (), error.note)
    except RecursionError:
        return JsonReading(None, (), _too_deep(max_depth).note)
    return JsonReading(value, tuple(Note(code=code, message=f"{_MESSAGES[code]} ({n})") for code, n in sorted(odd.items()) if n))


_LONG = object()  # stands for a value that is not decoded at once


class _Walk:
    """The outer containers of a document, by hand."""

    def __init__(self, text: Text, max_depth: int, odd: Counter[str], longest: int) -> None:
        self._text, self._max_depth, self._odd, self._longest = text, max_depth, odd, longest
        self._cap = longest  # the same for containers, where they lie within one that was too long
        self._names = 0  # that were kept
        self._tried: Counter[str] = Counter()  # what one attempt at decoding finds odd; it may be made again with more text
        self._decoder = _decoder(self._tried)

    def require_end(self) -> None:
        """Nothing but blanks may follow."""
        if self._text.peek():
            raise self._text.broken(self._text.at)

    def value(self, shape: Shape, depth: int) -> Any:
        """The value that comes next, reduced; `depth`: in how many containers it lies."""
        opened = self._text.peek()
        if opened == "{" and shape.below and not shape.whole:
            return self._named(shape, depth)
        if opened == "[" and not shape.whole:
            return self._list(shape, depth)
        found = self._at_once(depth)
        return self._long(depth) if found is _LONG else fold(found, shape)

    def _at_once(self, depth: int) -> Any:
        """The next value, decoded by the standard library; `_LONG`, and nothing read, if it is too long for that."""
        text = self._text
        if self._cap < self._longest and text.peek() in ("{", "["):
            return self._at_once_if_short(depth)
        while True:
            self._tried.clear()
            start = text.at
            try:
                value, end = self._decoder.raw_decode(text.buffer, start)
            except json.JSONDecodeError as error:
                unterminated = error.msg.startswith("Unterminated")
                if text.ended or not (unterminated or error.pos >= len(text.buffer) - AT_THE_END):
                    raise text.broken(error.pos, unterminated=unterminated) from None
                if len(text.buffer) - start > self._longest:
                    return _LONG
                text.more()
                continue
            if not text.ended and end > len(text.buffer) - AT_THE_END and text.buffer[start] not in '{["':
                text.more()  # a number may go on
                continue
            if end - start > self._longest:
                return _LONG
            return self._taken(value, start, end, depth)

    def _at_once_if_short(self, depth: int) -> Any:
        """The same for a container within one that was too long: what lies in long containers is tried at half the length each
        time, for otherwise a long list within a long list within a long list would be scanned as often as it is deep.
        """
        text = self._text
        while len(text.buffer) - text.at <= self._cap and text.more():
            pass
        tried = min(FIRST_TRY, self._cap)
        while True:
            self._tried.clear()
            try:
                value, size = self._decoder.raw_decode(text.buffer[text.at : text.at + tried])
                return self._taken(value, text.at, text.at + size, depth)
            except json.JSONDecodeError as error:
                if not error.msg.startswith("Unterminated") and error.pos < tried - AT_THE_END:
                    raise text.broken(text.at + error.pos) from None
            if tried == self._cap:
                return _LONG
            tried = min(tried * 8, self._cap)

    def _taken(self, value: Any, start: int, end: int, depth: int) -> Any:
        text = self._text
        room = self._max_depth - depth
        openings = text.buffer.count("{", start, end) + text.buffer.count("[", start, end)
        if openings > room and isinstance(value, dict | list) and _deeper_than(value, room):
            raise _too_deep(self._max_depth)
        if text.halves and (text.buffer.find("\\ud", start, end) >= 0 or text.buffer.find("\\uD", start, end) >= 0):
            value = _mended(value, self._tried)
        if self._tried:
            self._odd.update(self._tried)
        text.at = end
        return value

    def _long(self, depth: int) -> Any:
        """A value too long to be decoded at once: counted, and of a text the beginning."""
        opened = self._text.peek()
        if opened in ("{", "["):
            around, self._cap = self._cap, max(min(self._cap, self._longest) // 2, SHORTEST)
            counted = self._tally(depth) if opened == "{" else self._list(COUNTED, depth)
            self._cap = around
            return counted
        if opened != '"':
            raise self._text.broken(self._text.at)  # a number of a million digits
        self._odd["json-long-value"] += 1
        return _SURROGATE.sub("\ufffd", self._text.skip_string(BEGINNING))

    def _tally(self, depth: int) -> Any:
        tally = Tally()
        for key in self._keys(depth):
            tally.add(key, self.value(COUNTED, depth + 1))
        return tally.folded

    def _named(self, shape: Shape, depth: int) -> Any:
        """An object whose keys are kept."""
        named = Named()
        for key in self._keys(depth):
            named.full = named.full or self._names >= MOST_NAMES_IN_ALL
            self._names += not named.full
            below = COUNTED if named.full or shape.below is None else shape.below(key)
            named.add(key, self.value(below, depth + 1))
        return named.kept

    def _list(self, shape: Shape, depth: int) -> Rows:
        """A list, record by record."""
        self._enter(depth)
        gathered, text = Gatherer(shape), self._text
        wanted = shape.take is not None or shape.fields
        if text.peek() == "]":
            text.at += 1
            return gathered.rows
        while True:
            if text.peek() in SCALARS and not wanted and (many := text.skip_scalars()):
                gathered.rows.count += many
                continue
            found = self._at_once(depth + 1)
            gathered.add(self._long_record(depth + 1, wanted) if found is _LONG else found)
            if self._closed("]"):
                return gathered.rows

    def _long_record(self, depth: int, wanted: bool) -> Any:
        """A record that is too long as a whole: its fields are kept while there is room, of the rest only beginnings and counts."""
        if not wanted or self._text.peek() != "{":
            return self._long(depth)
        named, room, allowed = Named(), self._longest, self._longest
        for key in self._keys(depth):
            begun = self._text.position
            self._longest = max(room, BEGINNING)
            named.add(key, self.value(WHOLE, depth + 1))
            self._longest = allowed
            room -= self._text.position - begun
        return named.kept

    def _keys(self, depth: int) -> Iterator[str]:
        """Every key of the object that begins here; whoever asks for the next has read the value."""
        self._enter(depth)
        text, seen = self._text, dict[int, int]()
        if text.peek() == "}":
            text.at += 1
            return
        while True:
            if text.peek() != '"':
                raise text.broken(text.at)
            key = self._at_once(depth)
            key = self._long(depth) if key is _LONG else key
            if text.peek() != ":":
                raise text.broken(text.at)
            text.at += 1
            yield self._unique(key, seen)
            if self._closed("}"):
                return

    def _unique(self, key: str, seen: dict[int, int]) -> str:
        """The key, or the key with an ordinal if the object had it before."""
        known = hash(key)
        if known in seen:
            seen[known] += 1
            self._odd["json-duplicate-key"] += 1
            return f"{key}{AGAIN}{seen[known]}"
        if len(seen) < MOST_KNOWN:
            seen[known] = 1
        return key

    def _enter(self, depth: int) -> None:
        if depth >= self._max_depth:
            raise _too_deep(self._max_depth)
        self._text.at += 1

    def _closed(self, bracket: str) -> bool:
        """Past the comma or the closing bracket that must come now."""
        found = self._text.peek()
        if found not in (",", bracket) or not found:
            raise self._text.broken(self._text.at)
        self._text.at += 1
        return found == bracket


def _too_deep(limit: int) -> Unreadable:
    return Unreadable("json-too-deep", f"objects are nested more than {limit} deep")


def _decoder(odd: Counter[str]) -> json.JSONDecoder:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        known = dict(items)
        return known if len(known) == len(items) else _all_kept(items, odd)

    def constant(_: str) -> None:
        odd["json-not-a-number"] += 1

    def real(digits: str) -> float | None:
        number = float(digits)
        if math.isfinite(number):
            return number
        constant(digits)
        return None

    def whole(digits: str) -> int | str:
        if len(digits) <= 100:
            return int(digits)
        odd["json-long-number"] += 1
        return digits

    # strict=False: raw line breaks within strings occur in re-saved files
    return json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant, parse_float=real, parse_int=whole, strict=False)


def _all_kept(items: Iterable[tuple[str, Any]], odd: Counter[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for key, value in items:
        seen[key] += 1
        kept[key if seen[key] == 1 else f"{key}{AGAIN}{seen[key]}"] = value
    if len(kept) > len(seen):
        odd["json-duplicate-key"] += len(kept) - len(seen)
    return kept


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [value for value in values if isinstance(value, dict | list)]


def _mended(value: Any, odd: Counter[str]) -> Any:
    """The same value with every lone surrogate replaced, so that it can be written as UTF-8; keys that become one are all kept."""
    if isinstance(value, str):
        mended, n = _SURROGATE.subn("\ufffd", value)
        if n:
            odd["json-lone-surrogate"] += n
        return mended
    if isinstance(value, list):
        return [_mended(item, odd) for item in value]
    if isinstance(value, dict):
        return _all_kept([(_mended(key, odd), _mended(item, odd)) for key, item in value.items()], odd)
    return value
