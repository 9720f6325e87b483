"""Reading for packaging: the bytes of media are found again in any order, without reading an archive's directory for each."""

import io
import zipfile
from collections import Counter
from contextlib import closing

import pytest

from preservation.errors import DepositUnusable
from preservation.stages.intake.sources import Source, write_locator
from preservation.steps import reading
from preservation.steps.reading import Openers

MEMBERS = 20


def packed(*members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, data in enumerate(members):
            archive.writestr(f"{number}.mp4", data)
    return buffer.getvalue()


class Counted:
    """Sources of these contents, which count how often each is opened."""

    def __init__(self, *contents: bytes) -> None:
        self.opened = Counter[int]()
        self.streams: list[io.BytesIO] = []
        self.sources = [
            Source("part.zip", len(content), lambda number=number, content=content: self._open(number, content))  # type: ignore[misc]
            for number, content in enumerate(contents)
        ]

    def _open(self, number: int, content: bytes) -> io.BytesIO:
        self.opened[number] += 1
        self.streams.append(io.BytesIO(content))
        return self.streams[-1]


def test_parts_of_an_export_are_opened_once_for_all_their_media_in_any_order() -> None:
    """Units are written in the order of their ids, so that one medium lies in the first archive, the next in the third."""
    counted = Counted(*(packed(*(bytes([part, member]) for member in range(MEMBERS))) for part in range(3)))
    with closing(Openers(counted.sources)) as openers:
        for member in range(MEMBERS):
            for part in range(3):
                with openers.open(write_locator("part.zip", part, (member,))) as stream:
                    assert stream.read() == bytes([part, member])
    assert counted.opened == {0: 1, 1: 1, 2: 1}
    assert all(stream.closed for stream in counted.streams)


def test_of_archives_in_archives_only_a_few_are_open_at_a_time() -> None:
    """Each may hold 64 MiB of memory."""
    inner = [packed(*(bytes([part, member]) for member in range(MEMBERS))) for part in range(4)]
    counted = Counted(packed(*inner))
    with closing(Openers(counted.sources)) as openers:
        for part in range(4):
            for member in range(MEMBERS):
                with openers.open(write_locator("part.zip", 0, (part, member))) as stream:
                    assert stream.read() == bytes([part, member])
            assert len(openers._open) <= reading.NESTED_OPEN
    assert counted.opened == {0: 4}, "once for each of them"


def test_a_locator_that_leads_nowhere_is_a_deposit_that_cannot_be_used() -> None:
    counted = Counted(packed(b"film"))
    with (
        closing(Openers(counted.sources)) as openers,
        pytest.raises(DepositUnusable),
        openers.open(write_locator("part.zip", 0, (7,))),
    ):
        pass
