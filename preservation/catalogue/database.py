"""Opening the catalogue's database: SQLite on one machine, PostgreSQL beyond it. Migrations run on opening."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from preservation.catalogue.answering import answering

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT = 60.0  # seconds a writer waits for its turn
READING = "keepsake_reading"
POSTGRESQL_WRITER = 0x6B656570  # the advisory lock all our writers take in turn
_migrating = threading.Lock()  # Alembic's context is one per process


class Database:
    """One database and its two ways in: `writing` (one writer at a time, all or nothing) and `reading`."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's; `sqlite:///path` or `postgresql+psycopg://…`. The schema is brought up to date."""
        with answering():
            self.engine = _engine(url)
            self._for_reading = self.engine.execution_options(**{READING: True})
            _migrate(self.engine)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or leaves nothing."""
        with answering(), self.engine.begin() as connection:
            _take_turn(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees what is committed and writes nothing; it waits for no writer."""
        with answering(), self._for_reading.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": WAIT}, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy, not pysqlite, begins transactions: see _on_begin
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        # A deferred transaction that later writes cannot wait for its turn; one that says so at once can.
        reads = connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _take_turn(connection: sa.Connection) -> None:
    """On PostgreSQL, wait until no other writer is under way. SQLite has one writer at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POSTGRESQL_WRITER})")


def _migrate(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with _migrating, engine.begin() as connection:
        _take_turn(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
