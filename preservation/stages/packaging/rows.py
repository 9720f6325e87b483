"""The rows of items.jsonl: what is held of each item, and where; and how a newer export changes that.

A newer export adds and marks; it never takes away. Words that changed and media that were replaced stay on record under
`earlier`; an item that is gone from the newer export stays, marked absent from that deposit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preservation.model.export import MediaStatus
from preservation.model.identifiers import DepositId
from preservation.stages.packaging.plan import Writing
from preservation.stages.packaging.records import Piece
from preservation.stages.packaging.request import HeldMedium, PackagedItem, Row
from preservation.stages.packaging.words import fingerprint, words_of


@dataclass(frozen=True, slots=True)
class Written:
    """Where what was new of one item now lies."""

    words: Piece | None
    media: Mapping[int, Piece]


NOTHING_NEW = Written(None, {})


def what_is_new(item: PackagedItem, platform: str, before: Row | None) -> Writing:
    """Compare an item with its row of the version before: only words and media that differ are to be written."""
    words = words_of(item.post, platform, with_location=item.with_location)
    piece = payload_digest(words)
    known = {medium["sha256"] for medium in _held_before(before)}
    changed = before is None or before["words"]["sha256"] != piece
    media = tuple(held for held in item.held if held.medium.held and held.medium.held.sha256 not in known)
    return Writing(item.item_id, item.post, words if changed else None, media)


def payload_digest(words: bytes) -> str:
    """SHA-256 of words.json, by which an unchanged post is known again."""
    return hashlib.sha256(words).hexdigest()


def row_of(
    item: PackagedItem,
    identity: Mapping[str, Any],
    written: Written,
    platform: str,
    secret: bytes,
    deposit_id: DepositId,
    before: Row | None,
) -> dict[str, Any]:
    """The row of an item that this deposit holds."""
    post = item.post
    media, replaced = _media_rows(item, written, before)
    words = written.words or (before["words"] if before else None)
    earlier = list(before["earlier"]) if before else []
    earlier += [before["words"]] if before and written.words else []
    bytes_of_words = words_of(post, platform, with_location=item.with_location)
    return {
        "item_id": item.item_id,
        "identity": dict(identity),
        "status": _status(media),
        "kind": post.kind,
        "section": post.section,
        "published": post.created_at_utc.isoformat() if post.created_at_utc else None,
        "caption": post.caption,
        "visibility": post.visibility,
        "fingerprint": fingerprint(secret, bytes_of_words, [medium["sha256"] for medium in media if "sha256" in medium]),
        "words": words,
        "media": media,
        "earlier": earlier + replaced,
        "first_deposit": before["first_deposit"] if before else deposit_id,
        "last_deposit": deposit_id,
        "absent_from": list(before["absent_from"]) if before else [],
    }


def absent(before: Row, deposit_id: DepositId) -> dict[str, Any]:
    """The row of an item that this deposit no longer holds. Gone from an export is not withdrawn: it is kept."""
    return {**before, "status": "absent", "absent_from": [*before["absent_from"], deposit_id]}


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By date of posting, then id."""
    return sorted(rows, key=lambda row: (row["published"] or "", row["item_id"]))


def held_and_missing(rows: Sequence[Row]) -> tuple[int, int]:
    """How many media of these rows are held and how many are not."""
    held = [("unit" in medium) for row in rows for medium in row["media"]]
    return sum(held), len(held) - sum(held)


def _held_before(before: Row | None) -> list[Mapping[str, Any]]:
    """Every medium of an item that is held already, current or replaced."""
    if before is None:
        return []
    return [piece for piece in (*before["media"], *before["earlier"]) if "unit" in piece and "index" in piece]


def _media_rows(item: PackagedItem, written: Written, before: Row | None) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """A row for each medium of the post, and the earlier media that are no longer the current ones."""
    held = {entry.index: entry for entry in item.held}
    past = {medium["index"]: medium for medium in (before["media"] if before else [])}
    rows = []
    for index, medium in enumerate(item.post.media):
        piece = _piece(held.get(index), written, before) or _kept(past.get(index))
        status = medium.status if piece is None or index in held else MediaStatus(piece["status"])
        rows.append({**(piece or {}), "index": index, "kind": medium.kind, "status": status})
    current = {row.get("sha256") for row in rows}
    return rows, [medium for medium in past.values() if "unit" in medium and medium["sha256"] not in current]


def _piece(held: HeldMedium | None, written: Written, before: Row | None) -> dict[str, Any] | None:
    """Where the bytes of a medium that this deposit brought lie: just written, or held since before."""
    if held is None or held.medium.held is None:
        return None
    if held.index in written.media:
        return dict(written.media[held.index])
    same = (piece for piece in _held_before(before) if piece["sha256"] == held.medium.held.sha256)
    return next((dict(piece) for piece in same), None)


def _kept(medium: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A medium held from before, for which this deposit brought no bytes."""
    return dict(medium) if medium is not None and "unit" in medium else None


def _status(media: Sequence[Mapping[str, Any]]) -> str:
    held = sum("unit" in medium for medium in media)
    return "held" if held == len(media) else "partly" if held else "missing"
