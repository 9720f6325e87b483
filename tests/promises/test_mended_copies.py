"""Versions, sites and mending that cross each other: what one of them does or fails to do costs no other its bytes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from preservation.errors import Refused, SettingsWrong, ShelfConflict
from preservation.formats.ocfl import package_root
from preservation.model.consent_words import Role, State
from preservation.model.fixity import Outcome
from preservation.model.package import VersionState
from preservation.steps.consenting import change_state
from preservation.wiring import Archive
from tests import archives
from tests.archives import Home, files_below, hand_in, objects_at, replace_store, rows
from tests.faults import Down, Full, Passing, flip_bit

Make = Callable[..., Archive]
DELTA = '\n[[site]]\nname = "delta"\nkind = "directory"\npath = "sites/delta"\n'


@contextmanager
def with_sites(archive: Archive, change: Callable[[str], str]) -> Iterator[Archive]:
    """The same archive after somebody edited sites.toml; the folder of a site delta is there."""
    path = archive.settings.configs / "sites.toml"
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    (archive.settings.home / "sites" / "delta").mkdir(exist_ok=True)
    with Home(archive.settings.home, archive.settings.configs).opened() as again:
        yield again


def without_gamma(text: str) -> str:
    return text.split('\n[[site]]\nname = "gamma"')[0]


def staged(archive: Archive) -> list[str]:
    return files_below(archive.settings.home / "staging")


def heads(archive: Archive) -> dict[str, int]:
    (package,) = archive.catalogue.holdings.packages()
    return archive.catalogue.holdings.advanced_to(package.package_id)


def held(archive: Archive, tmp_path: Path, posts: int = 2) -> str:
    """A first version, everywhere; the package's id."""
    return archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "in", posts=posts))).package_id


def wrecked(archive: Archive, site: str, number: int = 0) -> Path:
    """Flip a bit of a unit at a site."""
    path = sorted((archive.settings.home / "sites" / site).rglob("*.warc"))[number]
    flip_bit(path)
    return path


def all_alike(archive: Archive, *sites: str) -> bool:
    found = [objects_at(archive.sites[site]) for site in sites or archive.sites]
    return all(each == found[0] != {} for each in found)


# -- staging -----------------------------------------------------------------------------------------------------------------


def test_closing_one_version_keeps_what_a_later_one_has_staged(make_archive: Make, tmp_path: Path) -> None:
    """The first accession is run again while the second waits for a site."""
    archive = make_archive()
    first = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.accession(first)
    second = archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))
    gamma = replace_store(archive, "gamma", Down)
    with pytest.raises(Refused, match="too-few-copies"):
        archives.accession(second)
    gamma.up = True
    before = staged(archive)
    assert any("/v2/" in path for path in before)
    archives.accession(first)
    assert staged(archive) == before
    assert archives.accession(second).waiting == {}
    assert staged(archive) == []


def test_staging_lost_before_the_commit_is_made_again_with_the_same_bytes(make_archive: Make, tmp_path: Path) -> None:
    """What was written down stands: the files made again are the very ones, and some of them lie at a site already."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.die_at("file-read-back:4", archive, deposit)
    recorded = rows(archive.settings.home / "catalogue.sqlite")["files"]
    shutil.rmtree(archive.settings.home / "staging")
    assert archives.accession(deposit).waiting == {}
    assert rows(archive.settings.home / "catalogue.sqlite")["files"] == recorded != []
    assert all_alike(archive)
    assert archives.audit().well


def test_staging_that_does_not_come_out_the_same_again_is_not_copied(make_archive: Make, tmp_path: Path) -> None:
    """The policy was changed in between: other files than those on record are refused, nothing of them reaches a site."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.die_at("files-expected", archive, deposit)
    shutil.rmtree(archive.settings.home / "staging")
    policy = archive.settings.configs / "policy.toml"
    policy.write_text(policy.read_text().replace("own_unit_from = 4096", "own_unit_from = 1048576"))
    with with_sites(archive, str) as changed:
        with pytest.raises(ShelfConflict, match="staging-differs"):
            archives.accession(deposit)
        assert all(objects_at(site) == {} for site in changed.sites.values())


def test_a_late_site_catches_up_from_another_when_staging_is_gone(make_archive: Make, tmp_path: Path) -> None:
    """Proved on the way: a damaged copy at one site is not what the late site gets."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    gamma = replace_store(archive, "gamma", Down)
    assert archives.accession(deposit).waiting == {"gamma": "site-unavailable"}
    shutil.rmtree(archive.settings.home / "staging")
    gamma.up = True
    assert archives.accession(deposit).complete_sites == ["alpha", "beta", "gamma"]
    assert all_alike(archive)
    assert archives.audit().well


def test_a_late_site_never_gets_damaged_bytes_from_another(make_archive: Make, tmp_path: Path) -> None:
    """The copy it would be made from is damaged: it stays late, and comes up after a repair."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    gamma = replace_store(archive, "gamma", Down)
    archives.accession(deposit)
    shutil.rmtree(archive.settings.home / "staging")
    gamma.up = True
    victim = wrecked(archive, "alpha")
    assert list(archives.accession(deposit).waiting) == ["gamma"]
    assert not list((archive.settings.home / "sites" / "gamma").rglob(victim.name))
    archives.repair()
    assert archives.accession(deposit).waiting == {}
    assert all_alike(archive)


# -- sites that come and go --------------------------------------------------------------------------------------------------


class NoFirstVersion(Passing):
    """Takes everything but the files of version 1."""

    def before(self, call: str, key: str) -> None:
        if call == "put_once" and "/v1/" in key:
            Full(self.store).before(call, key)


def test_a_new_site_counts_once_it_holds_the_earlier_versions_too(make_archive: Make, tmp_path: Path) -> None:
    """A version that stores only what is new is no copy of anything without those before it."""
    archive = make_archive(required_sites=3)
    package_id = held(archive, tmp_path)
    with with_sites(archive, lambda text: text + DELTA) as grown:
        replace_store(grown, "beta", Down)
        hindered = replace_store(grown, "delta", NoFirstVersion)
        second = archives.a_deposit(grown, hand_in(tmp_path / "more", posts=3))
        with pytest.raises(Refused, match="read back at 2 sites"):
            archives.accession(second)
        grown.sites["delta"] = grown.sites["delta"].of("delta", hindered.store)
        assert archives.accession(second).complete_sites == ["alpha", "delta", "gamma"]
        assert all_alike(grown, "alpha", "delta", "gamma")
        assert heads(grown)["delta"] == 2
        assert grown.catalogue.holdings.complete_sites(package_id, 1) == ["alpha", "beta", "delta", "gamma"]
        grown.sites["beta"].reader.up = True  # type: ignore[attr-defined]
        archives.accession(second)
        assert all_alike(grown)
        assert archives.audit().well


def test_a_copy_counts_only_while_the_versions_before_it_are_whole(make_archive: Make, tmp_path: Path) -> None:
    """Alpha has all of the second version when its first is found damaged: no commit on its strength; a repair lets it count."""
    archive = make_archive(required_sites=3)
    held(archive, tmp_path)
    beta = replace_store(archive, "beta", Down)
    second = archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))
    with pytest.raises(Refused, match="too-few-copies"):
        archives.accession(second)
    wrecked(archive, "alpha")
    assert not archives.audit("alpha").well
    beta.up = True
    with pytest.raises(Refused, match="read back at 2 sites"):
        archives.accession(second)
    archives.repair()
    assert archives.accession(second).complete_sites == ["alpha", "beta", "gamma"]
    assert archives.audit().well


def test_a_version_late_at_one_site_comes_with_the_next(make_archive: Make, tmp_path: Path) -> None:
    """Two of three are enough: gamma misses the first version, beta the second, and in the end all have both."""
    archive = make_archive(required_sites=2)
    gamma = replace_store(archive, "gamma", Down)
    first = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.accession(first)
    gamma.up, beta = True, replace_store(archive, "beta", Down)
    second = archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))
    assert archives.accession(second).complete_sites == ["alpha", "gamma"]
    assert all_alike(archive, "alpha", "gamma")
    beta.up = True
    assert archives.accession(second).waiting == {}
    assert archives.accession(first).waiting == {}
    assert heads(archive) == {"alpha": 2, "beta": 2, "gamma": 2}
    assert staged(archive) == []
    assert archives.audit().well


def test_a_replaced_site_does_not_block_a_staged_version(make_archive: Make, tmp_path: Path) -> None:
    """It was staged for gamma, which never came back; delta takes its place."""
    archive = make_archive()
    replace_store(archive, "gamma", Down)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    with pytest.raises(Refused, match="too-few-copies"):
        archives.accession(deposit)
    with with_sites(archive, lambda text: text.replace("gamma", "delta")) as replaced:
        assert archives.accession(deposit).complete_sites == ["alpha", "beta", "delta"]
        assert all_alike(replaced)
        assert archives.audit().well


# -- roots that lag behind ---------------------------------------------------------------------------------------------------


def test_a_version_committed_and_never_advanced_is_found_and_brought_up(make_archive: Make, tmp_path: Path) -> None:
    """The run died right after the commit: an audit misses every site's root inventory, a repair brings them."""
    archive = make_archive()
    archives.die_at("version-committed", archive, archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2)))
    (package,) = archive.catalogue.holdings.packages()
    root = package_root(package.package_id)
    summary = archives.audit()
    assert not summary.well
    for site in summary.sites:
        missing = {finding.key for finding in site.findings if finding.outcome is Outcome.missing}
        assert {f"{root}/inventory.json", f"{root}/inventory.json.sha512", f"{root}/0=ocfl_object_1.1"} == missing
    assert archives.repair().well
    assert heads(archive) == {"alpha": 1, "beta": 1, "gamma": 1}
    assert all(f"{root}/inventory.json" in objects_at(site) for site in archive.sites.values())
    assert archives.audit().well


def test_a_site_damaged_before_a_new_version_comes_up_after_a_repair(make_archive: Make, tmp_path: Path) -> None:
    """Damage found at beta: the new version goes on elsewhere, and a repair and another run bring beta's root to it."""
    archive = make_archive(required_sites=2)
    held(archive, tmp_path)
    wrecked(archive, "beta")
    assert not archives.audit().well
    second = archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))
    assert list(archives.accession(second).waiting) == ["beta"]
    assert heads(archive) == {"alpha": 2, "beta": 1, "gamma": 2}
    archives.repair()
    assert archives.accession(second).waiting == {}
    assert heads(archive) == {"alpha": 2, "beta": 2, "gamma": 2}
    assert archives.audit().well


def test_a_site_whose_root_cannot_be_advanced_stops_neither_the_others_nor_the_closing(
    make_archive: Make, tmp_path: Path
) -> None:
    """Alpha's root inventory is none of ours: the others advance, quarantine is wiped, an audit names it and a repair ends it."""
    archive = make_archive()
    package_id = held(archive, tmp_path)
    flip_bit(archive.settings.home / "sites" / "alpha" / package_root(package_id) / "inventory.json")
    second = archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))
    assert archives.accession(second).version == 2
    assert heads(archive) == {"alpha": 1, "beta": 2, "gamma": 2}
    assert not archive.quarantine.holds(second.deposit_id)
    assert {site.site: site.well for site in archives.audit().sites} == {"alpha": False, "beta": True, "gamma": True}
    assert archives.repair().well
    archives.accession(second)
    assert heads(archive) == {"alpha": 2, "beta": 2, "gamma": 2}
    assert all_alike(archive)


def test_a_site_taken_out_of_the_configuration_does_not_stop_the_closing(make_archive: Make, tmp_path: Path) -> None:
    """It has its copy and was never advanced; then somebody edits sites.toml."""
    archive = make_archive(required_sites=2)
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.die_at("version-committed", archive, deposit)
    with with_sites(archive, without_gamma) as fewer:
        assert archives.accession(deposit).version == 1
        assert heads(fewer) == {"alpha": 1, "beta": 1}
        assert not fewer.quarantine.holds(deposit.deposit_id)
        (package,) = fewer.catalogue.holdings.packages()
        assert [v.state for v in fewer.catalogue.holdings.versions(package.package_id)] == [VersionState.committed]


# -- looking and mending -----------------------------------------------------------------------------------------------------


class Denies(Passing):
    """Takes no credential of ours: not a site that is down, and nothing that is tried again."""

    wanted: frozenset[str] = frozenset({"stat", "read", "list", "leftovers", "put_once", "advance", "replace"})

    def before(self, call: str, key: str) -> None:
        if call in self.wanted:
            raise SettingsWrong("site-denied", "the site refuses the credential", remedy="see to the credential")


class TakesNoRepair(Denies):
    """May be read; refuses every replacement."""

    wanted = frozenset({"replace"})


@pytest.mark.parametrize("fault", [Down, Denies])
def test_a_repair_that_could_not_look_everywhere_is_not_well_and_says_how_much(
    make_archive: Make, tmp_path: Path, fault: Callable[..., Any]
) -> None:
    """And what is damaged elsewhere is mended all the same."""
    archive = make_archive()
    held(archive, tmp_path)
    victim = wrecked(archive, "beta")
    damaged = victim.read_bytes()
    replace_store(archive, "alpha", fault)
    summary = archives.repair()
    (report,) = summary.packages
    assert not summary.well
    assert report.looked_at == 2 * report.not_looked_at > 0
    assert [finding.site for finding in report.mended] == ["beta"]
    assert victim.read_bytes() != damaged


def test_one_copy_that_cannot_be_replaced_does_not_stop_the_mending_of_others(make_archive: Make, tmp_path: Path) -> None:
    """Alpha comes first and refuses; beta's damage, of another file, is mended; alpha's is said to be left."""
    archive = make_archive()
    held(archive, tmp_path)
    wrecked(archive, "alpha", 0)
    wrecked(archive, "beta", 1)
    replace_store(archive, "alpha", TakesNoRepair)
    summary = archives.repair()
    (report,) = summary.packages
    assert not summary.well
    assert [finding.site for finding in report.mended] == ["beta"]
    assert [(finding.site, finding.note) for finding in report.beyond_repair] == [("alpha", "site-denied")]
    assert {site.site: site.well for site in archives.audit().sites} == {"alpha": False, "beta": True, "gamma": True}


def test_a_site_whose_own_files_cannot_be_mended_does_not_stop_the_next_sites(make_archive: Make, tmp_path: Path) -> None:
    """Of the files at a site's root, which explain the shelf."""
    archive = make_archive()
    held(archive, tmp_path)
    for site in ("alpha", "beta"):
        (archive.settings.home / "sites" / site / "README.txt").unlink()
    replace_store(archive, "alpha", TakesNoRepair)
    summary = archives.repair()
    assert (summary.refused, [finding.site for finding in summary.roots]) == ({"alpha": "site-denied"}, ["beta"])
    assert not summary.well
    assert archives.audit("beta").well


@pytest.mark.parametrize("state", [State.active, State.suspended])
def test_an_emptied_readme_at_a_sites_root_is_found_and_written_again(make_archive: Make, tmp_path: Path, state: State) -> None:
    """Without it a stranger cannot read the shelf. It is nobody's, so a consent that rests does not hinder."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.accession(deposit)
    if state is not State.active:
        change_state(archive, deposit.record_id, state, Role.archivist, "complaint")
    readme = archive.settings.home / "sites" / "beta" / "README.txt"
    whole = readme.read_bytes()
    readme.write_bytes(b"")
    (report,) = archives.audit("beta").sites
    assert [(finding.key, finding.outcome) for finding in report.findings] == [("README.txt", Outcome.mismatched)]
    assert [finding.key for finding in archives.repair().roots] == ["README.txt"]
    assert readme.read_bytes() == whole
    assert archives.audit("beta").well


def test_an_erased_package_gets_no_more_fixity_events(make_archive: Make, tmp_path: Path) -> None:
    """The ledger does not say of nothing that it was looked at."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    package_id = archives.accession(deposit).package_id
    archives.audit()
    archives.withdraw(archive, deposit.record_id)
    before = [entry.event for entry in archive.catalogue.ledger_entries(package_id)]
    archives.audit()
    archives.repair()
    archives.repair(package_id)
    assert [entry.event for entry in archive.catalogue.ledger_entries(package_id)] == before
