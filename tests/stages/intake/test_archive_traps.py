"""Eighteen hostile or broken archives, each ending as its EXPECTED.json says, with a code."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from preservation.errors import DepositUnusable
from preservation.model.export import ExportReport, MediaStatus, MemberFate
from preservation.model.policy import IntakePolicy
from preservation.stages.intake.archive import survey
from preservation.stages.intake.lookup import Members
from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import FIXTURES, MP4, in_memory, on_disk, zipped

TRAPS = FIXTURES / "archive_traps"
EXPECTED = {
    entry["file"].removeprefix("input/"): entry for entry in json.loads((TRAPS / "EXPECTED.json").read_text("utf-8"))["files"]
}


def read(name: str) -> list[ExportReport]:
    """The reports on one trap."""
    return read_exports([on_disk(TRAPS / "input" / name)])


def codes(report: ExportReport) -> set[str]:
    """Codes of warnings and errors together."""
    return {note.code for note in (*report.warnings, *report.errors)}


READABLE = {
    "zip_slip.zip": "unsafe-name",
    "backslash_and_drive.zip": "unsafe-name",
    "symlink.zip": "symlink",
    "bomb_64mb.zip": "bomb",
    "nested.zip": None,
    "macos_rezip.zip": None,
    "json_bom.zip": None,
    "json_lone_surrogate.zip": "json-lone-surrogate",
    "windows_illegal_names.zip": None,
}


@pytest.mark.parametrize(("name", "code"), READABLE.items())
def test_the_posts_are_read_although_something_else_is_wrong(name: str, code: str | None) -> None:
    """The data file is read to the last post, and what was left out is said."""
    (report,) = read(name)
    assert len(report.posts) == EXPECTED[name]["posts"] and not report.errors
    assert codes(report) == ({code} if code else set())


@pytest.mark.parametrize("name", ["zip_slip.zip", "backslash_and_drive.zip", "symlink.zip", "bomb_64mb.zip"])
def test_an_unsafe_member_is_refused_and_listed(name: str) -> None:
    """Nothing is left out silently: the member stands in the list with its fate and a code."""
    (report,) = read(name)
    refused = [member for member in report.members if member.fate is MemberFate.refused]
    assert refused and all(member.note for member in refused)


@pytest.mark.parametrize(
    ("name", "code"), [("truncated.zip", "archive-truncated"), ("html_saved_as.zip", "not-a-zip"), ("empty.zip", "empty-file")]
)
def test_a_file_that_is_no_archive_is_refused_with_a_remedy(name: str, code: str) -> None:
    """The refusal names no file and no content, and says what to do."""
    with pytest.raises(DepositUnusable) as refused:
        read(name)
    assert refused.value.code == code and refused.value.remedy and refused.value.for_creator
    assert name not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "code"),
    [("crc_error.zip", "crc-mismatch"), ("encrypted.zip", "encrypted"), ("json_truncated.zip", "json-truncated")],
)
def test_a_data_file_that_cannot_be_read_is_an_error_and_never_an_empty_success(name: str, code: str) -> None:
    """One report, no posts, the code among its errors."""
    (report,) = read(name)
    assert report.posts == () and code in {note.code for note in report.errors}
    assert [member.fate for member in report.members] == [MemberFate.refused]


def test_two_members_of_one_name_are_both_read_and_none_is_preferred() -> None:
    """Two accounts, two reports, a warning in each."""
    reports = read("duplicate_entries.zip")
    variants = [{"handle": report.account.handle, "posts": len(report.posts)} for report in reports]
    assert variants == EXPECTED["duplicate_entries.zip"]["variants"]
    assert all("duplicate-member" in codes(report) for report in reports)


def test_a_composed_reference_finds_a_decomposed_name() -> None:
    """NFC in the post, NFD in the archive."""
    entries = survey([on_disk(TRAPS / "input" / "nfd_name_nfc_reference.zip")], IntakePolicy())
    found = Members(entries).find("media/posts/202501/Zo\u00eb_\u00e7ay.jpg")
    assert found and found.sha256 == EXPECTED["nfd_name_nfc_reference.zip"]["media_sha256"]


def test_names_without_the_utf8_flag_are_read_in_both_encodings() -> None:
    """One is code page 437, one is UTF-8, neither says so."""
    entries = survey([on_disk(TRAPS / "input" / "legacy_charset_names.zip")], IntakePolicy())
    assert Members(entries).find("media/posts/202501/caf\u00e9.jpg")
    assert Members(entries).find("media/posts/202501/na\u00efve.jpg")


def test_names_that_differ_in_case_are_two_files() -> None:
    """Seven members, no two of them taken for one, `IMG.jpg` and `img.JPG` each found under its own name."""
    (report,) = read("windows_illegal_names.zip")
    assert len({member.path for member in report.members}) == EXPECTED["windows_illegal_names.zip"]["entries"]
    entries = survey([on_disk(TRAPS / "input" / "windows_illegal_names.zip")], IntakePolicy())
    first, second = (Members(entries).find(f"media/posts/202501/{name}") for name in ("IMG.jpg", "img.JPG"))
    assert first and second and first.sha256 != second.sha256
    assert Members(entries).find("media/posts/202501/Img.Jpg") is None


@pytest.mark.parametrize("name", ["nfd_name_nfc_reference.zip", "legacy_charset_names.zip"])
def test_media_are_found_whatever_their_names_were_encoded_in(name: str) -> None:
    """NFD against NFC, CP437 and unmarked UTF-8; and the strings of the data file are Latin-1 of UTF-8 besides."""
    (report,) = read(name)
    expected = EXPECTED[name]
    held = [medium for post in report.posts for medium in post.media if medium.status is MediaStatus.in_archive]
    assert (len(report.posts), len(held)) == (expected["posts"], expected["media_found"])
    if "caption" in expected:
        (post,) = report.posts
        assert (post.caption, post.created_at_utc) == (expected["caption"], datetime(2025, 1, 2, tzinfo=UTC))
    assert "read-in-part" in {warning.code for warning in report.warnings}


def test_a_platform_nobody_reads_is_an_error_that_says_what_it_looks_like() -> None:
    """By the layout of its names, without quoting one."""
    takeout = zipped([("Takeout/YouTube and YouTube Music/my-secret-video.mp4", MP4)])
    (report,) = read_exports([in_memory("takeout-20250604T082845Z-001.zip", takeout)])
    (error,) = report.errors
    assert error.code == "unknown-platform" and "youtube" in error.message and "secret" not in error.message


def test_all_eighteen_traps_are_covered() -> None:
    """Each has an outcome above."""
    elsewhere: set[Any] = {
        *("truncated.zip", "html_saved_as.zip", "empty.zip", "crc_error.zip", "encrypted.zip", "json_truncated.zip"),
        *("duplicate_entries.zip", "nfd_name_nfc_reference.zip", "legacy_charset_names.zip"),
    }
    assert set(READABLE) | elsewhere == set(EXPECTED) and len(EXPECTED) == 18
