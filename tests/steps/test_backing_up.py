"""What a backup is: private, listed, signed, checked byte by byte; and the list of withdrawals that is kept apart from it."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from preservation.catalogue.proving import prove_together, public_key, signed
from preservation.errors import Refused, StoreUnavailable
from preservation.model.backup import BackupManifest
from preservation.steps.backing_up import back_up
from preservation.steps.backup_checking import check_backup, require_backup
from preservation.steps.backup_files import LISTING, MANIFEST, digest_of, unsigned
from preservation.steps.consenting import import_consent
from preservation.steps.withdrawals import LIST, note_withdrawals, read_list
from tests import archives
from tests.archives import Home, files_below, hand_in, make_home
from tests.faults import flip_bit, truncate
from tests.promises.backups import settings_of

A, B = "a" * 26, "b" * 26


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A deposit waits, and another creator's consent is on record."""
    folder = tmp_path_factory.mktemp("home")
    made = make_home(folder)
    with made.opened() as archive:
        archives.a_deposit(archive, hand_in(folder / "in"))
        import_consent(archive, archives.consent_bytes("bo.fx"))
    return made


@pytest.fixture(scope="module")
def kept(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with its keys apart, to be copied and never changed."""
    to = tmp_path_factory.mktemp("kept")
    with home.opened() as archive:
        back_up(archive, to / "backups", to / "vault")
    return to


@pytest.fixture
def backup(kept: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A backup's folder, and the folder that its keys are kept in."""
    shutil.copytree(kept, tmp_path / "kept")
    yield next((tmp_path / "kept" / "backups").iterdir()), tmp_path / "kept" / "vault"


def rules(folder: Path, vault: Path | None) -> set[str]:
    return {problem.rule for problem in check_backup(folder, vault).problems}


# -- what it is -------------------------------------------------------------------------------------------------------


def test_only_this_user_may_read_a_backup(kept: Path) -> None:
    made = [path for path in kept.rglob("*") if path.name not in {"backups", "vault"}]
    assert len(made) > 10
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_file()} == {"0o600"}


def test_the_listing_can_be_checked_without_this_program(backup: tuple[Path, Path]) -> None:
    folder, vault = backup
    for place in (folder, next(vault.iterdir())):
        done = subprocess.run(["sha256sum", "--strict", "-c", LISTING], cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    listed = {line.split("  ", 1)[1] for line in (folder / LISTING).read_text().splitlines()}
    assert listed | {MANIFEST, LISTING} == set(files_below(folder))


def test_with_keys_apart_no_secret_is_in_the_rest(backup: tuple[Path, Path], home: Home) -> None:
    folder, vault = backup
    with closing(sqlite3.connect(home.data / "keys" / "keys.sqlite")) as keys:
        secrets = [value for (value,) in keys.execute("SELECT value FROM secrets")]
    assert len(secrets) >= 4
    inside = b"".join((folder / name).read_bytes() for name in files_below(folder))
    apart = b"".join((vault / name).read_bytes() for name in files_below(vault))
    assert all(secret in apart for secret in secrets)
    assert not any(secret in inside or secret.hex().encode() in inside for secret in secrets)


def test_a_shredded_secret_is_in_no_byte_of_a_backup(tmp_path: Path) -> None:
    """Not even one whose bytes the key store's own file still has, in a page that was only marked as free."""
    home = make_home(tmp_path)
    with home.opened() as archive:
        shredded, forgotten = ([archive.keys.get_or_make(f"{kind}/{number}") for number in range(30)] for kind in "ab")
        standing = archive.keys.get_or_make("standing")
        for number in range(30):
            archive.keys.shred(f"a/{number}")
        with closing(sqlite3.connect(home.data / "keys" / "keys.sqlite")) as careless, careless:
            careless.execute("PRAGMA secure_delete=OFF")
            careless.execute("DELETE FROM secrets WHERE name LIKE 'b/%'")
        left = (home.data / "keys" / "keys.sqlite").read_bytes()
        assert any(secret in left for secret in forgotten)
        folder = Path(back_up(archive, tmp_path / "backups").folder)
    found = b"".join((folder / name).read_bytes() for name in files_below(folder))
    assert standing in found
    assert not any(secret in found for secret in [*shredded, *forgotten])


def test_nobody_is_named_in_what_can_be_read_without_keys(backup: tuple[Path, Path]) -> None:
    folder, _ = backup
    for name in files_below(folder):
        content = (folder / name).read_bytes() + name.encode()
        assert not any(word in content for word in (archives.HANDLE.encode(), archives.CAPTION.encode(), b"@example.org")), name


def test_the_data_directory_knows_when_and_where_the_last_one_was_made(home: Home, tmp_path: Path) -> None:
    with home.opened() as archive:
        made = back_up(archive, tmp_path)
    note = json.loads((home.data / "backup.json").read_text())
    assert (note["made_at"], note["folder"]) == (made.made_at.isoformat(), made.folder)


def test_two_backups_of_one_second_do_not_meet(home: Home, tmp_path: Path) -> None:
    with home.opened() as archive:
        at = archive.now()
        object.__setattr__(archive, "now", lambda: at)
        back_up(archive, tmp_path)
        with pytest.raises(Refused, match="backup-exists"):
            back_up(archive, tmp_path)


# -- checking ---------------------------------------------------------------------------------------------------------


def test_a_whole_backup_passes_and_checking_changes_no_byte_of_it(backup: tuple[Path, Path]) -> None:
    """It may lie on a medium that cannot be written."""
    folder, vault = backup
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.parent.rglob("*") if path.is_file()}
    checked = check_backup(folder, vault)
    assert (checked.well, checked.keys_looked_at, checked.waiting, checked.ledger_entries) == (True, True, 1, 3)
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.parent.rglob("*") if path.is_file()}
    assert after == before


def test_without_the_keys_it_says_that_it_did_not_look_at_them(backup: tuple[Path, Path]) -> None:
    checked = check_backup(backup[0])
    assert checked.well
    assert not checked.keys_looked_at


def test_every_file_that_decays_is_found(backup: tuple[Path, Path]) -> None:
    """A bit flipped, the end cut off, the file gone: in the keys, the manifest and the listing, too."""
    folder, vault = backup
    for path in [*(folder / name for name in files_below(folder)), next(vault.rglob("keys.sqlite"))]:
        whole = path.read_bytes()
        for harm in (flip_bit, truncate, Path.unlink):
            harm(path)
            try:
                assert not check_backup(folder, vault).well, (path.name, harm)
            except Refused as refusal:
                assert (refusal.code, path.name) == ("no-backup", MANIFEST)
            path.write_bytes(whole)
    assert check_backup(folder, vault).well


def test_what_is_not_listed_is_found(backup: tuple[Path, Path]) -> None:
    folder, vault = backup
    (folder / "quarantine" / "stray").write_text("x")
    assert rules(folder, vault) == {"stray"}


def test_a_listing_does_not_lead_out_of_the_backup(backup: tuple[Path, Path]) -> None:
    folder, vault = backup
    (folder.parent / "secret").write_text("x")
    digest = digest_of(folder.parent / "secret")[0]
    (folder / LISTING).write_text((folder / LISTING).read_text() + f"{digest}  ../secret\n")
    assert {"missing", "digest"} <= rules(folder, vault)


def sign_again(folder: Path, vault: Path, **changes: object) -> None:
    """Make listing and manifest fit what lies there now, as somebody with the key could."""
    lines = [line.split("  ", 1)[1] for line in (folder / LISTING).read_text().splitlines()]
    (folder / LISTING).write_text("".join(f"{digest_of(folder / name)[0]}  {name}\n" for name in lines))
    with closing(sqlite3.connect(next(vault.rglob("keys.sqlite")))) as keys:
        (key,) = keys.execute("SELECT value FROM secrets WHERE name = 'ledger-signing'").fetchone()
    listing = {"listing_sha256": digest_of(folder / LISTING)[0], **changes}
    manifest = BackupManifest.model_validate(require_backup(folder).model_dump() | listing)
    manifest = manifest.model_copy(update={"signature": signed(key, unsigned(manifest))})
    (folder / MANIFEST).write_text(manifest.model_dump_json())


@pytest.mark.parametrize(
    ("store", "statement", "rule"),
    [
        ("catalogue", "DROP TRIGGER ledger_no_update; UPDATE ledger SET subject = 'x' WHERE seq = 2", "ledger-digest"),
        ("catalogue", "DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE seq = 3", "ledger-end"),
        ("catalogue", "UPDATE consents SET sha256 = hex(zeroblob(32))", "consent-words"),
        ("catalogue", "UPDATE deposits SET deposit_id = 'another', package_id = NULL", "lacks-its-key"),
        ("identity", "DELETE FROM documents", "consent-words"),
        ("identity", "UPDATE documents SET document = zeroblob(100)", "identity-key"),
    ],
)
def test_stores_that_contradict_each_other_are_found_though_every_digest_fits(
    backup: tuple[Path, Path], store: str, statement: str, rule: str
) -> None:
    folder, vault = backup
    with closing(sqlite3.connect(folder / f"{store}.sqlite")) as connection:
        connection.executescript(statement)
    sign_again(folder, vault)
    if rule == "lacks-its-key":  # it was being wiped: no contradiction
        assert check_backup(folder, vault).well
    else:
        assert rule in rules(folder, vault)


def test_a_deposit_that_waits_without_its_bytes_is_found(backup: tuple[Path, Path]) -> None:
    folder, vault = backup
    found = prove_together(
        folder / "catalogue.sqlite", folder / "identity.sqlite", next(vault.rglob("keys.sqlite")), lambda _: False
    )
    assert [problem.rule for problem in found] == ["waiting-bytes"]


def test_the_keys_of_another_archive_are_found(backup: tuple[Path, Path], tmp_path: Path) -> None:
    """Another key store, to which somebody made the manifest fit."""
    folder, vault = backup
    other = make_home(tmp_path / "other")
    with other.opened() as archive:
        assert public_key(archive.keys.get("ledger-signing")).hex() != require_backup(folder).ledger.public_key
    keys = tmp_path / "other" / "home" / "keys" / "keys.sqlite"
    assert rules(folder, keys.parent) == {"digest"}
    sign_again(folder, vault, keys_sha256=digest_of(keys)[0])
    assert {"another-archive", "identity-key"} <= rules(folder, keys.parent)


def test_a_folder_without_a_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no-backup"):
        check_backup(tmp_path)


# -- older backups, and the list of withdrawals -----------------------------------------------------------------------


def test_an_older_backup_is_named_with_how_many_withdrew_since(tmp_path: Path) -> None:
    home = make_home(tmp_path / "archive")
    with home.opened() as archive:
        at = archive.now()
        records = [
            archives.a_deposit(archive, hand_in(tmp_path / name, handle=name, posts=1)).record_id for name in ("a.a", "b.b")
        ]
        back_up(archive, tmp_path / "to")
        archives.withdraw(archive, records[0])
        object.__setattr__(archive, "now", lambda: at + timedelta(days=2))
        second = back_up(archive, tmp_path / "to")
        object.__setattr__(archive, "now", lambda: at + timedelta(days=31))
        third = back_up(archive, tmp_path / "to")
    assert [(each.withdrawn_since, each.over_age) for each in second.older] == [(1, False)]
    assert [(each.withdrawn_since, each.over_age) for each in third.older] == [(1, True), (0, False)]
    assert third.older[1].name == second.name


def test_a_withdrawal_is_on_both_lists_once(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    settings = settings_of(make_home(tmp_path)).model_copy(update={"withdrawals_file": elsewhere})
    settings.home.mkdir()
    note_withdrawals(settings, [A])
    note_withdrawals(settings, [A, B, A])
    assert read_list(elsewhere) == read_list(settings.home / LIST) == (A, B)
    with elsewhere.open("a") as half:
        half.write("aaaa")  # the power went
    note_withdrawals(settings, ["c" * 26])
    assert elsewhere.read_text().splitlines() == [A, B, "aaaa", "c" * 26]


def test_a_list_that_cannot_be_written_delays_no_erasure_and_is_said(tmp_path: Path) -> None:
    """Everything is erased first; then the command fails, and ends well once the disk is back."""
    home, elsewhere = make_home(tmp_path / "archive"), tmp_path / "unmounted" / "withdrawn.txt"
    (home.configs / "local.toml").write_text(f'withdrawals_file = "{elsewhere}"\n')
    with home.opened() as archive:
        deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
        archives.accession(deposit)
        with pytest.raises(StoreUnavailable, match="withdrawals-file"):
            archives.withdraw(archive, deposit.record_id)
        assert len(archive.catalogue.erasing.tombstones()) == 1
        assert not back_up(archive, tmp_path / "to").withdrawals_noted
        elsewhere.parent.mkdir()
        assert archives.withdraw(archive, deposit.record_id).still_open == {}
    assert read_list(elsewhere) == (deposit.record_id,)


@pytest.mark.parametrize("content", [b"not an id\n", A.encode() + b" x\n", b"\xff\xfe", A.upper().encode()])
def test_a_file_that_is_no_list_of_withdrawals_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(Refused, match="withdrawals-list-wrong") as refused:
        read_list(tmp_path / "list")
    assert "not an id" not in str(refused.value)
