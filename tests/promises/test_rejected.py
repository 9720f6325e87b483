"""A deposit that must not be taken in is turned away whole: its bytes and their key are wiped, and the ledger says why."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from preservation.cli.commands import app
from preservation.errors import DepositUnusable, Refused
from preservation.model.deposit import DepositState
from preservation.model.events import Event
from preservation.steps.accession import package_deposit
from preservation.steps.rejecting import reject
from preservation.wiring import Archive
from tests import archives
from tests.archives import files_below, hand_in

MAKE = Callable[..., Archive]


def test_a_rejected_deposit_is_wiped_with_its_key_and_the_ledger_says_why(make_archive: MAKE, tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    for _ in range(2):  # the second time is a no-op
        done = CliRunner().invoke(app, ["reject", deposit.deposit_id, "--because", "malware", "--yes", "--json"])
        assert (done.exit_code, json.loads(done.stdout)["state"]) == (0, "refused")
    assert not archive.quarantine.holds(deposit.deposit_id)
    with closing(sqlite3.connect(archive.settings.home / "keys" / "keys.sqlite")) as keys:
        assert not keys.execute("SELECT 1 FROM secrets WHERE name LIKE ?", (f"%{deposit.deposit_id}",)).fetchall()
    told = [entry for entry in archive.catalogue.ledger_entries(deposit.deposit_id) if entry.event is Event.deposit_refused]
    assert [entry.detail for entry in told] == [{"code": "malware"}]
    with pytest.raises(Refused, match="deposit-closed"):
        package_deposit(archive, deposit.deposit_id)


@pytest.mark.parametrize("because", ["", "Malware", "it is Ada's virus", "a--b", "x" * 61])
def test_a_reason_is_a_code_and_names_nobody(make_archive: MAKE, tmp_path: Path, because: str) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    done = CliRunner().invoke(app, ["reject", deposit.deposit_id, "--because", because, "--yes"])
    assert done.exit_code == 2
    assert archive.catalogue.deposits.get(deposit.deposit_id).state is DepositState.received


def test_without_a_yes_nothing_is_wiped(make_archive: MAKE, tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    done = CliRunner().invoke(app, ["reject", deposit.deposit_id, "--because", "malware"], input="n\n")
    assert done.exit_code == 1
    assert archive.quarantine.holds(deposit.deposit_id)


def test_what_a_killed_run_had_built_of_a_rejected_deposit_goes_too(make_archive: MAKE, tmp_path: Path) -> None:
    """Staging is not encrypted: left there, it would stay for good, of a deposit of which nothing may be kept."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    archives.die_at("unit-staged:1", archive, deposit)
    assert files_below(archive.settings.home / "staging")
    reject(archive, deposit.deposit_id, "malware")
    assert files_below(archive.settings.home / "staging") == []


def test_what_a_killed_run_had_built_goes_when_quarantine_turns_out_to_be_damaged(make_archive: MAKE, tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    archives.die_at("unit-staged:1", archive, deposit)
    (archive.settings.home / "quarantine" / deposit.deposit_id / "00001").write_bytes(b"other bytes")
    with pytest.raises(DepositUnusable, match="quarantine-damaged"):
        package_deposit(archive, deposit.deposit_id)
    assert archive.catalogue.deposits.get(deposit.deposit_id).state is DepositState.refused
    assert files_below(archive.settings.home / "staging") == []


def test_what_is_built_or_held_is_not_rejected(make_archive: MAKE, tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    package_deposit(archive, deposit.deposit_id)
    with pytest.raises(Refused, match="deposit-under-way"):
        reject(archive, deposit.deposit_id, "malware")
    archives.accession(deposit)
    with pytest.raises(Refused, match="deposit-closed"):
        reject(archive, deposit.deposit_id, "malware")
