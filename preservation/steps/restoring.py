"""Putting a backup back into a data directory without stores; whole, or the data directory opens no more than before.

Everything is built in a folder within the data directory and moved into place at the end. While that folder is there, no program
opens the archive. What was restored is *held*: consent on record may be older than a withdrawal, so until an archivist has said
which consents were withdrawn since the backup, the gatekeeper refuses everything but looking and erasing (docs/design.md, 3.5).
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from preservation.catalogue.snapshot import load, sqlite_file
from preservation.errors import ArchiveError, Refused, StoreUnavailable
from preservation.model.backup import BackupManifest, Restored
from preservation.model.base import Word
from preservation.model.consent_words import Role, State
from preservation.settings import Settings
from preservation.steps.backup_checking import check_backup, keys_of, require_backup
from preservation.steps.backup_files import Progress, copy_file, listed, settle_folder, write_small
from preservation.steps.consenting import change_state, require_record
from preservation.steps.withdrawals import note_withdrawals
from preservation.steps.withdrawing import record_withdrawal
from preservation.wiring import RESTORED, RESTORING, Archive

STORES = ("quarantine", "identity.sqlite", "keys")  # in the order they are moved into place; the catalogue stands before the keys
AGAIN = "withdrawn-before-restore"  # the reason that a withdrawal carried out again is recorded under
SQLITE_BESIDE = ("", "-wal", "-shm", "-journal")


class Again(Word):
    """What became of the withdrawals since a backup: to be carried out again, of nothing restored, with nothing to erase."""

    to_erase: tuple[str, ...]
    unknown: tuple[str, ...]
    nothing_held: tuple[str, ...]


def restore_backup(
    settings: Settings,
    folder: Path,
    keys_from: Path | None,
    at: datetime,
    *,
    although_damaged: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> Restored:
    """Check the backup in `folder` and put it back; what was restored. The archive is held until `lift_hold`.

    `although_damaged`: take what there is of a backup with problems. Raises Refused (no backup, damaged, keys not named, stores in
    the way), StoreUnavailable (a disk).
    """
    manifest = require_backup(folder)
    keys = keys_of(folder, manifest, keys_from)
    if keys is None:
        raise Refused(
            "backup-keys-apart",
            f"the key store's part of backup {manifest.name} was kept apart, and without it nothing can be read",
            remedy="say where it is: --keys-from FOLDER",
        )
    if not although_damaged:
        _require_well(folder, keys_from)
    with _disk_answers(), _alone(settings.home):
        _clear_half_made(settings)
        _require_no_stores(settings)
        return _put_back(settings, folder, keys, manifest, at, although_damaged, progress)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One restore at a time: the next one would take this one's work for what a dead one left."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_well(folder: Path, keys_from: Path | None) -> None:
    checked = check_backup(folder, keys_from)
    if not checked.well:
        raise Refused(
            "backup-damaged",
            f"backup {checked.name} has {len(checked.problems)} problems: {', '.join(sorted({p.rule for p in checked.problems}))}",
            remedy="take another; look at this one with: keepsake backup verify; if it is the last one: --although-damaged",
        )


def _require_no_stores(settings: Settings) -> None:
    """Nothing that would be written over or mixed with: a database's journal left alone would be played into the restored one."""
    home, catalogue = settings.home, sqlite_file(settings.database_url())
    files = [catalogue.with_name(catalogue.name + end) for end in SQLITE_BESIDE] if catalogue else []
    files += [home / f"identity.sqlite{end}" for end in SQLITE_BESIDE] + [home / RESTORED]
    folders = [home / "keys", home / "quarantine", home / "staging"]
    found = [path.name for path in files if path.exists()]
    found += [path.name for path in folders if path.is_dir() and any(path.iterdir())]
    if found:
        raise Refused(
            "archive-in-the-way",
            f"the data directory has stores already: {', '.join(found)}",
            remedy="stop everything and move them away, or restore into another data directory (--home); sites may stay",
        )
    for path in folders:
        if path.is_dir():
            path.rmdir()


def _clear_half_made(settings: Settings) -> None:
    """What a restore that died had moved into place, and what it had built. None of it was there when that restore began."""
    if not (settings.home / RESTORING).is_dir():
        return
    for place in _places(settings):
        _remove(place)
    shutil.rmtree(settings.home / RESTORING)


def _places(settings: Settings) -> Iterator[Path]:
    catalogue = sqlite_file(settings.database_url())
    yield settings.home / RESTORED
    for name in STORES:
        yield settings.home / name
    if catalogue:
        yield catalogue
        yield _unfinished(catalogue)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _put_back(
    settings: Settings, folder: Path, keys: Path, manifest: BackupManifest, at: datetime, damaged: bool, progress: Progress
) -> Restored:
    restored = Restored(
        backup=manifest.name,
        made_at=manifest.made_at,
        restored_at=at,
        ledger_entries=manifest.ledger.entries,
        ledger_newest=manifest.ledger.newest,
        waiting=len(manifest.waiting),
    )
    built = settings.home / RESTORING
    built.mkdir(mode=0o700)
    settle_folder(settings.home)
    try:
        _build(built, folder, keys, manifest, damaged, progress)
        write_small(built / RESTORED, restored.model_dump_json().encode())
        _move_in(settings, built)
    except BaseException:
        _clear_half_made(settings)
        raise
    shutil.rmtree(built)
    settle_folder(settings.home)
    return restored


def _build(built: Path, folder: Path, keys: Path, manifest: BackupManifest, damaged: bool, progress: Progress) -> None:
    """Copies, proved once more on the way: a disk may give other bytes the second time. Of a damaged backup, what there is."""
    done = 0

    def tell(size: int) -> None:
        nonlocal done
        done += size
        progress(done, manifest.bytes)

    (built / "quarantine").mkdir(mode=0o700)
    wanted = {"catalogue.sqlite", "identity.sqlite"}
    for path, digest in listed(folder):
        if (path in wanted or path.startswith("quarantine/")) and not (damaged and not (folder / path).is_file()):
            _copy(folder / path, built / path, "" if damaged else digest, tell)
    _copy(keys, built / "keys" / "keys.sqlite", "" if damaged else manifest.keys_sha256, tell)
    for place in (built, *(path for path in built.rglob("*") if path.is_dir())):
        settle_folder(place)


def _copy(source: Path, to: Path, digest: str, tell: Callable[[int], None]) -> None:
    if copy_file(source, to, tell)[0] != digest and digest:
        raise StoreUnavailable(
            "backup-unreadable",
            "the backup's disk gave other bytes than were written",
            remedy="see to that disk, then run it again; nothing was left of this try",
        )


def _move_in(settings: Settings, built: Path) -> None:
    """Into place, the mark of being held first. Until the folder it came from is gone, nothing opens the archive."""
    catalogue = sqlite_file(settings.database_url())
    if catalogue is None:
        load(built / "catalogue.sqlite", settings.database_url())
    else:
        catalogue.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy_file(built / "catalogue.sqlite", _unfinished(catalogue))  # it may be on another disk
    (built / RESTORED).rename(settings.home / RESTORED)
    if catalogue is not None:
        _unfinished(catalogue).rename(catalogue)
        settle_folder(catalogue.parent)
    for name in STORES:
        (built / name).rename(settings.home / name)
    settle_folder(settings.home)


def _unfinished(catalogue: Path) -> Path:
    return catalogue.with_name(f"{catalogue.name}{RESTORING}")


def held(settings: Settings) -> Restored | None:
    """The restore after which this archive is held; None if it is not."""
    path = settings.home / RESTORED
    return Restored.model_validate_json(path.read_bytes()) if path.exists() else None


def withdraw_again(archive: Archive, record_ids: Sequence[str]) -> Again:
    """Record again what was withdrawn after the backup. Erasing is for the withdrawal's own procedure. Safe to run again."""
    to_erase, unknown, nothing_held = [], [], []
    for record_id in record_ids:
        in_force = archive.catalogue.deposits.consent_in_force(record_id)
        if in_force is None:
            unknown.append(record_id)
        elif in_force.state in {State.draft, State.refused}:
            if in_force.state == State.draft:
                change_state(archive, record_id, State.refused, Role.creator, AGAIN)
            nothing_held.append(record_id)
        else:
            record_withdrawal(archive, record_id, Role.creator, AGAIN)
            to_erase.append(record_id)
    with _disk_answers():
        note_withdrawals(archive.settings, record_ids)
    return Again(to_erase=tuple(to_erase), unknown=tuple(unknown), nothing_held=tuple(nothing_held))


def lift_hold(archive: Archive, again: Again) -> None:
    """The withdrawals since the backup are recorded: say so in the ledger, and let the archive work. Raises Refused if not held."""
    restored = require_held(archive.settings)
    for record_id in again.to_erase:
        if require_record(archive, record_id).state is not State.withdrawn:
            raise Refused("not-withdrawn", f"consent record {record_id} is not withdrawn", remedy="run the same command again")
    counts = {"entries": restored.ledger_entries, "withdrawn_again": len(again.to_erase), "unknown": len(again.unknown)}
    archive.catalogue.record_restored(restored.backup, archive.now(), newest=restored.ledger_newest, **counts)
    with _disk_answers():
        (archive.settings.home / RESTORED).unlink()
        settle_folder(archive.settings.home)


def require_held(settings: Settings) -> Restored:
    """The restore after which this archive is held; raises Refused if it is not."""
    restored = held(settings)
    if restored is None:
        raise Refused("not-held", "this archive is not held", remedy="there is nothing to confirm: it works as usual")
    return restored


@contextmanager
def _disk_answers() -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except OSError as failure:
        raise StoreUnavailable(
            "restore-disk",
            f"a disk refused: {failure.strerror or type(failure).__name__}",
            remedy="see that both disks can be used and the data directory's has room, then run the same command again",
        ) from None
