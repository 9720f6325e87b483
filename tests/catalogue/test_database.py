"""Opening the catalogue's database, and what is said when it cannot be used."""

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from preservation.catalogue import database
from preservation.catalogue.catalogue import Catalogue
from preservation.errors import SettingsWrong, StoreUnavailable
from tests.catalogue import samples

PROCESSES, EACH = 4, 6


def write_from_a_process(url: str, number: int) -> None:
    """Open the archive's catalogue, which nobody has made yet, and record deposits."""
    catalogue = Catalogue(url, samples.SIGNING_KEY)
    for each in range(EACH):
        deposit = samples.deposit(1, deposit_id=samples.an_id(number, each))
        catalogue.deposits.record_received(deposit, samples.recognised(1000 * number + each), samples.AT)
    catalogue.close()


def test_processes_that_open_a_new_catalogue_at_once_all_write_to_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(write_from_a_process, url, number) for number in range(PROCESSES)]:
            done.result(120)
    with closing(Catalogue(url, samples.SIGNING_KEY)) as catalogue:
        assert catalogue.ledger_newest()[0] == PROCESSES * EACH
        assert catalogue.verify_ledger() == []


def test_a_catalogue_that_stays_locked_is_said_to_be_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT", 0.05)
    path = tmp_path / "catalogue.sqlite"
    with closing(Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY)) as catalogue, closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"SQLITE_BUSY.*catalogue-unavailable"):
            samples.with_package(catalogue)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("no url at all", "catalogue-url"),
        ("oracle-of-delphi://host/db", "catalogue-url"),
        ("mysql+nodriver://host/db", "catalogue-url"),
    ],
)
def test_a_url_that_names_no_database_is_refused_without_quoting_it(url: str, code: str) -> None:
    with pytest.raises(SettingsWrong, match=code) as refusal:
        Catalogue(url, samples.SIGNING_KEY)
    assert url not in str(refusal.value)


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"these are not the tables you are looking for" * 100)
    with pytest.raises(SettingsWrong, match="catalogue-damaged"):
        Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY)


def test_a_catalogue_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsWrong, match="catalogue-newer"):
        Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY)


def test_a_server_that_does_not_answer_may_be_tried_again(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL: pip install 'keepsake[postgres]'")
    with pytest.raises(StoreUnavailable, match="catalogue-unavailable"):
        Catalogue(f"postgresql+psycopg://archivist:letmein@/none?host={tmp_path}", samples.SIGNING_KEY)
