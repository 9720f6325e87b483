"""What became of every member of what was handed in, so that nothing is lost silently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preservation.model.export import ExportReport, Member, MemberFate
from preservation.stages.intake.archive import Entry
from preservation.stages.intake.media_kind import sniff_medium


@dataclass(frozen=True, slots=True)
class Fates:
    """What is known of the media: the outcome of matching by locator ("" if used), and locators that posts refer to."""

    outcome: Mapping[str, str]
    referenced: set[str]


def fates_of(
    entries: Sequence[Entry], fates: Fates, read: set[str], others: set[str], failed: Mapping[str, str], report: ExportReport
) -> list[Member]:
    """One `Member` per entry. `read`: data files of this report; `others`: of other accounts; `failed`: unreadable, with code."""
    mine = {medium.held.locator for post in (*report.posts, *report.deleted_posts) for medium in post.media if medium.held}
    return [_member(entry, *_fate(entry, fates, read, others, failed, mine)) for entry in entries]


def _fate(
    entry: Entry, fates: Fates, read: set[str], others: set[str], failed: Mapping[str, str], mine: set[str]
) -> tuple[MemberFate, str]:
    if entry.ignored:
        return MemberFate.ignored, entry.ignored
    if entry.problem or entry.locator in failed:
        return MemberFate.refused, entry.problem or failed[entry.locator]
    if entry.locator in read:
        return MemberFate.kept_in_part, ""
    if entry.locator in mine:
        return MemberFate.kept, ""
    if entry.locator in others or entry.locator in fates.referenced or fates.outcome.get(entry.locator) == "":
        return MemberFate.left_out, "another-account"
    if entry.nested:
        return MemberFate.left_out, "archive-within"
    return _unused(entry, fates.outcome.get(entry.locator))


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
