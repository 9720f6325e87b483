"""Media handed in beside an export are matched by time or id, never guessed, and never believed to be media."""

import json
from typing import Any

import pytest

from preservation.model.export import ExportReport, MediaStatus, MemberFate
from preservation.stages.intake.openings import open_held
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from tests.stages.intake.building import (
    ERROR_PAGE,
    FIXTURES,
    JPEG,
    MP4,
    document,
    export,
    in_memory,
    on_disk,
    photo_link,
    post,
    zipped,
)

CASE = FIXTURES / "tiktok_json_2024_recentlydeleted"


def read(records: list[Any], *files: tuple[str, bytes]) -> ExportReport:
    """The report on an export of these posts with these files beside it."""
    (report,) = read_exports([export(document(records))], [in_memory(name, data) for name, data in files])
    return report


def warned(report: ExportReport) -> set[str]:
    """Codes of the warnings about companions."""
    return {note.code for note in report.warnings if note.code.startswith("companion")}


def fates(report: ExportReport) -> list[MemberFate]:
    """What became of the companions."""
    return [member.fate for member in report.members if not member.path.endswith(".json")]


def test_what_a_downloader_left_beside_the_export_is_found() -> None:
    """Five files by their times, and an error page saved as .mp4 that is not taken for a video."""
    expected = json.loads((CASE / "EXPECTED.json").read_text("utf-8"))
    sources = [on_disk(path) for path in (CASE / "input").glob("*.zip")]
    media = [on_disk(path) for path in sorted((CASE / "input" / "downloaded_from_links").iterdir())]
    (report,) = read_exports(sources, media)
    wanted = {m["companion_sha256"] for post in expected["posts"] for m in post["media"] if "companion_sha256" in m}
    held = [m for post in report.posts for m in post.media if m.status is MediaStatus.handed_in]
    assert {m.sha256 for m in held} == wanted and len(held) == 5
    assert len([m for post in report.posts for m in post.media if m.status is MediaStatus.not_media]) == 1
    assert warned(report) == {"companion-media-error-page"}
    for medium in held:
        assert medium.held
        with open_held([*sources, *media], medium.held.locator) as stream:
            assert len(stream.read()) == medium.held.size


@pytest.mark.parametrize(
    "name",
    [
        "2025-05-01-10-00-00.mp4",
        "2025-05-01_10-00-00.MP4",
        "2025-05-01 10.00.00.mp4",
        "20250501_100000.mp4",
        "20250501100000.mp4",
        "2025-05-01T10-00-00Z.mp4",
        "ada - 2025-05-01 10_00_00 - hello there.mp4",
        "videos/2025-05-01-10-00-00 (1).mp4",
        f"{1746093600 << 32}.mp4",
        f"ada [{1746093600 << 32}].mp4",
    ],
)
def test_the_usual_names_are_understood(name: str) -> None:
    """Times with any separators, and platform ids, which hold the time."""
    report = read([post()], (name, MP4))
    (medium,) = report.posts[0].media
    assert medium.status is MediaStatus.handed_in and medium.held and not warned(report)


@pytest.mark.parametrize(
    "name", ["clip.mp4", "2025-05-01-10-00-01.mp4", "2025-13-01-10-00-00.mp4", "IMG_0001.mp4", "2025-05-01.mp4"]
)
def test_a_file_that_belongs_to_no_post_is_not_attached(name: str) -> None:
    """Not even one second off."""
    report = read([post()], (name, MP4))
    assert report.posts[0].media[0].status is MediaStatus.link_only
    assert warned(report) == {"companion-unmatched"} and fates(report) == [MemberFate.unmatched]


def test_two_posts_of_one_second_are_not_guessed() -> None:
    """The file is listed as unmatched, with a warning."""
    report = read([post(title="a"), post(title="b")], ("2025-05-01-10-00-00.mp4", MP4))
    assert {m.status for p in report.posts for m in p.media} == {MediaStatus.link_only}
    assert warned(report) == {"companion-ambiguous"} and fates(report) == [MemberFate.unmatched]


def test_a_picture_is_not_attached_to_a_video() -> None:
    """The bytes decide, not the ending of the name."""
    report = read([post()], ("2025-05-01-10-00-00.mp4", JPEG))
    assert report.posts[0].media[0].held is None and warned(report) == {"companion-kind-clash"}


def test_two_different_files_for_one_video_are_not_chosen_between() -> None:
    """Equal bytes are no conflict; other bytes are."""
    files = ("2025-05-01-10-00-00.mp4", MP4), ("2025-05-01-10-00-00 (1).mp4", MP4 + b"x")
    assert warned(read([post()], *files)) == {"companion-ambiguous"}
    same = read([post()], files[0], (files[1][0], MP4))
    assert same.posts[0].media[0].held and not warned(same)


def test_a_good_file_wins_over_an_error_page_of_the_same_name() -> None:
    """A second download that worked."""
    report = read([post()], ("2025-05-01-10-00-00.mp4", ERROR_PAGE), ("2025-05-01-10-00-00 (1).mp4", MP4))
    assert report.posts[0].media[0].status is MediaStatus.handed_in
    assert sorted(fates(report)) == [MemberFate.kept, MemberFate.refused]


@pytest.mark.parametrize("names", [("_1", "_2", "_3"), ("_0", "_1", "_2"), ("", " (1)", " (2)"), ("_01", "_02", "_03")])
def test_pictures_of_a_set_go_to_their_places(names: tuple[str, ...]) -> None:
    """Counted from one or from nought, as the numbers show."""
    links = "\n".join(photo_link(str(n)) for n in range(3))
    report = read([post(Link=links)], *((f"2025-05-01-10-00-00{name}.jpg", JPEG + name.encode()) for name in names))
    held = [medium.size for medium in report.posts[0].media]
    assert held == [len(JPEG) + len(name) for name in names] and not warned(report)
    assert [m.held.locator.split('"')[1] for m in report.posts[0].media if m.held] == [
        f"2025-05-01-10-00-00{n}.jpg" for n in names
    ]


def test_part_of_a_set_whose_counting_is_open_is_not_guessed() -> None:
    """Pictures 1 and 2 of four: counted from one or from nought?"""
    links = "\n".join(photo_link(str(n)) for n in range(4))
    report = read([post(Link=links)], *((f"2025-05-01-10-00-00_{n}.jpg", JPEG + str(n).encode()) for n in (1, 2)))
    assert warned(report) == {"companion-ambiguous"} and not any(m.held for m in report.posts[0].media)


def test_a_post_without_a_link_gets_the_file_of_its_second() -> None:
    """The export gave nothing to hold on to; the time is enough."""
    report = read([post(Link="N/A")], ("2025-05-01-10-00-00.jpg", JPEG))
    assert report.posts[0].media[0].status is MediaStatus.handed_in and report.posts[0].kind.value == "photo_set"


def test_media_among_the_exports_count_as_handed_in() -> None:
    """A folder of everything, given as it is."""
    (report,) = read_exports([in_memory("2025-05-01-10-00-00.mp4", MP4), export(document([post()]))])
    assert report.posts[0].media[0].status is MediaStatus.handed_in


def test_an_archive_among_the_companions_is_not_opened() -> None:
    """Companions are single files; a ZIP or an empty file is listed and refused, and stops nothing."""
    sources: list[Source] = [export(document([post()]))]
    (report,) = read_exports(sources, [export(document([post()])), in_memory("2025-05-01-10-00-00.mp4", b"")])
    assert len(report.exports) == 1 and report.posts[0].media[0].status is MediaStatus.not_media


def test_a_file_both_in_the_archive_and_beside_it_is_attached_once() -> None:
    """The one beside it is used; equal bytes in the archive are listed as such."""
    packed = zipped([("user_data_tiktok.json", json.dumps(document([post()])).encode()), ("2025-05-01-10-00-00.mp4", MP4)])
    archive = in_memory("TikTok_Data_1759138200.zip", packed)
    (alone,) = read_exports([archive])
    assert alone.posts[0].media[0].status is MediaStatus.in_archive and fates(alone) == [MemberFate.kept]
    (both,) = read_exports([archive], [in_memory("2025-05-01-10-00-00.mp4", MP4)])
    assert both.posts[0].media[0].status is MediaStatus.handed_in and sorted(fates(both)) == [MemberFate.ignored, MemberFate.kept]
