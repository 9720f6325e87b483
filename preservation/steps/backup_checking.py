"""Checking a backup: every byte against the listing, the ledger's chain and signatures, the three stores against one another.

Needs no archive and changes nothing, in the backup or elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from preservation.catalogue.keys import KeyStore
from preservation.catalogue.proving import SIGNING, catalogue_facts, prove_catalogue, prove_together, public_key
from preservation.errors import ArchiveError, Refused, StoreUnavailable
from preservation.model.backup import FORMAT, KEYS_PREFIX, PREFIX, BackupChecked, BackupManifest, BackupProblem
from preservation.steps.backup_files import LISTING, MANIFEST, Progress, digest_of, listed, read_manifest, unsigned

BESIDE = frozenset({MANIFEST, LISTING})


def check_backup(folder: Path, keys_from: Path | None = None, progress: Progress = lambda _done, _total: None) -> BackupChecked:
    """Read all of a backup; what is wrong with it. `keys_from`: where the key store's part lies, if it was kept apart.

    Raises Refused if there is no backup in `folder`, StoreUnavailable if its disk does not let it be read.
    """
    manifest = require_backup(folder)
    keys = keys_of(folder, manifest, keys_from)
    try:
        problems = list(_problems(folder, manifest, keys, progress))
    except OSError as failure:
        raise StoreUnavailable(
            "backup-unreadable",
            f"the backup cannot be read: {failure.strerror or type(failure).__name__}",
            remedy="see to its disk, and that this user may read it",
        ) from None
    return BackupChecked(
        name=manifest.name,
        made_at=manifest.made_at,
        files=manifest.files,
        bytes=manifest.bytes,
        ledger_entries=manifest.ledger.entries,
        waiting=len(manifest.waiting),
        keys_looked_at=keys is not None,
        problems=tuple(problems),
    )


def require_backup(folder: Path) -> BackupManifest:
    """The manifest of the backup in `folder`; raises Refused if there is none, or one of a newer kind."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.format != FORMAT:
        raise Refused(
            "no-backup",
            "the folder named holds no backup that this Keepsake can read (backup.json)",
            remedy=f"name a folder {PREFIX}… itself; one that ends in .partial was cut off and is none",
        )
    return manifest


def keys_of(folder: Path, manifest: BackupManifest, keys_from: Path | None) -> Path | None:
    """Where the key store's copy lies; None if it was kept apart and nobody says where."""
    if not manifest.keys_apart:
        return folder / "keys.sqlite"
    if keys_from is None:
        return None
    within = keys_from / manifest.name.replace(PREFIX, KEYS_PREFIX)
    return (within if within.is_dir() else keys_from) / "keys.sqlite"


def _problems(folder: Path, manifest: BackupManifest, keys: Path | None, progress: Progress) -> Iterator[BackupProblem]:
    found = [*_manifest_problems(folder, manifest), *_file_problems(folder, manifest, progress)]
    if keys is not None and (not keys.is_file() or digest_of(keys)[0] != manifest.keys_sha256):
        found.append(_problem(keys.name, "digest", "it is not there, or not the one that belongs to this backup"))
    yield from found
    if not found:  # databases that are not the ones written are not opened
        yield from _stores_problems(folder, manifest, keys)


def _manifest_problems(folder: Path, manifest: BackupManifest) -> Iterator[BackupProblem]:
    """By its own key at first: this finds decay. That the key is the archive's, the key store proves afterwards."""
    key, signature = manifest.ledger.public_key, manifest.signature
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), unsigned(manifest))
    except (InvalidSignature, ValueError):
        yield _problem(MANIFEST, "signature", "it is not as it was signed")
    if not (folder / LISTING).is_file() or digest_of(folder / LISTING)[0] != manifest.listing_sha256:
        yield _problem(LISTING, "digest", "it is not there, or not as it was written")


def _file_problems(folder: Path, manifest: BackupManifest, progress: Progress) -> Iterator[BackupProblem]:
    done, seen = 0, set(BESIDE)

    def tell(size: int) -> None:
        nonlocal done
        done += size
        progress(done, manifest.bytes)

    for path, digest in listed(folder) if (folder / LISTING).is_file() else ():
        seen.add(path)
        if not digest or not (folder / path).is_file():
            yield _problem(path, "missing", "it is listed and not there")
        elif digest_of(folder / path, tell)[0] != digest:
            yield _problem(path, "digest", "it is not as it was written")
    for found in sorted(folder.rglob("*")):
        if not found.is_dir() and found.relative_to(folder).as_posix() not in seen:
            yield _problem(found.relative_to(folder).as_posix(), "stray", "it is there and not listed")


def _stores_problems(folder: Path, manifest: BackupManifest, keys: Path | None) -> Iterator[BackupProblem]:
    key = bytes.fromhex(manifest.ledger.public_key)
    catalogue = folder / "catalogue.sqlite"
    broken = list(prove_catalogue(catalogue, key))
    yield from broken
    if any(problem.rule == "database-damaged" for problem in broken):
        return
    if catalogue_facts(catalogue, key).ledger != manifest.ledger:
        yield _problem(MANIFEST, "ledger-end", "the ledger ends elsewhere than the manifest says")
    if keys is not None:
        yield from _key_problems(keys, key)
        holds = (folder / "quarantine").joinpath
        together = prove_together(
            catalogue, folder / "identity.sqlite", keys, lambda deposit_id: holds(deposit_id, "index").is_file()
        )
        yield from together


def _key_problems(keys: Path, key: bytes) -> Iterator[BackupProblem]:
    store = KeyStore(keys, reading_only=True)
    try:
        if public_key(store.get(SIGNING)) != key:
            yield _problem(keys.name, "another-archive", "its signing key is not the one the ledger was signed with")
    except ArchiveError as refusal:
        yield _problem(keys.name, refusal.code, "it has no signing key")
    finally:
        store.close()


def _problem(place: str, rule: str, message: str) -> BackupProblem:
    return BackupProblem(place=place, rule=rule, message=message)
