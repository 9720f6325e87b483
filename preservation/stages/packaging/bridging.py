"""The same post in an export that gives the platform's ids (2020 to 2022) and in one that gives none.

An item keeps the id it was given first. A post whose id nobody knows yet is the item of its second if there is only the one post
now, only the one item before, and just one of the two is identified by the platform; anything else is left as it is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preservation.model.export import PostKind
from preservation.model.identifiers import ItemId
from preservation.stages.packaging.identity import Identified, second_of, second_written

Known = Mapping[str, Sequence["KnownItem"]]


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item of an earlier version: its id, whether the platform's id identifies it, and what it was made of."""

    item_id: ItemId
    by_platform: bool
    kind: str


def known_items(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[KnownItem]]:
    """The items of an earlier `items.jsonl` by the second of posting; those without a date are never bridged."""
    found: dict[str, list[KnownItem]] = {}
    for row in rows:
        if row["published"]:
            item = KnownItem(row["item_id"], "ordinal" not in row["identity"], row["kind"])
            found.setdefault(second_written(row["published"]), []).append(item)
    return found


def bridged(identified: Sequence[Identified], known: Known) -> list[Identified]:
    """The posts, those that are known under another kind of identity with the id of that item."""
    ids = {item.item_id for items in known.values() for item in items}
    crowd = Counter(second_of(post) for _, post in identified)
    return [
        (item_id, post) if item_id in ids or crowd[second_of(post)] > 1 else (_known_as(item_id, post, known), post)
        for item_id, post in identified
    ]


def _known_as(item_id: ItemId, post: Any, known: Known) -> ItemId:
    items = known.get(second_of(post), ())
    if len(items) != 1 or items[0].by_platform == bool(post.platform_id):
        return item_id
    alike = items[0].kind == post.kind or PostKind.unknown in (items[0].kind, post.kind)
    return items[0].item_id if alike else item_id
