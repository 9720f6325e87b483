"""However large an export, reading it costs little memory, and no more than linear work."""

import io
import json
from pathlib import Path

import pytest

from preservation.model.export import MediaStatus
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.report_json import report_json, write_reports
from preservation.stages.intake.sources import Source
from tests.benchmarks.large_export import write_export
from tests.benchmarks.reading import read_in_child
from tests.stages.intake.building import MP4, document, export, in_memory, on_disk, post, zipped


def test_a_large_export_is_read_in_little_memory(tmp_path: Path) -> None:
    """30 MB with 3 000 posts cost a process less than 48 MB on top of what it has loaded; held whole it would be ten times that."""
    path = tmp_path / "user_data_tiktok.json"
    size = write_export(path, posts=3_000, rows=100_000, generation=2026, megabytes=30)
    cost = read_in_child(path)
    assert size > 29_000_000 and cost["posts"] == 3_000 and cost["records"] > 100_000 and not cost["errors"]
    assert cost["peak_mb"] - cost["before_mb"] < 48, cost


@pytest.mark.parametrize("generation", [2025, 2026])
def test_the_large_export_is_one_the_archive_understands(tmp_path: Path, generation: int) -> None:
    """Every part of the invented export is known, zipped or bare, so that a measurement measures reading."""
    path = tmp_path / "TikTok_Data_1772366400.zip"
    write_export(path, posts=5, rows=100, generation=generation)
    (report,) = read_exports([on_disk(path)])
    assert (report.generation, len(report.posts), report.errors) == ("g4" if generation == 2025 else "g5", 5, ())
    assert "unknown-section" not in {note.code for note in report.warnings}


def test_a_report_is_written_as_it_would_be_whole() -> None:
    """Piece by piece or at once: the same JSON, for one report and for several."""
    reports = read_exports([export(document([post(title="é 🎶\n"), post()])), export(document([], handle="bea.fx"))])
    for some in (reports, reports[:1], []):
        out = io.StringIO()
        write_reports(some, out.write)
        whole = [report_json(report) for report in some]
        assert json.loads(out.getvalue()) == (whole[0] if len(whole) == 1 else whole)


def test_posts_that_say_the_same_share_their_words() -> None:
    """`Everyone`, `Yes`, names of fields: kept once for all posts."""
    report = read_exports([export(document([post(Sound="a song"), post("2025-05-02 10:00:00", Sound="a song")]))])[0]
    one, two = (found.words for found in report.posts)
    assert all(mine is yours for mine, yours in zip(one, two, strict=True))
    assert one["Sound"] is two["Sound"] and one["WhoCanView"] is two["WhoCanView"]


def test_a_directory_is_read_once_for_all_its_members() -> None:
    """Opening every member of an archive in turn opens the archive once."""
    data, opened = zipped([(f"{n}.json", b"{}") for n in range(50)]), []

    def open_counted() -> io.BytesIO:
        opened.append(1)
        return io.BytesIO(data)

    with Openings([Source("x.zip", len(data), open_counted)]) as openings:
        for n in range(50):
            with openings.open(f'["x.zip",0,{n}]') as stream:
                assert stream.read() == b"{}"
    assert len(opened) == 1


def test_many_loose_files_beside_many_posts_find_their_places() -> None:
    """Thousands of each, every file to its post."""
    days = [f"20{20 + n // 1000}-{1 + n % 12:02}-{1 + n % 28:02} {n % 24:02}:{n % 60:02}:{n // 100 % 60:02}" for n in range(3000)]
    days = sorted(set(days))
    media = [in_memory(f"{day.replace(' ', '-').replace(':', '-')}.mp4", MP4 + day.encode()) for day in days]
    (report,) = read_exports([export(document([post(day) for day in days]))], media)
    assert all(found.media[0].status is MediaStatus.handed_in for found in report.posts) and len(report.posts) == len(days)


def test_files_of_one_name_in_thousands_of_folders_are_told_apart() -> None:
    """Every post finds its own, in either case and below a wrapper; one that fits two places finds neither."""
    names = [f"F{n}/a.mp4" for n in range(2000)]
    posts = [
        post(f"2025-05-{1 + n // 1440:02} {n // 60 % 24:02}:{n % 60:02}:00", Link=name.lower()) for n, name in enumerate(names)
    ]
    posts.append(post("2025-06-01 10:00:00", Link="a.mp4"))
    data = json.dumps(document(posts)).encode()
    members = [("user_data.json", data), *((f"wrapper/{name}", MP4 + name.encode()) for name in names)]
    (report,) = read_exports([in_memory("all.zip", zipped(members))])
    found = [medium for each in report.posts for medium in each.media]
    assert len({medium.sha256 for medium in found[:-1]}) == 2000 and found[-1].status is MediaStatus.missing
