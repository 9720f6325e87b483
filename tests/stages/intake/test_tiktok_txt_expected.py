"""Text exports of 2020 and 2025 read field by field as their EXPECTED.json says."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from preservation.model.export import ExportReport
from preservation.stages.intake.exports.tiktok_txt import TxtMember, read_tree, recognise_tree
from preservation.stages.intake.report_json import report_json
from tests.stages.intake.building import FIXTURES, SHARED

OWN = sorted(FIXTURES.glob("txt_*"))


def _members(path: Path) -> list[TxtMember]:
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        return [_member(path, name, archive.read(name)[:512]) for name in names]


def _member(path: Path, name: str, head: bytes) -> TxtMember:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            yield stream

    return TxtMember(name, head, opened)  # type: ignore[arg-type]


@pytest.fixture(params=OWN, ids=lambda path: path.name, name="case")
def _case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], ExportReport]:
    return _read(request.param)


def _read(folder: Path) -> tuple[dict[str, Any], ExportReport]:
    archive = next((folder / "input").glob("*.zip"))
    members = _members(archive)
    assert recognise_tree(members)
    return json.loads((folder / "EXPECTED.json").read_text("utf-8")), read_tree(members, [archive.name])


def _facts(post: dict[str, Any]) -> str:
    media = [[m["ref"], m["kind"], m["status"], m.get("link_expires_at_utc")] for m in post["media"]]
    keys = ("created_at_utc", "kind", "visibility", "visibility_raw", "likes", "sound", "location", "platform_id")
    return repr([*(post.get(key) for key in keys), (post["caption"] or "").strip(), media])


def _agrees(expected: dict[str, Any], report: ExportReport) -> None:
    said = report_json(report)
    assert sorted(map(_facts, said["posts"])) == sorted(map(_facts, expected["posts"]))
    assert {key: said["account"][key] for key in expected["account"]} == expected["account"]
    assert [said[key] for key in ("platform", "generation", "format", "exported_at_utc")] == [
        expected[key] for key in ("platform", "generation", "format", "exported_at_utc")
    ]
    assert len(said["deleted_posts"]) == expected["counts"]["deleted_posts"] and said["errors"] == []


def test_every_post_and_the_account_are_read_as_they_stand(case: tuple[dict[str, Any], ExportReport]) -> None:
    """Date, caption, kind, audience, counts, sound, place, media with expiry; handle, words about oneself, time of export."""
    _agrees(*case)


def test_every_part_is_counted(case: tuple[dict[str, Any], ExportReport]) -> None:
    """History and likes to the row, no drift, and other people's parts by the names of their files."""
    expected, report = case
    counts = {part.section.value: part.records for part in report.sections if part.records}
    assert counts["watch_history"] == expected["counts"]["watch_history"]
    assert {part.name: part.records for part in report.sections}[_like_list(report)] == expected["counts"]["likes_given"]
    assert counts.get("own_comments", 0) == expected["counts"].get("comments_by_owner", 0)
    wanted = {(p["section"], p["what"], p.get("messages", p.get("count"))) for p in expected["third_party_sections"]}
    assert {(part.name, part.what, part.records) for part in report.third_party_sections} == wanted
    warned = {code.replace("_", "-") for code in expected["warnings_expected"]}
    assert warned <= {note.code for note in report.warnings} and "unknown" not in counts


def _like_list(report: ExportReport) -> str:
    return next(part.name for part in report.sections if part.name.endswith("Like List.txt"))


def test_nothing_that_is_never_taken_in_stands_in_a_report(case: tuple[dict[str, Any], ExportReport]) -> None:
    """Canaries, other people, addresses and dates of birth."""
    expected, report = case
    said = json.dumps(report_json(report), ensure_ascii=False) + repr(report.posts)
    values = [value for part in expected["own_sensitive_sections"] for value in part["values"]]
    people = [person for part in expected["third_party_sections"] for person in part["people"]]
    assert not [value for value in [*values, *people, *expected["third_party_canaries"]] if value in said]


def test_every_text_export_of_the_shared_set_agrees() -> None:
    """Those that lie beside the checkout."""
    folders = sorted((SHARED / "fixtures" / "exports-open").glob("tiktok_txt_*"))
    if not folders:
        pytest.skip("no shared exports beside the checkout")
    for folder in folders:
        _agrees(*_read(folder))
