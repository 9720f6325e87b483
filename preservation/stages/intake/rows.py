"""Lists of an export that were read as a stream: counted, and kept only as far as somebody wants them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Rows:
    """Stands in a document where a list of records stood: how many there were, and what was kept of them.

    `fields` has every key that occurred in a record, as written, with the number of records in which it says something; keys that
    never do are there with 0. `kept` is what the reader made of the records it wanted, in order.
    """

    count: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    kept: list[Any] = field(default_factory=list)
