"""A backup brings everything back that the sites do not hold, and nothing that a creator took back."""

import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from flows.withdrawal import WithdrawalRequest
from flows.withdrawal import withdrawal as withdrawal_flow
from preservation.cli.tables import status_tables
from preservation.errors import Refused
from preservation.model.events import Event
from preservation.steps.accession import secret_name
from preservation.steps.opening import open_package
from preservation.steps.overview import overview
from preservation.steps.restoring import Again, lift_hold, restore_backup, withdraw_again
from preservation.steps.withdrawals import LIST, read_list
from preservation.wiring import Archive, clock, open_archive
from tests import archives
from tests.archives import files_below, fingerprint_of_everything, hand_in
from tests.promises.backups import Life, a_life, backed_up, disaster, put_back, settings_of

NOBODY = Again(to_erase=(), unknown=(), nothing_held=())


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return a_life(tmp_path)


def confirmed(archive: Archive, record_ids: tuple[str, ...] = ()) -> Again:
    """What `keepsake backup confirm` does."""
    again = withdraw_again(archive, record_ids)
    for record_id in again.to_erase:
        assert not withdrawal_flow.fn(WithdrawalRequest(record=record_id)).still_open
    lift_hold(archive, again)
    return again


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_below(folder)}


def test_all_stores_lost_and_restored_the_archive_goes_on_where_it_was(life: Life, tmp_path: Path) -> None:
    """Ledger, audit, a package's opened copy byte for byte, and the deposit that waited."""
    with life.home.opened() as archive:
        folder, made = backed_up(archive, tmp_path / "backups")
        before = fingerprint_of_everything(archive)
        open_package(archive, life.package, tmp_path / "before")
    disaster(life.home)
    restored = put_back(life.home, folder)
    assert (restored.backup, restored.ledger_newest, restored.waiting) == (folder.name, made.ledger_newest, 1)
    with life.home.opened() as archive:
        assert archive.catalogue.ledger_newest() == (made.ledger_entries, made.ledger_newest)
        after = fingerprint_of_everything(archive)
        after["waiting"] = [path for path in after["waiting"] if not path.endswith(".lock")]
        before["waiting"] = [path for path in before["waiting"] if not path.endswith(".lock")]
        assert after == before
        confirmed(archive)
        assert archives.audit().well
        open_package(archive, life.package, tmp_path / "after")
        assert bytes_below(tmp_path / "after") == bytes_below(tmp_path / "before")
        report = archives.accession(life.waiting)
        assert open_package(archive, report.package_id, tmp_path / "waited").posts == 3
        assert archive.catalogue.verify_ledger() == []
        assert archives.audit().well


def test_what_was_accessioned_after_the_backup_is_accessioned_again_into_the_same_version(life: Life, tmp_path: Path) -> None:
    """A newer export waits, is backed up, becomes version 2; restored, it waits again and becomes the same version 2."""
    with life.home.opened() as archive:
        newer = archives.a_deposit(archive, hand_in(tmp_path / "newer", posts=8))
        folder, _ = backed_up(archive, tmp_path / "backups")
        assert archives.accession(newer).version == 2
        shelf = fingerprint_of_everything(archive)["sites"]
    disaster(life.home)
    put_back(life.home, folder)
    with life.home.opened() as archive:
        confirmed(archive)
        assert archives.accession(newer).version == 2
        assert fingerprint_of_everything(archive)["sites"] == shelf
        assert archives.audit().well


def acts(archive: Archive, life: Life, tmp_path: Path) -> dict[str, Callable[[], object]]:
    """Everything that must not happen before the withdrawals since are known."""
    return {
        "open": lambda: open_package(archive, life.package, tmp_path / "opened"),
        "accession": lambda: archives.accession(life.waiting),
        "receive": lambda: archives.a_deposit(archive, hand_in(tmp_path / "more", posts=9)),
        "items": lambda: archive.gatekeeper.for_items(life.record, []),
    }


def test_a_restored_archive_does_nothing_but_look_until_the_withdrawals_since_are_confirmed(life: Life, tmp_path: Path) -> None:
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    disaster(life.home)
    put_back(life.home, folder)
    with life.home.opened() as archive:
        unit = next((life.home.data / "sites" / "alpha").rglob("*.warc"))
        unit.unlink()
        for name, act in acts(archive, life, tmp_path).items():
            with pytest.raises(Refused, match="archive-held"):
                act()
            assert not (tmp_path / "opened").exists(), name
        (left,) = archives.repair().packages
        assert {finding.note for finding in left.beyond_repair} == {"archive-held"}
        assert not unit.exists(), "nothing is repaired"
        assert archives.audit("beta").well
        assert archive.quarantine.holds(life.waiting), "the deposit waits on"
        confirmed(archive)
        assert archives.repair().well
        assert archives.accession(life.waiting).version == 1
        assert [entry.subject for entry in archive.catalogue.ledger_entries() if entry.event is Event.archive_restored] == [
            folder.name
        ]
    with life.home.opened() as archive, pytest.raises(Refused, match="not-held"):
        lift_hold(archive, NOBODY)


def test_the_status_says_that_an_archive_is_held_and_what_to_do(life: Life, tmp_path: Path) -> None:
    """Until it is confirmed, and not before or after."""
    with life.home.opened() as archive:
        assert "backup confirm" not in status(archive)
        folder, _ = backed_up(archive, tmp_path / "backups")
    disaster(life.home)
    put_back(life.home, folder)
    with life.home.opened() as archive:
        assert overview(archive).held_since is not None
        assert "backup confirm" in status(archive)
        confirmed(archive)
        assert "backup confirm" not in status(archive)


def status(archive: Archive) -> str:
    """What `keepsake status` shows, in short."""
    said = Console(width=200, file=StringIO(), color_system=None)
    for table in status_tables(overview(archive)):
        said.print(table)
    assert isinstance(said.file, StringIO)
    return said.file.getvalue()


def test_a_withdrawal_after_the_backup_is_not_undone_by_restoring_it(life: Life, tmp_path: Path) -> None:
    """The list kept elsewhere says who; names, secrets and what waited go again, and the other creator's stays."""
    elsewhere = tmp_path / "elsewhere" / "withdrawn.txt"
    elsewhere.parent.mkdir()
    (life.home.configs / "local.toml").write_text(f'withdrawals_file = "{elsewhere}"\n')
    with life.home.opened() as archive:
        deposit = archives.a_deposit(archive, hand_in(tmp_path / "second", posts=8))  # waits, too
        secret = archive.keys.get(secret_name(deposit.account_ref))
        folder, _ = backed_up(archive, tmp_path / "backups")
        archives.withdraw(archive, life.record)
    assert read_list(elsewhere) == (life.record,)
    disaster(life.home)
    (life.home.data / LIST).unlink()
    put_back(life.home, folder)
    assert any(secret in data for data in bytes_below(life.home.data / "keys").values()), "the backup brought it back"
    with life.home.opened() as archive:
        again = confirmed(archive, (*read_list(elsewhere), "a" * 26))
        assert (again.to_erase, again.unknown) == ((life.record,), ("a" * 26,))
        assert not any(secret in data for data in bytes_below(life.home.data).values())
        assert not archive.quarantine.holds(deposit.deposit_id)
        assert not archive.identity.recognises(deposit.account_ref, "tiktok", archives.HANDLE)
        assert len(archive.catalogue.erasing.tombstones()) == 1
        assert archives.audit().well
        with pytest.raises(Refused):
            open_package(archive, life.package, tmp_path / "opened")
        assert archives.accession(life.waiting).version == 1
    assert set(read_list(life.home.data / LIST)) == {life.record, "a" * 26}


def test_an_archive_stays_held_while_a_withdrawal_since_could_not_be_recorded(life: Life, tmp_path: Path) -> None:
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    disaster(life.home)
    put_back(life.home, folder)
    with life.home.opened() as archive:
        with pytest.raises(Refused, match="not-withdrawn"):
            lift_hold(archive, Again(to_erase=(life.record,), unknown=(), nothing_held=()))
        with pytest.raises(Refused, match="archive-held"):
            open_package(archive, life.package, tmp_path / "opened")


def test_a_backup_is_not_restored_over_stores(life: Life, tmp_path: Path) -> None:
    """Nor beside a journal that SQLite would play into the restored database. Sites may stay; so may an empty directory."""
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    before = bytes_below(life.home.data)
    with pytest.raises(Refused, match="archive-in-the-way"):
        put_back(life.home, folder)
    assert bytes_below(life.home.data) == before
    disaster(life.home)
    for name in ("catalogue.sqlite-wal", "identity.sqlite-journal", "keys/keys.sqlite-journal", "staging/x"):
        (life.home.data / name).parent.mkdir(exist_ok=True)
        (life.home.data / name).write_bytes(b"left")
        with pytest.raises(Refused, match="archive-in-the-way"):
            put_back(life.home, folder)
        (life.home.data / name).unlink()
    put_back(life.home, folder)


def test_a_damaged_backup_is_not_restored_and_leaves_the_directory_as_it_was(life: Life, tmp_path: Path) -> None:
    """Unless it is the last there is, and the archivist says so: then what there is of it."""
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    disaster(life.home)
    before = files_below(life.home.data)
    waiting = sorted((folder / "quarantine" / life.waiting).iterdir())
    waiting[1].unlink()
    with pytest.raises(Refused, match="backup-damaged"):
        put_back(life.home, folder)
    assert files_below(life.home.data) == before
    restore_backup(settings_of(life.home), folder, None, clock(), although_damaged=True)
    with life.home.opened() as archive:
        confirmed(archive)
        assert archives.audit().well


def test_a_backup_can_be_put_into_another_place_with_a_catalogue_of_its_own(life: Life, tmp_path: Path) -> None:
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups", tmp_path / "vault")
    new, catalogue = tmp_path / "elsewhere" / "home", tmp_path / "databases" / "catalogue.sqlite"
    new.mkdir(parents=True)
    shutil.copytree(life.home.data / "sites", new / "sites")
    settings = settings_of(life.home).model_copy(update={"home": new, "catalogue_url": f"sqlite:///{catalogue}"})
    with pytest.raises(Refused, match="backup-keys-apart"):
        restore_backup(settings, folder, None, clock())
    restore_backup(settings, folder, tmp_path / "vault", clock())
    assert (new / "keys" / "keys.sqlite").stat().st_mode & 0o777 == 0o600
    assert os.listdir(catalogue.parent) == ["catalogue.sqlite"]
    archive = open_archive(settings)
    assert archive.catalogue.verify_ledger() == []
    assert archive.gatekeeper.record_in_force(life.record) is not None
    archive.close()
