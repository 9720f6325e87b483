"""Invented text exports for tests: files by path, as the platform writes them."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from preservation.model.export import ExportReport
from preservation.stages.intake.exports.tiktok_txt import TxtMember, read_tree

NO_DATA = "You have no data in this section\n"
LABELS = {
    "Likes": "Like(s)",
    "WhoCanView": "Who can view",
    "AllowComments": "Allow comments",
    "AllowStitches": "Allow stitches",
    "AllowDuets": "Allow duets",
    "AllowStickers": "Allow stickers",
    "AllowSharingToStory": "Allow sharing to story",
    "ContentDisclosure": "Content disclosure",
    "AIGeneratedContent": "AI-generated content",
    "Sound": "Sound",
    "Location": "Location",
    "Title": "Title",
    "AddYoursText": "Adds yours text",
}
RECORD = {
    "Date": "2025-05-01 10:00:00",
    "Link": "https://v77-cold.tiktokcdn-eu.com/storage/v1/tos-no1a-v-2774/a?mime_type=video_mp4&x-tos-expires=1760000000",
    "Likes": "3",
    "WhoCanView": "Everyone",
    "AllowComments": "Yes",
    "AllowStitches": "Yes",
    "AllowDuets": "No",
    "AllowStickers": "Yes",
    "AllowSharingToStory": "Yes",
    "ContentDisclosure": "",
    "AIGeneratedContent": "No",
    "Sound": "original sound - ada.fx",
    "Location": "",
    "Title": "",
    "AddYoursText": "N/A",
}


def record(**fields: str) -> dict[str, str]:
    """A post as the JSON has it."""
    return {**RECORD, **fields}


def written(records: list[dict[str, str]], zone: str = " UTC", without: tuple[str, ...] = ()) -> str:
    """The same posts as a text export has them."""
    return "\n\n".join("\n".join(_lines(each, zone, without)) for each in records) + "\n"


def _lines(each: Mapping[str, str], zone: str, without: tuple[str, ...]) -> Iterator[str]:
    yield f"Date: {each['Date']}{zone}"
    if "DateDeleted" in each:
        yield f"Date deleted: {each['DateDeleted']}{zone}"
    yield f"Link: {each['Link']}"
    yield from (f"{label}: {each[key]}" for key, label in LABELS.items() if key in each and key not in without)


def member(path: str, data: str | bytes) -> TxtMember:
    """One file."""
    content = data if isinstance(data, bytes) else data.encode()

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(content)

    return TxtMember(path, content[:512], opened)


def tree(files: Mapping[str, str | bytes]) -> list[TxtMember]:
    """Files by path."""
    return [member(path, data) for path, data in files.items()]


def read(files: Mapping[str, str | bytes], *names: str) -> ExportReport:
    """The report of such a tree."""
    return read_tree(tree(files), names)


def parts(report: ExportReport) -> dict[str, Any]:
    """Section and number of records of every part, by name."""
    return {part.name: (part.section.value, part.records) for part in report.sections}


def codes(report: ExportReport) -> list[str]:
    """Codes of warnings and errors."""
    return [note.code for note in (*report.warnings, *report.errors)]
