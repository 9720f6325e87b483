"""items.jsonl of the version before, row by row: tens of thousands of rows are never in memory at once."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from preservation.model.identifiers import ItemId


class EarlierRows:
    """The rows of an items.jsonl that lies in a seekable stream; the stream stays the caller's to close.

    Iterating gives the rows as they stand; `of` gives the row of one item. Raises ValueError, KeyError if it is no items.jsonl.
    Not to be shared between threads.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._offsets: dict[ItemId, int] = {}
        for offset, line in self._lines():
            self._offsets[json.loads(line)["item_id"]] = offset

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every row, in the order of the file; `of` may be asked in between."""
        return (json.loads(line) for _, line in self._lines())

    def __contains__(self, item_id: ItemId) -> bool:
        return item_id in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def of(self, item_id: ItemId) -> dict[str, Any] | None:
        """The row of one item; None if it was not held."""
        offset = self._offsets.get(item_id)
        if offset is None:
            return None
        self._stream.seek(offset)
        row: dict[str, Any] = json.loads(self._stream.readline())
        return row

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        offset = 0
        while True:
            self._stream.seek(offset)
            line = self._stream.readline()
            if not line:
                return
            yield offset, line
            offset += len(line)
