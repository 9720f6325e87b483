"""Tolerant reading of JSON that platforms and people really hand in (RFC 8259, and what departs from it).

Byte order marks, UTF-16, lone surrogates, NaN, keys that occur twice: read and noted. Cut off, too deep, too large: an error
as a value, never half a document.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import IO, Any

from preservation.model.export import Note

AGAIN = "\x1f"  # second and later values of one key are kept under `key` + AGAIN + ordinal; no key of a platform holds it
_SURROGATE = re.compile("[\ud800-\udfff]")
_MESSAGES = {
    "json-not-utf8": "some bytes are not valid text and were replaced",
    "json-lone-surrogate": "half characters (lone surrogates) were replaced by U+FFFD",
    "json-not-a-number": "numbers that JSON does not know (NaN, Infinity) were read as empty",
    "json-duplicate-key": "some keys occur more than once in one object; every value was kept",
    "json-long-number": "numbers of thousands of digits were kept as text",
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


def read_json(stream: IO[bytes], max_bytes: int, max_depth: int) -> JsonReading:
    """Read one document of at most `max_bytes` bytes, nested at most `max_depth` deep.

    Errors: json-too-large, json-too-deep, json-truncated, json-invalid. Messages hold positions, never content.
    """
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        return _failed("json-too-large", f"the file is larger than {max_bytes} bytes")
    odd: Counter[str] = Counter()
    text = _decoded(data, odd)
    try:
        value = _decoder(odd).decode(text)
    except RecursionError:
        return _failed("json-too-deep", "objects are nested too deep to be an export")
    except json.JSONDecodeError as error:
        return _failed(*_broken(error, text))
    if _deeper_than(value, max_depth):
        return _failed("json-too-deep", f"objects are nested more than {max_depth} deep")
    value = _mended(value, odd)
    return JsonReading(value, tuple(Note(code=code, message=f"{_MESSAGES[code]} ({n})") for code, n in sorted(odd.items())))


def _decoded(data: bytes, odd: Counter[str]) -> str:
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeError:
        odd["json-not-utf8"] += 1
        return data.decode(encoding, "replace").removeprefix("\ufeff")


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


def _all_kept(items: list[tuple[str, Any]], odd: Counter[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for key, value in items:
        seen[key] += 1
        kept[key if seen[key] == 1 else f"{key}{AGAIN}{seen[key]}"] = value
    odd["json-duplicate-key"] += len(items) - len(seen)
    return kept


def _broken(error: json.JSONDecodeError, text: str) -> tuple[str, str]:
    """Cut off, if the parser fell over the end; an unclosed string always runs to the end."""
    end = len(text.rstrip())
    if error.msg.startswith("Unterminated") or error.pos >= end - len("-Infinity"):
        return "json-truncated", f"the file ends in the middle, after {len(text)} characters"
    return "json-invalid", f"the file is not JSON at line {error.lineno}, column {error.colno}"


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
    """The same document with every lone surrogate replaced, so that it can be written as UTF-8."""
    if isinstance(value, str):
        mended, n = _SURROGATE.subn("\ufffd", value)
        if n:
            odd["json-lone-surrogate"] += n
        return mended
    if isinstance(value, list):
        return [_mended(item, odd) for item in value]
    if isinstance(value, dict):
        return {_mended(key, odd): _mended(item, odd) for key, item in value.items()}
    return value


def _failed(code: str, message: str) -> JsonReading:
    return JsonReading(None, (), Note(code=code, message=message))
