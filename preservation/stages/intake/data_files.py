"""The data files among what was handed in: every JSON document and every tree of text files that is an export we read.

Recognised by content, whatever they are called and wherever they lie. A JSON document is a file of its own; the text files of one
archive (or all loose ones together) are one export, and only together say what each of them is.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from preservation.model.export import ExportReport, Note
from preservation.model.policy import IntakePolicy
from preservation.stages.intake.archive import Entry
from preservation.stages.intake.exports import instagram, tiktok, tiktok_txt
from preservation.stages.intake.exports.tiktok_shape import DOCUMENT
from preservation.stages.intake.exports.tiktok_txt import TxtMember
from preservation.stages.intake.json_reading import looks_like_json, read_json
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.sources import Source

Progress = Callable[[int, int], None]
_PIECE = re.compile(r"(?P<whole>.+)[_-](?P<number>\d{1,3})(?: ?\(\d{1,3}\))*\.json", re.IGNORECASE)
_NAMED_AS_DATA = re.compile(r"user_data[^/\\]*\.json$", re.IGNORECASE)


@dataclass(slots=True)
class DataFile:
    """A data file, one entry or several: read as an export, or with the error that kept it from being; else a copy of another.

    `report` is let go of (`taken`) once it has become part of an account's.
    """

    entries: tuple[Entry, ...]
    report: ExportReport | None = None
    error: Note | None = None
    taken: bool = False
    stamp: str = ""  # the platform's own time of export in its name, or that of what it came in
    piece: tuple[str, int] | None = None  # the name of the data file it is a numbered piece of, and which

    @property
    def entry(self) -> Entry:
        """The first of its entries."""
        return self.entries[0]

    @property
    def read(self) -> bool:
        """Whether it was read as an export."""
        return self.taken or self.report is not None

    @property
    def copy(self) -> bool:
        """Whether it has the same bytes as one that was read."""
        return not self.read and not self.error


def data_files(
    sources: Sequence[Source], entries: Sequence[Entry], policy: IntakePolicy, progress: Progress | None = None
) -> Iterator[DataFile]:
    """Every export among the entries, and every file that should be one and cannot be read."""
    with Openings(sources) as openings:
        yield from _data_files(_Place(sources, openings, policy), entries, progress)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where entries are read, and how much of each."""

    sources: Sequence[Source]
    openings: Openings
    policy: IntakePolicy


def _data_files(place: _Place, entries: Sequence[Entry], progress: Progress | None) -> Iterator[DataFile]:
    documents = [entry for entry in entries if readable(entry) and looks_like_json(entry.head)]
    trees = _text_trees(place, entries)
    heard = _Heard(progress, sum(entry.size for entry in documents) + sum(_size(tree) for tree in trees))
    yield from (DataFile((entry,), error=_unread(entry)) for entry in entries if entry.problem and named_as_data(entry))
    digests: set[str | None] = set()
    for entry in documents:
        if entry.sha256 in digests:
            yield DataFile((entry,))
            heard.read(entry.size)
            continue
        digests.add(entry.sha256)
        if found := _read_document(place, entry, heard):
            yield found
    yield from _read_trees(place, trees, heard)


@dataclass(slots=True)
class _Heard:
    """Counts what was read, and tells."""

    progress: Progress | None
    total: int
    done: int = 0

    def read(self, size: int) -> None:
        self.done += size
        if self.progress:
            self.progress(self.done, self.total)


def _read_document(place: _Place, entry: Entry, heard: _Heard) -> DataFile | None:
    """One JSON document; None if it is no export of a platform we know."""
    names, policy = _names(place.sources[entry.source].name, entry.path), place.policy
    listed = instagram.named(names)
    shape = instagram.DOCUMENT if listed else DOCUMENT
    with place.openings.open(entry.locator) as stream:
        reading = read_json(stream, policy.max_json, policy.max_json_depth, shape, progress=heard.read)
    if reading.error:
        return DataFile((entry,), error=reading.error)
    if listed and instagram.recognise(reading.value):
        report = instagram.read(reading.value)
    elif tiktok.recognise(reading.value, names):
        report = tiktok.read(reading.value, names)
    else:
        return None
    report = report.model_copy(update={"warnings": (*reading.notes, *report.warnings)})
    return DataFile((entry,), report, stamp=tiktok.stamp_in(names), piece=_piece(names[-1]))


def _piece(name: str) -> tuple[str, int] | None:
    """`user_data_2.json` is the second piece of `user_data`."""
    found = _PIECE.fullmatch(name)
    return (found["whole"].casefold(), int(found["number"])) if found else None


def loose_texts(sources: Sequence[Source], entries: Sequence[Entry]) -> set[str]:
    """Locators of the loose text files that together are an export."""
    loose = [entry for entry in entries if entry.crc32 is None]
    with Openings(sources) as openings:
        trees = _text_trees(_Place(sources, openings, IntakePolicy()), loose)
        return {entry.locator for tree in trees for entry in tree}


def _text_trees(place: _Place, entries: Sequence[Entry]) -> list[list[Entry]]:
    """The text files of each archive, and all loose ones, where together they are an export; or two, in folders of their own."""
    groups: dict[tuple[int, str], list[Entry]] = {}
    for entry in entries:
        if readable(entry) and entry.name.lower().endswith(".txt"):
            loose = entry.crc32 is None
            groups.setdefault((-1, "") if loose else (entry.source, entry.path.rpartition("!/")[0]), []).append(entry)
    return [tree for group in groups.values() for tree in _separate(group, _members(place, group))]


def _separate(group: Sequence[Entry], members: Sequence[TxtMember]) -> list[list[Entry]]:
    if not tiktok_txt.recognise_tree(members):
        return []
    entries = {id(member): entry for member, entry in zip(members, group, strict=True)}
    return [[entries[id(member)] for member in tree] for tree in tiktok_txt.separate(members)]


def _read_trees(place: _Place, trees: Sequence[Sequence[Entry]], heard: _Heard) -> Iterator[DataFile]:
    known = set[frozenset[str | None]]()
    for tree in trees:
        digests = frozenset(entry.sha256 for entry in tree)
        names = [name for entry in tree[:1] for name in _names(place.sources[entry.source].name, entry.path)]
        report = None if digests in known else tiktok_txt.read_tree(_members(place, tree), names)
        known.add(digests)
        yield DataFile(tuple(tree), report, stamp=tiktok.stamp_in(names))
        heard.read(_size(tree))


def _members(place: _Place, tree: Sequence[Entry]) -> list[TxtMember]:
    def opener(entry: Entry) -> Callable[[], AbstractContextManager[BinaryIO]]:
        return lambda: place.openings.open(entry.locator)

    return [TxtMember(path=entry.path.rpartition("!/")[2], head=entry.head, open=opener(entry)) for entry in tree]


def _size(tree: Sequence[Entry]) -> int:
    return sum(entry.size for entry in tree)


def _names(source: str, path: str) -> list[str]:
    """Everything a document is called: its source, the folders and archives it lies in, its own name."""
    return [source, *re.split(r"!/|[/\\]", path)]


def named_as_data(entry: Entry) -> bool:
    """Whether a file bears the name of TikTok's data file."""
    return bool(_NAMED_AS_DATA.search(entry.name))


def readable(entry: Entry) -> bool:
    """Whether an entry's bytes are here to be read."""
    return not entry.problem and not entry.ignored and not entry.nested


def _unread(entry: Entry) -> Note:
    return Note(code=entry.problem, message="the data file of the export could not be read")
