"""Doing it again after a death anywhere ends where an uninterrupted run ends: the same bytes, rows, events and secrets.

Each case kills a real procedure at one named point (SIGKILL: no `finally`, no flush), runs the same procedure again on what is
left, and compares everything there is with the end of a run that nobody killed, from a copy of the same home.
"""

import ast
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from preservation import killpoints
from preservation.formats.ocfl import package_root
from preservation.killpoints import KillPoint
from preservation.model.consent_words import Role
from preservation.steps.accession import package_deposit, secret_name
from preservation.steps.consenting import import_consent
from preservation.steps.withdrawing import record_withdrawal
from preservation.storage.transfer import file_at
from preservation.wiring import Archive
from tests import archives
from tests.archives import Home, fingerprint_of_everything, hand_in, make_home, run_apart
from tests.faults import flip_bit

SOURCE = Path(killpoints.__file__).parent
PASSES = ("note-kept:2", "medium-examined:4", "item-written:4", "unit-staged:2", "file-put:5", "file-put:40",
          "file-read-back:17", "file-read-back:51", "site-complete:3", "inventory-advanced:2", "site-advanced:3",
          "copy-replaced:2", "object-erased:9", "site-erased:2")  # fmt: skip


@dataclass(frozen=True)
class Procedure:
    """What an archivist runs, on what, and which points it passes. A look is written down each time it is taken."""

    begins_with: str
    run: Callable[[Archive, Path], object]
    points: frozenset[KillPoint]
    without_tables: frozenset[str] = frozenset()
    without_events: frozenset[str] = frozenset()


def receive(archive: Archive, inputs: Path) -> None:
    archives.a_deposit(archive, hand_in(inputs))


def accession(archive: Archive, inputs: Path) -> None:
    archives.accession(archive.catalogue.deposits.list()[0])


def repair(archive: Archive, inputs: Path) -> None:
    assert archives.repair().well


def withdraw(archive: Archive, inputs: Path) -> None:
    record = archive.catalogue.deposits.consent_records()[0]
    assert not archives.withdraw(archive, record.record_id).still_open


P = KillPoint
PROCEDURES = (
    Procedure("consented", receive, frozenset({P.RECEIVED_BYTES, P.DEPOSIT_RECORDED})),
    Procedure(
        "received",
        accession,
        frozenset(
            {
                P.NOTE_KEPT,
                P.MEDIUM_EXAMINED,
                P.VERSION_PLANNED,
                P.ITEM_WRITTEN,
                P.UNIT_STAGED,
                P.VERSION_STAGED,
                P.FILES_EXPECTED,
                P.FILE_PUT,
                P.FILE_READ_BACK,
                P.SITE_COMPLETE,
                P.VERSION_COMMITTED,
                P.INVENTORY_ADVANCED,
                P.SITE_ADVANCED,
                P.QUARANTINE_WIPED,
                P.STAGING_WIPED,
            }
        ),
    ),
    Procedure(
        "damaged", repair, frozenset({P.COPY_REPLACED}), frozenset({"findings"}), frozenset({"fixity check", "replication"})
    ),
    Procedure(
        "accessioned",
        withdraw,
        frozenset(
            {P.WITHDRAWAL_RECORDED, P.ERASURES_EXPECTED, P.OBJECT_ERASED, P.SITE_ERASED, P.SECRETS_SHREDDED, P.TOMBSTONE_WRITTEN}
        ),
    ),
)


def procedure_of(point: str) -> Procedure:
    """The procedure that passes a point, given as `name` or `name:3`."""
    return next(each for each in PROCEDURES if KillPoint(point.split(":")[0]) in each.points)


@pytest.fixture(scope="module")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """One life, set aside at each stage: the same secrets, ids and moments in all of them."""
    folder = tmp_path_factory.mktemp("beginnings")
    living, given = make_home(folder / "living"), hand_in(folder / "inputs")
    stages: tuple[tuple[str, Callable[[Archive], object]], ...] = (
        ("consented", lambda archive: import_consent(archive, given.consent)),
        ("received", lambda archive: received(archive, given)),
        ("accessioned", lambda archive: accession(archive, folder)),
        ("damaged", damage),
    )
    kept = {}
    for name, stage in stages:
        with living.opened() as archive:
            stage(archive)
        kept[name] = living.copy(folder / name)
    return kept


def received(archive: Archive, given: archives.HandIn) -> None:
    """A deposit waits, and the package's secret is drawn, so that every case makes the same ids."""
    archive.keys.get_or_make(secret_name(archives.a_deposit(archive, given).account_ref))


def damage(archive: Archive) -> None:
    """Three copies go wrong in three ways, and an audit says so."""
    for site, pattern, harm in (
        ("beta", "*.warc", flip_bit),
        ("gamma", "premis.xml", Path.unlink),
        ("alpha", "bagit.txt", flip_bit),
    ):
        harm(sorted((archive.settings.home / "sites" / site).rglob(pattern))[0])
    assert not archives.audit().well


@pytest.fixture(scope="module")
def ends(beginnings: dict[str, Home], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Procedure], dict[str, Any]]:
    """How each procedure ends that nobody kills."""
    known: dict[str, dict[str, Any]] = {}

    def end_of(procedure: Procedure) -> dict[str, Any]:
        if procedure.begins_with not in known:
            folder = tmp_path_factory.mktemp(f"uninterrupted-{procedure.begins_with}")
            known[procedure.begins_with] = finished(beginnings[procedure.begins_with].copy(folder), procedure)
        return known[procedure.begins_with]

    return end_of


def finished(home: Home, procedure: Procedure) -> dict[str, Any]:
    """Run a procedure to its end; everything there is then, whatever the deposit is called."""
    inputs = home.data.parent / "inputs"
    assert run_apart(home, lambda archive: procedure.run(archive, inputs)) == 0
    with home.opened() as archive:
        found = fingerprint_of_everything(archive, procedure.without_tables, procedure.without_events)
        return renamed(found, [deposit.deposit_id for deposit in archive.catalogue.deposits.list()])


def renamed(found: Any, ids: list[str]) -> Any:
    """`found` with ids that are drawn by lot called by their place in the list."""
    if isinstance(found, dict):
        return {renamed(key, ids): renamed(value, ids) for key, value in found.items()}
    if isinstance(found, list):
        return [renamed(each, ids) for each in found]
    if isinstance(found, str):
        for number, each in enumerate(ids):
            found = found.replace(each, f"deposit-{number}")
    return found


@pytest.mark.parametrize("point", [*(point.value for point in KillPoint), *PASSES])
def test_killed_at_any_point_and_run_again_it_ends_as_if_nothing_had_happened(
    point: str,
    beginnings: dict[str, Home],
    ends: Callable[[Procedure], dict[str, Any]],
    tmp_path: Path,
) -> None:
    procedure = procedure_of(point)
    home = beginnings[procedure.begins_with].copy(tmp_path)
    died = run_apart(home, lambda archive: procedure.run(archive, tmp_path / "inputs"), kill_at=point)
    assert died == -signal.SIGKILL, f"the procedure never came to {point}"
    again = finished(home, procedure)
    once = ends(procedure)
    for part in once:
        assert received_apart(again[part]) == received_apart(once[part]), part
    assert again["broken"] == []
    assert again["staging"] == []
    shutil.rmtree(tmp_path)


def received_apart(part: Any) -> Any:
    """The catalogue without the moment of receiving, which a hand-in that died before it was recorded does not keep."""
    if not isinstance(part, dict) or "deposits" not in part:
        return part
    return {**part, "deposits": [row.split('"received_at"')[0] for row in part["deposits"]]}


@pytest.mark.parametrize("point", ["version-planned", "file-put:5", "version-committed", "inventory-advanced", "object-erased:9"])
def test_killed_twice_in_a_row_is_no_worse(
    point: str, beginnings: dict[str, Home], ends: Callable[[Procedure], dict[str, Any]], tmp_path: Path
) -> None:
    """The second run dies too, further on or at the same place, and the third one ends it."""
    procedure = procedure_of(point)
    home = beginnings[procedure.begins_with].copy(tmp_path)
    run_apart(home, lambda archive: procedure.run(archive, tmp_path / "inputs"), kill_at=point)
    assert run_apart(home, lambda archive: procedure.run(archive, tmp_path / "inputs"), kill_at=point.split(":")[0]) in {-9, 0}
    again, once = finished(home, procedure), ends(procedure)
    assert {part: received_apart(again[part]) for part in once} == {part: received_apart(once[part]) for part in once}


def test_a_run_nobody_kills_ends_with_everything_in_its_place(ends: Callable[[Procedure], dict[str, Any]]) -> None:
    """What the others are compared with is itself what it must be: nothing waits, nothing is broken, all sites alike."""
    after = {procedure.begins_with: ends(procedure) for procedure in PROCEDURES}
    for name in ("received", "damaged"):
        sites = after[name]["sites"]
        assert sites["alpha"] == sites["beta"] == sites["gamma"]
        assert len(sites["alpha"]) > 20
        assert after[name]["waiting"] == []
        assert not any('"damaged"' in row for row in after[name]["catalogue"]["placements"])
    left = after["accessioned"]["sites"]["alpha"]
    assert {key.split("/")[0] for key in left} == {"0=ocfl_1.1", "README.txt", "extensions"}
    assert len(after["consented"]["waiting"]) == 6 + 1 + 2  # media, export, index and lock


def test_a_death_between_an_effect_and_its_event_still_ends_with_the_event(beginnings: dict[str, Home], tmp_path: Path) -> None:
    """No point lies between the two; so what such a death leaves is made here, and the next run writes the event down, once."""
    home = beginnings["received"].copy(tmp_path)
    with home.opened() as archive:
        deposit_id = archive.catalogue.deposits.list()[0].deposit_id
        packaged = package_deposit(archive, deposit_id)
        gamma, holdings = archive.sites["gamma"], archive.catalogue.holdings
        for file in holdings.missing_copies(packaged.package_id, packaged.number, "gamma"):
            source = archive.staging(packaged.package_id) / file.path
            gamma.putter.put_once(f"{package_root(packaged.package_id)}/{file.path}", file_at(source), file.fixity)
            holdings.record_read_back(packaged.package_id, file.path, "gamma", archive.now())
        archives.die_at("site-advanced:3", archive, deposit_id)
        archive.quarantine.wipe(deposit_id)
        accession(archive, tmp_path)
        record = archive.catalogue.deposits.consent_records()[0].record_id
        record_withdrawal(archive, record, Role.creator)
        archive.keys.shred(secret_name(archive.catalogue.deposits.get(deposit_id).account_ref))
        withdraw(archive, tmp_path)
        told = [entry.event.value for entry in archive.catalogue.ledger_entries()]
    assert told.count("replica completed") == 3
    assert told.count("quarantine wiped") == 1
    assert told.count("secrets shredded") == 1


@pytest.mark.parametrize("name", ["inventory.json", "v1/content/bagit.txt"])
def test_an_upload_cut_off_where_no_point_lies_is_swept(name: str, beginnings: dict[str, Home], tmp_path: Path) -> None:
    """While the root inventory is written beside the old one; and after a file has its key, before its upload is forgotten."""
    home = beginnings["received"].copy(tmp_path)
    with home.opened() as archive:
        packaged = package_deposit(archive, archive.catalogue.deposits.list()[0].deposit_id)
        root, site = package_root(packaged.package_id), home.data / "sites" / "beta"
        half = site / ".keepsake-tmp" / ("0" * 32) / root / name
        half.parent.mkdir(parents=True)
        staged = archive.staging(packaged.package_id) / name
        half.write_bytes(staged.read_bytes() if staged.exists() else b"{")
        if staged.exists():
            (site / root / name).parent.mkdir(parents=True)
            os.link(half, site / root / name)
        accession(archive, tmp_path)
        assert list(archive.sites["beta"].reader.leftovers("")) == []


def test_every_point_has_a_procedure_that_passes_it() -> None:
    """A new point must be added to the table above, where it is killed at."""
    covered = [point for procedure in PROCEDURES for point in procedure.points]
    assert sorted(covered) == sorted(KillPoint)


def test_every_point_is_reached_in_the_source() -> None:
    """No name without a place: `reach(KillPoint.X)` stands in the code for every member."""
    reached = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reach":
                reached |= {each.attr for each in node.args if isinstance(each, ast.Attribute)}
    assert reached == {point.name for point in KillPoint}
