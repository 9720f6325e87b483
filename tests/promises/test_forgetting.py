"""What a creator takes back is gone: every object, version, marker, upload, secret and name, at every site, and stays gone."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.withdrawal import WithdrawalRequest
from flows.withdrawal import withdrawal as withdrawal_flow
from preservation.errors import ArchiveError, Refused
from preservation.formats.ocfl import package_root
from preservation.model.consent_words import Role
from preservation.settings import load_settings
from preservation.steps.accession import secret_name
from preservation.steps.opening import open_package
from preservation.storage.opening import Credentials
from preservation.storage.s3 import client_config, connect
from preservation.wiring import Archive, open_archive
from tests import archives
from tests.archives import CAPTION, HANDLE, fingerprint_of_everything, hand_in, objects_at, replace_store
from tests.faults import Down, Passing, flip_bit

Make = Callable[..., Archive]


def held(archive: Archive, tmp_path: Path) -> tuple[str, str]:
    """A deposit accessioned: the package's id and the record's."""
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    return archives.accession(deposit).package_id, deposit.record_id


def remains(archive: Archive, package_id: str) -> dict[str, list[str]]:
    """What any site still has of a package, in whatever form."""
    return {name: [key for key in objects_at(site) if package_id in key] for name, site in archive.sites.items()}


def test_everything_goes_at_every_site_in_every_form(make_archive: Make, tmp_path: Path, s3_endpoint: str) -> None:
    """Plain objects, strays within the package, an upload a kill left behind, older versions, markers and multipart uploads."""
    archive = make_archive(s3=s3_endpoint)
    config = next(each for each in archive.settings.sites() if each.name == "gamma")
    client = connect("gamma", s3_endpoint, "us-east-1", Credentials("testing", "testing"), config=client_config(1))
    bucket = str(config.bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    package_id, record_id = held(archive, tmp_path)
    root = package_root(package_id)
    client.put_object(Bucket=bucket, Key=f"{root}/inventory.json", Body=b"an older version comes of this")
    client.delete_object(Bucket=bucket, Key=f"{root}/v1/content/bagit.txt")
    client.create_multipart_upload(Bucket=bucket, Key=f"{root}/v2/content/half")
    for site in ("alpha", "beta"):
        half = archive.settings.home / "sites" / site / ".keepsake-tmp" / ("0" * 32) / root / "v2" / "half"
        half.parent.mkdir(parents=True)
        half.write_text(CAPTION)
        stray = archive.settings.home / "sites" / site / root / "v1" / "stray"
        stray.write_text(CAPTION)
    summary = archives.withdraw(archive, record_id)
    assert (summary.still_open, [stone.package_id for stone in summary.tombstones]) == ({}, [package_id])
    assert remains(archive, package_id) == {"alpha": [], "beta": [], "gamma": []}
    listed: Any = client.list_object_versions(Bucket=bucket)
    left = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, [])]
    assert not any(package_id in key for key in left)
    assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert archives.audit().well


def test_a_site_that_is_down_stays_owed_until_it_is_done(make_archive: Make, tmp_path: Path) -> None:
    """No tombstone before the last site: the same command ends it when the site is back."""
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    gamma = replace_store(archive, "gamma", Down)
    summary = archives.withdraw(archive, record_id)
    assert summary.still_open == {f"{package_id} @ gamma": "site-unavailable"}
    assert summary.tombstones == []
    assert archive.catalogue.erasing.tombstones() == []
    gamma.up = True
    assert remains(archive, package_id)["gamma"] != []
    assert remains(archive, package_id)["alpha"] == []
    summary = archives.withdraw(archive, record_id)
    assert (summary.still_open, len(summary.tombstones)) == ({}, 1)
    assert remains(archive, package_id)["gamma"] == []


class KeepsOne(Passing):
    """Says that it erased, and keeps what ends in `.warc`: an object lock, or a right that is missing."""

    def erase(self, key: str) -> int:
        return 1 if key.endswith(".warc") else self.store.erase(key)


def test_a_site_that_only_says_it_erased_is_not_believed(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    replace_store(archive, "beta", KeepsOne)
    summary = archives.withdraw(archive, record_id)
    assert summary.still_open == {f"{package_id} @ beta": "not-erased"}
    assert summary.tombstones == []


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_afterwards_nothing_here_tells_whose_it_was(make_archive: Make, tmp_path: Path) -> None:
    """Byte search of the whole home: no handle, caption, name, contact, nor the package's secret in any spelling."""
    archive = make_archive()
    _package_id, record_id = held(archive, tmp_path)
    second = archives.a_deposit(archive, hand_in(tmp_path / "waiting", posts=7))
    secret = archive.keys.get(secret_name(second.account_ref))
    spellings = (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="))
    found = {name for name, data in bytes_of(archive.settings.home).items() if any(each in data for each in spellings)}
    assert found == {"keys/keys.sqlite"}  # the search can find it while it is there
    archives.withdraw(archive, record_id)
    words = (HANDLE.encode(), CAPTION.encode(), b"Person behind", b"@example.org", *spellings)
    for name, data in bytes_of(archive.settings.home).items():
        assert not any(word in data for word in words), name
    assert not archive.identity.recognises(second.account_ref, "tiktok", HANDLE)
    (stone,) = archive.catalogue.erasing.tombstones()
    assert stone.model_dump(mode="json").keys() == {
        "package_id", "record_id", "accession_month", "withdrawn_at", "erased_at", "reason", "objects", "sites"
    }  # fmt: skip
    assert not archive.quarantine.holds(second.deposit_id)


def test_nothing_brings_it_back(make_archive: Make, tmp_path: Path) -> None:
    """Accession, repair, audit, opening and handing in again put no byte of it anywhere."""
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    waiting = archives.a_deposit(archive, hand_in(tmp_path / "waiting", posts=7))
    archives.withdraw(archive, record_id)
    after = fingerprint_of_everything(archive, without_events=frozenset({"fixity check"}))
    again: tuple[Callable[[], object], ...] = (
        lambda: archives.accession(waiting),
        lambda: open_package(archive, package_id, tmp_path / "opened"),
        lambda: archives.a_deposit(archive, hand_in(tmp_path / "again")),
        lambda: archives.accession(archive.catalogue.deposits.list()[0].deposit_id),
    )
    for act in again:
        with pytest.raises(ArchiveError):
            act()
    archives.repair(package_id)
    assert archives.repair().packages == []
    assert archives.audit().well
    assert not (tmp_path / "opened").exists()
    assert fingerprint_of_everything(archive, without_events=frozenset({"fixity check"})) == after


def test_withdrawing_again_changes_nothing(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    _, record_id = held(archive, tmp_path)
    archives.withdraw(archive, record_id)
    once = fingerprint_of_everything(archive)
    assert len(archives.withdraw(archive, record_id).tombstones) == 1
    assert fingerprint_of_everything(archive) == once


def test_the_flow_alone_erases_nothing(make_archive: Make, tmp_path: Path) -> None:
    """Flow input is never authority: without a recorded withdrawal it is refused; and staff cannot record one."""
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    before = remains(archive, package_id)
    with pytest.raises(Refused, match="not-withdrawn"):
        withdrawal_flow.fn(WithdrawalRequest(record=record_id))
    from preservation.steps.withdrawing import record_withdrawal

    with pytest.raises(Refused):
        record_withdrawal(archive, record_id, Role.archivist)
    assert remains(archive, package_id) == before


def test_one_creators_withdrawal_leaves_the_other_creators_package_alone(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    _, record_id = held(archive, tmp_path)
    other = archives.a_deposit(archive, hand_in(tmp_path / "other", handle="bo.fx"))
    kept = archives.accession(other).package_id
    before = remains(archive, kept)
    archives.withdraw(archive, record_id)
    assert remains(archive, kept) == before
    assert archives.audit().well
    assert open_package(archive, kept, tmp_path / "opened").posts == 6


def test_a_site_that_is_no_longer_configured_is_still_owed(make_archive: Make, tmp_path: Path) -> None:
    """Taking a site out of sites.toml does not make a package forgotten there."""
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    path = archive.settings.configs / "sites.toml"
    path.write_text(path.read_text().split('\n[[site]]\nname = "gamma"')[0])
    fewer = open_archive(load_settings())
    from preservation.steps.withdrawing import begin_erasure, erase, record_withdrawal

    record_withdrawal(fewer, record_id, Role.creator)
    assert begin_erasure(fewer, record_id).sites[package_id] == ("alpha", "beta", "gamma")
    with pytest.raises(Refused, match="site-not-configured"):
        erase(fewer, package_id, "gamma")
    fewer.close()


def test_what_was_damaged_is_erased_all_the_same(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    package_id, record_id = held(archive, tmp_path)
    flip_bit(next((archive.settings.home / "sites" / "beta").rglob("inventory.json")))
    next((archive.settings.home / "sites" / "gamma").rglob("*.warc")).unlink()
    assert archives.withdraw(archive, record_id).still_open == {}
    assert set(map(tuple, remains(archive, package_id).values())) == {()}


def test_what_waits_for_a_late_site_goes_too(make_archive: Make, tmp_path: Path) -> None:
    """Staging stays while a site is down; a withdrawal does not leave the package there."""
    archive = make_archive(required_sites=2)
    gamma = replace_store(archive, "gamma", Down)
    _, record_id = held(archive, tmp_path)
    staging = archive.settings.home / "staging"
    assert any(CAPTION.encode() in data for data in bytes_of(staging).values())
    archives.withdraw(archive, record_id)
    assert bytes_of(staging) == {}
    gamma.up = True
    assert archives.withdraw(archive, record_id).still_open == {}
