"""The case this archive was made for: an export of December 2024 with links alone, and the videos the creator saved in time.

Its export says "Recently Deleted Posts", its links died within days; six files were fetched while they lived.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.accession import AccessionReport, AccessionRequest
from flows.accession import accession as accession_flow
from preservation.steps.opening import open_package
from preservation.wiring import Archive
from tests import archives, consent_samples
from tests.archives import HandIn, consent_bytes

CASE = "tiktok_json_2024_recentlydeleted"
PLACES = (
    Path(__file__).resolve().parents[1] / "fixtures" / "exports",
    Path(__file__).resolve().parents[2] / ".." / "shared" / "fixtures" / "exports-open",
)


@pytest.fixture(scope="module")
def case() -> Path:
    """The folder of the case."""
    found = next((place / CASE for place in PLACES if (place / CASE / "EXPECTED.json").is_file()), None)
    if found is None:
        pytest.skip(f"the case {CASE} lies neither in tests/fixtures/exports nor in a folder `shared` beside the checkout")
    return found


def taken_in(archive: Archive, case: Path, run: Callable[[str], AccessionReport]) -> tuple[AccessionReport, dict[str, Any]]:
    expected = json.loads((case / "EXPECTED.json").read_text("utf-8"))
    handle = expected["account"]["handle"]
    scope = {
        "account_ref": consent_samples.account_ref(handle),
        "include_visibility": ["public", "friends"],
    }
    (export,) = (case / "input").glob("*.zip")
    given = HandIn(export, case / "input" / "downloaded_from_links", consent_bytes(handle, scopes=[scope]))
    return run(archives.a_deposit(archive, given).deposit_id), expected


def check(archive: Archive, report: AccessionReport, expected: dict[str, Any], to: Path) -> None:
    """Every public and friends' post is there, private and deleted ones are not, and each saved video came through to the byte."""
    let_in = [post for post in expected["posts"] if post["visibility"] in {"public", "friends"}]
    assert report.items == len(let_in) == 40
    assert report.complete_sites == ["alpha", "beta", "gamma"]
    opened = open_package(archive, report.package_id, to)
    assert opened.posts == 40
    saved = {m["companion_sha256"] for post in let_in for m in post["media"] if m.get("companion_sha256")}
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in to.rglob("*") if path.is_file()}
    assert len(saved) >= 5
    assert saved <= found
    private = [post["caption"] for post in expected["posts"] if post["visibility"] == "private" and post["caption"]]
    told = "".join(
        path.read_text("utf-8", "replace") for path in to.rglob("*") if path.suffix in {".html", ".json", ".txt", ".md"}
    )
    everywhere = [post["caption"] for post in let_in]
    assert not any(caption in told for caption in private if caption not in everywhere)
    assert archives.audit().well


def test_the_videos_saved_in_december_2024_come_back_to_the_byte(
    make_archive: Callable[..., Archive], tmp_path: Path, case: Path
) -> None:
    """Received, packaged, copied to three sites, opened."""
    archive = make_archive()
    report, expected = taken_in(archive, case, archives.accession)
    check(archive, report, expected, tmp_path / "opened")


@pytest.mark.prefect
def test_the_same_through_a_real_prefect(
    make_archive: Callable[..., Archive], tmp_path: Path, case: Path, prefect_database: Path
) -> None:
    """As an archivist starts it from the UI: the flow, its tasks, its report."""
    archive = make_archive()
    report, expected = taken_in(archive, case, lambda deposit: accession_flow(AccessionRequest(deposit=deposit)))
    check(archive, report, expected, tmp_path / "opened")
    assert report.deposit_id.encode() in prefect_database.read_bytes() + b"".join(
        path.read_bytes() for path in prefect_database.parent.glob(f"{prefect_database.name}-*")
    )
