"""Reading exports: from files as handed in to one report per account. Changes nothing, fetches nothing.

read_exports(sources, media)     every file read once, data files recognised by content, exports of one account merged
open_held(sources + media, ...)  (openings.py) the bytes of any medium or member again
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from preservation.errors import DepositUnusable
from preservation.model.export import Account, ExportReport, MediaStatus, Note, Post
from preservation.model.policy import IntakePolicy
from preservation.stages.intake import archive, companions
from preservation.stages.intake.accounts import by_account
from preservation.stages.intake.archive import Entry, survey
from preservation.stages.intake.companions import Matching
from preservation.stages.intake.data_files import DataFile, Progress, data_files, loose_texts, named_as_data, readable
from preservation.stages.intake.json_reading import looks_like_json
from preservation.stages.intake.lookup import Members
from preservation.stages.intake.media_kind import sniff_medium
from preservation.stages.intake.members import POST_LISTS, Fates, all_posts, fates_of
from preservation.stages.intake.merging import merge
from preservation.stages.intake.sources import Source

_OTHER_PLATFORMS = (
    ("instagram", r"your_instagram_activity/|media/posts/\d{6}/"),
    ("youtube", r"takeout[/-]"),
    ("x", r"data/(tweets?|account|manifest)\.js$"),
    ("mastodon", r"(^|/)outbox\.json$"),
    ("facebook", r"your_facebook_activity/"),
    ("snapchat", r"memories_history\.json$"),
)
MOST_TOGETHER = 20  # accounts in one call that list each other's files; a deposit is of one
READABLE_NOW = "tiktok (JSON and TXT)"
_MEDIA_NAME = re.compile(r"\.(mp4|mov|webm|m4v|jpe?g|png|webp|heic|gif)$", re.IGNORECASE)


def read_exports(
    sources: Sequence[Source],
    media: Sequence[Source] = (),
    policy: IntakePolicy | None = None,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> list[ExportReport]:
    """One report per account. `media` were handed in beside the exports; `at`, if given, tells which links have expired.
    `progress` hears how many bytes of the data files were read, of how many.

    Problems of members and documents are notes in the reports. Raises DepositUnusable only where a file as a whole is
    nothing we can read: not-a-zip, archive-truncated, archive-damaged, empty-file, too-many-members, nothing-handed-in.
    """
    if not sources:
        raise DepositUnusable("nothing-handed-in", "no export was given", remedy="give the file the platform sent")
    policy = policy or IntakePolicy()
    together = [*sources, *media]
    entries = survey(together, policy, companions=len(media))
    handed_in = [entry for entry in entries if entry.source < len(sources)]
    _refuse_strangers(handed_in, len(sources), loose_texts(together, handed_in))
    files = list(data_files(together, handed_in, policy, progress))
    drafts = list(_accounts(files, entries))
    owners = _owners(drafts, files)
    reports = [*_with_failures(drafts, files, owners), *_failures(files, entries, len(sources), owners)]
    return [_finished(report, at) for report in _with_companions(reports, entries, len(sources), files)]


@dataclass(frozen=True, slots=True)
class Draft:
    """A report on its way: which data files it was made of."""

    report: ExportReport
    files: tuple[DataFile, ...]

    def sources(self) -> frozenset[int]:
        """Positions of the sources its data came from."""
        return frozenset(entry.source for file in self.files for entry in file.entries)


def _refuse_strangers(entries: Sequence[Entry], n: int, texts: set[str]) -> None:
    """A loose file that is no archive, JSON, medium or text of an export is refused: most often a web page saved under its name."""
    for entry in entries:
        loose = not entry.ignored and entry.crc32 is None and entry.locator not in texts
        if loose and not looks_like_json(entry.head) and not sniff_medium(entry.head):
            raise DepositUnusable(
                "not-a-zip",
                f"file {entry.source + 1} of {n} ({entry.size} bytes) is neither a ZIP archive nor JSON, nor a text file of an export",
                remedy="download the export again while the platform's link is valid, and hand in the ZIP itself",
            )


def _accounts(files: Sequence[DataFile], entries: Sequence[Entry]) -> Iterator[Draft]:
    """Exports grouped by platform and account, and merged; a part without a handle joins the account it was packed with."""
    groups = by_account(files)
    copies: dict[frozenset[str | None], list[DataFile]] = {}
    for file in files:
        if file.copy:
            copies.setdefault(_digests(file), []).append(file)
    beside: dict[int, list[Entry]] = {}
    for entry in entries:
        beside.setdefault(entry.source, []).append(entry)
    members = {source: Members(own) for source, own in beside.items()}
    for group in groups:
        resolved = [_with_members(report, members[file.entry.source]) for file in group if (report := _take(file))]
        yield Draft(merge(resolved), (*group, *(copy for file in group for copy in copies.pop(_digests(file), []))))


def _take(file: DataFile) -> ExportReport | None:
    """The report, let go of by the file: all its posts would be kept twice otherwise."""
    report, file.report, file.taken = file.report, None, True
    return report


def _digests(file: DataFile) -> frozenset[str | None]:
    return frozenset(entry.sha256 for entry in file.entries)


def _with_members(report: ExportReport, members: Members) -> ExportReport:
    """Media that posts refer to by a path within the archive, found there."""

    def found(post: Post) -> Post:
        if all(medium.status is not MediaStatus.missing for medium in post.media):
            return post
        media = list(post.media)
        for n, medium in enumerate(media):
            entry = members.find(medium.ref) if medium.status is MediaStatus.missing else None
            if entry:
                media[n] = companions.attached(medium, entry, MediaStatus.in_archive)
        return replace(post, media=tuple(media))

    return report.model_copy(update={name: tuple(map(found, getattr(report, name))) for name in POST_LISTS})


def _owners(drafts: Sequence[Draft], files: Sequence[DataFile]) -> dict[int, Draft]:
    """Which account each data file that could not be read (by its place in `files`) was packed with, if with one alone."""
    near: dict[int, list[Draft]] = {}
    for draft in drafts:
        for source in draft.sources():
            near.setdefault(source, []).append(draft)
    failed = [(at, file) for at, file in enumerate(files) if file.error and named_as_data(file.entry)]
    found = [(at, near.get(file.entry.source, ())) for at, file in failed]
    return {at: drafts[0] for at, drafts in found if len(drafts) == 1}


def _with_failures(drafts: Sequence[Draft], files: Sequence[DataFile], owners: Mapping[int, Draft]) -> Iterator[Draft]:
    """The accounts, each with the errors of its data files that could not be read: a part is missing, and nobody knows which."""
    failed: dict[int, list[Note]] = {}
    for at, owner in owners.items():
        failed.setdefault(id(owner), []).extend(filter(None, [files[at].error]))
    for draft in drafts:
        errors = tuple(dict.fromkeys((*draft.report.errors, *failed.get(id(draft), ()))))
        yield Draft(draft.report.model_copy(update={"errors": errors}), draft.files) if id(draft) in failed else draft


def _failures(
    files: Sequence[DataFile], entries: Sequence[Entry], n_sources: int, owners: Mapping[int, Draft]
) -> Iterator[Draft]:
    """A report without posts for every data file that could not be read and was packed with no account of its own, and for every
    source that is no export we read.
    """
    read_in = {entry.source for file in files if file.read for entry in file.entries}
    for at, file in enumerate(files):
        if file.error and at not in owners and (named_as_data(file.entry) or file.entry.source not in read_in):
            yield Draft(_failed("tiktok" if named_as_data(file.entry) else "unknown", file.error), (file,))
    accounted = {entry.source for file in files for entry in file.entries}
    rest: dict[int, list[Entry]] = {position: [] for position in range(n_sources) if position not in accounted}
    for entry in entries:
        rest.get(entry.source, []).append(entry)
    for position, own in rest.items():
        if any(not entry.ignored and not _is_medium(entry) for entry in own) or (not files and position == 0):
            yield Draft(_failed("unknown", _unknown_platform(own)), tuple(DataFile((entry,)) for entry in own[:1]))


def _failed(platform: str, error: Note) -> ExportReport:
    return ExportReport(
        platform=platform, generation=None, format=None, account=Account(handle=None), exported_at_utc=None, errors=(error,)
    )


def _unknown_platform(entries: Sequence[Entry]) -> Note:
    """What the names of the members look like, never the names themselves."""
    unread = sorted({entry.problem for entry in entries if entry.problem})
    if unread and all(entry.problem or entry.ignored for entry in entries):
        return Note(code=unread[0], message="none of the members could be read")
    paths = [entry.path.replace("\\", "/") for entry in entries]
    seen = [name for name, pattern in _OTHER_PLATFORMS if any(re.search(pattern, path, re.IGNORECASE) for path in paths)]
    likely = f"it looks like {' and '.join(seen)}" if seen else f"{len(entries)} members, none of a layout we know"
    return Note(code="unknown-platform", message=f"no export that can be read was found: {likely}; readable now: {READABLE_NOW}")


def _is_medium(entry: Entry) -> bool:
    return bool(sniff_medium(entry.head) or _MEDIA_NAME.search(entry.name))


def _with_companions(
    drafts: Sequence[Draft], entries: Sequence[Entry], n_sources: int, files: Sequence[DataFile]
) -> Iterator[ExportReport]:
    """Match loose and packed media to the posts of all reports at once, and give every member its fate."""
    used = {medium.held.locator for draft in drafts for post in all_posts(draft.report) for medium in post.media if medium.held}
    loose = [entry for entry in entries if _is_companion(entry, n_sources) and entry.locator not in used]
    packed = [
        entry
        for entry in entries
        if entry.crc32 is not None and _is_medium(entry) and readable(entry) and entry.locator not in used
    ]
    matching = Matching([post for draft in drafts for post in all_posts(draft.report)])
    outcome = companions.match(matching, loose, MediaStatus.handed_in)
    notes = companions.notes(outcome)
    # a picture in the archive that names no post is for the list of members; only what was handed in beside it deserves a warning
    in_archive = companions.match(matching, packed, MediaStatus.in_archive)
    copies = {entry.locator: "same-bytes" for file in files if file.copy for entry in file.entries}
    fates = Fates({**in_archive, **outcome, **copies}, used, *_outcomes(files))
    posts, listing = iter(matching.posts), _Listing(drafts, entries, n_sources)
    for draft in drafts:
        matched = {name: tuple(islice(posts, len(getattr(draft.report, name)))) for name in POST_LISTS}
        report = draft.report.model_copy(update=matched)
        yield _completed(draft, report, listing.of(draft, report), fates, notes)


def _outcomes(files: Sequence[DataFile]) -> tuple[set[str], dict[str, str]]:
    """Locators of what was read, and of what could not be, with why."""
    read = {entry.locator for file in files if file.read for entry in file.entries}
    return read, {entry.locator: file.error.code for file in files if file.error for entry in file.entries}


class _Listing:
    """What each report lists as its members: everything in its sources, and all loose media.

    Of more than `MOST_TOGETHER` accounts each lists its own files alone, and the first what is nobody's.
    """

    def __init__(self, drafts: Sequence[Draft], entries: Sequence[Entry], n_sources: int) -> None:
        self._crowd = len(drafts) > MOST_TOGETHER
        self._first, self._beside, self._of = drafts[:1], set[int](), dict[int, list[int]]()
        self._entries, self._at = entries, {entry.locator: at for at, entry in enumerate(entries)}
        self._nobodys = set(range(len(entries))) - {at for draft in drafts for at in self._own(draft, draft.report)}
        for at, entry in enumerate(entries):
            self._of.setdefault(entry.source, []).append(at)
            if entry.source >= n_sources or _is_companion(entry, n_sources):
                self._beside.add(at)

    def of(self, draft: Draft, report: ExportReport) -> list[Entry]:
        """In the order they came. `report`: that of the draft, with its media."""
        if self._crowd:
            listed = self._own(draft, report) | (self._nobodys if draft is self._first[0] else set())
        else:
            listed = self._beside.union(*(self._of.get(source, ()) for source in draft.sources()))
        return [self._entries[at] for at in sorted(listed)]

    def _own(self, draft: Draft, report: ExportReport) -> set[int]:
        files = (entry.locator for file in draft.files for entry in file.entries)
        held = (medium.held.locator for post in all_posts(report) for medium in post.media if medium.held)
        return {self._at[locator] for locator in (*files, *held)}


def _completed(draft: Draft, report: ExportReport, own: Sequence[Entry], fates: Fates, notes: Sequence[Note]) -> ExportReport:
    read = {entry.locator for file in draft.files if file.read for entry in file.entries}
    members = fates_of(own, fates, read, report)
    said = {note.code for note in report.errors}
    broken = (
        []
        if report.errors and not report.posts
        else [Note(code=c, message="a JSON member could not be read") for c in fates.failed.values() if c not in said]
    )
    warnings = (*report.warnings, *archive.notes(own), *notes, *broken)
    return report.model_copy(update={"members": tuple(members), "warnings": tuple(dict.fromkeys(warnings))})


def _is_companion(entry: Entry, n_sources: int) -> bool:
    """A loose file handed in as a medium, or among the exports and a medium by its bytes."""
    return readable(entry) and entry.crc32 is None and (entry.source >= n_sources or sniff_medium(entry.head) is not None)


def _finished(report: ExportReport, at: datetime | None) -> ExportReport:
    """Say how many links have died, if the time is known."""
    dead = [
        medium
        for post in report.posts
        for medium in post.media
        if at and medium.status is MediaStatus.link_only and medium.link_expires_at_utc and medium.link_expires_at_utc <= at
    ]
    if not dead:
        return report
    note = Note(code="media-links-expired", message=f"{len(dead)} links to media have expired; ask the creator for the files")
    return report.model_copy(update={"warnings": (*report.warnings, note)})
