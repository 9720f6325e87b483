"""What a backup says of itself: when it was made, of what, and how to tell that it is whole."""

from pydantic import AwareDatetime

from preservation.model.base import Word

FORMAT = 1
PREFIX = "keepsake-backup-"
KEYS_PREFIX = "keepsake-keys-"


class LedgerHead(Word):
    """The ledger's newest entry, and the public half (hex) of the key that signs entries."""

    entries: int
    newest: str | None
    signature: str | None
    public_key: str


class BackupManifest(Word):
    """`backup.json`. Opaque ids, counts and digests only; `signature` is Ed25519 by the ledger's key over all other fields."""

    format: int = FORMAT
    name: str
    made_at: AwareDatetime
    program: str
    tables: str  # the newest migration of the catalogue
    ledger: LedgerHead
    files: int
    bytes: int
    listing_sha256: str  # of manifest-sha256.txt, which names every other file with its digest
    keys_apart: bool
    keys_sha256: str
    waiting: tuple[str, ...]  # deposits whose bytes are in it
    withdrawn: tuple[str, ...]  # consent records that were withdrawn when it was made
    signature: str = ""


class BackupProblem(Word):
    """One thing that is wrong with a backup."""

    place: str
    rule: str
    message: str


class OlderBackup(Word):
    """A backup that was there before, and why it may have to be destroyed."""

    name: str
    made_at: AwareDatetime
    withdrawn_since: int
    over_age: bool


class BackupMade(Word):
    """What a backup came to. `problems` are what the archive itself, as backed up, has wrong."""

    name: str
    folder: str
    keys_folder: str | None
    made_at: AwareDatetime
    files: int
    bytes: int
    waiting: int
    ledger_entries: int
    ledger_newest: str | None
    problems: tuple[BackupProblem, ...]
    older: tuple[OlderBackup, ...]
    withdrawals_noted: bool  # the list of withdrawals kept outside is up to date


class BackupChecked(Word):
    """What a look at a backup found."""

    name: str
    made_at: AwareDatetime | None
    files: int
    bytes: int
    ledger_entries: int
    waiting: int
    keys_looked_at: bool
    problems: tuple[BackupProblem, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class Restored(Word):
    """`restored.json`: while it lies in the data directory, the archive is held."""

    backup: str
    made_at: AwareDatetime
    restored_at: AwareDatetime
    ledger_entries: int
    ledger_newest: str | None
    waiting: int
