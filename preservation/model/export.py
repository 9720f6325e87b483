"""What a reader finds in an export: one vocabulary for all platforms (docs/design.md, "Reading exports").

These words hold content (captions, handles, links). They live in memory and inside packages; they never go into logs,
errors, the catalogue or a Prefect parameter.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from preservation.model.base import Word
from preservation.model.identifiers import Sha256
from preservation.model.sections import Section

_SIGNED = re.compile("[?&#]")  # what follows in a link is a signature or a user's id; some links have it without their `?`


class Visibility(StrEnum):
    """Who could see it on the platform. `unknown` never counts as public."""

    public = "public"
    unlisted = "unlisted"
    followers = "followers"
    friends = "friends"
    private = "private"
    direct = "direct"
    unknown = "unknown"


class PostKind(StrEnum):
    """What a post is made of."""

    video = "video"
    photo_set = "photo_set"
    text = "text"
    unknown = "unknown"


class MediaKind(StrEnum):
    """What a medium is meant to be."""

    video = "video"
    image = "image"
    audio = "audio"
    unknown = "unknown"


class MediaStatus(StrEnum):
    """Where a medium's bytes are."""

    in_archive = "in_archive"  # in the export itself
    handed_in = "handed_in"  # beside the export, matched by its name
    missing = "missing"  # referenced, not there
    link_only = "link_only"  # a link, dead within days
    needs_login = "needs_login"  # a link that only the creator can open
    not_media = "not_media"  # bytes are there but are not a medium (an error page saved as .mp4)


# Posts and media are slotted dataclasses rather than pydantic words: an account may have tens of thousands, and a report holds
# them all at once.


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that are here. `locator` opens them again: the source's name, and the member within it if it is an archive."""

    locator: str
    size: int
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Medium:
    """One picture, video or sound of a post."""

    ref: str  # as the export writes it: a link or a member's name
    kind: MediaKind
    status: MediaStatus
    sha256: Sha256 | None = None
    size: int | None = None
    link_expires_at_utc: datetime | None = None
    needs_login: bool = False
    held: Held | None = None

    @property
    def unsigned_ref(self) -> str:
        """`ref` fit to be kept: a link without its query, which holds a signature, and sometimes a login. It opens nothing."""
        return _SIGNED.split(self.ref, maxsplit=1)[0] if self.ref.casefold().startswith(("http://", "https://")) else self.ref


@dataclass(frozen=True, slots=True)
class Post:
    """One post, in the platform's words as displayed."""

    created_at_utc: datetime | None
    kind: PostKind
    caption: str | None
    visibility: Visibility
    visibility_raw: str | None
    media: tuple[Medium, ...] = ()
    platform_id: str | None = None
    section: Section = Section.posts_metadata
    deleted_at_utc: datetime | None = None
    observations: dict[str, Any] = field(default_factory=dict)  # what changes by itself: likes, counts, links; never compared
    words: dict[str, Any] = field(
        default_factory=dict
    )  # the export's own record of this post without `observations`, keys as written
    pointer: str = ""  # JSON pointer (RFC 6901) of that record in the data file
    seen_in: tuple[str, ...] = ()


class SectionReport(Word):
    """One part of the export and what became of it."""

    name: str  # the path as the platform writes it, e.g. "Activity.Like List"; never a key that holds a handle
    section: Section
    decision: str  # "in", "off" (needs the creator's tick), "never"
    reason: str
    records: int


class ThirdPartySection(Word):
    """A part that holds other people's words or names; it is never taken in."""

    name: str
    what: str
    records: int


class Note(Word):
    """A warning or an error: a stable code, and a sentence without content."""

    code: str
    message: str


class MemberFate(StrEnum):
    """What became of one member of what was handed in. `received.jsonl` lists every one, so that nothing is lost silently."""

    kept = "kept"  # its bytes are in the package
    kept_in_part = "kept_in_part"  # a data file of which the allowed sections were taken
    left_out = "left_out"  # by consent or because the section is never taken
    ignored = "ignored"  # folder entries and operating systems' debris
    refused = "refused"  # unsafe or unreadable; the note says why
    unmatched = "unmatched"  # handed in, belongs to no post we know


class Member(Word):
    """One member of an archive, or one loose file, as received."""

    path: str  # as written; content, not fit for a log
    size: int
    crc32: str | None = None
    sha256: Sha256 | None = None
    modified: str | None = None
    fate: MemberFate
    note: str = ""  # a code


class Account(Word):
    """The account the export is of."""

    handle: str | None
    display_name: str | None = None
    bio: str | None = None
    private: bool | None = None


class ExportReport(Word):
    """Everything a reader says about one export (or several of one account, merged)."""

    platform: str
    generation: str | None
    format: str | None
    account: Account
    exported_at_utc: datetime | None
    posts: tuple[Post, ...] = ()  # what stands on the platform; deleted posts and stories are apart, each of its own section
    deleted_posts: tuple[Post, ...] = ()
    stories: tuple[Post, ...] = ()
    live_sessions: tuple[dict[str, Any], ...] = ()
    profile: dict[str, Any] = {}  # allowed profile fields only
    sections: tuple[SectionReport, ...] = ()
    third_party_sections: tuple[ThirdPartySection, ...] = ()
    members: tuple[Member, ...] = ()
    warnings: tuple[Note, ...] = ()
    errors: tuple[Note, ...] = ()
    exports: tuple[dict[str, Any], ...] = ()
