"""Whatever is done to the ledger behind the database's back is found."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preservation.catalogue.catalogue import Catalogue
from preservation.errors import ShelfConflict
from tests.catalogue import samples

COLUMNS = ("seq", "at", "event", "subject", "detail", "previous", "digest", "signature")
TRIGGERS = ("ledger_no_update", "ledger_no_delete", "ledger_no_replace")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of a whole life, its database closed and without triggers: as somebody with the file in his hands has it."""
    path = tmp_path_factory.mktemp("ledger") / "catalogue.sqlite"
    catalogue = Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY)
    samples.withdrawn(catalogue)
    catalogue.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
    return path


@pytest.fixture
def path(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def _rules(path: Path, key: bytes = samples.SIGNING_KEY) -> set[str]:
    catalogue = Catalogue(f"sqlite:///{path}", key)
    try:
        return {problem.rule for problem in catalogue.verify_ledger()}
    finally:
        catalogue.close()


def _execute(path: Path, *statements: str, given: tuple[Any, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, given)


def _row(path: Path, seq: int) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        (values,) = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM ledger WHERE seq = ?", (seq,))
    return dict(zip(COLUMNS, values, strict=True))


def _redigest(row: dict[str, Any]) -> str:
    fields = {name: row[name] for name in ("seq", "at", "event", "subject", "detail", "previous")}
    return sha256(json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def test_an_untouched_ledger_holds(path: Path) -> None:
    assert _rules(path) == set()


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE ledger SET detail = '{}' WHERE seq = 2", "digest"),
        ("UPDATE ledger SET event = 'deaccession' WHERE seq = 2", "digest"),
        ("UPDATE ledger SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 2", "digest"),
        ("UPDATE ledger SET signature = (SELECT signature FROM ledger WHERE seq = 1) WHERE seq = 2", "signature"),
        ("UPDATE ledger SET signature = 'not hex' WHERE seq = 2", "signature"),
        ("UPDATE ledger SET detail = X'00ff' WHERE seq = 2", "digest"),
        ("UPDATE ledger SET digest = X'00ff' WHERE seq = 2", "digest"),
        ("UPDATE ledger SET digest = '', signature = '' WHERE seq = 2", "signature"),
        ("DELETE FROM ledger WHERE seq = 1", "sequence"),
        ("DELETE FROM ledger WHERE seq = 3", "chain"),
    ],
)
def test_a_changed_or_missing_entry_is_found(path: Path, statement: str, rule: str) -> None:
    _execute(path, statement)
    assert rule in _rules(path)


def test_entries_in_another_order_are_found(path: Path) -> None:
    _execute(
        path,
        "UPDATE ledger SET seq = 99 WHERE seq = 2",
        "UPDATE ledger SET seq = 2 WHERE seq = 3",
        "UPDATE ledger SET seq = 3 WHERE seq = 99",
    )
    assert {"chain", "digest"} <= _rules(path)


def test_a_removed_entry_whose_place_was_closed_up_is_found(path: Path) -> None:
    """The forger renumbers, re-links and re-digests everything after the gap; what he lacks is the key."""
    row = _row(path, 2)
    _execute(path, "DELETE FROM ledger WHERE seq = 2")
    previous, seq = row["previous"], 2
    while True:
        try:
            row = _row(path, seq + 1)
        except ValueError:
            break
        row = {**row, "seq": seq, "previous": previous}
        digest = _redigest(row)
        _execute(
            path, "UPDATE ledger SET seq = ?, previous = ?, digest = ? WHERE seq = ?", given=(seq, previous, digest, seq + 1)
        )
        previous, seq = digest, seq + 1
    assert _rules(path) == {"signature"}


def test_an_entry_forged_under_another_key_is_found(path: Path) -> None:
    last = _row(path, seq=_count(path))
    forged = {**last, "seq": last["seq"] + 1, "event": "deaccession", "previous": last["digest"]}
    digest = _redigest(forged)
    signature = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32).sign(bytes.fromhex(digest)).hex()
    values = tuple({**forged, "digest": digest, "signature": signature}[name] for name in COLUMNS)
    _execute(path, f"INSERT INTO ledger VALUES ({', '.join('?' * len(values))})", given=values)
    assert _rules(path) == {"signature"}


def test_a_ledger_of_another_archive_is_found(path: Path) -> None:
    assert _rules(path, key=b"\x09" * 32) == {"signature"}


def test_a_ledger_cut_off_at_its_end_is_found_by_a_digest_noted_earlier(path: Path) -> None:
    noted = _row(path, _count(path))["digest"]
    with _opened(path) as catalogue:
        assert catalogue.ledger_newest() == (_count(path), noted)
        assert catalogue.ledger_holds(noted)
    _execute(path, f"DELETE FROM ledger WHERE seq = {_count(path)}")
    with _opened(path) as catalogue:
        assert not catalogue.ledger_holds(noted)


def test_an_entry_that_is_no_event_is_said_and_not_quoted(path: Path) -> None:
    _execute(path, "UPDATE ledger SET event = 'a secret word' WHERE seq = 2")
    with _opened(path) as catalogue, pytest.raises(ShelfConflict, match="ledger-damaged") as refusal:
        catalogue.ledger_entries()
    assert "secret" not in str(refusal.value)


def test_no_entry_is_replaced_behind_the_triggers_back(tmp_path: Path) -> None:
    """SQLite's REPLACE removes rows without asking triggers about deletion."""
    path = tmp_path / "catalogue.sqlite"
    with _opened(path) as catalogue:
        samples.with_package(catalogue)
    row = _row(path, 2)
    for changed in ({"detail": "{}"}, {"seq": 77}, {"seq": 77, "previous": "x"}, {"seq": 77, "digest": "x"}):
        values = tuple({**row, **changed}[name] for name in COLUMNS)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            _execute(path, f"INSERT OR REPLACE INTO ledger VALUES ({', '.join('?' * len(values))})", given=values)
    assert _rules(path) == set()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_column_of_any_entry_is_found(path: Path, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, _count(path)))
    column = data.draw(st.sampled_from(COLUMNS[1:]))
    standing = _row(path, seq)[column]
    place = data.draw(st.integers(0, len(standing) - 1))
    letter = data.draw(st.sampled_from([c for c in "0123456789abcdef-{}: Z" if c != standing[place]]))
    changed = standing[:place] + letter + standing[place + 1 :]
    _execute(path, f"UPDATE ledger SET {column} = ? WHERE seq = ?", given=(changed, seq))
    try:
        assert _rules(path) != set()
    finally:
        _execute(path, f"UPDATE ledger SET {column} = ? WHERE seq = ?", given=(standing, seq))


@pytest.fixture(autouse=True)
def _unharmed(written: Path) -> Iterator[None]:
    before = written.read_bytes()
    yield
    assert written.read_bytes() == before


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM ledger").fetchone()[0])


def _opened(path: Path) -> "closing[Catalogue]":
    return closing(Catalogue(f"sqlite:///{path}", samples.SIGNING_KEY))
