"""Packaging at the level of a step: what is staged is used again only as far as it is what it was, and progress is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from preservation.errors import ArchiveError, DepositUnusable
from preservation.formats.digests import fixity_of_file
from preservation.formats.ocfl import package_root
from preservation.model.deposit import Deposit
from preservation.stages.packaging.finished import beside
from preservation.steps.accession import package_deposit
from preservation.steps.receiving import receive
from preservation.wiring import Archive
from tests import archives
from tests.archives import hand_in, make_home
from tests.faults import flip_bit


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    for name in ("KEEPSAKE_HOME", "KEEPSAKE_CONFIGS", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    with make_home(tmp_path / "archive").opened() as opened:
        yield opened


@pytest.fixture
def deposit(archive: Archive, tmp_path: Path) -> Deposit:
    return archives.a_deposit(archive, hand_in(tmp_path / "in"))


def staged_units(archive: Archive) -> list[Path]:
    return sorted((archive.settings.home / "staging").rglob("*.warc"))


def everything_lies_right(archive: Archive, package_id: str) -> bool:
    """Every file, at every site, has the bytes on record."""
    files = archive.catalogue.holdings.files(package_id)
    sites = [archive.settings.home / "sites" / site / package_root(package_id) for site in archive.sites]
    return len(files) > 10 and all(fixity_of_file(site / file.path) == file.fixity for site in sites for file in files)


def test_a_killed_accession_goes_on_after_the_units_it_has_and_leaves_no_notes(archive: Archive, deposit: Deposit) -> None:
    archives.die_at("unit-staged:1", archive, deposit)
    (unit,) = staged_units(archive)
    written = (unit.stat().st_ino, unit.stat().st_mtime_ns)
    notes = list((archive.settings.home / "staging").rglob("*.finished.jsonl"))
    assert len(notes) == 1
    package_deposit(archive, deposit.deposit_id)
    assert (unit.stat().st_ino, unit.stat().st_mtime_ns) == written
    assert len(staged_units(archive)) == 2
    assert not notes[0].exists()
    assert archives.accession(deposit).complete_sites == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize("killed_at", ["", "unit-staged:1", "version-staged"])
def test_a_staged_unit_that_was_tampered_with_reaches_no_site_and_is_made_again(
    archive: Archive, deposit: Deposit, killed_at: str
) -> None:
    """Its size is what it was, so only reading it tells: the copy does."""
    if killed_at:
        archives.die_at(killed_at, archive, deposit)
    else:
        package_deposit(archive, deposit.deposit_id)
    unit = staged_units(archive)[0]
    flip_bit(unit)
    with pytest.raises(ArchiveError):
        archives.accession(deposit)
    assert not list((archive.settings.home / "sites").rglob(unit.name))
    report = archives.accession(deposit)
    assert report.complete_sites == ["alpha", "beta", "gamma"]
    assert everything_lies_right(archive, report.package_id)
    assert not [path for path in (archive.settings.home / "staging").rglob("*") if path.is_file()]


@pytest.mark.parametrize("killed_at", ["unit-staged:1", "version-staged", "files-expected"])
def test_a_staged_unit_that_was_cut_is_made_again_at_once(archive: Archive, deposit: Deposit, killed_at: str) -> None:
    archives.die_at(killed_at, archive, deposit)
    unit = staged_units(archive)[0]
    unit.write_bytes(unit.read_bytes()[:-7])
    report = archives.accession(deposit)
    assert everything_lies_right(archive, report.package_id)


def test_packaging_tells_how_far_it_is(archive: Archive, deposit: Deposit) -> None:
    told: list[tuple[int, int]] = []
    package_deposit(archive, deposit.deposit_id, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 4096
    assert told == sorted(told)


def test_receiving_tells_how_far_it_is_of_all_that_is_handed_in(archive: Archive, tmp_path: Path) -> None:
    given = hand_in(tmp_path / "in")
    record = archives.import_consent(archive, given.consent)
    told: list[tuple[int, int]] = []
    received = receive(archive, record.record_id, [given.export], given.media, lambda done, total: told.append((done, total)))
    assert told[-1] == (received.bytes_received, received.bytes_received)
    assert {total for _, total in told} == {received.bytes_received}
    assert len(told) == 7  # a piece for each small file


def test_a_missing_medium_folder_is_refused_before_anything_is_counted(archive: Archive, tmp_path: Path) -> None:
    given = hand_in(tmp_path / "in")
    record = archives.import_consent(archive, given.consent)
    told: list[tuple[int, int]] = []
    with pytest.raises(DepositUnusable):
        receive(archive, record.record_id, [given.export], tmp_path / "none", lambda done, total: told.append((done, total)))
    assert told == []


def test_the_notes_lie_beside_the_version_not_in_it() -> None:
    """Whatever is in a version's folder is taken to be of the version."""
    assert beside(Path("staging/p/v1")) == Path("staging/p/v1.finished.jsonl")
