"""The catalogue as one object: what each stage is handed."""

from datetime import datetime

from preservation.catalogue import ledger
from preservation.catalogue.database import Database
from preservation.catalogue.deposits import Deposits
from preservation.catalogue.erasing import Erasing
from preservation.catalogue.holdings import Holdings
from preservation.catalogue.looking import Looking
from preservation.model.events import Event, LedgerEntry, LedgerProblem


class Catalogue:
    """The tables, grouped by the work they serve, over one database and one ledger."""

    def __init__(self, url: str, signing_key: bytes) -> None:
        """`url` is SQLAlchemy's; `signing_key` is the archive's Ed25519 private key (32 bytes), from the key store."""
        self._database = Database(url)
        self._ledger = ledger.Ledger(signing_key)
        self.deposits = Deposits(self._database, self._ledger)
        self.holdings = Holdings(self._database, self._ledger)
        self.looking = Looking(self._database, self._ledger)
        self.erasing = Erasing(self._database, self._ledger)

    def ledger_entries(self, subject: str | None = None) -> list[LedgerEntry]:
        """The ledger, oldest first, of one subject if named."""
        with self._database.reading() as connection:
            return list(ledger.entries(connection, subject))

    def verify_ledger(self) -> list[LedgerProblem]:
        """Every place where the ledger's chain or a signature does not hold."""
        with self._database.reading() as connection:
            return list(self._ledger.verify(connection))

    def ledger_newest(self) -> tuple[int, str | None]:
        """How many entries the ledger has, and the newest one's digest; reads a damaged ledger too."""
        with self._database.reading() as connection:
            return ledger.newest(connection)

    def ledger_holds(self, digest: str) -> bool:
        """Whether the ledger has an entry of that digest."""
        with self._database.reading() as connection:
            return ledger.holds(connection, digest)

    def record_restored(self, backup: str, at: datetime, **detail: int | str | None) -> None:
        """Note that all this was put back from a backup, and that what was withdrawn since is withdrawn again. Once."""
        with self._database.writing() as connection:
            self._ledger.append_once(connection, at, Event.archive_restored, backup, **detail)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
