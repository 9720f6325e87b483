"""Safe reading of what was handed in: ZIP, ZIP in ZIP, bare JSON, loose media.

`survey` reads every source once, counting and digesting real bytes, and says what each entry is and what is wrong with it.
Entries are streamed and never extracted; to read one again, `openings.open_held` takes its locator. Memory is flat but for archives
within archives, which are unpacked into an enciphered file without a name beyond 64 MiB.
"""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, BinaryIO

from preservation.errors import DepositUnusable
from preservation.model.export import Note
from preservation.model.policy import IntakePolicy
from preservation.stages.intake import zip_members
from preservation.stages.intake.ciphered import spooled
from preservation.stages.intake.sources import Source, write_locator
from preservation.stages.intake.zip_members import MIB, UNREADABLE

CHUNK = MIB
HEAD = 512
IN_MEMORY = 64 * MIB
RATIO_COUNTS_FROM = MIB  # small files of blanks may shrink a thousandfold and do no harm


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, loose or in an archive. `problem` is a code; an entry with one was not taken."""

    source: int  # position in the sequence of sources
    path: str  # as displayed, `outer.zip!/inner.json` within nested archives; content, not fit for a log
    name: str  # the innermost member's name
    locator: str
    size: int = 0  # bytes really read
    sha256: str | None = None
    crc32: str | None = None
    modified: str | None = None
    head: bytes = b""
    problem: str = ""
    ignored: str = ""  # a code, for folders and debris
    nested: bool = False  # an archive whose members follow


@dataclass(slots=True)
class Budget:
    """What may still be read. `left` is in unpacked bytes, `members` in entries."""

    left: int
    members: int


class OverBudget(Exception):
    """More bytes came out than the policy allows; `code` says which limit."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def survey(sources: Sequence[Source], policy: IntakePolicy, companions: int = 0) -> list[Entry]:
    """Read every source once. The last `companions` sources are media handed in beside the export: never opened as archives.

    Raises DepositUnusable for an export that is empty or cut off: empty-file,
    archive-truncated, archive-damaged, too-many-members.
    """
    found, budget, seen = list[Entry](), Budget(policy.max_total, policy.max_members), Counter[str]()
    for position, source in enumerate(sources):
        walk = _Walk(found, budget, policy, position, (source.name, seen[source.name]))
        seen[source.name] += 1
        loose_only = position >= len(sources) - companions
        if source.size == 0 and not loose_only and not zip_members.is_debris(source.name):
            raise _empty(position)
        with source.open() as stream:
            _survey_source(walk, source, stream, loose_only)
    return found


@dataclass(slots=True)
class _Walk:
    """One source on its way through: where it is, what may still be read, what was found."""

    found: list[Entry]
    budget: Budget
    policy: IntakePolicy
    source: int
    place: tuple[str, int]  # how its locators begin


def _survey_source(walk: _Walk, source: Source, stream: BinaryIO, loose_only: bool) -> None:
    head = stream.read(HEAD)
    stream.seek(0)
    if zip_members.looks_like_zip(head) and not loose_only:
        whole = walk.budget
        walk.budget = _archive_budget(whole, walk.policy, source.size)
        before = walk.budget.left
        _survey_zip(walk, (), "", stream)
        whole.left, whole.members = whole.left - (before - walk.budget.left), walk.budget.members
        return
    entry = Entry(walk.source, source.name, source.name, write_locator(*walk.place))
    if zip_members.is_debris(source.name):
        walk.found.append(replace(entry, size=source.size, ignored="debris"))
        return
    walk.found.append(_known(walk, entry, source, head) if source.sha256 else _digested(walk, entry, stream, None))


def _known(walk: _Walk, entry: Entry, source: Source, head: bytes) -> Entry:
    """A loose file that was digested on receiving. What packaging reads of it is compared with that digest."""
    if source.size > walk.budget.left:
        return replace(entry, size=source.size, problem="total-limit")
    walk.budget.left -= source.size
    return replace(entry, size=source.size, head=head, sha256=source.sha256)


def _archive_budget(budget: Budget, policy: IntakePolicy, size: int) -> Budget:
    """An archive as a whole may not unpack beyond the ratio either: members of a bomb can share their packed bytes."""
    return Budget(min(budget.left, max(16 * MIB, size * policy.max_ratio)), budget.members)


def _survey_zip(walk: _Walk, trail: tuple[int, ...], prefix: str, stream: BinaryIO) -> None:
    with zip_members.open_directory(stream, walk.budget.members) as archive:
        walk.budget.members -= len(archive.infolist())
        for index, info in enumerate(archive.infolist()):
            here = (*trail, index)
            entry = _described(walk, info, here, prefix)
            entry = entry if entry.problem or entry.ignored else _read_member(walk, archive, stream, info, entry)
            if entry.problem or entry.ignored or not zip_members.looks_like_zip(entry.head):
                walk.found.append(entry)
            else:
                _survey_nested(walk, here, entry, archive, info)


def _survey_nested(walk: _Walk, trail: tuple[int, ...], entry: Entry, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """An archive in an archive. Beyond `max_depth`, or unreadable, it becomes one refused member among others."""
    if len(trail) > walk.policy.max_depth:
        walk.found.append(replace(entry, problem="nested-too-deep"))
        return
    at = len(walk.found)
    walk.found.append(replace(entry, nested=True))
    try:
        with archive.open(info) as packed, spooled(packed) as inner:
            _survey_zip(walk, trail, f"{entry.path}!/", inner)
    except DepositUnusable as refused:
        walk.found[at:] = [replace(entry, problem=refused.code)]


def _described(walk: _Walk, info: zipfile.ZipInfo, trail: tuple[int, ...], prefix: str) -> Entry:
    name = zip_members.display_name(info)
    ignored = "folder" if zip_members.is_folder(info, name) else "debris" if zip_members.is_debris(name) else ""
    return Entry(
        source=walk.source,
        path=prefix + name,
        name=name,
        locator=write_locator(*walk.place, trail),
        size=info.file_size,
        crc32=f"{info.CRC:08x}",
        modified="{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*info.date_time),
        ignored=ignored,
        problem="" if ignored else zip_members.refusal(info, name) or "",
    )


def _read_member(walk: _Walk, archive: zipfile.ZipFile, stream: BinaryIO, info: zipfile.ZipInfo, entry: Entry) -> Entry:
    if zip_members.headers_disagree(stream, info):
        return replace(entry, problem="header-mismatch")
    if info.file_size > RATIO_COUNTS_FROM and info.file_size > info.compress_size * walk.policy.max_ratio:
        return replace(entry, problem="bomb")
    try:
        with archive.open(info) as member:
            return _digested(walk, entry, member, info.compress_size)
    except UNREADABLE as error:
        crc = isinstance(error, zipfile.BadZipFile) and "CRC" in str(error)
        return replace(entry, problem="crc-mismatch" if crc else "unreadable")


def _digested(walk: _Walk, entry: Entry, stream: IO[bytes], packed: int | None) -> Entry:
    """Read to the end, counting. Sizes that were only declared play no part."""
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        for chunk in counted(stream, packed, walk.budget, walk.policy):
            head = head or chunk[:HEAD]
            size += len(chunk)
            digest.update(chunk)
    except OverBudget as over:
        return replace(entry, size=size, problem=over.code)
    return replace(entry, size=size, head=head, sha256=digest.hexdigest())


def counted(stream: IO[bytes], packed: int | None, budget: Budget, policy: IntakePolicy) -> Iterator[bytes]:
    """The stream's bytes in chunks, taken from the budget; raises OverBudget("bomb" or "total-limit")."""
    size = 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        budget.left -= len(chunk)
        if packed is not None and size > max(RATIO_COUNTS_FROM, packed * policy.max_ratio):
            raise OverBudget("bomb")
        if budget.left < 0:
            raise OverBudget("total-limit")
        yield chunk


def notes(entries: Sequence[Entry]) -> list[Note]:
    """One warning per kind of problem, with a count and no name."""
    counts = Counter(entry.problem for entry in entries if entry.problem)
    found = [
        Note(code=code, message=PROBLEMS.get(code, "{n} members could not be read").format(n=n)) for code, n in counts.items()
    ]
    repeated = duplicates(entries)
    if repeated:
        text = f"{repeated} names occur more than once with different bytes; every one is kept apart, none is preferred"
        found.append(Note(code="duplicate-member", message=text))
    return found


def duplicates(entries: Sequence[Entry]) -> int:
    """How many member names of one archive stand for more than one content."""
    contents: dict[tuple[int, str], set[str | None]] = {}
    for entry in entries:
        if not entry.ignored and not entry.problem:
            contents.setdefault((entry.source, entry.path), set()).add(entry.sha256)
    return sum(len(digests) > 1 for digests in contents.values())


PROBLEMS = {
    "encrypted": "{n} members need a password and were not read",
    "symlink": "{n} members are links; links are never followed or made",
    "not-a-regular-file": "{n} members are neither files nor folders",
    "unsafe-name": "{n} members have names that lead out of their folder and were left out",
    "header-mismatch": "{n} members have two headers that disagree and were left out",
    "bomb": "{n} members unpack to far more than any export does and were left out",
    "total-limit": "{n} members were left out because the limit on unpacked bytes was reached",
    "crc-mismatch": "{n} members do not match their checksum and were left out",
    "unreadable": "{n} members could not be unpacked",
    "nested-too-deep": "{n} archives lie deeper in other archives than the policy allows",
    "archive-truncated": "{n} archives within the archive are cut off",
    "archive-damaged": "{n} archives within the archive are damaged",
    "too-many-members": "{n} archives within the archive list too many members",
}


def _empty(position: int) -> DepositUnusable:
    return DepositUnusable("empty-file", f"file {position + 1} is empty", remedy="download the export again from the platform")
