"""What waits is looked into once for the same bytes, in archives and beside them; nothing that is found stops the rest."""

import io
import sys
import threading
import zipfile
from collections.abc import Sequence

import pytest

from preservation.formats.media_examiner import Examiner
from preservation.model.export import MediaKind
from preservation.model.media_facts import MediaFacts
from preservation.model.policy import IntakePolicy
from preservation.stages.intake import examination
from preservation.stages.intake.archive import survey
from preservation.stages.intake.examination import Unexamined, examine, media_among
from preservation.stages.intake.sources import Source
from tests.formats import media_samples as samples
from tests.stages.intake.building import in_memory, zipped


def _among(sources: Sequence[Source], companions: int = 0) -> list[Unexamined]:
    entries = survey(sources, IntakePolicy(), companions=companions)
    return media_among(entries, len(sources) - companions)


def _conditions(sources: Sequence[Source], companions: int = 0, workers: int = 1) -> dict[str, str]:
    """Extension to condition, so that tests need no digests."""
    files = _among(sources, companions)
    facts = {fact.sha256: fact for fact in examine(files, sources, workers)}
    assert len(facts) == len(files)
    return {file.extension: str(facts[file.sha256].condition) for file in files}


def test_media_are_found_by_name_or_by_bytes_and_everything_beside_the_export_is_looked_at() -> None:
    export = zipped(
        [
            ("user_data_tiktok.json", b"{}"),
            ("photos/1.JPG", samples.picture()),
            ("photos/unnamed", samples.picture("PNG")),
            ("photos/gone.mp4", b""),
            ("photos/page.webp", samples.ERROR_PAGE),
            ("readme.txt", b"hello"),
            ("__MACOSX/._1.jpg", samples.picture()[:99]),
        ]
    )
    beside = [in_memory("a.mp4", samples.film()), in_memory("notes.txt", b"words"), in_memory("b.mp4", b"")]
    found = _among([in_memory("export.zip", export), *beside], companions=3)
    assert [(file.extension, file.expected) for file in found] == [
        ("jpg", MediaKind.image),
        ("", MediaKind.image),
        ("mp4", MediaKind.unknown),  # empty; the other empty file has the same bytes
        ("webp", MediaKind.unknown),
        ("mp4", MediaKind.video),
        ("txt", MediaKind.unknown),
    ]


def test_the_same_bytes_are_looked_into_once() -> None:
    twice = [
        in_memory("x.zip", zipped([("1.jpg", samples.picture()), ("2.jpg", samples.picture())])),
        in_memory("3.jpg", samples.picture()),
    ]
    assert len(_among(twice, companions=1)) == 1


@pytest.mark.parametrize("workers", [1, 3])
def test_error_pages_cut_films_and_empty_files_are_said_to_be_what_they_are(workers: int) -> None:
    beside = [
        in_memory("a.mp4", samples.film()),
        in_memory("b.m4v", samples.film()[:-300]),
        in_memory("c.webm", samples.ERROR_PAGE),
        in_memory("d.mov", b""),
        in_memory("e.jpg", samples.picture()[:2000]),
        in_memory("f.png", samples.picture("PNG")),
    ]
    assert _conditions([in_memory("x.zip", zipped([("a.json", b"{}")])), *beside], companions=6, workers=workers) == {
        "mp4": "whole", "m4v": "damaged", "webm": "not_media", "mov": "empty", "jpg": "damaged", "png": "whole",
    }  # fmt: skip


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_archives_within_archives_are_looked_into(method: int) -> None:
    inner = zipped([("deep.mp4", samples.film()), ("deep.jpg", samples.picture())], method)
    outer = zipped([("part.zip", inner), ("flat.webm", samples.film("webm")), ("flat.gif", samples.picture("GIF")[:-40])], method)
    assert _conditions([in_memory("x.zip", outer)]) == {"mp4": "whole", "jpg": "whole", "webm": "whole", "gif": "damaged"}


def test_an_archives_directory_is_read_once_for_all_its_members() -> None:
    """Else an export of ten thousand pictures is read ten thousand times."""
    opened: list[int] = []
    data = zipped([(f"{number}.png", samples.picture("PNG", (20 + number, 9))) for number in range(8)])

    def counted() -> io.BytesIO:
        opened.append(1)
        return io.BytesIO(data)

    sources = [Source("x.zip", len(data), counted)]
    files = _among(sources)
    surveyed = len(opened)
    assert {str(fact.condition) for fact in examine(files, sources)} == {"whole"}
    assert len(opened) - surveyed == 1


def test_a_file_that_cannot_be_read_any_more_is_an_outcome_and_the_others_are_looked_into() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk")

    archive = zipped([("1.jpg", samples.picture()), ("2.png", samples.picture("PNG"))])
    good = [in_memory("x.zip", archive), in_memory("a.mp4", samples.film()), in_memory("b.mp4", samples.film("mov"))]
    files = _among(good, companions=2)
    spoilt = bytearray(archive)
    spoilt[archive.index(b"1.jpg") + 20 : archive.index(b"1.jpg") + 400] = bytes(380)
    now = [in_memory("x.zip", bytes(spoilt)), Source("a.mp4", 9, lambda: Broken()), good[2]]
    found = {(fact.size, str(fact.condition), fact.note) for fact in examine(files, now)}
    assert found == {
        (len(samples.picture()), "not_decoded", "unreadable"),
        (len(samples.picture("PNG")), "whole", ""),
        (len(samples.film()), "not_decoded", "unreadable"),
        (len(samples.film("mov")), "whole", ""),
    }


def test_a_source_that_is_gone_is_an_outcome() -> None:
    files = _among([in_memory("x.jpg", samples.picture())], companions=1)
    (fact,) = examine(files, [])
    assert (fact.condition, fact.note) == ("not_decoded", "unreadable")


def test_an_answer_that_makes_no_sense_is_an_outcome() -> None:
    class Lying(Examiner):
        def examine(self, *_asked: object, **_named: object) -> dict[str, object]:
            return {"condition": "splendid", "kind": "video", "secret": 1}

    sources = [in_memory("x.jpg", samples.picture())]
    (fact,) = examine(_among(sources, companions=1), sources, make_examiner=Lying)
    assert (fact.condition, fact.note) == ("not_decoded", "decoder-died")


def test_giving_up_half_way_leaves_no_thread_and_no_process() -> None:
    before = threading.active_count()
    made: list[Examiner] = []

    def make() -> Examiner:
        made.append(Examiner())
        return made[-1]

    sources = [in_memory(f"{n}.png", samples.picture("PNG", (30 + n, 9))) for n in range(20)]
    facts = examine(_among(sources, companions=20), sources, workers=2, make_examiner=make)
    assert isinstance(next(facts), MediaFacts)
    facts.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert all(examiner._child is None for examiner in made)


@pytest.mark.timeout(120)
def test_giving_up_does_not_wait_for_the_file_at_hand() -> None:
    """The second file would be decoded for ever."""
    script = """
import json, sys, time
from preservation.formats.media_child import LENGTH, _answer
_answer(sys.stdout.buffer, {"tools": []})
for condition in ("whole", None):
    sys.stdin.buffer.read(LENGTH.unpack(sys.stdin.buffer.read(4))[0])
    while condition is None:
        time.sleep(1)
    _answer(sys.stdout.buffer, {"condition": condition, "kind": "image"})
"""
    sources = [in_memory(f"{n}.png", samples.picture("PNG", (30 + n, 9))) for n in range(2)]
    forever = Examiner(3600, (sys.executable, "-c", script))
    facts = examine(_among(sources, companions=2), sources, make_examiner=lambda: forever)
    assert next(facts).condition == "whole"
    facts.close()  # type: ignore[attr-defined]


def test_what_goes_wrong_with_us_is_raised_where_the_facts_are_taken() -> None:
    class Failing(Examiner):
        def examine(self, *_asked: object, **_named: object) -> dict[str, object]:
            raise RuntimeError("a fault of ours")

    sources = [in_memory("x.jpg", samples.picture())]
    with pytest.raises(RuntimeError, match="a fault of ours"):
        list(examine(_among(sources, companions=1), sources, make_examiner=Failing))


def test_no_files_need_no_process() -> None:
    def never() -> Examiner:
        raise AssertionError("nothing is to be examined")

    assert list(examine([], [], workers=4, make_examiner=never)) == []
    assert examination.media_among([], 0) == []
