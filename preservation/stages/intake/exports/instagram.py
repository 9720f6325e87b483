"""Instagram's posts, and nothing else of its export yet: enough to tell what a creator has there, not to take it in.

An export of 2023 to 2025 lists posts in `posts_1.json` and on, and holds the media. Its strings are UTF-8 bytes written as
Latin-1. It names no account and gives no audience, so a deposit made of it is refused for want of a handle.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from preservation.model.export import (
    Account,
    ExportReport,
    MediaKind,
    MediaStatus,
    Medium,
    Note,
    Post,
    PostKind,
    SectionReport,
    Visibility,
)
from preservation.model.sections import Section
from preservation.stages.intake.rows import Rows, Shape

_FILE = re.compile(r"^posts_\d+\.json$", re.IGNORECASE)
_VIDEO = re.compile(r"\.(mp4|mov|m4v|webm)$", re.IGNORECASE)
_LATEST = 4102444800  # 2100: a number beyond it is no time of a post in seconds
IN_PART = Note(
    code="read-in-part", message="only the posts of this platform are read so far; stories, reels, profile and the rest are not"
)


def named(names: Sequence[str]) -> bool:
    """Whether a file bears the name of a list of posts."""
    return any(_FILE.match(name) for name in names)


def recognise(document: Any) -> bool:
    """Whether this reduced document is a list of Instagram posts: every record is one."""
    return isinstance(document, Rows) and document.listed and len(document.kept) == document.count


def read(document: Any) -> ExportReport:
    """The posts, with media as references into the archive (`missing` until they are found there)."""
    posts = tuple(document.kept)
    section = SectionReport(
        name="posts",
        section=Section.posts_metadata,
        decision="in",
        reason="part of the work and its record; taken unless the creator says otherwise",
        records=len(posts),
    )
    return ExportReport(
        platform="instagram",
        generation="posts",
        format="json",
        account=Account(handle=None),
        exported_at_utc=None,
        posts=posts,
        sections=(section,),
        warnings=(IN_PART,),
    )


def _taken(record: Any, index: int) -> Post | None:
    return _post(record, f"/{index}") if isinstance(record, dict) and "media" in record else None


DOCUMENT = Shape(take=_taken)


def _post(found: dict[str, Any], pointer: str) -> Post:
    """A single medium carries caption and time itself; of several, the post does."""
    listed = found.get("media")
    media = [medium for medium in listed if isinstance(medium, dict)] if isinstance(listed, list) else []
    alone = media[0] if len(media) == 1 else {}
    caption = _text(found.get("title")) or _text(alone.get("title"))
    kinds = [_medium(medium) for medium in media]
    only_video = len(kinds) == 1 and kinds[0].kind is MediaKind.video
    return Post(
        created_at_utc=_moment(found.get("creation_timestamp")) or _moment(alone.get("creation_timestamp")),
        kind=PostKind.video if only_video else PostKind.photo_set if kinds else PostKind.text,
        caption=caption or None,
        visibility=Visibility.unknown,
        visibility_raw=None,
        media=tuple(kinds),
        words={"title": caption} if caption else {},
        pointer=pointer,
    )


def _medium(found: dict[str, Any]) -> Medium:
    ref = _text(found.get("uri"))
    return Medium(ref=ref, kind=MediaKind.video if _VIDEO.search(ref) else MediaKind.image, status=MediaStatus.missing)


def _moment(value: Any) -> datetime | None:
    plausible = isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LATEST
    return datetime.fromtimestamp(value, UTC) if plausible else None


def _text(value: Any) -> str:
    """The string as it was meant: UTF-8 bytes written as Latin-1 are put back; one that is right already stays."""
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
