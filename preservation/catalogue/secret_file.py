"""A small SQLite file in which deleting means gone: the identity store and the key store are each one of these."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from preservation.catalogue.answering import answering

WAIT = 60.0  # seconds a writer waits for its turn
PRAGMAS = ("journal_mode=DELETE", "secure_delete=ON", "synchronous=EXTRA")


def untouched(path: Path) -> sa.URL:
    """The URL of a SQLite file that nobody writes, opened without a lock or a file beside it (https://sqlite.org/uri.html)."""
    options = {"mode": "ro", "immutable": "1", "uri": "true"}
    return sa.URL.create("sqlite", database=f"file:{quote(str(path))}", query=options)


class SecretFile:
    """`secure_delete` on, no write-ahead log, readable by this user alone; no error of it quotes a value."""

    def __init__(self, path: Path, tables: sa.MetaData, what: str, *, reading_only: bool = False) -> None:
        """Open the file at `path`, or make it. `what` names it in refusals. Raises OSError, StoreUnavailable, SettingsWrong.

        `reading_only` is for a copy that nobody writes: nothing is locked, and no byte beside it or in it changes.
        """
        self._what = what
        if reading_only:
            self._engine = sa.create_engine(untouched(path), hide_parameters=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
        url = sa.URL.create("sqlite", database=str(path))
        self._engine = sa.create_engine(url, connect_args={"timeout": WAIT}, hide_parameters=True)

        @sa.event.listens_for(self._engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # SQLAlchemy begins transactions: see _on_begin
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(self._engine, "begin")
        def _on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE")

        with self.writing() as connection:
            tables.create_all(connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or leaves nothing; one at a time."""
        with answering(self._what), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that writes nothing."""
        with answering(self._what), self._engine.execution_options(reads=True).connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
