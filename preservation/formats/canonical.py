"""JSON with one spelling: keys in order, no optional white space, UTF-8. Equal values have equal bytes and so equal digests."""

import json
from collections.abc import Iterable, Iterator


def canonical_json(value: object) -> bytes:
    """The canonical bytes of a JSON value. A lone surrogate, which UTF-8 cannot hold, stays an escape, and with it all non-ASCII."""
    try:
        return _dump(value, ascii_only=False).encode("utf-8")
    except UnicodeEncodeError:
        return _dump(value, ascii_only=True).encode("ascii")


def json_lines(values: Iterable[object]) -> Iterator[bytes]:
    """One canonical value per line, each made when it is asked for."""
    return (canonical_json(value) + b"\n" for value in values)


def _dump(value: object, *, ascii_only: bool) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only, allow_nan=False)
