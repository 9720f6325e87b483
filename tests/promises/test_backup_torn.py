"""A backup is of one moment, and a backup or a restore that dies or finds no room leaves nothing half-done."""

import os
import resource
import signal
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from flows.summaries import AccessionReport
from preservation.errors import ArchiveError, Refused
from preservation.model.consent_words import Role
from preservation.model.deposit import DepositState
from preservation.steps.backing_up import back_up
from preservation.steps.backup_checking import check_backup
from preservation.steps.restoring import Again, lift_hold
from preservation.steps.withdrawing import begin_erasure, record_withdrawal
from preservation.wiring import RESTORING, Archive
from tests import archives
from tests.archives import fingerprint_of_everything, hand_in, make_home, run_apart
from tests.promises.backups import Life, a_life, backed_up, die_before, disaster, forked, put_back

ROOM = 24_000  # bytes a file may have on the full disk of these tests: less than a database


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    return a_life(tmp_path_factory.mktemp("life"))


def waited(archive: Archive, record_id: str) -> list[str]:
    return [d.deposit_id for d in archive.catalogue.deposits.list(record_id) if d.state is DepositState.received]


# -- one moment -------------------------------------------------------------------------------------------------------


@contextmanager
def working_on(archive: Archive, folder: Path) -> Iterator[None]:
    """Creators hand in and withdraw, one after the other, for as long as this lasts: every store is written all the time."""
    stop, failures = threading.Event(), list[BaseException]()

    def creators(name: str) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                given = hand_in(folder / f"{name}{number}", handle=f"{name}.{number}", posts=2)
                record_id = archives.a_deposit(archive, given).record_id
                if number % 2:
                    record_withdrawal(archive, record_id, Role.creator)
                    begin_erasure(archive, record_id)
        except BaseException as failure:
            traceback.print_exc()
            failures.append(failure)

    threads = [threading.Thread(target=creators, args=(name,)) for name in ("ann", "ben", "cas")]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_backup_made_while_all_write_agrees_with_itself(tmp_path: Path) -> None:
    """Every consent in force has its words, every deposit that waits its key and bytes, in each of a row of backups."""
    home = make_home(tmp_path / "archive")
    with home.opened() as archive, working_on(archive, tmp_path / "in"):
        checks = [check_backup(backed_up(archive, tmp_path / f"backups{number}")[0]) for number in range(12)]
    assert [check.problems for check in checks] == [()] * 12
    entries = [check.ledger_entries for check in checks]
    assert entries == sorted(entries)
    assert entries[-1] > entries[0], "somebody wrote meanwhile"
    assert any(check.waiting for check in checks)


def test_what_waits_is_in_the_backup_though_it_is_wiped_while_it_is_copied(tmp_path: Path) -> None:
    """The accession that goes on meanwhile is not held up, and ends."""
    home = make_home(tmp_path / "archive")
    with home.opened() as archive:
        deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
        reports: list[AccessionReport] = []

        def meanwhile(_done: int, _total: int) -> None:
            if not reports:
                reports.append(archives.accession(deposit))
                assert not archive.quarantine.holds(deposit.deposit_id)

        made = back_up(archive, tmp_path / "backups", progress=meanwhile)
        assert reports[0].version == 1
        assert check_backup(Path(made.folder)).problems == ()
        assert made.waiting == 1
    disaster(home)
    put_back(home, Path(made.folder))
    with home.opened() as archive:
        lift_hold(archive, Again(to_erase=(), unknown=(), nothing_held=()))
        assert archives.accession(deposit).version == 1


# -- deaths -----------------------------------------------------------------------------------------------------------


def test_a_backup_killed_anywhere_leaves_nothing_that_looks_like_one(life: Life, tmp_path: Path) -> None:
    """Nor anything in the archive but what the next one clears up; and that one is whole."""
    with life.home.opened() as archive:
        before = fingerprint_of_everything(archive)
    step, deaths = 1, 0
    while True:
        to = tmp_path / str(step)

        def back_up_and_die(archive: Archive, to: Path = to, step: int = step) -> None:
            die_before(step)
            back_up(archive, to, to / "vault")

        ended = run_apart(life.home, back_up_and_die)
        made = [path for path in to.glob("keepsake-backup-*") if path.suffix != ".partial"]
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        deaths += 1
        for folder in made:  # it died after the last step that makes it one
            assert check_backup(folder, to / "vault").well
        step += 1 if deaths < 12 else 3
    assert deaths > 20
    half_made = [path.parent for path in tmp_path.rglob("keepsake-keys-*.partial")]
    assert len(half_made) > 10
    vault = half_made[-1]
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, vault.parent, vault)
        assert check_backup(folder, vault).well
        assert fingerprint_of_everything(archive) == before
    assert not list(vault.parent.rglob("*.partial"))
    assert [path.name for path in (life.home.data / "quarantine").iterdir()] == [life.waiting]


def test_a_restore_killed_anywhere_opens_as_no_archive_and_can_be_run_again(life: Life, tmp_path: Path) -> None:
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    home = life.home.copy(tmp_path / "copy")
    step, deaths = 1, 0
    while True:
        disaster(home)
        (home.data / "restored.json").unlink(missing_ok=True)

        def restore_and_die(step: int = step) -> None:
            die_before(step)
            put_back(home, folder)

        ended = forked(restore_and_die)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        deaths += 1
        if (home.data / RESTORING).exists():
            with pytest.raises(Refused, match="restore-unfinished"), home.opened():
                pass
        elif (home.data / "restored.json").exists():
            pass  # it died after the last step
        else:
            assert not (home.data / "keys").exists()
            assert not (home.data / "catalogue.sqlite").exists()
        if not (home.data / "restored.json").exists() or (home.data / RESTORING).exists():
            put_back(home, folder)
        with home.opened() as archive:
            assert archive.catalogue.verify_ledger() == []
            assert waited(archive, life.waiting_record) == [life.waiting]
            assert archive.quarantine.files(life.waiting)
        assert not (home.data / RESTORING).exists()
        step += 1 if deaths < 4 else 4
    assert deaths > 6


# -- no room ----------------------------------------------------------------------------------------------------------


def cramped(work: Callable[[], object], code: str) -> None:
    """In this process, a disk with no room from now on: `work` must be refused with `code`."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
    try:
        work()
    except ArchiveError as refusal:
        assert refusal.code == code, refusal.code
        assert refusal.remedy
        return
    raise AssertionError("it was not refused")


def test_a_disk_without_room_is_said_and_no_part_of_a_backup_is_left(life: Life, tmp_path: Path) -> None:
    note = life.home.data / "backup.json"
    before = note.read_text() if note.exists() else ""
    ended = run_apart(
        life.home,
        lambda archive: cramped(lambda: back_up(archive, tmp_path / "to", tmp_path / "vault"), "backup-disk"),
    )
    assert ended == 0
    assert os.listdir(tmp_path / "to") == os.listdir(tmp_path / "vault") == []
    assert [path.name for path in (life.home.data / "quarantine").iterdir()] == [life.waiting]
    assert (note.read_text() if note.exists() else "") == before


def test_a_restore_that_finds_no_room_leaves_no_stores(life: Life, tmp_path: Path) -> None:
    with life.home.opened() as archive:
        folder, _ = backed_up(archive, tmp_path / "backups")
    home = life.home.copy(tmp_path / "copy")
    disaster(home)
    before = archives.files_below(home.data)
    assert forked(lambda: cramped(lambda: put_back(home, folder), "restore-disk")) == 0
    assert archives.files_below(home.data) == before
    assert not (home.data / "keys").exists()
    put_back(home, folder)


def test_a_store_that_is_damaged_is_said_by_the_backup(tmp_path: Path) -> None:
    """A database that is none cannot be copied; a ledger that was changed is copied, and said."""
    life = a_life(tmp_path)
    with life.home.opened() as archive:
        with closing(sqlite3.connect(life.home.data / "catalogue.sqlite")) as connection, connection:
            connection.execute("DROP TRIGGER ledger_no_update")
            connection.execute("UPDATE ledger SET subject = 'x' WHERE seq = 2")
        made = back_up(archive, tmp_path / "backups")
        assert [(problem.place, problem.rule) for problem in made.problems] == [("ledger entry 2", "ledger-digest")]
        assert not check_backup(Path(made.folder)).well
        (life.home.data / "identity.sqlite").write_bytes(b"no database at all, though it has some length" * 100)
        with pytest.raises(ArchiveError, match="catalogue-damaged"):
            back_up(archive, tmp_path / "second")
    assert os.listdir(tmp_path / "second") == []
