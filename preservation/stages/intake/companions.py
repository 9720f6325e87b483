"""Media handed in beside an export, matched to posts by the time or the platform id in their names. Never guessed.

A TikTok export holds no video; creators and bulk downloaders save the files as `2024-10-03-10-13-53.mp4`,
`20241003_101353_1.jpg`, `2024-10-03 10.13.53 (2).jpeg` or under the post's id. What two posts could claim, what is of another
kind, and what is no medium at all (an error page saved as .mp4) is not attached, and said so.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from preservation.model.export import Held, MediaKind, MediaStatus, Medium, Note, Post, PostKind
from preservation.stages.intake.archive import Entry
from preservation.stages.intake.exports.tiktok_links import time_of_id
from preservation.stages.intake.media_kind import sniff_medium

_TIME = re.compile(r"(?<!\d)(\d{4})[-_. ]?(\d\d)[-_. ]?(\d\d)[T_\-. ]*(\d\d)[-_.:h ]?(\d\d)[-_.:m ]?(\d\d)(?!\d)")
_ID = re.compile(r"(?<!\d)(\d{18,20})(?!\d)")
_INDEX = re.compile(r"^Z?s?[ _\-.]*(?:UTC[ _\-.]*)?\(?(?:image|img|photo)?[ _\-]?(\d{1,2})\)?$", re.IGNORECASE)
MESSAGES = {
    "companion-media-error-page": "{n} files handed in beside the export are not media (error pages, most likely)",
    "companion-ambiguous": "{n} files handed in beside the export fit more than one place and were not attached",
    "companion-kind-clash": "{n} files handed in beside the export are of another kind than the post they are named after",
    "companion-unmatched": "{n} files handed in beside the export belong to no post of it",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's name says: a time, a platform id, and which picture of a set it is."""

    time: datetime | None
    identifier: str | None
    index: int | None


class Matching:
    """Posts with what was attached to them. Where they stand is looked up by time and by platform id, neither of which changes."""

    def __init__(self, posts: list[Post]) -> None:
        self.posts = posts
        self._by_id: dict[str, list[int]] | None = None
        self._by_time: dict[datetime, list[int]] = {}

    def owners(self, named: Named) -> list[int]:
        """Positions of the posts a file so named can belong to."""
        by_id = self._ids()
        if named.identifier:
            return by_id.get(named.identifier) or self._at(time_of_id(named.identifier))
        return self._at(named.time)

    def _at(self, time: datetime | None) -> list[int]:
        return self._by_time.get(time, []) if time else []

    def _ids(self) -> dict[str, list[int]]:
        if self._by_id is None:
            self._by_id = {}
            for at, post in enumerate(self.posts):
                if post.platform_id:
                    self._by_id.setdefault(post.platform_id, []).append(at)
                if post.created_at_utc:
                    self._by_time.setdefault(post.created_at_utc, []).append(at)
        return self._by_id


def notes(outcome: Mapping[str, str]) -> list[Note]:
    """A warning per kind of outcome, with a count and no name."""
    counts = Counter(code for code in outcome.values() if code in MESSAGES)
    return [Note(code=code, message=MESSAGES[code].format(n=n)) for code, n in sorted(counts.items())]


def read_name(name: str) -> Named:
    """Take a file's name apart; all None if it says nothing."""
    stem = re.split(r"[/\\]", name)[-1]
    stem = re.sub(r"\.[A-Za-z0-9]{2,5}$", "", stem)
    found = _ID.search(stem) or _TIME.search(stem)
    if not found:
        return Named(None, None, None)
    index = _INDEX.match(stem[found.end() :])
    number = int(index.group(1)) if index else None
    if found.re is _ID:
        return Named(None, found.group(1), number)
    return Named(_time(found), None, number)


def _time(found: re.Match[str]) -> datetime | None:
    try:
        return datetime(*(int(part) for part in found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def match(matching: Matching, entries: Sequence[Entry], status: MediaStatus) -> dict[str, str]:
    """Attach each file to the one place it can only belong to; what became of each (by locator): "" if used, else a code.

    `status` is what an attached medium becomes.
    """
    outcome: dict[str, str] = {}
    claims: dict[int, list[tuple[Entry, Named]]] = defaultdict(list)
    for entry in entries:
        named = read_name(entry.name)
        owners = matching.owners(named)
        if len(owners) == 1:
            claims[owners[0]].append((entry, named))
        else:
            outcome[entry.locator] = "companion-ambiguous" if owners else "companion-unmatched"
    for owner, files in claims.items():
        matching.posts[owner] = _attach(matching.posts[owner], files, status, outcome)
    return outcome


def _attach(post: Post, files: list[tuple[Entry, Named]], status: MediaStatus, outcome: dict[str, str]) -> Post:
    media = list(post.media)
    first = _first_index(files, len(media))
    slots: dict[int, list[Entry]] = defaultdict(list)
    for entry, named in files:
        slot = 0 if len(media) <= 1 else -1 if first is None else (named.index or 0) - first
        slots[slot].append(entry)
    for slot, entries in slots.items():
        inside = 0 <= slot < max(len(media), 1)
        place = media[slot] if inside and media else None
        for entry, code in _judged(entries, place):
            outcome[entry.locator] = code if inside else "companion-ambiguous"
            if inside and code in ("", "companion-media-error-page"):
                media[slot : slot + 1] = [_held(place, entry, status, not code)]
    kind = _KIND.get(media[0].kind, post.kind) if media and not post.media else post.kind
    return replace(post, media=tuple(media), kind=kind)


_KIND = {MediaKind.video: PostKind.video, MediaKind.image: PostKind.photo_set}


def _first_index(files: list[tuple[Entry, Named]], places: int) -> int | None:
    """Whether pictures of a set are counted from 0 or from 1, told by the numbers seen; None if both are possible.

    A file without a number is the zeroth: browsers add `(1)` to the second.
    """
    seen = {named.index or 0 for _, named in files}
    if 0 in seen:
        return 0
    return 1 if places in seen or places == 1 else None


def _judged(entries: list[Entry], place: Medium | None) -> Iterator[tuple[Entry, str]]:
    """Each file that claims one place, with its outcome; the one that is used, if any, has ""."""
    if place and place.held:
        yield from ((entry, "same-bytes" if entry.sha256 == place.sha256 else "companion-ambiguous") for entry in entries)
        return
    wanted = place.kind if place else MediaKind.unknown
    media = [entry for entry in entries if sniff_medium(entry.head)]
    fitting = [entry for entry in media if wanted in (MediaKind.unknown, sniff_medium(entry.head))]
    ambiguous = len({entry.sha256 for entry in fitting}) > 1
    used = fitting[0].locator if fitting and not ambiguous else None
    good, any_medium = {entry.locator for entry in fitting}, {entry.locator for entry in media}
    for entry in entries:
        if entry.locator == used:
            yield entry, ""
        elif entry.locator in good:
            yield entry, "companion-ambiguous" if ambiguous else "same-bytes"
        elif entry.locator in any_medium:
            yield entry, "companion-kind-clash"
        else:
            yield entry, "not-media" if used else "companion-media-error-page"


def _held(medium: Medium | None, entry: Entry, status: MediaStatus, is_medium: bool) -> Medium:
    medium = medium or Medium(ref="", kind=sniff_medium(entry.head) or MediaKind.unknown, status=MediaStatus.missing)
    if not is_medium:
        return replace(medium, status=MediaStatus.not_media)
    return attached(medium, entry, status)


def attached(medium: Medium, entry: Entry, status: MediaStatus) -> Medium:
    """The medium with its bytes, of the kind the bytes show."""
    held = Held(locator=entry.locator, size=entry.size, sha256=entry.sha256 or "")
    kind = medium.kind if medium.kind is not MediaKind.unknown else sniff_medium(entry.head) or medium.kind
    return replace(medium, status=status, held=held, sha256=entry.sha256, size=entry.size, kind=kind)
