"""What a malware scanner is to be asked about: every file as handed in, and every member that may come in.

An archive is opened once for all its members; finding one member by its locator would read the whole directory again each time.
"""

import zipfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import BinaryIO, cast

from preservation.model.policy import IntakePolicy
from preservation.stages.intake.archive import Entry, spooled, survey
from preservation.stages.intake.malware import Handed, Part
from preservation.stages.intake.sources import Source, read_locator


class Opened:
    """The archives that are open now: those on the way to the member asked for last. Closed together."""

    def __init__(self) -> None:
        self._open: list[tuple[int, tuple[int, ...], zipfile.ZipFile, ExitStack]] = []

    def member(self, number: int, source: Source, path: tuple[int, ...]) -> BinaryIO:
        """The member at `path` of the archive `source`, as a stream. Raises what zipfile raises on bytes that have changed."""
        archive = self._archive(number, source, path[:-1])
        return cast(BinaryIO, archive.open(archive.infolist()[path[-1]]))

    def close(self) -> None:
        """Let go of all of them."""
        while self._open:
            self._open.pop()[3].close()

    def _archive(self, number: int, source: Source, trail: tuple[int, ...]) -> zipfile.ZipFile:
        while self._open and (self._open[-1][0] != number or trail[: len(self._open[-1][1])] != self._open[-1][1]):
            self._open.pop()[3].close()
        for depth in range(len(self._open), len(trail) + 1):
            with ExitStack() as opening:
                stream = (
                    source.open() if depth == 0 else opening.enter_context(spooled(self.member(number, source, trail[:depth])))
                )
                if depth == 0:
                    opening.enter_context(stream)
                archive = opening.enter_context(zipfile.ZipFile(stream))
                self._open.append((number, trail[:depth], archive, opening.pop_all()))
        return self._open[-1][2]


def handed_in(exports: Sequence[Source], media: Sequence[Source], policy: IntakePolicy, opened: Opened) -> list[Handed]:
    """Every file in the order it was handed in, with its members if it is an archive. Their streams live as long as `opened`.

    Members that intake refuses to open are counted; folders and debris of the system that packed it never come in and are not.
    Raises DepositUnusable for an export that is empty, cut off or damaged.
    """
    sources = [*exports, *media]
    entries: list[list[Entry]] = [[] for _ in sources]
    for entry in survey(sources, policy, companions=len(media)):
        entries[entry.source].append(entry)
    return [
        _handed(number, source, found, opened) for number, (source, found) in enumerate(zip(sources, entries, strict=True), 1)
    ]


def _handed(number: int, source: Source, entries: Sequence[Entry], opened: Opened) -> Handed:
    members, left_alone = [], 0
    for nth, entry in enumerate(entries, start=1):
        path = read_locator(entry.locator)[2]
        if not path or entry.ignored:
            continue
        if entry.problem:
            left_alone += 1
        elif not entry.nested:
            members.append(Part(f"{number}.{nth}", entry.size, _opener(opened, number, source, path)))
    return Handed(Part(str(number), source.size, source.open), members, left_alone)


def _opener(opened: Opened, number: int, source: Source, path: tuple[int, ...]) -> Callable[[], AbstractContextManager[BinaryIO]]:
    def member() -> BinaryIO:
        return opened.member(number, source, path)

    return member
