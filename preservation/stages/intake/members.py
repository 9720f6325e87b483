"""What became of every member of what was handed in, so that nothing is lost silently."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from preservation.model.export import ExportReport, Member, MemberFate, Post
from preservation.stages.intake.archive import Entry
from preservation.stages.intake.media_kind import sniff_medium

POST_LISTS = ("posts", "deleted_posts", "stories")  # of a report


@dataclass(frozen=True, slots=True)
class Fates:
    """What is known of the media: the outcome of matching by locator ("" if used), and locators that posts refer to."""

    outcome: Mapping[str, str]
    referenced: set[str]
    read: set[str]  # data files of any report
    failed: Mapping[str, str]  # data files that could not be read, with why


def all_posts(report: ExportReport) -> Iterator[Post]:
    """Posts, deleted posts and stories, in the order of `POST_LISTS`."""
    return chain(report.posts, report.deleted_posts, report.stories)


def fates_of(entries: Sequence[Entry], fates: Fates, read: set[str], report: ExportReport) -> list[Member]:
    """One `Member` per entry. `read`: data files of this report."""
    mine = {medium.held.locator for post in all_posts(report) for medium in post.media if medium.held}
    parts = {part.name.casefold(): part.decision for part in report.sections}
    return [_member(entry, *_fate(entry, fates, read, mine, parts)) for entry in entries]


def _fate(entry: Entry, fates: Fates, read: set[str], mine: set[str], parts: Mapping[str, str]) -> tuple[MemberFate, str]:
    if entry.ignored:
        return MemberFate.ignored, entry.ignored
    if entry.problem or entry.locator in fates.failed:
        return MemberFate.refused, entry.problem or fates.failed[entry.locator]
    if entry.locator in read:
        return (MemberFate.left_out, "never-taken") if _never(entry.path, parts) else (MemberFate.kept_in_part, "")
    if entry.locator in mine:
        return MemberFate.kept, ""
    if entry.locator in fates.read or entry.locator in fates.referenced or fates.outcome.get(entry.locator) == "":
        return MemberFate.left_out, "another-account"
    if entry.nested:
        return MemberFate.left_out, "archive-within"
    return _unused(entry, fates.outcome.get(entry.locator))


def _never(path: str, parts: Mapping[str, str]) -> bool:
    """Whether a file that is one part of an export (a text file) is one that is never taken; its name is the end of its path."""
    steps = path.rpartition("!/")[2].replace("\\", "/").casefold().split("/")
    tails = ("/".join(steps[at:]) for at in range(len(steps)))
    return next((parts[tail] for tail in tails if tail in parts), "") == "never"


def _unused(entry: Entry, code: str | None) -> tuple[MemberFate, str]:
    if code in ("companion-media-error-page", "not-media"):
        return MemberFate.refused, "not-media"
    if code == "same-bytes":
        return MemberFate.ignored, code
    if code or sniff_medium(entry.head):
        return MemberFate.unmatched, code or "companion-unmatched"
    return MemberFate.left_out, "no-known-part"


def _member(entry: Entry, fate: MemberFate, note: str) -> Member:
    return Member(
        path=entry.path,
        size=entry.size,
        crc32=entry.crc32,
        sha256=entry.sha256,
        modified=entry.modified,
        fate=fate,
        note=note,
    )
