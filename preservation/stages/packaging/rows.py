"""The rows of items.jsonl: what is held of each item, and where; and how a newer export changes that.

A newer export adds and marks; it never takes away. Words that changed and media that were replaced stay on record under
`earlier`; an item that is gone from the newer export stays, marked absent from that deposit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preservation.model.export import MediaStatus
from preservation.model.identifiers import DepositId, ItemId
from preservation.stages.packaging.plan import Writing
from preservation.stages.packaging.records import Piece, Written, facts_found, medium_piece, words_piece
from preservation.stages.packaging.request import HeldMedium, PackagedItem, Row
from preservation.stages.packaging.words import fingerprint, words_of

_IN_ROWS = frozenset({"condition", "puid", "formatName", "formatVersion", "width", "height", "durationSeconds"})


@dataclass(frozen=True, slots=True)
class Version:
    """What all rows of one version share. `base` is the object's URI."""

    platform: str
    secret: bytes
    deposit_id: DepositId
    base: str


Placed = tuple[str, Written]  # the unit's path in the bag, and where in it what was new of one item lies


def what_is_new(item: PackagedItem, platform: str, before: Row | None) -> Writing:
    """Compare an item with its row of the version before: only words and media that differ are to be written."""
    words = item_words(item, platform)
    known = {medium["sha256"] for medium in _held_before(before)}
    changed = before is None or before["words"]["sha256"] != payload_digest(words)
    media = tuple(held for held in item.held if held.medium.held and held.medium.held.sha256 not in known)
    return Writing(item, len(words) if changed else None, media)


def item_words(item: PackagedItem, platform: str) -> bytes:
    """words.json of an item: made anew each time it is wanted, the same each time."""
    return words_of(item.post, platform, with_location=item.with_location)


def payload_digest(words: bytes) -> str:
    """SHA-256 of words.json, by which an unchanged post is known again."""
    return hashlib.sha256(words).hexdigest()


def row_of(
    item: PackagedItem, identity: Mapping[str, Any], placed: Placed | None, version: Version, before: Row | None
) -> dict[str, Any]:
    """The row of an item that this deposit holds."""
    post = item.post
    bytes_of_words = item_words(item, version.platform)
    media, replaced = _media_rows(item, _new_media(item, placed, version), before)
    new_words = _new_words(item, placed, version, bytes_of_words)
    earlier = list(before["earlier"]) if before else []
    earlier += [before["words"]] if before and new_words else []
    digests = [medium["sha256"] for medium in media if "sha256" in medium]
    return {
        "item_id": item.item_id,
        "identity": dict(identity),
        "status": _status(media),
        "kind": post.kind,
        "section": post.section,
        "published": published(item),
        "caption": post.caption,
        "visibility": post.visibility,
        "fingerprint": fingerprint(version.secret, bytes_of_words, digests),
        "words": new_words or (before["words"] if before else None),
        "media": media,
        "earlier": earlier + replaced,
        "first_deposit": before["first_deposit"] if before else version.deposit_id,
        "last_deposit": version.deposit_id,
        "absent_from": list(before["absent_from"]) if before else [],
    }


def published(item: PackagedItem) -> str | None:
    """When it was posted, as rows have it."""
    return item.post.created_at_utc.isoformat() if item.post.created_at_utc else None


def _new_words(item: PackagedItem, placed: Placed | None, version: Version, words: bytes) -> Piece | None:
    if placed is None or placed[1].words is None:
        return None
    unit, written = placed[0], placed[1].words
    return words_piece(version.base, unit, version.deposit_id, item, written, payload_digest(words))


def _new_media(item: PackagedItem, placed: Placed | None, version: Version) -> dict[int, Piece]:
    if placed is None:
        return {}
    held = {each.index: each for each in item.held}
    unit, written = placed
    return {
        index: medium_piece(version.base, unit, version.deposit_id, item, held[index], span, kind)
        for index, span, kind in written.media
    }


def absent(before: Row, deposit_id: DepositId) -> dict[str, Any]:
    """The row of an item that this deposit no longer holds. Gone from an export is not withdrawn: it is kept."""
    return {**before, "status": "absent", "absent_from": [*before["absent_from"], deposit_id]}


def order(row: Row) -> tuple[str, ItemId]:
    """By date of posting, then id: the order of items.jsonl."""
    return row["published"] or "", row["item_id"]


def held_and_missing(row: Row) -> tuple[int, int]:
    """How many media of a row are held and how many are not."""
    held = sum("unit" in medium for medium in row["media"])
    return held, len(row["media"]) - held


def _held_before(before: Row | None) -> list[Mapping[str, Any]]:
    """Every medium of an item that is held already, current or replaced."""
    if before is None:
        return []
    return [piece for piece in (*before["media"], *before["earlier"]) if "unit" in piece and "index" in piece]


def _media_rows(
    item: PackagedItem, new: Mapping[int, Piece], before: Row | None
) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """A row for each medium of the post, and the earlier media that are no longer the current ones."""
    held = {entry.index: entry for entry in item.held}
    past = {medium["index"]: medium for medium in (before["media"] if before else [])}
    rows = []
    for index, medium in enumerate(item.post.media):
        piece = _piece(held.get(index), new, before) or _kept(past.get(index))
        status = medium.status if piece is None or index in held else MediaStatus(piece["status"])
        rows.append({**(piece or {}), **_found(held.get(index)), "index": index, "kind": medium.kind, "status": status})
    current = {row.get("sha256") for row in rows}
    return rows, [medium for medium in past.values() if "unit" in medium and medium["sha256"] not in current]


def _piece(held: HeldMedium | None, new: Mapping[int, Piece], before: Row | None) -> dict[str, Any] | None:
    """Where the bytes of a medium that this deposit brought lie: just written, or held since before."""
    if held is None or held.medium.held is None:
        return None
    if held.index in new:
        return dict(new[held.index])
    same = (piece for piece in _held_before(before) if piece["sha256"] == held.medium.held.sha256)
    return next((dict(piece) for piece in same), None)


def _found(held: HeldMedium | None) -> dict[str, str | int | float]:
    """What examining a medium found, under the names its metadata record has them by."""
    return {name: value for name, value in facts_found(held.facts if held else None).items() if name in _IN_ROWS}


def _kept(medium: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A medium held from before, for which this deposit brought no bytes."""
    return dict(medium) if medium is not None and "unit" in medium else None


def _status(media: Sequence[Mapping[str, Any]]) -> str:
    held = sum("unit" in medium for medium in media)
    return "held" if held == len(media) else "partly" if held else "missing"
