"""Opening the catalogue's database: SQLite on one machine, PostgreSQL beyond it. Migrations run on opening."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from preservation.errors import SettingsWrong, StoreUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One database and its two ways in: `writing` (one writer at a time, all or nothing) and `reading`."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's; `sqlite:///path` or `postgresql+psycopg://…`. The schema is brought up to date."""
        self.engine = _engine(url)
        with _answering():
            _migrate(self.engine)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or leaves nothing."""
        with _answering(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees what is committed and writes nothing."""
        with _answering(), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": 60})

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy, not pysqlite, begins transactions: see _on_begin
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        # A deferred transaction that later writes cannot wait for its turn; one that says so at once can.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _answering() -> Iterator[None]:
    """Turn "the database does not answer" into a refusal that may be retried; anything else is a fault and passes as it is."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as failure:
        reason = type(failure.orig).__name__
        raise StoreUnavailable(
            "catalogue-unavailable",
            f"the catalogue's database did not answer ({reason})",
            remedy="see that the disk has room and the database server runs, then run it again; nothing was half-written",
        ) from None
    except sa.exc.NoSuchModuleError:
        raise SettingsWrong(
            "catalogue-url",
            "the catalogue's URL names an unknown kind of database",
            remedy="use sqlite:/// or postgresql+psycopg://",
        ) from None
