"""Reading exports: from files as handed in to one report per account. Changes nothing, fetches nothing.

read_exports(sources, media)     every file read once, data files recognised by content, exports of one account merged
open_held(sources + media, ...)  (archive.py) the bytes of any medium or member again
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from preservation.errors import DepositUnusable
from preservation.model.export import Account, ExportReport, MediaStatus, Note, Post
from preservation.model.policy import IntakePolicy
from preservation.stages.intake import archive, companions
from preservation.stages.intake.archive import Entry, open_held, survey
from preservation.stages.intake.exports import instagram, tiktok
from preservation.stages.intake.json_reading import JsonReading, looks_like_json, read_json
from preservation.stages.intake.lookup import find_member
from preservation.stages.intake.media_kind import sniff_medium
from preservation.stages.intake.members import Fates, fates_of
from preservation.stages.intake.merging import merge
from preservation.stages.intake.sources import Source

_OTHER_PLATFORMS = (
    ("instagram", r"your_instagram_activity/|media/posts/\d{6}/"),
    ("youtube", r"takeout[/-]"),
    ("x", r"data/(tweets?|account|manifest)\.js$"),
    ("mastodon", r"(^|/)outbox\.json$"),
    ("facebook", r"your_facebook_activity/"),
    ("snapchat", r"memories_history\.json$"),
    ("tiktok as TXT", r"(^|/)tiktok/.*\.txt$|videos/videos\.txt$|posts?/posts?\.txt$"),
)
_MEDIA_NAME = re.compile(r"\.(mp4|mov|webm|m4v|jpe?g|png|webp|heic|gif)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file that was read as an export, or the error that kept it from being read; neither, if it is a copy of another."""

    entry: Entry
    report: ExportReport | None
    error: Note | None = None


def read_exports(
    sources: Sequence[Source], media: Sequence[Source] = (), policy: IntakePolicy | None = None, at: datetime | None = None
) -> list[ExportReport]:
    """One report per account. `media` were handed in beside the exports; `at`, if given, tells which links have expired.

    Problems of members and documents are notes in the reports. Raises DepositUnusable only where a file as a whole is
    nothing we can read: not-a-zip, archive-truncated, archive-damaged, empty-file, too-many-members, nothing-handed-in.
    """
    if not sources:
        raise DepositUnusable("nothing-handed-in", "no export was given", remedy="give the file the platform sent")
    policy = policy or IntakePolicy()
    together = [*sources, *media]
    entries = survey(together, policy, companions=len(media))
    _refuse_strangers([entry for entry in entries if entry.source < len(sources)], len(sources))
    files = list(_data_files(together, [entry for entry in entries if entry.source < len(sources)], policy))
    reports = [*_accounts(files, entries), *_failures(files, entries, len(sources))]
    return [_finished(report, at) for report in _with_companions(reports, entries, len(sources), files)]


@dataclass(frozen=True, slots=True)
class Draft:
    """A report on its way: which data files it was made of."""

    report: ExportReport
    files: tuple[DataFile, ...]

    @property
    def sources(self) -> frozenset[int]:
        """Positions of the sources its data came from."""
        return frozenset(file.entry.source for file in self.files)


def _refuse_strangers(entries: Sequence[Entry], n: int) -> None:
    """A loose file that is no archive, no JSON and no medium is refused: most often a web page saved under the export's name."""
    for entry in entries:
        loose = not entry.ignored and entry.crc32 is None
        if loose and not looks_like_json(entry.head) and not sniff_medium(entry.head):
            raise DepositUnusable(
                "not-a-zip",
                f"file {entry.source + 1} of {n} ({entry.size} bytes) is neither a ZIP archive nor JSON",
                remedy="download the export again while the platform's link is valid, and hand in the ZIP itself",
            )


def _data_files(sources: Sequence[Source], entries: Sequence[Entry], policy: IntakePolicy) -> Iterator[DataFile]:
    """Every JSON document that is an export of a platform we read, and every one that should be and cannot be read."""
    digests: set[str | None] = set()
    for entry in entries:
        names = _names(sources[entry.source].name, entry.path)
        if entry.problem and _named_as_data(entry):
            yield DataFile(entry, None, _unread(entry))
        elif not _readable(entry) or not looks_like_json(entry.head):
            continue
        elif entry.sha256 in digests:
            yield DataFile(entry, None)
        else:
            digests.add(entry.sha256)
            with open_held(sources, entry.locator) as stream:
                reading = read_json(stream, policy.max_json, policy.max_json_depth)
            if reading.error:
                yield DataFile(entry, None, reading.error)
            elif tiktok.recognise(reading.value, names):
                yield DataFile(entry, _read_document(reading, names))
            elif instagram.recognise(reading.value, names):
                found = instagram.read(reading.value)
                yield DataFile(entry, found.model_copy(update={"warnings": (*reading.notes, *found.warnings)}))


def _read_document(reading: JsonReading, names: Sequence[str]) -> ExportReport:
    document: Any = reading.value
    if not isinstance(tiktok.unwrapped(document), dict):
        document = {}
    report = tiktok.read(document, names)
    return report.model_copy(update={"warnings": (*reading.notes, *report.warnings)})


def _names(source: str, path: str) -> list[str]:
    """Everything a document is called: its source, the folders and archives it lies in, its own name."""
    return [source, *re.split(r"!/|[/\\]", path)]


def _named_as_data(entry: Entry) -> bool:
    return bool(re.search(r"user_data[^/\\]*\.json$", entry.name, re.IGNORECASE))


def _unread(entry: Entry) -> Note:
    return Note(code=entry.problem, message="the data file of the export could not be read")


def _accounts(files: Sequence[DataFile], entries: Sequence[Entry]) -> Iterator[Draft]:
    """Exports grouped by platform and account, and merged; a part without a handle joins the account it was packed with."""
    groups: dict[tuple[str, str], list[DataFile]] = {}
    for file in files:
        if file.report:
            key = (file.report.platform, _account_key(file, files))
            groups.setdefault(key, []).append(file)
    for group in groups.values():
        resolved = [_with_members(file.report, _beside(file, entries)) for file in group if file.report]
        digests = {file.entry.sha256 for file in group}
        copies = [file for file in files if not file.report and not file.error and file.entry.sha256 in digests]
        yield Draft(merge(resolved), (*group, *copies))


def _account_key(file: DataFile, files: Sequence[DataFile]) -> str:
    handle = file.report.account.handle if file.report else None
    if handle:
        return handle.casefold()
    near = {other.report.account.handle for other in files if other.report and other.entry.source == file.entry.source} - {None}
    return str(near.pop()).casefold() if len(near) == 1 else f"\x00{file.entry.locator}"


def _beside(file: DataFile, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.source == file.entry.source]


def _with_members(report: ExportReport, entries: Sequence[Entry]) -> ExportReport:
    """Media that posts refer to by a path within the archive, found there."""

    def found(post: Post) -> Post:
        media = list(post.media)
        for n, medium in enumerate(media):
            entry = find_member(entries, medium.ref) if medium.status is MediaStatus.missing else None
            if entry:
                media[n] = companions.attached(medium, entry, MediaStatus.in_archive)
        return replace(post, media=tuple(media))

    return report.model_copy(
        update={"posts": tuple(map(found, report.posts)), "deleted_posts": tuple(map(found, report.deleted_posts))}
    )


def _failures(files: Sequence[DataFile], entries: Sequence[Entry], n_sources: int) -> Iterator[Draft]:
    """A report without posts for every data file that could not be read, and for every source that is no export we read."""
    for file in files:
        if file.error and (_named_as_data(file.entry) or not _read_in(file.entry.source, files)):
            yield Draft(_failed("tiktok" if _named_as_data(file.entry) else "unknown", file.error), (file,))
    accounted = {file.entry.source for file in files}
    for position in sorted(set(range(n_sources)) - accounted):
        own = [entry for entry in entries if entry.source == position]
        if any(not entry.ignored and not _is_medium(entry) for entry in own) or (not files and position == 0):
            yield Draft(_failed("unknown", _unknown_platform(own)), tuple(DataFile(entry, None) for entry in own[:1]))


def _read_in(source: int, files: Sequence[DataFile]) -> bool:
    return any(file.report and file.entry.source == source for file in files)


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
    return Note(code="unknown-platform", message=f"no export that can be read was found: {likely}; readable now: tiktok (JSON)")


def _is_medium(entry: Entry) -> bool:
    return bool(sniff_medium(entry.head) or _MEDIA_NAME.search(entry.name))


def _with_companions(
    drafts: Sequence[Draft], entries: Sequence[Entry], n_sources: int, files: Sequence[DataFile]
) -> Iterator[ExportReport]:
    """Match loose and packed media to the posts of all reports at once, and give every member its fate."""
    used = {medium.held.locator for draft in drafts for post in _all_posts(draft.report) for medium in post.media if medium.held}
    loose = [entry for entry in entries if _is_companion(entry, n_sources) and entry.locator not in used]
    packed = [
        entry
        for entry in entries
        if entry.crc32 is not None and _is_medium(entry) and _readable(entry) and entry.locator not in used
    ]
    posts = [post for draft in drafts for post in _all_posts(draft.report)]
    by_hand = companions.match(posts, loose, MediaStatus.handed_in)
    matching = companions.match(by_hand.posts, packed, MediaStatus.in_archive)
    # a picture in the archive that names no post is for the list of members; only what was handed in beside it deserves a warning
    copies = {file.entry.locator: "same-bytes" for file in files if not file.report and not file.error}
    outcome = {**matching.outcome, **by_hand.outcome, **copies}
    at = 0
    for draft in drafts:
        n, m = len(draft.report.posts), len(draft.report.deleted_posts)
        report = draft.report.model_copy(
            update={"posts": tuple(matching.posts[at : at + n]), "deleted_posts": tuple(matching.posts[at + n : at + n + m])}
        )
        at += n + m
        yield _completed(draft, report, entries, n_sources, Fates(outcome, used), by_hand.notes(), files)


def _completed(
    draft: Draft,
    report: ExportReport,
    entries: Sequence[Entry],
    n_sources: int,
    fates: Fates,
    notes: Sequence[Note],
    files: Sequence[DataFile],
) -> ExportReport:
    own = [
        entry
        for entry in entries
        if entry.source in draft.sources or entry.source >= n_sources or _is_companion(entry, n_sources)
    ]
    read = {file.entry.locator for file in draft.files if file.report}
    others = {file.entry.locator for file in files if file.report} - read
    failed = {file.entry.locator: file.error.code for file in files if file.error}
    members = fates_of(own, fates, read, others, failed, report)
    broken = (
        []
        if report.errors and not report.posts
        else [Note(code=c, message="a JSON member could not be read") for c in failed.values()]
    )
    warnings = (*report.warnings, *archive.notes(own), *notes, *(note for note in broken if note not in report.errors))
    return report.model_copy(update={"members": tuple(members), "warnings": tuple(dict.fromkeys(warnings))})


def _all_posts(report: ExportReport) -> list[Post]:
    return [*report.posts, *report.deleted_posts]


def _readable(entry: Entry) -> bool:
    return not entry.problem and not entry.ignored and not entry.nested


def _is_companion(entry: Entry, n_sources: int) -> bool:
    """A loose file handed in as a medium, or among the exports and a medium by its bytes."""
    return _readable(entry) and entry.crc32 is None and (entry.source >= n_sources or sniff_medium(entry.head) is not None)


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
