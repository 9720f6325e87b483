"""What every database under the catalogue must hold to. One suite; test_catalogue.py runs it on each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from preservation.catalogue import tables
from preservation.catalogue.catalogue import Catalogue
from preservation.errors import Refused, ShelfConflict
from preservation.model.deposit import DepositState
from preservation.model.events import Event
from preservation.model.fixity import Outcome
from preservation.model.package import VersionState
from preservation.model.withdrawal import Tombstone
from tests.catalogue import samples
from tests.catalogue.samples import AT, PACKAGE, RECORD, SITES, later

WRITERS, EACH = 20, 5


class CatalogueSuite:
    """Needs a fixture `url`, a fresh database's."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def catalogue(self, url: str) -> Iterator[Catalogue]:
        opened = Catalogue(url, samples.SIGNING_KEY)
        yield opened
        opened.close()

    # -- the schema -----------------------------------------------------------------------------------------------

    def test_the_migrations_make_the_tables_that_the_code_describes(self, catalogue: Catalogue) -> None:
        with _engine(catalogue).connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
            inspector = sa.inspect(connection)
            for table in tables.metadata.sorted_tables:
                found = {check["name"] for check in inspector.get_check_constraints(table.name)}
                assert found == {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}

    def test_opening_it_again_finds_what_was_written(self, catalogue: Catalogue, url: str) -> None:
        samples.with_committed(catalogue)
        again = Catalogue(url, samples.SIGNING_KEY)
        assert again.holdings.packages() == catalogue.holdings.packages()
        assert again.verify_ledger() == []
        again.close()

    # -- consents and deposits ------------------------------------------------------------------------------------

    def test_the_newest_revision_is_in_force(self, catalogue: Catalogue) -> None:
        first, second = samples.consent(), samples.consent(2, "suspended")
        catalogue.deposits.record_consent(first, None, AT)
        catalogue.deposits.record_consent(second, first.sha256, later(1))
        assert catalogue.deposits.consent_in_force(RECORD) == second
        assert catalogue.deposits.consent_records() == [second]
        assert catalogue.deposits.consent_in_force(samples.an_id("nobody")) is None

    @pytest.mark.parametrize(
        ("revision", "follows"),
        [(1, "first"), (3, "first"), (2, None), (2, "another")],
        ids=["again", "gap", "nothing", "another"],
    )
    def test_a_revision_that_does_not_follow_is_refused(self, catalogue: Catalogue, revision: int, follows: str | None) -> None:
        first = samples.consent()
        catalogue.deposits.record_consent(first, None, AT)
        previous = {"first": first.sha256, "another": "f" * 64, None: None}[follows]
        with pytest.raises(Refused, match="consent-revision-out-of-order"):
            catalogue.deposits.record_consent(samples.consent(revision, "suspended"), previous, later(1))
        assert catalogue.deposits.consent_in_force(RECORD) == first

    def test_the_same_bytes_under_the_same_record_are_one_deposit(self, catalogue: Catalogue) -> None:
        first = catalogue.deposits.record_received(samples.deposit(1), samples.recognised(1), AT)
        second = catalogue.deposits.record_received(samples.deposit(2), samples.recognised(1), later(1))
        assert second == first == catalogue.deposits.get(first.deposit_id)
        assert catalogue.deposits.list() == [first]

    def test_a_refused_deposit_does_not_stand_in_the_way_of_the_same_bytes(self, catalogue: Catalogue) -> None:
        first = catalogue.deposits.record_received(samples.deposit(1), samples.recognised(1), AT)
        catalogue.deposits.refuse(first.deposit_id, "some-code", later(1))
        second = catalogue.deposits.record_received(samples.deposit(2), samples.recognised(1), later(2))
        assert [d.state for d in catalogue.deposits.list()] == [DepositState.refused, DepositState.received]
        assert second.deposit_id == samples.deposit(2).deposit_id

    def test_deposits_are_listed_oldest_first_and_by_record(self, catalogue: Catalogue) -> None:
        for number, record in ((2, RECORD), (1, RECORD), (3, samples.an_id("other"))):
            catalogue.deposits.record_received(samples.deposit(number, record_id=record), samples.recognised(number), AT)
        assert [d.files_received for d in catalogue.deposits.list()] == [1, 2, 3]
        assert [d.files_received for d in catalogue.deposits.list(RECORD)] == [1, 2]
        with pytest.raises(Refused, match="no-such-deposit"):
            catalogue.deposits.get(samples.an_id("nobody"))

    # -- versions -------------------------------------------------------------------------------------------------

    def test_a_deposit_becomes_one_version(self, catalogue: Catalogue) -> None:
        samples.with_package(catalogue)
        numbers = [catalogue.holdings.plan_version(PACKAGE, samples.deposit().deposit_id, AT) for _ in range(2)]
        assert numbers == [1, 1]
        assert catalogue.deposits.get(samples.deposit().deposit_id).version == 1

    def test_a_version_waits_for_the_unfinished_one_before_it(self, catalogue: Catalogue) -> None:
        samples.with_staged(catalogue)
        catalogue.deposits.record_received(samples.deposit(2), samples.recognised(2), AT)
        with pytest.raises(Refused, match="version-unfinished"):
            catalogue.holdings.plan_version(PACKAGE, samples.deposit(2).deposit_id, AT)
        samples.read_back(catalogue, *SITES)
        catalogue.holdings.commit_version(PACKAGE, 1, 3, AT)
        assert catalogue.holdings.plan_version(PACKAGE, samples.deposit(2).deposit_id, AT) == 2

    def test_what_is_missing_is_a_query(self, catalogue: Catalogue) -> None:
        samples.with_staged(catalogue)
        paths = sorted(file.path for file in samples.staged().files)
        assert [file.path for file in catalogue.holdings.missing_copies(PACKAGE, 1, "beta")] == paths
        catalogue.holdings.record_read_back(PACKAGE, paths[0], "beta", later(5))
        assert [file.path for file in catalogue.holdings.missing_copies(PACKAGE, 1, "beta")] == paths[1:]
        assert catalogue.holdings.sites_of(PACKAGE, 1) == list(SITES)
        assert catalogue.holdings.complete_sites(PACKAGE, 1) == []

    def test_a_version_exists_only_when_enough_sites_hold_all_of_it(self, catalogue: Catalogue) -> None:
        samples.with_staged(catalogue)
        samples.read_back(catalogue, "alpha", "beta")
        catalogue.holdings.record_read_back(PACKAGE, samples.staged().files[0].path, "gamma", AT)
        assert not catalogue.holdings.commit_version(PACKAGE, 1, 3, AT)
        assert catalogue.holdings.head(PACKAGE) is None
        assert catalogue.holdings.commit_version(PACKAGE, 1, 2, AT)
        head = catalogue.holdings.head(PACKAGE)
        assert head is not None
        assert (head.number, head.inventory_sha512) == (1, samples.staged().inventory_sha512)
        assert catalogue.deposits.get(samples.deposit().deposit_id).state is DepositState.accessioned
        (committed,) = [e for e in catalogue.ledger_entries(PACKAGE) if e.event is Event.version_committed]
        assert committed.detail["sites"] == ["alpha", "beta"]

    def test_a_planned_version_is_never_committed(self, catalogue: Catalogue) -> None:
        samples.with_package(catalogue).holdings.plan_version(PACKAGE, samples.deposit().deposit_id, AT)
        assert not catalogue.holdings.commit_version(PACKAGE, 1, 0, AT)

    def test_a_damaged_copy_is_missing_and_does_not_look_freshly_read(self, catalogue: Catalogue) -> None:
        samples.with_committed(catalogue)
        samples.read_back(catalogue, "alpha", at=later(9))
        path = samples.staged().files[0].path
        catalogue.holdings.record_damaged(PACKAGE, path, "beta")
        assert [file.path for file in catalogue.holdings.missing_copies(PACKAGE, 1, "beta")] == [path]
        assert catalogue.holdings.placed(PACKAGE, "beta")[path] == "damaged"
        assert catalogue.holdings.oldest_read(PACKAGE) == {
            "alpha": later(9).isoformat(),
            "beta": AT.isoformat(),
            "gamma": AT.isoformat(),
        }

    def test_a_copy_never_read_counts_as_never(self, catalogue: Catalogue) -> None:
        samples.with_staged(catalogue)
        catalogue.holdings.record_read_back(PACKAGE, samples.staged().files[0].path, "alpha", AT)
        assert catalogue.holdings.oldest_read(PACKAGE) == dict.fromkeys(SITES, None)

    def test_a_root_never_moves_back(self, catalogue: Catalogue) -> None:
        samples.with_committed(catalogue)
        for number in (1, 2, 1):
            catalogue.holdings.record_advanced(PACKAGE, "alpha", number, AT)
        assert catalogue.holdings.advanced_to(PACKAGE) == {"alpha": 2}

    def test_the_gate_finds_the_facts_of_a_unit_and_of_a_package(self, catalogue: Catalogue) -> None:
        samples.with_committed(catalogue)
        unit, description = samples.staged().units
        package, facts = catalogue.holdings.facts_of(unit.unit_id) or pytest.fail("no facts of the unit")
        assert (package.package_id, facts) == (PACKAGE, (samples.held().facts,))
        assert catalogue.holdings.facts_of(PACKAGE) == (package, ())
        assert catalogue.holdings.facts_of(samples.an_id("nobody")) is None
        assert catalogue.holdings.facts_of(description.unit_id) == (package, ())

    def test_a_newer_version_changes_an_item_and_keeps_the_others(self, catalogue: Catalogue) -> None:
        samples.with_committed(catalogue)
        catalogue.deposits.record_received(samples.deposit(2), samples.recognised(2), AT)
        catalogue.holdings.plan_version(PACKAGE, samples.deposit(2).deposit_id, AT)
        catalogue.holdings.record_staged(samples.staged(2), [samples.held(1, 2), samples.held(2, 2)], SITES)
        assert {i: item.version for i, item in catalogue.holdings.items(PACKAGE).items()} == dict.fromkeys(
            map(samples.item_id, (1, 2)), 2
        )
        assert len(catalogue.holdings.files(PACKAGE)) == 6
        assert [file.path for file in catalogue.holdings.files(PACKAGE, 2)] == sorted(f.path for f in samples.staged(2).files)
        head = catalogue.holdings.head(PACKAGE)
        assert head is not None
        assert head.number == 1

    def test_what_is_not_there_is_said(self, catalogue: Catalogue) -> None:
        nobody = samples.an_id("nobody")
        assert not catalogue.holdings.known(nobody)
        with pytest.raises(Refused, match="no-such-package"):
            catalogue.holdings.package(nobody)
        with pytest.raises(ShelfConflict, match="no-such-version"):
            catalogue.holdings.commit_version(nobody, 1, 1, AT)

    # -- looking --------------------------------------------------------------------------------------------------

    def test_findings_are_kept_and_intact_copies_counted(self, catalogue: Catalogue) -> None:
        looks = [samples.finding(key="one"), samples.finding(Outcome.intact, "two"), samples.finding(Outcome.missing, "three")]
        run = samples.an_id("run")
        counts = catalogue.looking.record_looks(run, "alpha", PACKAGE, looks, AT)
        assert counts == {"intact": 1, "mismatched": 1, "missing": 1}
        assert catalogue.looking.of_run(run) == [looks[0], looks[2]]
        assert catalogue.looking.of_run(samples.an_id("another run")) == []
        assert catalogue.ledger_entries(PACKAGE)[-1].detail["outcomes"] == counts

    def test_a_look_repeated_within_a_run_counts_its_findings_once(self, catalogue: Catalogue) -> None:
        run = samples.an_id("run")
        for outcome in (Outcome.unreadable, Outcome.mismatched):
            catalogue.looking.record_looks(run, "alpha", PACKAGE, [samples.finding(outcome)], AT)
        catalogue.looking.record_looks(run, "beta", PACKAGE, [samples.finding(site="beta")], AT)
        assert [(f.site, f.outcome) for f in catalogue.looking.of_run(run)] == [
            ("alpha", Outcome.mismatched),
            ("beta", Outcome.mismatched),
        ]

    def test_a_mended_copy_names_its_source(self, catalogue: Catalogue) -> None:
        catalogue.looking.record_mended(samples.an_id("run"), samples.finding(), "gamma", AT)
        (entry,) = catalogue.ledger_entries()
        assert (entry.event, entry.detail["site"], entry.detail["source"]) == (Event.replication, "alpha", "gamma")

    # -- erasing --------------------------------------------------------------------------------------------------

    def test_a_withdrawn_package_owes_an_erasure_at_every_site(self, catalogue: Catalogue) -> None:
        samples.withdrawn(catalogue)
        assert catalogue.holdings.package(PACKAGE).state == "withdrawn"
        assert [(e.site, e.state) for e in catalogue.erasing.erasures()] == [(site, "open") for site in SITES]

    def test_a_receipt_is_owed_until_the_object_was_read_back_as_absent(self, catalogue: Catalogue) -> None:
        samples.withdrawn(catalogue)
        catalogue.erasing.expect_deletions(PACKAGE, "alpha", ["one", "two"])
        catalogue.erasing.record_deleted(PACKAGE, "alpha", "one", 3)
        assert catalogue.erasing.receipts(PACKAGE) == []
        assert catalogue.erasing.close_erasure(PACKAGE, "alpha", later(5)) == 2
        assert [(r.key, r.removed) for r in catalogue.erasing.receipts(PACKAGE)] == [("one", 3), ("two", 0)]
        (done,) = [e for e in catalogue.erasing.erasures(PACKAGE) if e.state == "done"]
        assert (done.site, done.objects, done.done_at) == ("alpha", 2, later(5))

    def test_of_an_erased_package_a_tombstone_stays_and_nothing_it_held(self, catalogue: Catalogue) -> None:
        samples.withdrawn(catalogue)
        stone = _erase_everywhere(catalogue)
        assert catalogue.erasing.tombstones() == [stone]
        assert (stone.accession_month, stone.objects, stone.sites) == ("2026-03", 3, SITES)
        assert catalogue.holdings.package(PACKAGE).state == "erased"
        assert catalogue.deposits.get(samples.deposit().deposit_id).state is DepositState.withdrawn
        assert [v.state for v in catalogue.holdings.versions(PACKAGE)] == [VersionState.erased]
        with _engine(catalogue).connect() as connection:
            for table in (
                tables.items,
                tables.units,
                tables.unit_items,
                tables.files,
                tables.placements,
                tables.heads,
                tables.findings,
            ):
                assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name

    # -- doing it twice -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("step", range(13))
    def test_every_step_may_be_done_twice(self, catalogue: Catalogue, step: int) -> None:
        """Each step of a life is done twice before the next one; then nothing but the step's own first run is to be seen."""
        steps = _life(catalogue)
        for act in steps[:step]:
            act()
        steps[step]()
        once = _everything(catalogue)
        steps[step]()
        assert _everything(catalogue) == once

    # -- rules that the database itself holds ---------------------------------------------------------------------

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO versions (package_id, number, deposit_id, state) SELECT package_id, 2, '{two}', 'planned' FROM packages",
            "INSERT INTO versions (package_id, number, deposit_id, state) SELECT package_id, 2, '{one}', 'erased' FROM packages",
            "INSERT INTO packages SELECT '{new}', account_ref, record_id, state, opened_at FROM packages",
            "INSERT INTO unit_items VALUES ('{new}', '{new}')",
            "INSERT INTO placements SELECT package_id, 'v9/none', site, state, NULL FROM placements WHERE site = 'alpha'",
            "INSERT INTO consents VALUES ('{new}', 2, 'active', 'x', NULL)",
            "INSERT INTO consents VALUES ('{new}', 1, 'active', 'x', 'y')",
            "UPDATE versions SET state = 'committed', inventory_sha512 = NULL",
            "UPDATE versions SET number = 0",
            "UPDATE placements SET state = 'fine'",
            "UPDATE packages SET state = 'lost'",
            "UPDATE deposits SET state = 'eaten'",
            "UPDATE erasures SET state = 'half'",
            "DELETE FROM files",
            "DELETE FROM packages",
        ],
    )
    def test_the_database_refuses_what_cannot_be(self, catalogue: Catalogue, statement: str) -> None:
        samples.with_staged(catalogue)
        catalogue.deposits.record_received(samples.deposit(2), samples.recognised(2), AT)
        catalogue.erasing.open_erasures(PACKAGE, ["alpha"], AT)
        one, two = (samples.deposit(number).deposit_id for number in (1, 2))
        written = statement.format(one=one, two=two, new=samples.an_id("new"))
        with pytest.raises(sa.exc.IntegrityError), _engine(catalogue).begin() as connection:
            connection.exec_driver_sql(written)

    @pytest.mark.parametrize(
        "statement", ["UPDATE ledger SET subject = 'x'", "DELETE FROM ledger", "DELETE FROM ledger WHERE seq = 2"]
    )
    def test_the_database_refuses_to_change_the_ledger(self, catalogue: Catalogue, statement: str) -> None:
        samples.with_package(catalogue)
        before = catalogue.ledger_entries()
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), _engine(catalogue).begin() as connection:
            connection.exec_driver_sql(statement)
        assert catalogue.ledger_entries() == before

    def test_a_refused_write_leaves_nothing_and_quotes_nothing(self, catalogue: Catalogue) -> None:
        samples.with_package(catalogue)
        before = _everything(catalogue)
        with pytest.raises(sa.exc.IntegrityError) as failure:
            catalogue.holdings.open_package(samples.an_id("another"), samples.ACCOUNT, RECORD, AT)
        assert "parameters hidden" in str(failure.value)
        assert _everything(catalogue) == before

    # -- many at once ---------------------------------------------------------------------------------------------

    def test_twenty_writers_at_once_leave_an_unbroken_chain(self, catalogue: Catalogue) -> None:
        def write(writer: int) -> None:
            for number in range(EACH):
                deposit = samples.deposit(1, deposit_id=samples.an_id(writer, number))
                catalogue.deposits.record_received(deposit, samples.recognised(1000 * writer + number), AT)
                assert catalogue.deposits.get(deposit.deposit_id) == deposit

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        assert catalogue.verify_ledger() == []
        assert [entry.seq for entry in catalogue.ledger_entries()] == list(range(1, WRITERS * EACH + 1))

    def test_of_many_deposits_planned_at_once_one_becomes_the_next_version(self, catalogue: Catalogue) -> None:
        samples.with_package(catalogue)
        for number in range(2, 9):
            catalogue.deposits.record_received(samples.deposit(number), samples.recognised(number), AT)

        def plan(number: int) -> int | str:
            try:
                return catalogue.holdings.plan_version(PACKAGE, samples.deposit(number).deposit_id, AT)
            except Refused as refusal:
                return refusal.code

        with ThreadPoolExecutor(8) as pool:
            planned = sorted(map(str, pool.map(plan, range(1, 9))))
        assert planned == ["1", *["version-unfinished"] * 7]

    def test_a_reader_does_not_wait_for_a_writer(self, catalogue: Catalogue) -> None:
        samples.with_package(catalogue)
        with catalogue._database.writing() as connection:
            connection.execute(tables.packages.update().values(state="withdrawn"))
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(catalogue.holdings.package, PACKAGE).result(10).state == "held"


def _life(catalogue: Catalogue) -> list[Callable[[], Any]]:
    """Every step from the consent to the tombstone."""
    deposits, holdings, erasing = catalogue.deposits, catalogue.holdings, catalogue.erasing
    deposit = samples.deposit()
    return [
        lambda: deposits.record_consent(samples.consent(), None, AT),
        lambda: deposits.record_received(deposit, samples.recognised(), AT),
        lambda: holdings.open_package(PACKAGE, samples.ACCOUNT, RECORD, AT),
        lambda: holdings.plan_version(PACKAGE, deposit.deposit_id, AT),
        lambda: holdings.record_staged(samples.staged(), [samples.held()], SITES),
        lambda: samples.read_back(catalogue, *SITES),
        lambda: holdings.record_replica_completed(PACKAGE, 1, "alpha", AT),
        lambda: holdings.commit_version(PACKAGE, 1, 3, AT),
        lambda: holdings.record_advanced(PACKAGE, "alpha", 1, AT),
        lambda: deposits.record_quarantine_wiped(deposit.deposit_id, AT),
        lambda: erasing.open_erasures(PACKAGE, list(SITES), AT),
        lambda: erasing.record_shredded(PACKAGE, AT),
        lambda: _erase_everywhere(catalogue),
    ]


def _erase_everywhere(catalogue: Catalogue) -> Tombstone:
    for site in SITES:
        catalogue.erasing.expect_deletions(PACKAGE, site, ["one"])
        catalogue.erasing.close_erasure(PACKAGE, site, later(5))
    return catalogue.erasing.close_package(PACKAGE, "withdrawn by the creator", later(6))


def _everything(catalogue: Catalogue) -> dict[str, list[tuple[Any, ...]]]:
    with _engine(catalogue).connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in tables.metadata.sorted_tables
        }


def _engine(catalogue: Catalogue) -> sa.Engine:
    return catalogue._database.engine
