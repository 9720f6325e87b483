"""The key store: secrets that must be able to die. Package secrets and throw-away keys; never content.

One SQLite file of its own, with `secure_delete` on and no write-ahead log: measured (docs/decisions/0004-three-stores.md), a
deleted secret stays readable in the file's free pages without the first and in the -wal file with the second.
"""

import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from preservation.catalogue.secret_file import SecretFile
from preservation.errors import Refused

_metadata = sa.MetaData()
_secrets = sa.Table(
    "secrets",
    _metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)


class KeyStore:
    """Secrets by name, in a file only this user may read."""

    def __init__(self, path: Path, *, reading_only: bool = False) -> None:
        """Open the store at `path`, or make it; with `reading_only`, a copy that stays as it is."""
        self._file = SecretFile(path, _metadata, "key store", reading_only=reading_only)

    def get(self, name: str) -> bytes:
        """The secret of that name; raises Refused if it was shredded or never was."""
        found = self._find(name)
        if found is None:
            raise Refused(
                "secret-gone",
                f"the key store has no secret {name}",
                remedy="if it was withdrawn, this is as it should be; otherwise restore the key store from its backup",
            )
        return found

    def get_or_make(self, name: str, size: int = 32) -> bytes:
        """The secret of that name, made of `size` random bytes the first time."""
        with self._file.writing() as connection:
            made = insert(_secrets).values(name=name, value=secrets.token_bytes(size))
            connection.execute(made.on_conflict_do_nothing())
        return self.get(name)

    def shred(self, name: str) -> None:
        """Destroy a secret and read back that it is gone. Shredding what is not there is no error."""
        with self._file.writing() as connection:
            connection.execute(_secrets.delete().where(_secrets.c.name == name))
        if self._find(name) is not None:
            raise RuntimeError(f"secret {name} is still there after it was shredded")

    def has(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        return self._find(name) is not None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _find(self, name: str) -> bytes | None:
        with self._file.reading() as connection:
            found: bytes | None = connection.scalar(sa.select(_secrets.c.value).where(_secrets.c.name == name))
            return found
