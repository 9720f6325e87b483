"""What the databases say, turned into refusals. No message of theirs is repeated: it may quote the values of a row."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic.util.exc import CommandError

from preservation.errors import SettingsWrong, StoreUnavailable


@contextmanager
def answering(what: str = "catalogue") -> Iterator[None]:
    """Turn "the database does not answer" into a refusal that may be retried, "cannot be used" into one for the operator.

    A rule of the tables that was broken (IntegrityError) is a fault of this program and passes as it is.
    """
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as failure:
        raise StoreUnavailable(
            "catalogue-unavailable",
            f"the {what}'s database did not answer ({_reason(failure)})",
            remedy="see that the disk has room and the database server runs, then run it again; nothing was half-written",
        ) from None
    except (sa.exc.ArgumentError, ModuleNotFoundError):
        raise SettingsWrong(
            "catalogue-url",
            "the catalogue's URL names no database that can be opened here",
            remedy="use sqlite:/// or postgresql+psycopg:// (the latter needs: pip install 'keepsake[postgres]')",
        ) from None
    except CommandError:
        raise SettingsWrong(
            "catalogue-newer",
            "the catalogue was written by a newer Keepsake than this one",
            remedy="install the newer release, or restore the catalogue from the backup made before it was used",
        ) from None
    except sa.exc.DatabaseError as failure:
        if isinstance(failure, (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError)):
            raise
        raise SettingsWrong(
            "catalogue-damaged",
            f"the {what}'s database cannot be read: it is damaged, or no database",
            remedy="restore it from its backup, see docs/runbooks/restore-from-backup.md",
        ) from None


def _reason(failure: sa.exc.DBAPIError) -> str:
    return getattr(failure.orig, "sqlite_errorname", "") or getattr(failure.orig, "sqlstate", "") or type(failure.orig).__name__
