"""What is wrong with a medium that was handed in is found, said to the archivist, and kept with it for good: from the report of the
accession to the page that the creator opens.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.reports import media_said
from flows.summaries import AccessionReport
from preservation.formats.warc import read_records
from preservation.steps.opening import open_package
from preservation.wiring import Archive
from tests import archives
from tests.archives import hand_in
from tests.formats import media_samples as samples


@pytest.fixture
def held(make_archive: Callable[..., Archive], tmp_path: Path) -> tuple[Archive, AccessionReport]:
    """Six posts: a whole film, a cut one, an error page, an empty file, a cut picture, and a whole film of another kind."""
    archive = make_archive()
    given = hand_in(tmp_path / "in")
    whole, page, picture = samples.film(), samples.ERROR_PAGE, samples.picture()
    contents = [whole, whole[:-400], page, b"", picture[: len(picture) // 2], samples.film("webm")]
    for path, content in zip(sorted(given.media.iterdir()), contents, strict=True):
        path.write_bytes(content)
    picture_path = given.media / "2025-05-05-10-00-00.mp4"
    picture_path.rename(picture_path.with_suffix(".jpg"))
    return archive, archives.accession(archives.a_deposit(archive, given))


def rows_of(archive: Archive) -> dict[str, dict[str, Any]]:
    """The rows of items.jsonl at a site, by day."""
    items = next((archive.settings.home / "sites" / "alpha").rglob("items.jsonl")).read_text("utf-8")
    return {row["published"][:10]: row for row in map(json.loads, items.splitlines())}


def metadata_of(archive: Archive) -> dict[str, str]:
    """The metadata records of all WARCs at a site, by the digest of what they are about; those of media."""
    found: dict[str, str] = {}
    for path in (archive.settings.home / "sites" / "alpha").rglob("*.warc"):
        digests: dict[str, str] = {}
        with path.open("rb") as stream:
            for record in read_records(stream):
                if record.type == "resource":
                    digests[record.header("WARC-Record-ID") or ""] = (record.header("WARC-Payload-Digest") or "").split(":")[1]
                elif record.type == "metadata":
                    found[digests[record.header("WARC-Refers-To") or ""]] = record.block.read().decode()
    return found


def test_an_archivist_is_told_how_many_media_are_in_which_condition(held: tuple[Archive, AccessionReport]) -> None:
    report = held[1]
    assert report.media == {"whole": 2, "damaged": 2, "not_media": 1, "empty": 1}
    assert media_said(report).startswith("Media: 2 whole, 2 damaged, 1 not media, 1 empty; identified and decoded in ")
    assert report.items == 6


def test_every_row_says_what_its_medium_is(held: tuple[Archive, AccessionReport]) -> None:
    """What is no medium is not attached to its post, and what it was named after is not held."""
    rows = rows_of(held[0])
    conditions = {day[-1]: [medium.get("condition") for medium in row["media"]] for day, row in rows.items()}
    assert conditions["1"] == conditions["6"] == ["whole"]
    assert conditions["2"] == ["damaged"]
    assert conditions["3"] == conditions["4"] == [None]
    assert rows["2025-05-02"]["media"][0]["puid"] == "fmt/199"
    assert rows["2025-05-01"]["media"][0]["durationSeconds"] > 0
    assert {day[-1]: row["status"] for day, row in rows.items() if row["status"] != "held"}.keys() >= {"3", "4"}


def test_the_record_beside_a_damaged_film_says_so(held: tuple[Archive, AccessionReport]) -> None:
    archive, _ = held
    metadata = metadata_of(archive)
    (cut,) = rows_of(archive)["2025-05-02"]["media"]
    (whole,) = rows_of(archive)["2025-05-01"]["media"]
    assert "condition: damaged\r\n" in metadata[cut["sha256"]]
    assert "note: cut-off\r\n" in metadata[cut["sha256"]]
    assert "condition: whole\r\n" in metadata[whole["sha256"]]
    assert "videoCodec: h264\r\n" in metadata[whole["sha256"]]


def test_the_page_that_the_creator_opens_says_which_file_is_damaged(
    held: tuple[Archive, AccessionReport], tmp_path: Path
) -> None:
    archive, report = held
    open_package(archive, report.package_id, tmp_path / "opened")
    page = (tmp_path / "opened" / "index.html").read_text("utf-8")
    articles = {day: text for text in page.split("<article>")[1:] for day in "123456" if f"2025-05-0{day} " in text}
    assert "1.mp4 is damaged" in articles["2"]
    assert [day for day in "1346" if "damaged" in articles[day]] == []
    assert (next((tmp_path / "opened" / "posts").glob("2025-05-02*")) / "1.mp4").read_bytes() == samples.film()[:-400]
