"""Copies of the three stores as they stood at one moment, made while others go on reading and writing.

Each store has one writer at a time. While this holds the writer's turn in all three, nothing changes in any: the key and
identity stores, which are small, are copied then; of the catalogue a reading transaction is begun then, which goes on seeing
that moment, and is copied after the writers go on. `VACUUM INTO` writes rows and no page that was freed, so a copy of the key
store holds no secret that was shredded (https://sqlite.org/lang_vacuum.html, 3). A catalogue in PostgreSQL is copied row by row
into the same tables in SQLite, so that every backup can be checked, and put back, in the same way.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import sqlalchemy as sa

from preservation.catalogue import ledger
from preservation.catalogue.answering import answering
from preservation.catalogue.database import POSTGRESQL_WRITER, WAIT, Database
from preservation.catalogue.tables import metadata
from preservation.errors import Refused, SettingsWrong, StoreUnavailable

T = TypeVar("T")
ROWS = 1000  # a batch
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
TAKEN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True)
class Stores:
    """Where the three stores are."""

    catalogue: str  # SQLAlchemy's URL
    identity: Path
    keys: Path


def take(stores: Stores, into: Path, keys_into: Path, meanwhile: Callable[[], T]) -> T:
    """Copy the stores into `into`/catalogue.sqlite, `into`/identity.sqlite and `keys_into`/keys.sqlite.

    What `meanwhile` does and returns belongs to the same moment: no writer is under way in any store. It must be quick.
    Raises StoreUnavailable if a store or the target's disk does not answer, SettingsWrong if a store is damaged.
    """
    with _answers(), answering(), _catalogue(stores.catalogue) as catalogue:
        with catalogue.standing_still(), _no_writer(stores.identity), _no_writer(stores.keys):
            _vacuum(stores.identity, into / "identity.sqlite")
            _vacuum(stores.keys, keys_into / "keys.sqlite")
            found = meanwhile()
        catalogue.copy(into / "catalogue.sqlite")
    for path in (into / "catalogue.sqlite", into / "identity.sqlite", keys_into / "keys.sqlite"):
        _settle(path)
    return found


def sqlite_file(url: str) -> Path | None:
    """The file of a catalogue in SQLite; None if it lives in a database server."""
    parsed = sa.make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def load(copy: Path, url: str) -> None:
    """Put a copied catalogue's rows into an empty database server. All or nothing; again with the same copy is a no-op.

    `copy` is brought up to date on the way: hand in one that may be changed. Raises Refused if the database holds anything else.
    """
    source, target = Database(f"sqlite:///{copy}"), Database(url)
    try:
        with source.reading() as reading, target.writing() as writing:
            if _is_loaded(reading, writing):
                return
            for table in metadata.sorted_tables:
                _pour(reading, writing, table)
            _count_on(writing)
    finally:
        source.close()
        target.close()


class _Catalogue(Protocol):
    def standing_still(self) -> AbstractContextManager[None]: ...
    def copy(self, to: Path) -> None: ...


class _InSqlite:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = _connect(path)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        with _no_writer(self._path):
            self._reader.execute("BEGIN")
            self._reader.execute("SELECT count(*) FROM ledger").fetchone()  # only now is the moment fixed
            yield

    def copy(self, to: Path) -> None:
        with _new(to) as target:
            self._reader.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read where nothing may be written
        self._reader.execute("ROLLBACK")

    def close(self) -> None:
        self._reader.close()


class _InPostgres:
    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, hide_parameters=True)
        self._reader = self._engine.connect().execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        with self._engine.begin() as writer:
            writer.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POSTGRESQL_WRITER})")
            ledger.newest(self._reader)  # only now is the moment fixed
            yield

    def copy(self, to: Path) -> None:
        to.touch(mode=0o600)
        target = Database(f"sqlite:///{to}")
        try:
            with target.writing() as writing:
                for table in metadata.sorted_tables:
                    _pour(self._reader, writing, table)
        finally:
            target.close()
        with closing(_connect(to)) as copied:
            copied.execute("PRAGMA journal_mode=DELETE")

    def close(self) -> None:
        self._reader.close()
        self._engine.dispose()


@contextmanager
def _catalogue(url: str) -> Iterator[_Catalogue]:
    path = sqlite_file(url)
    with ExitStack() as stack:
        store: _InSqlite | _InPostgres = _InSqlite(path) if path else _InPostgres(url)
        stack.callback(store.close)
        yield store


@contextmanager
def _no_writer(path: Path) -> Iterator[None]:
    """Hold the writer's turn. Those who read are not hindered; those who would write wait."""
    with closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _vacuum(path: Path, to: Path) -> None:
    to.touch(mode=0o600)
    with closing(_connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))


@contextmanager
def _new(path: Path) -> Iterator[sqlite3.Connection]:
    path.touch(mode=0o600)
    with closing(_connect(path)) as connection:
        yield connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=WAIT, isolation_level=None)


def _pour(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> None:
    rows = reading.execution_options(yield_per=ROWS).execute(sa.select(table).order_by(*table.primary_key.columns))
    for batch in rows.mappings().partitions():
        writing.execute(table.insert(), [dict(row) for row in batch])


def _is_loaded(reading: sa.Connection, writing: sa.Connection) -> bool:
    """Whether the target holds this very ledger already; Refused if it holds another, or anything without one."""
    there, here = ledger.newest(writing), ledger.newest(reading)
    anything = any(writing.execute(sa.select(table).limit(1)).first() for table in metadata.sorted_tables)
    if anything and there != here:
        raise Refused(
            "catalogue-not-empty",
            f"the catalogue's database holds something already ({there[0]} ledger entries)",
            remedy="name an empty database in KEEPSAKE_CATALOGUE_URL, or empty this one if it is of no more use",
        )
    return anything


def _count_on(writing: sa.Connection) -> None:
    """Numbers that the database gives out go on after those it was given."""
    if writing.dialect.name == "postgresql":
        writing.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('findings', 'finding_id'), max(finding_id)) FROM findings HAVING count(*) > 0"
        )


def _settle(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _answers() -> Iterator[None]:
    """SQLite's own errors as refusals; its messages may name paths, but its codes say who must act."""
    try:
        yield
    except sqlite3.Error as failure:
        name, code = getattr(failure, "sqlite_errorname", "unknown"), getattr(failure, "sqlite_errorcode", 0) & 0xFF
    else:
        return
    if code in DAMAGED:
        raise SettingsWrong(
            "catalogue-damaged",
            f"one of the three stores cannot be read: it is damaged, or no database ({name})",
            remedy="restore from the last backup that is whole, see docs/runbooks/restore-from-backup.md",
        )
    if code in TAKEN:
        raise StoreUnavailable(
            "catalogue-unavailable",
            f"a store's writers gave this no turn for {WAIT:.0f} seconds ({name})",
            remedy="run it again when less is going on; nothing was half-written",
        )
    raise StoreUnavailable(
        "backup-disk",
        f"a disk refused while the stores were copied ({name})",
        remedy="make room on the disk that takes the backup, or name another with --to; nothing was left of this one",
    )
