"""The words of a post as they are kept, and how to tell that nothing about an item has changed."""

import re
from typing import Any

from preservation.formats.canonical import canonical_json
from preservation.model.export import Post
from preservation.model.identifiers import Sha256, keyed_digest

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PLACES = frozenset(
    {"location", "locations", "latitude", "longitude", "lat", "lng", "lon", "geo", "gps", "coordinates", "place", "venue"}
)


def words_of(post: Post, platform: str, *, with_location: bool) -> bytes:
    """words.json: what the post says, in one spelling. Observations and links, which change by themselves, are not in it."""
    return canonical_json(
        {
            "platform": platform,
            "platform_id": post.platform_id,
            "created_at_utc": post.created_at_utc.isoformat() if post.created_at_utc else None,
            "deleted_at_utc": post.deleted_at_utc.isoformat() if post.deleted_at_utc else None,
            "section": post.section,
            "kind": post.kind,
            "caption": post.caption,
            "visibility": post.visibility,
            "visibility_raw": post.visibility_raw,
            "words": post.words if with_location else without_places(post.words),
        }
    )


def without_places(value: Any) -> Any:
    """The same value without any field whose name speaks of a place: one that is dropped for nothing is the smaller harm."""
    if isinstance(value, dict):
        return {key: without_places(inner) for key, inner in value.items() if not _PLACES & set(_parts(key))}
    if isinstance(value, list | tuple):
        return [without_places(inner) for inner in value]
    return value


def _parts(key: str) -> list[str]:
    return [part.lower() for part in _WORD.findall(key)]


def fingerprint(secret: bytes, words: bytes, media: list[Sha256]) -> Sha256:
    """Recognises an item whose words and media are what they were, without telling what they are."""
    return keyed_digest(secret, "words", canonical_json([words.decode("utf-8"), media]).decode("utf-8"))
