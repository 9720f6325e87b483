"""A version exists when enough sites hold it, each file read back; and not a moment, nor a file, before."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from preservation.errors import Refused
from preservation.formats.digests import fixity_of_bytes
from preservation.formats.ocfl import package_root
from preservation.model.deposit import DepositState
from preservation.model.package import VersionState
from preservation.steps.accession import package_deposit
from preservation.steps.opening import open_package
from preservation.wiring import Archive
from tests import archives
from tests.archives import a_deposit, fingerprint_of_everything, hand_in, objects_at, replace_store
from tests.faults import CutsReads, Down, FailsOnce, Full, LiesOnRead

Make = Callable[..., Archive]


def test_a_site_that_is_down_comes_later_and_ends_with_the_same_copy(make_archive: Make, tmp_path: Path) -> None:
    """Two of three are enough here: the version exists, staging stays for the third, and the next run brings it up."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    gamma = replace_store(archive, "gamma", Down)
    report = archives.accession(deposit)
    assert (report.complete_sites, report.waiting) == (["alpha", "beta"], {"gamma": "site-unavailable"})
    assert archive.catalogue.holdings.head(report.package_id) is not None
    assert not archive.quarantine.holds(deposit.deposit_id)
    gamma.up = True
    assert objects_at(archive.sites["gamma"]) == {}
    again = archives.accession(deposit)
    assert (again.complete_sites, again.waiting) == (["alpha", "beta", "gamma"], {})
    assert objects_at(archive.sites["gamma"]) == objects_at(archive.sites["alpha"])
    assert archives.files_below(archive.settings.home / "staging") == []
    assert archives.audit().well


def test_too_few_copies_are_no_version(make_archive: Make, tmp_path: Path) -> None:
    """Three are asked for and one site is down: nothing is committed, no root moves; when it is back, the same command ends it."""
    archive = make_archive(required_sites=3)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    gamma = replace_store(archive, "gamma", Down)
    with pytest.raises(Refused, match="too-few-copies") as refused:
        archives.accession(deposit)
    assert "accession again" in refused.value.remedy
    (package,) = archive.catalogue.holdings.packages()
    assert archive.catalogue.holdings.head(package.package_id) is None
    assert archive.catalogue.holdings.advanced_to(package.package_id) == {}
    assert archive.quarantine.holds(deposit.deposit_id)
    assert not any("/v1/" not in key and package.package_id in key for key in objects_at(archive.sites["alpha"]))
    gamma.up = True
    assert archives.accession(deposit).complete_sites == ["alpha", "beta", "gamma"]
    assert archive.catalogue.deposits.get(deposit.deposit_id).state is DepositState.accessioned


def test_an_uncommitted_version_is_neither_a_version_nor_foreign(make_archive: Make, tmp_path: Path) -> None:
    """An audit leaves it alone and says nothing of it; nobody can open it; it goes on where it stopped."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    gamma = replace_store(archive, "gamma", lambda store: Full(store))
    with pytest.raises(Refused, match="too-few-copies"):
        archives.accession(deposit)
    (package,) = archive.catalogue.holdings.packages()
    before = objects_at(archive.sites["alpha"])
    summary = archives.audit("alpha")
    assert (summary.well, summary.sites[0].findings) == (True, ())
    assert objects_at(archive.sites["alpha"]) == before
    with pytest.raises(Refused, match="nothing-committed"):
        open_package(archive, package.package_id, tmp_path / "opened")
    assert not (tmp_path / "opened").exists()
    archive.sites["gamma"] = archive.sites["gamma"].of("gamma", gamma.store)
    assert archives.accession(deposit).waiting == {}
    assert archives.audit().well


@pytest.mark.parametrize("fault", [LiesOnRead, CutsReads])
def test_a_site_that_gives_back_other_bytes_never_counts(
    make_archive: Make, tmp_path: Path, fault: Callable[..., LiesOnRead]
) -> None:
    """It took every byte and said so; what it gives back is what decides. Two honest sites commit without it."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    replace_store(archive, "gamma", lambda store: fault(store, suffix=".warc"))
    report = archives.accession(deposit)
    assert report.complete_sites == ["alpha", "beta"]
    assert report.waiting == {"gamma": "read-back-differs"}
    assert "gamma" not in archive.catalogue.holdings.advanced_to(report.package_id)


def test_liars_cannot_make_up_the_number(make_archive: Make, tmp_path: Path) -> None:
    """One honest site and two that lie are one copy, where two are asked for."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    for site in ("beta", "gamma"):
        replace_store(archive, site, lambda store: LiesOnRead(store, suffix="premis.xml"))
    with pytest.raises(Refused, match="read back at 1 sites"):
        archives.accession(deposit)


def test_what_lies_there_already_is_never_overwritten(make_archive: Make, tmp_path: Path) -> None:
    """Other bytes under one of our keys stop that site, and stay as they are."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    packaged = package_deposit(archive, deposit.deposit_id)
    key = f"{package_root(packaged.package_id)}/v1/content/bagit.txt"
    stranger = b"somebody else's file"
    archive.sites["beta"].putter.put_once(key, lambda: io.BytesIO(stranger), fixity_of_bytes(stranger))
    report = archives.accession(deposit)
    assert (report.complete_sites, report.waiting) == (["alpha", "gamma"], {"beta": "different-bytes"})
    with archive.sites["beta"].reader.read(key) as chunks:
        assert b"".join(chunks) == stranger


def test_what_is_copied_is_not_copied_again(make_archive: Make, tmp_path: Path) -> None:
    """A second run puts no byte at a site that is complete, and reads none again."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    archives.accession(deposit)
    once = fingerprint_of_everything(archive)
    stores = [replace_store(archive, site, lambda store: FailsOnce(store, times=0)) for site in archive.sites]
    archives.accession(deposit)
    assert all(set(store.calls) <= {"stat", "list"} for store in stores)
    assert fingerprint_of_everything(archive) == once


def test_three_sites_of_two_kinds_hold_the_same_bytes(make_archive: Make, tmp_path: Path, s3_endpoint: str) -> None:
    """Two directories and a bucket."""
    archive = make_archive(s3=s3_endpoint)
    report = archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "in")))
    assert report.complete_sites == ["alpha", "beta", "gamma"]
    assert objects_at(archive.sites["alpha"]) == objects_at(archive.sites["gamma"])
    assert archives.audit().well


def test_a_second_deposit_waits_for_the_first_to_be_committed(make_archive: Make, tmp_path: Path) -> None:
    """Versions follow one another: a newer hand-in begun while the first is unfinished is refused, and goes well afterwards."""
    archive = make_archive()
    first = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    gamma = replace_store(archive, "gamma", Down)
    with pytest.raises(Refused, match="too-few-copies"):
        archives.accession(first)
    second = archives.a_deposit(archive, hand_in(tmp_path / "in-2", posts=7))
    gamma.up = True
    with pytest.raises(Refused, match="version-unfinished"):
        archives.accession(second)
    assert archives.accession(first).version == 1
    assert archives.accession(second).version == 2
    states = [version.state for version in archive.catalogue.holdings.versions(archives.accession(second).package_id)]
    assert states == [VersionState.committed, VersionState.committed]


def test_unsealed_units_do_not_leave_this_machine_unless_the_policy_says_so(make_archive: Make, tmp_path: Path) -> None:
    """A site elsewhere is refused before anything is read or packaged; knowing what it means, an archive may allow it."""
    archive = make_archive()
    deposit = a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    elsewhere = replace(archive.sites["gamma"], on_this_machine=False)
    refusing = replace(archive, sites={**archive.sites, "gamma": elsewhere})
    with pytest.raises(Refused, match="gamma") as refusal:
        package_deposit(refusing, deposit.deposit_id)
    assert refusal.value.code == "remote-unsealed" and "allow_remote_unsealed" in refusal.value.remedy
    assert archive.catalogue.holdings.packages() == []
    copies = archive.policy.copies.model_copy(update={"allow_remote_unsealed": True})
    allowing = replace(refusing, policy=archive.policy.model_copy(update={"copies": copies}))
    assert package_deposit(allowing, deposit.deposit_id).number == 1
