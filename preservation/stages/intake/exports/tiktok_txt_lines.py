"""Lines of a text export, and the three things a line can be: `Label: value`, a bare link, or text.

Streamed: a file is never held whole. Only LF, CRLF and CR end a line; NEL, U+2028 and form feeds occur within captions.
"""

import codecs
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024  # characters; a caption has some thousands, a signed link some hundreds
MESSAGES = {
    "txt-not-utf8": "some bytes are not valid text and were replaced ({n})",
    "txt-line-too-long": "lines of more than a million characters were cut ({n})",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_END = re.compile(r"\r{1,3}\n|\n|\r")  # a file saved twice as text on Windows ends its lines in CR CR LF
_LABEL = re.compile(r"\s*([^\W\d_][^:\uff1a]{0,60}?)\s*[:\uff1a]{1,2}(?!//|\\)(\s?)(.*)", re.DOTALL)
_STAMP = re.compile(r"\s*\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?\s*(?:UTC|GMT|Z|[+-]\d\d:?\d\d)?\s*", re.IGNORECASE)
_LINK = re.compile(r"\s*https?://\S+\s*", re.IGNORECASE)
_RULE = re.compile(r"\s*[-=_*]{3,}\s*")
_ARROWS = re.compile(r"\s*>{1,4}\s*")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A line `Label: value`. `key` is the label's letters and digits, lower case, without accents; `spaced`: so is the colon."""

    key: str
    label: str
    value: str
    spaced: bool


@dataclass(slots=True)
class Oddities:
    """What was odd about the bytes, by code."""

    seen: Counter[str] = field(default_factory=Counter)


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding of a file that begins like this, and the length of its mark. Without a mark: UTF-16 by its zeros, else UTF-8."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    start = head[:256]
    if len(start) >= 4 and start.count(0) * 3 >= len(start):
        return ("utf-16-be" if start[0::2].count(0) > start[1::2].count(0) else "utf-16-le"), 0
    return "utf-8", 0


def lines(stream: BinaryIO, oddities: Oddities) -> Iterator[str]:
    """The lines of a file without their ends. Bad bytes become U+FFFD and endless lines are cut; both are noted."""
    chunk = stream.read(CHUNK)
    encoding, mark = encoding_of(chunk)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    start, held = chunk[mark:], _Held()
    while True:
        text = decoder.decode(start, final=not chunk)
        oddities.seen["txt-not-utf8"] += text.count("\ufffd")
        if "\n" in text or "\r" in text or held.ends_in_cr or not chunk:
            whole, rest = _complete(held.taken() + text, last=not chunk)
            yield from (_cut(line, oddities) for line in whole)
            held.add(rest)
        else:
            held.add(text)
        if not chunk:
            break
        chunk = start = stream.read(CHUNK)
    if rest := held.taken():
        yield _cut(rest, oddities)


class _Held:
    """A line that has not ended yet, in pieces; of an endless one only the beginning."""

    def __init__(self) -> None:
        self._pieces, self._size, self.ends_in_cr = list[str](), 0, False

    def add(self, text: str) -> None:
        self.ends_in_cr = text.endswith("\r")
        if text and (self._size <= LONGEST_LINE or self.ends_in_cr):
            self._pieces.append(text)
            self._size += len(text)

    def taken(self) -> str:
        held = "".join(self._pieces)
        self._pieces, self._size, self.ends_in_cr = [], 0, False
        return held


def _complete(text: str, *, last: bool) -> tuple[list[str], str]:
    """The whole lines in a text, and its rest; a CR at the very end may be half of an end."""
    kept = 0 if last else len(text[-3:]) - len(text[-3:].rstrip("\r"))
    *whole, rest = _END.split(text[: len(text) - kept])
    return whole, rest + text[len(text) - kept :]


def _cut(line: str, oddities: Oddities) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    oddities.seen["txt-line-too-long"] += 1
    return line[:LONGEST_LINE]


class Ahead:
    """Lines with a look at those to come."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source, self._held = source, deque[str]()

    def peek(self, ahead: int = 0) -> str | None:
        """The line that many after the next one; None past the end."""
        held = self._held
        while len(held) <= ahead:
            line = next(self._source, None)
            if line is None:
                return None
            held.append(line)
        return held[ahead]

    def take(self) -> str | None:
        """The next line; None past the end."""
        line = self.peek()
        if line is not None:
            self._held.popleft()
        return line


def labelled(line: str | None) -> Labelled | None:
    """The line as `Label: value`; None if it is none. `HashTag Link:: x` has two colons, some languages a blank before one."""
    found = _LABEL.fullmatch(line.removeprefix("\ufeff")) if line and (":" in line[:80] or "\uff1a" in line[:80]) else None
    if not found:
        return None
    label, space, value = found.groups()
    return Labelled(folded(label), label, value, bool(space) or not value)


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """What the spellings of one name share: letters and digits of any script, lower case, without accents."""
    apart = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in apart if character.isalnum())


def is_stamp(value: str | None) -> bool:
    """Whether a value is a date and time as the platform writes it."""
    return bool(value) and _STAMP.fullmatch(value or "") is not None


def is_link(line: str | None) -> bool:
    """Whether a line or value is an address and nothing else."""
    return bool(line) and _LINK.fullmatch(line or "") is not None


def is_blank(line: str | None) -> bool:
    """Whether a line says nothing; the end of the file says nothing either."""
    return not line or not line.strip()


def is_rule(line: str) -> bool:
    """A line drawn between records."""
    return line.lstrip()[:1] in ("-", "=", "_", "*") and _RULE.fullmatch(line) is not None


def without_arrows(line: str) -> str:
    """The line without the `>>` some files put before a record."""
    return _ARROWS.sub("", line, count=1) if ">" in line[:8] and line.lstrip().startswith(">") else line
