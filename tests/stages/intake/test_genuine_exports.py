"""Extra: a genuine export and structures of genuine exports, read where they lie. They are not part of this project."""

import json
from pathlib import Path
from typing import Any

import pytest

from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok, tiktok_accounting
from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import SHARED, on_disk
from tests.stages.intake.test_tiktok import paths

TIKTOK = SHARED / "fixtures" / "exports-public" / "tiktok"
pytestmark = pytest.mark.skipif(
    not TIKTOK.is_dir(), reason="no folder `shared` beside the checkout: genuine exports are not part of the project"
)
STRUCTURES = sorted((TIKTOK / "structures").glob("*.json"))


def covered(document: dict[str, Any]) -> None:
    """Every path has a part; names that may hold people are compared without them."""
    names = [part.name for part in tiktok_accounting.sections(document)]
    assert len(names) == len(set(names))
    for path in paths(document):
        assert [name for name in names if path == name or path.startswith((f"{name}.", f"{name}[]"))], path


def test_the_genuine_export_of_2024_is_read_whole() -> None:
    """One post, two deleted, its account, its time, and every section known and accounted for."""
    source = on_disk(TIKTOK / "user_data_tiktok.2024-12.genuine-redacted.json")
    (report,) = read_exports([source])
    assert (report.generation, len(report.posts), len(report.deleted_posts)) == ("g3", 1, 2)
    assert report.account.handle == "redacted_owner" and report.account.private is False and report.errors == ()
    assert report.exported_at_utc and report.exported_at_utc.isoformat() == "2024-12-13T07:20:20+00:00"
    assert all(post.media[0].link_expires_at_utc for post in (*report.posts, *report.deleted_posts))
    assert not [part.name for part in report.sections if part.section is Section.unknown]
    covered(json.loads((TIKTOK / "user_data_tiktok.2024-12.genuine-redacted.json").read_bytes()))


@pytest.mark.parametrize("path", STRUCTURES, ids=[path.stem for path in STRUCTURES])
def test_every_section_of_a_genuine_structure_is_known(path: Path) -> None:
    """Values are names of types, so posts cannot be read, and that is an error; no section is unknown."""
    (report,) = read_exports([on_disk(path)])
    assert not [part.name for part in report.sections if part.section is Section.unknown]
    assert "no-posts-read" in {note.code for note in report.errors}
    covered(tiktok.unwrapped(json.loads(path.read_bytes())))


@pytest.mark.parametrize("name", ["sample", "empty", "absent"])
def test_the_layout_of_2026_is_known(name: str) -> None:
    """A synthetic export by another hand, without posts: every section known, no error."""
    (report,) = read_exports([on_disk(TIKTOK / "panopticool" / f"user_data_tiktok.{name}.zip")])
    assert report.generation == "g5" and report.errors == () and report.account.handle
    assert not [part.name for part in report.sections if part.section is Section.unknown]
