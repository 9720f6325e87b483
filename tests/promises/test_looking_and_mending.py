"""What is damaged anywhere is found by reading, mended only from what was just proved intact, and never taken for the truth."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from preservation.formats.digests import fixity_of_bytes
from preservation.formats.ocfl import package_root
from preservation.model.fixity import Outcome
from preservation.steps.integrity import audit as audit_step
from preservation.storage.site import Site
from preservation.wiring import Archive
from tests import archives
from tests.archives import hand_in, objects_at, replace_store
from tests.faults import Down, LiesOnRead, Passing

Make = Callable[..., Archive]
HARMS: dict[str, tuple[Callable[[bytes], bytes | None], Outcome]] = {
    "a flipped bit": (lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:], Outcome.mismatched),
    "a cut": (lambda data: data[: len(data) // 2], Outcome.mismatched),
    "a tail": (lambda data: data + b"\0", Outcome.mismatched),
    "a loss": (lambda data: None, Outcome.missing),
}
VICTIMS = {
    "a unit": ".warc",
    "the root inventory": "/inventory.json",
    "the root's sidecar": "/inventory.json.sha512",
    "the declaration": "/0=ocfl_object_1.1",
    "a manifest": "/manifest-sha512.txt",
    "a version's inventory": "/v1/inventory.json",
}


def held(make_archive: Make, tmp_path: Path, **wanted: Any) -> tuple[Archive, str]:
    """An archive that holds one package."""
    archive = make_archive(**wanted)
    return archive, archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "in"))).package_id


def key_of(package_id: str, suffix: str, site: Site) -> str:
    root = package_root(package_id)
    if suffix in VICTIMS.values() and (site_key := root + suffix) in objects_at(site):
        return site_key
    return next(key for key in objects_at(site) if key.endswith(suffix) and package_id in key)


def put(site: Site, key: str, data: bytes) -> None:
    site.putter.put_once(key, lambda: io.BytesIO(data), fixity_of_bytes(data))


def read(site: Site, key: str) -> bytes:
    with site.reader.read(key) as chunks:
        return b"".join(chunks)


def harm(site: Site, key: str, change: Callable[[bytes], bytes | None]) -> None:
    """Change an object behind the archive's back, whatever kind of site it is."""
    changed = change(read(site, key))
    site.eraser.erase(key)
    if changed is not None:
        put(site, key, changed)


def expected_digests(archive: Archive) -> list[Any]:
    with closing(sqlite3.connect(archive.settings.home / "catalogue.sqlite")) as connection:
        return connection.execute("SELECT package_id, path, size, sha256, sha512 FROM files ORDER BY 1, 2").fetchall()


@pytest.mark.parametrize("site", ["alpha", "gamma"])
def test_every_harm_to_every_kind_of_file_is_found_and_mended(
    make_archive: Make, tmp_path: Path, s3_endpoint: str, site: str
) -> None:
    """At a directory and at a bucket: named by site, key and outcome, read; afterwards the copy has its own bytes again."""
    archive, package_id = held(make_archive, tmp_path, s3=s3_endpoint)
    harmed = archive.sites[site]
    whole, digests = objects_at(harmed), expected_digests(archive)
    keys = sorted(key_of(package_id, suffix, harmed) for suffix in VICTIMS.values())
    for change, outcome in HARMS.values():
        for key in keys:
            harm(harmed, key, change)
        found = archives.audit(site).sites[0].findings
        assert sorted((each.site, each.key, each.outcome) for each in found) == [(site, key, outcome) for key in keys]
        summary = archives.repair()
        assert summary.well
        assert sorted(finding.key for finding in summary.packages[0].mended) == keys
        assert objects_at(harmed) == whole
        assert archives.audit(site).well
    assert expected_digests(archive) == digests


def test_when_every_copy_is_damaged_nothing_is_mended_and_it_is_said(make_archive: Make, tmp_path: Path) -> None:
    """Three copies wrong in the same way agree with one another, and are wrong all the same."""
    archive, package_id = held(make_archive, tmp_path)
    key, digests = key_of(package_id, ".warc", archive.sites["alpha"]), expected_digests(archive)
    for site in archive.sites.values():
        harm(site, key, HARMS["a flipped bit"][0])
    before = {name: objects_at(site) for name, site in archive.sites.items()}
    summary = archives.repair()
    assert not summary.well
    assert sorted(finding.site for finding in summary.packages[0].beyond_repair) == ["alpha", "beta", "gamma"]
    assert summary.packages[0].mended == ()
    assert {name: objects_at(site) for name, site in archive.sites.items()} == before
    assert expected_digests(archive) == digests
    assert not archives.audit().well


def test_each_damaged_copy_is_mended_from_whichever_site_is_well(make_archive: Make, tmp_path: Path) -> None:
    """Different files damaged at different sites: no site is whole, and all are whole afterwards."""
    archive, package_id = held(make_archive, tmp_path)
    whole = objects_at(archive.sites["alpha"])
    for site, suffix in zip(archive.sites.values(), (".warc", "/v1/content/metadata/premis.xml", "/inventory.json"), strict=True):
        harm(site, key_of(package_id, suffix, site), HARMS["a flipped bit"][0])
    assert archives.repair().well
    assert [objects_at(site) for site in archive.sites.values()] == [whole] * 3


def test_what_is_foreign_is_named_and_left_alone(make_archive: Make, tmp_path: Path) -> None:
    """Beside the packages, within one, and under a name that no key has. Mending is not erasing."""
    archive, package_id = held(make_archive, tmp_path)
    beta = archive.sites["beta"]
    strays = ("stray.txt", f"{package_root(package_id)}/v1/content/data/units/stray.warc", f"{package_root(package_id)}/v9/note")
    for key in strays:
        put(beta, key, b"stray")
    (archive.settings.home / "sites" / "beta" / "strange name \N{SNOWMAN}").write_text("stray")
    (looked,) = archives.audit("beta").sites
    assert not looked.well
    assert {finding.outcome for finding in looked.findings} == {Outcome.foreign}
    assert len(looked.findings) == len(strays) + 1
    before = objects_at(beta)
    archives.repair()
    assert objects_at(beta) == before


def last_reads(archive: Archive, site: str) -> dict[str, str | None]:
    with closing(sqlite3.connect(archive.settings.home / "catalogue.sqlite")) as connection:
        return dict(connection.execute("SELECT path, last_read_at FROM placements WHERE site = ?", (site,)).fetchall())


def test_only_bytes_that_were_read_and_are_right_count_as_checked(make_archive: Make, tmp_path: Path) -> None:
    """A damaged file keeps its old date, a site that is down keeps all of them, everything else moves on."""
    archive, package_id = held(make_archive, tmp_path)
    key = key_of(package_id, ".warc", archive.sites["beta"])
    path = key.split(f"{package_id}/", 1)[1]
    harm(archive.sites["beta"], key, HARMS["a flipped bit"][0])
    replace_store(archive, "gamma", Down)
    before = {site: last_reads(archive, site) for site in archive.sites}
    summary = archives.audit()
    assert not summary.well
    after = {site: last_reads(archive, site) for site in archive.sites}
    assert all(after["alpha"][each] > before["alpha"][each] for each in before["alpha"])  # type: ignore[operator]
    assert [each for each in before["beta"] if after["beta"][each] == before["beta"][each]] == [path]
    assert after["gamma"] == before["gamma"]


def test_a_site_that_does_not_answer_is_not_looked_at_and_not_well(make_archive: Make, tmp_path: Path) -> None:
    """Nothing there is marked damaged, nothing is mended: nobody knows."""
    archive, _ = held(make_archive, tmp_path)
    gamma = replace_store(archive, "gamma", Down)
    summary = archives.audit()
    assert not summary.well
    assert "gamma" in summary.not_looked_at or any(
        site.site == "gamma" and set(site.counts) == {"not_looked_at"} for site in summary.sites
    )
    archives.repair()
    gamma.up = True
    assert set(gamma.calls) <= {"stat", "read", "list", "leftovers"}
    assert archives.audit().well


class Audited(Passing):
    """Lets itself be looked at, and nothing else."""

    def before(self, call: str, key: str) -> None:
        assert call in {"stat", "read", "list", "leftovers"}, f"an audit called {call}"


def test_an_audit_holds_no_power_but_to_look(make_archive: Make, tmp_path: Path) -> None:
    """It is given a site whose other powers are not there at all, damage included, and needs none of them."""
    archive, package_id = held(make_archive, tmp_path)
    harm(archive.sites["beta"], key_of(package_id, ".warc", archive.sites["beta"]), HARMS["a cut"][0])
    before = objects_at(archive.sites["beta"])
    nothing: Any = None
    archive.sites["beta"] = Site("beta", Audited(archive.sites["beta"].reader), nothing, nothing, nothing, nothing)  # type: ignore[arg-type]
    report = audit_step(archive, "a" * 26, "beta")
    assert not report.well
    assert objects_at(archive.sites["beta"]) == before


def test_a_source_that_changes_its_mind_while_it_is_copied_mends_nothing(make_archive: Make, tmp_path: Path) -> None:
    """Proved intact a moment ago, other bytes now: the damaged copy is not replaced by another damaged one."""
    archive, package_id = held(make_archive, tmp_path, sites=2, required_sites=2)
    key = key_of(package_id, ".warc", archive.sites["alpha"])
    harm(archive.sites["beta"], key, HARMS["a flipped bit"][0])
    damaged = read(archive.sites["beta"], key)

    class LaterLies(LiesOnRead):
        reads = 0

        def _lies(self, asked: str) -> bool:
            self.reads += asked == key
            return asked == key and self.reads > 1

    replace_store(archive, "alpha", LaterLies)
    summary = archives.repair()
    assert not summary.well
    assert read(archive.sites["beta"], key) == damaged
    assert not any(event.event.value == "replication" for event in archive.catalogue.ledger_entries())


def test_a_repair_that_is_not_read_back_is_no_repair(make_archive: Make, tmp_path: Path) -> None:
    """The site takes the good bytes and gives back others: said as beyond repair, and no event claims it was mended."""
    archive, package_id = held(make_archive, tmp_path)
    key = key_of(package_id, ".warc", archive.sites["beta"])
    replace_store(archive, "beta", lambda store: LiesOnRead(store, suffix=key))
    summary = archives.repair()
    assert not summary.well
    assert [finding.site for finding in summary.packages[0].beyond_repair] == ["beta"]
    assert not any(event.event.value == "replication" for event in archive.catalogue.ledger_entries())
