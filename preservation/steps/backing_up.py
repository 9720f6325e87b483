"""Backing up what cannot be had again from the sites: the three stores, what waits in quarantine, and the configuration.

All of it is of one moment, while accessions, hand-ins and withdrawals go on (`catalogue.snapshot`). What waits is given a second
name in that moment and copied afterwards. Staging, locks and Prefect's files are not in it: they are made again.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from preservation.catalogue.proving import (
    SIGNING,
    CatalogueFacts,
    catalogue_facts,
    prove_catalogue,
    prove_together,
    public_key,
    signed,
)
from preservation.catalogue.snapshot import Stores, take
from preservation.errors import ArchiveError, Refused, StoreUnavailable
from preservation.model.backup import KEYS_PREFIX, PREFIX, BackupMade, BackupManifest, BackupProblem, OlderBackup
from preservation.model.deposit import DepositState
from preservation.settings import Settings
from preservation.stages.intake.setting_aside import link, setting_aside
from preservation.steps.backup_files import MANIFEST, Listing, Progress, building, read_manifest, unsigned, write_small
from preservation.steps.receiving import sweep
from preservation.steps.withdrawals import note_withdrawals, require_noted
from preservation.wiring import Archive

NOTE = "backup.json"  # in the data directory: when and where the last one was made
README = """A backup of a Keepsake archive. It holds what the sites do not: three SQLite databases, deposits that wait, configuration.

Check it:    sha256sum -c manifest-sha256.txt        or: keepsake backup verify FOLDER
Restore it:  keepsake backup restore FOLDER          see docs/runbooks/restore-from-backup.md

catalogue.sqlite  what ought to lie where, and the signed ledger. Names nobody.
identity.sqlite   handles, names and consent documents, encrypted under a key that is in keys.sqlite.
keys.sqlite       every secret. If it is not here it was kept apart, as it should be.
quarantine/       deposits that waited, encrypted under keys that are in keys.sqlite.
configs/          the configuration. Nothing of it is put back by itself.

Whoever has all of it can read everything. Destroy it when it is due: creators were told when that is.
"""


def back_up(
    archive: Archive, to: Path, keys_to: Path | None = None, progress: Progress = lambda _done, _total: None
) -> BackupMade:
    """Make a backup below `to`, and with `keys_to` the key store's part of it below there. Whole, or not there at all.

    `progress` is told bytes done and in all while what waits is copied. Raises StoreUnavailable (a disk, a store that is taken),
    SettingsWrong (a store that is damaged), Refused (a backup of that second is there).
    """
    made_at = archive.now()
    stamp = f"{made_at:%Y%m%dT%H%M%SZ}"
    folder, keys_folder = to / f"{PREFIX}{stamp}", keys_to / f"{KEYS_PREFIX}{stamp}" if keys_to else None
    with _disk_answers():
        for place in filter(None, (folder, keys_folder)):
            _require_free(place)
        sweep(archive)
        manifest, problems = _build(archive, folder, keys_folder, made_at, progress)
        noted = _note(archive, folder, manifest)
        older = tuple(_older(to, folder, manifest.withdrawn, made_at - timedelta(days=archive.settings.keep_backups_days)))
    return BackupMade(
        name=manifest.name,
        folder=str(folder),
        keys_folder=str(keys_folder) if keys_folder else None,
        made_at=made_at,
        files=manifest.files,
        bytes=manifest.bytes,
        waiting=len(manifest.waiting),
        ledger_entries=manifest.ledger.entries,
        ledger_newest=manifest.ledger.newest,
        problems=problems,
        older=older,
        withdrawals_noted=noted,
    )


def _build(
    archive: Archive, folder: Path, keys_folder: Path | None, made_at: datetime, progress: Progress
) -> tuple[BackupManifest, tuple[BackupProblem, ...]]:
    """Keys appear under their name first: a backup whose keys are missing would be no backup."""
    try:
        with ExitStack() as stack:
            into = stack.enter_context(building(folder))
            keys_into = stack.enter_context(building(keys_folder)) if keys_folder else into
            listing = Listing(into)
            stack.callback(listing.release)
            _copy(archive, listing, keys_into, progress)
            return _describe(archive, listing, keys_into, folder.name, made_at)
    except BaseException:
        if keys_folder:
            shutil.rmtree(keys_folder, ignore_errors=True)
        raise


def _copy(archive: Archive, listing: Listing, keys_into: Path, progress: Progress) -> None:
    settings, quarantine = archive.settings, archive.settings.home / "quarantine"
    stores = Stores(settings.database_url(), settings.home / "identity.sqlite", settings.home / "keys" / "keys.sqlite")
    (listing.folder / "quarantine").mkdir(mode=0o700)
    with setting_aside(quarantine, f"backup-{os.getpid()}-{listing.folder.name}") as aside:

        def set_aside() -> None:
            for deposit_id in _waiting(archive):
                link(quarantine, deposit_id, aside)

        take(stores, listing.folder, keys_into, set_aside)
        waiting = sorted(path for path in aside.glob("*/*") if path.is_file())
        done, total = 0, sum(path.stat().st_size for path in waiting)

        def tell(size: int) -> None:
            nonlocal done
            done += size
            progress(done, total)

        for path in waiting:
            listing.add(f"quarantine/{path.relative_to(aside).as_posix()}", path, tell)
    for name, path in _configs(settings):
        listing.add(f"configs/{name}", path)


def _waiting(archive: Archive) -> Iterator[str]:
    """Deposits that wait with their bytes. One that lacks its key is being wiped."""
    for deposit in archive.catalogue.deposits.list():
        whole = deposit.state is DepositState.received and archive.keys.has(f"quarantine/{deposit.deposit_id}")
        if whole and archive.quarantine.holds(deposit.deposit_id):
            yield deposit.deposit_id


def _configs(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every TOML file of the folder of configs, its forms, and what was named from elsewhere."""
    found = {path.name: path for path in sorted(settings.configs.glob("*.toml"))}
    forms = settings.configs / "forms"
    found |= {path.relative_to(settings.configs).as_posix(): path for path in sorted(forms.rglob("*")) if path.is_file()}
    named = (settings.configs / name for name in (settings.policy_file, settings.sites_file))
    found |= {path.name: path for path in named if path.is_file() and path.name not in found}
    yield from found.items()


def _describe(
    archive: Archive, listing: Listing, keys_into: Path, name: str, made_at: datetime
) -> tuple[BackupManifest, tuple[BackupProblem, ...]]:
    """Write the listing and the manifest; the manifest, and what is wrong with the archive as it was copied."""
    into, signing_key = listing.folder, archive.keys.get(SIGNING)
    write_small(into / "README.txt", README.encode())
    for path in ("catalogue.sqlite", "identity.sqlite", "README.txt"):
        listing.note(path)
    keys_apart = keys_into != into
    keys_listing = Listing(keys_into) if keys_apart else listing
    keys_sha256 = keys_listing.note("keys.sqlite")
    if keys_apart:
        keys_listing.close()
    facts = catalogue_facts(into / "catalogue.sqlite", public_key(signing_key))
    waiting = tuple(path.name for path in sorted((into / "quarantine").iterdir()))
    manifest = _manifest(facts, listing, waiting, name, made_at, keys_apart, keys_sha256)
    manifest = manifest.model_copy(update={"signature": signed(signing_key, unsigned(manifest))})
    write_small(into / MANIFEST, manifest.model_dump_json(indent=1).encode())
    return manifest, tuple(_problems(into, keys_into, public_key(signing_key)))


def _manifest(
    facts: CatalogueFacts, listing: Listing, waiting: tuple[str, ...], name: str, made_at: datetime, keys_apart: bool, keys: str
) -> BackupManifest:
    return BackupManifest(
        name=name,
        made_at=made_at,
        program=version("keepsake"),
        tables=facts.tables,
        ledger=facts.ledger,
        listing_sha256=listing.close(),
        files=listing.files,
        bytes=listing.bytes,
        keys_apart=keys_apart,
        keys_sha256=keys,
        waiting=waiting,
        withdrawn=facts.withdrawn,
    )


def _problems(into: Path, keys_into: Path, key: bytes) -> Iterator[BackupProblem]:
    found = list(prove_catalogue(into / "catalogue.sqlite", key))
    yield from found
    if not any(problem.rule == "database-damaged" for problem in found):
        holds = (into / "quarantine").joinpath
        together = (into / "catalogue.sqlite", into / "identity.sqlite", keys_into / "keys.sqlite")
        yield from prove_together(*together, lambda deposit_id: holds(deposit_id, "index").is_file())


def _note(archive: Archive, folder: Path, manifest: BackupManifest) -> bool:
    """Note in the data directory when and where; whether the list of withdrawals kept elsewhere is up to date."""
    note = {"made_at": manifest.made_at.isoformat(), "folder": str(folder.resolve()), "ledger_newest": manifest.ledger.newest}
    write_small(archive.settings.home / NOTE, json.dumps(note).encode())
    note_withdrawals(archive.settings, manifest.withdrawn)
    try:
        require_noted(archive.settings)
    except ArchiveError:
        return False
    return True


def _older(to: Path, new: Path, withdrawn: tuple[str, ...], due: datetime) -> Iterator[OlderBackup]:
    """The backups beside the new one. In each lie the secrets and names of those who withdrew since it was made."""
    for folder in sorted(to.glob(f"{PREFIX}*")):
        manifest = read_manifest(folder) if folder != new else None
        if manifest is not None:
            since = len(set(withdrawn) - set(manifest.withdrawn))
            over_age = manifest.made_at < due
            yield OlderBackup(name=folder.name, made_at=manifest.made_at, withdrawn_since=since, over_age=over_age)


def _require_free(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.exists():
        raise Refused("backup-exists", f"there is a backup {folder.name} already", remedy="run it again: the next second is free")


@contextmanager
def _disk_answers() -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except OSError as failure:
        raise StoreUnavailable(
            "backup-disk",
            f"a disk refused while the backup was made: {failure.strerror or type(failure).__name__}",
            remedy="make room on the disk that takes the backup, or name another with --to; nothing was left of this one",
        ) from None
