"""Time passes for Prefect's database: every moment in it becomes a day older. For tests of what is forgotten, and when."""

import sqlite3
from contextlib import closing
from pathlib import Path

OLDER = "date(substr({0}, 1, 10), '-1 day') || substr({0}, 11)"  # the hour is kept to the microsecond: some are unique


def age_by_a_day(database: Path) -> None:
    """Move every moment of every table a day back, while the server runs."""
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for table, columns in _moments(connection).items():
            changes = ", ".join(f'"{column}" = {OLDER.format(f"{chr(34)}{column}{chr(34)}")}' for column in columns)
            connection.execute(f'UPDATE "{table}" SET {changes}')
        connection.execute("COMMIT")


def _moments(connection: sqlite3.Connection) -> dict[str, list[str]]:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    kinds = ("TIMESTAMP", "DATETIME")
    found = {
        table: [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")') if row[2].upper() in kinds]
        for table in tables
    }
    found.pop("flow_run_notification_queue", None)
    return {
        table: [name for name in columns if "interval" not in name and "total" not in name]
        for table, columns in found.items()
        if columns
    }


def rows(database: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}


def pages(database: Path) -> tuple[int, int]:
    """Bytes in use, and bytes of the file once its log is written into it."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        size, count, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
        return size * (count - free), size * count
