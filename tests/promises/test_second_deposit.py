"""A newer export of the same account adds what is new, and takes nothing away."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ocfl
import pytest

from preservation.formats.ocfl import package_root, parse_inventory
from preservation.steps.opening import open_package
from preservation.steps.verifying import verify
from preservation.wiring import Archive
from tests import archives
from tests.archives import CAPTION, hand_in, medium, objects_at

Make = Callable[..., Archive]
NEW, CHANGED, GONE = 6, 1, 2


@pytest.fixture
def twice(make_archive: Make, tmp_path: Path) -> tuple[Archive, str]:
    """Six posts; then one new, one with other words, one gone."""
    archive = make_archive()
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "first")))
    newer = hand_in(tmp_path / "newer", posts=7, captions={CHANGED: "other words now"}, left_out=[GONE])
    report = archives.accession(archives.a_deposit(archive, newer))
    assert report.version == 2
    return archive, report.package_id


def package(archive: Archive, package_id: str, site: str = "alpha") -> Path:
    return archive.settings.home / "sites" / site / package_root(package_id)


def rows(archive: Archive, package_id: str, number: int) -> list[dict[str, Any]]:
    path = package(archive, package_id) / f"v{number}/content/data/description/items.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_only_what_is_new_is_stored(twice: tuple[Archive, str]) -> None:
    """The second version's units hold the new film and the two posts' words; of the films kept before, no byte again."""
    archive, package_id = twice
    units = b"".join(path.read_bytes() for path in package(archive, package_id).glob("v2/content/data/units/*"))
    assert medium(NEW) in units
    assert b"other words now" in units
    assert not any(medium(number) in units for number in range(6))
    assert not any(f"{CAPTION} {number}".encode() in units for number in (0, 2, 3, 4, 5))


def test_nothing_lies_twice_on_the_shelf(twice: tuple[Archive, str]) -> None:
    """No film's bytes in two units, and no unit's bytes under two names."""
    archive, package_id = twice
    units = [path.read_bytes() for path in package(archive, package_id).glob("v*/content/data/units/*")]
    assert [sum(unit.count(medium(number)) for unit in units) for number in range(7)] == [1] * 7
    assert len({hashlib.sha256(unit).hexdigest() for unit in units}) == len(units)


def test_an_edited_post_is_the_same_item_and_its_first_words_stay(twice: tuple[Archive, str]) -> None:
    archive, package_id = twice
    before = {row["caption"]: row for row in rows(archive, package_id, 1)}
    after = {row["item_id"]: row for row in rows(archive, package_id, 2)}
    edited = after[before[f"{CAPTION} {CHANGED}"]["item_id"]]
    assert edited["caption"] == "other words now"
    assert before[f"{CAPTION} {CHANGED}"]["words"] in edited["earlier"]
    assert len(after) == 7


def test_what_vanished_from_the_export_is_marked_and_kept(twice: tuple[Archive, str], tmp_path: Path) -> None:
    archive, package_id = twice
    (gone,) = [row for row in rows(archive, package_id, 2) if row["caption"] == f"{CAPTION} {GONE}"]
    assert (gone["status"], len(gone["absent_from"])) == ("absent", 1)
    opened = open_package(archive, package_id, tmp_path / "opened")
    assert opened.posts == 7
    films = {path.read_bytes() for path in (tmp_path / "opened").rglob("*.mp4")}
    assert films == {medium(number) for number in range(7)}


def test_both_versions_are_sound_by_the_standards(twice: tuple[Archive, str]) -> None:
    """Our checker and ocfl-py agree; every site has the same bytes; an audit finds nothing."""
    archive, package_id = twice
    checked = verify(archive.settings.home / "sites" / "beta")
    assert len(checked) >= 3
    assert not any(checked.values())
    passed, judged = ocfl.Object().validate(objdir=str(package(archive, package_id)))
    assert passed, judged.messages
    inventory = parse_inventory((package(archive, package_id) / "inventory.json").read_bytes())
    assert inventory.head == 2
    assert objects_at(archive.sites["alpha"]) == objects_at(archive.sites["beta"]) == objects_at(archive.sites["gamma"])
    assert archives.audit().well


def test_the_first_version_is_not_touched(make_archive: Make, tmp_path: Path) -> None:
    """Every object of version 1 stays to the byte; only the root inventory moves."""
    archive = make_archive()
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "first")))
    before = objects_at(archive.sites["alpha"])
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "newer", posts=7)))
    after = objects_at(archive.sites["alpha"])
    moved = [key for key, digest in before.items() if after[key] != digest]
    assert sorted(key.rsplit("/", 1)[-1] for key in moved) == ["inventory.json", "inventory.json.sha512"]


def test_the_same_bytes_again_are_the_same_deposit(make_archive: Make, tmp_path: Path) -> None:
    """Handed in twice before the accession, and again afterwards: one deposit, one version, nothing waits."""
    archive, given = make_archive(), hand_in(tmp_path / "in")
    first = archives.a_deposit(archive, given)
    assert archives.a_deposit(archive, given).deposit_id == first.deposit_id
    archives.accession(first)
    assert archives.a_deposit(archive, given).deposit_id == first.deposit_id
    assert archives.accession(first).version == 1
    assert len(archive.catalogue.deposits.list()) == 1
    waiting = [path for path in archives.files_below(archive.settings.home / "quarantine") if "/" in path]
    assert waiting == []


def test_the_same_export_under_another_name_makes_no_second_copy_of_anything(make_archive: Make, tmp_path: Path) -> None:
    """Packed again by the platform: other ZIP bytes, the same posts. A version that stores no unit."""
    archive = make_archive()
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "in")))
    again = hand_in(tmp_path / "again")
    repacked = tmp_path / "again" / "TikTok_Data_1759138999.zip"
    repacked.write_bytes(archives.packed(archives.unpacked(again.export), comment=b"packed again"))
    report = archives.accession(archives.a_deposit(archive, archives.HandIn(repacked, again.media, again.consent)))
    assert report.version == 2
    assert list(package(archive, report.package_id).glob("v2/content/data/units/*")) == []


def test_an_older_export_handed_in_later_loses_nothing(make_archive: Make, tmp_path: Path) -> None:
    """The newer one first: what only it has is kept and marked as absent from the older one."""
    archive = make_archive()
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "newer", posts=7)))
    report = archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "older", posts=5)))
    status = {row["caption"]: row["status"] for row in rows(archive, report.package_id, 2)}
    assert [status[f"{CAPTION} {number}"] for number in range(7)] == ["held"] * 5 + ["absent"] * 2
    assert open_package(archive, report.package_id, tmp_path / "opened").posts == 7


def test_an_old_export_that_gives_the_platforms_ids_and_a_new_one_that_does_not_are_the_same_posts(
    make_archive: Make, tmp_path: Path
) -> None:
    """Exports of 2020 to 2022 link each post's page, whose address holds its id; later ones give no id."""
    archive = make_archive()
    pages = {n: {"Link": f"https://www.tiktokv.com/share/video/{7499000000000000000 + n}/"} for n in range(6)}
    archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "old", fields=pages)))
    report = archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "new", posts=7)))
    found = rows(archive, report.package_id, 2)
    assert [len(found), sum(row["status"] == "absent" for row in found)] == [7, 0]
    assert {row["item_id"] for row in rows(archive, report.package_id, 1)} < {row["item_id"] for row in found}
