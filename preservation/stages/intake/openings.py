"""Opening the parts of what was handed in again, by their locators. Entries are streamed and never extracted."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

from preservation.errors import DepositUnusable
from preservation.stages.intake.ciphered import spooled
from preservation.stages.intake.sources import Source, find_source, read_locator
from preservation.stages.intake.zip_members import UNREADABLE

Place = tuple[str, int, tuple[int, ...]]  # a source, and the archive within it that is open


class Openings:
    """Opens many parts of the same sources one after the other.

    The archives on the way to the part asked for last stay open: a directory is then read once and not for every member.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._open: list[tuple[Place, zipfile.ZipFile, ExitStack]] = []

    def __enter__(self) -> "Openings":
        return self

    def __exit__(self, *_: object) -> None:
        self._close_to(0)

    @contextmanager
    def open(self, locator: str) -> Iterator[BinaryIO]:
        """As `open_held`."""
        with self.stream(locator) as stream:
            yield stream

    def stream(self, locator: str) -> BinaryIO:
        """As `open`, for the caller to close."""
        name, nth, path = read_locator(locator)
        try:
            if not path:
                return find_source(self._sources, name, nth).open()
            return _member(self._archive(name, nth, path[:-1]), path[-1])
        except UNREADABLE:
            raise DepositUnusable("member-unreadable", "a member no longer opens", remedy="hand the deposit in again") from None

    def _archive(self, name: str, nth: int, trail: tuple[int, ...]) -> zipfile.ZipFile:
        ways = [(name, nth, trail[:depth]) for depth in range(len(trail) + 1)]
        kept = sum(open_now[0] == way for open_now, way in zip(self._open, ways, strict=False))
        self._close_to(kept)
        for way in ways[kept:]:
            with ExitStack() as opening:
                if way[2]:
                    packed = opening.enter_context(_member(self._open[-1][1], way[2][-1]))
                    stream = opening.enter_context(spooled(packed))
                else:
                    stream = opening.enter_context(find_source(self._sources, name, nth).open())
                archive = opening.enter_context(zipfile.ZipFile(stream))
                self._open.append((way, archive, opening.pop_all()))
        return self._open[-1][1]

    def _close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            self._open.pop()[2].close()


def _member(archive: zipfile.ZipFile, index: int) -> BinaryIO:
    return cast(BinaryIO, archive.open(archive.infolist()[index]))


@contextmanager
def open_held(sources: Sequence[Source], locator: str) -> Iterator[BinaryIO]:
    """Open the bytes a locator points at, given the same sources (companions after exports) it was made from.

    Raises DepositUnusable: locator-unreadable, source-gone, or member-unreadable if the archive has changed since.
    Read the stream forward: seeking back in a member means unpacking it again.
    """
    with Openings(sources) as openings, openings.open(locator) as stream:
        yield stream
