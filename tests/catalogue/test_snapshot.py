"""A catalogue in PostgreSQL is copied into SQLite and back, whole, of one moment."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from preservation.catalogue import snapshot
from preservation.catalogue.catalogue import Catalogue
from preservation.catalogue.database import Database
from preservation.catalogue.identity import IdentityStore
from preservation.catalogue.keys import KeyStore
from preservation.catalogue.tables import metadata
from preservation.errors import Refused, StoreUnavailable
from tests.catalogue import postgres, samples

KEY = b"\x07" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("no PostgreSQL is installed here")
    with postgres.cluster() as url:
        yield url


@pytest.fixture
def stores(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> snapshot.Stores:
    url = postgres.create_database(server, f"s{abs(hash(request.node.name))}")
    keys = KeyStore(tmp_path / "home" / "keys.sqlite")
    keys.get_or_make("one")
    keys.close()
    IdentityStore(tmp_path / "home" / "identity.sqlite", KEY).close()
    (tmp_path / "copy").mkdir()
    return snapshot.Stores(url, tmp_path / "home" / "identity.sqlite", tmp_path / "home" / "keys.sqlite")


def look(catalogue: Catalogue, run: str) -> None:
    catalogue.looking.record_looks(samples.an_id(run), "alpha", samples.PACKAGE, [samples.finding()], samples.AT)


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    database = Database(url)
    with database.reading() as connection:
        found = {t.name: sorted(map(tuple, connection.execute(sa.select(t))), key=repr) for t in metadata.sorted_tables}
    database.close()
    return found


def test_there_and_back_every_row_is_the_same(stores: snapshot.Stores, server: str, tmp_path: Path) -> None:
    catalogue = Catalogue(stores.catalogue, KEY)
    samples.with_committed(catalogue)
    look(catalogue, "first")
    catalogue.close()
    snapshot.take(stores, tmp_path / "copy", tmp_path / "copy", lambda: None)
    before = rows(stores.catalogue)
    assert sum(map(len, before.values())) > 10
    assert rows(f"sqlite:///{tmp_path / 'copy' / 'catalogue.sqlite'}") == before
    back = postgres.create_database(server, "back")
    for _ in range(2):  # again is a no-op
        snapshot.load(tmp_path / "copy" / "catalogue.sqlite", back)
        assert rows(back) == before
    restored = Catalogue(back, KEY)
    assert restored.verify_ledger() == []
    look(restored, "second")  # under a number of its own
    with pytest.raises(Refused, match="catalogue-not-empty"):
        snapshot.load(tmp_path / "copy" / "catalogue.sqlite", back)
    restored.close()


def test_a_copy_is_of_the_moment_in_which_nobody_wrote(stores: snapshot.Stores, tmp_path: Path) -> None:
    """A writer waits while the moment is fixed, goes on while rows are copied, and is not in the copy."""
    catalogue = Catalogue(stores.catalogue, KEY)
    samples.with_package(catalogue)
    before = catalogue.ledger_newest()
    writer = threading.Thread(
        target=lambda: catalogue.deposits.record_consent(samples.consent(record=samples.an_id("late")), None, samples.AT)
    )

    def meanwhile() -> bool:
        writer.start()
        writer.join(0.5)
        return writer.is_alive()

    assert snapshot.take(stores, tmp_path / "copy", tmp_path / "copy", meanwhile), "it waits"
    writer.join()
    assert catalogue.ledger_newest()[0] == before[0] + 1
    catalogue.close()
    copied = Catalogue(f"sqlite:///{tmp_path / 'copy' / 'catalogue.sqlite'}", KEY)
    assert copied.ledger_newest() == before
    copied.close()


def test_a_server_that_does_not_answer_is_said(tmp_path: Path, stores: snapshot.Stores) -> None:
    nobody = snapshot.Stores("postgresql+psycopg://archivist@/none?host=/nonexistent", stores.identity, stores.keys)
    with pytest.raises(StoreUnavailable, match="catalogue-unavailable"):
        snapshot.take(nobody, tmp_path / "copy", tmp_path / "copy", lambda: None)
