"""Prefect's server, with one change: on SQLite, each of its transactions says at the beginning that it will write.

    python -m flows.server --host 127.0.0.1 --port 4200

Prefect begins them as readers, and one that turns writer while another has written fails at once with "database is locked", which
the server answers as 503 and leaves out of its log. One that begins as writer waits for its turn
(docs/decisions/0008-service.md, with counts). If a newer Prefect has no such place, it is started as it is.
"""

import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

import flows  # noqa: F401  (its settings must stand before Prefect is imported)


def write_in_turn() -> bool:
    """Have SQLite's transactions begin as writers; False if this Prefect has no such place."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin: Any = getattr(AioSqliteConfiguration, "begin_transaction", None)
    if begin is None:
        return False

    def begin_as_writer(
        self: AioSqliteConfiguration,
        session: Any,
        with_for_update: bool = True,  # noqa: ARG001 - what is asked for is granted in any case
    ) -> AbstractAsyncContextManager[Any]:
        granted: AbstractAsyncContextManager[Any] = begin(self, session, with_for_update=True)
        return granted

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign, assignment]
    return True


def main(words: list[str]) -> None:
    """Be the server until told to end."""
    write_in_turn()
    from prefect.cli import app

    sys.argv = ["prefect", "server", "start", *words]
    app()


if __name__ == "__main__":
    main(sys.argv[1:])
