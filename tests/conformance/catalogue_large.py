"""What every catalogue promises of versions with more files and items than fit into one statement: nothing is lost between pages."""

from collections.abc import Iterator

from preservation.catalogue.catalogue import Catalogue
from preservation.catalogue.holding_rows import ROWS
from preservation.catalogue.holdings import HeldItem
from preservation.model.package import StagedVersion, StoredFile, Unit, UnitKind
from tests.catalogue import samples
from tests.catalogue.samples import PACKAGE, SITES

MANY = 2 * ROWS + 7


def large() -> StagedVersion:
    """A version with a unit of its own for each of many items, and a description of all of them."""
    items = tuple(samples.item_id(number) for number in range(MANY))
    units = [
        Unit(samples.an_id("unit", number), UnitKind.item, f"v1/content/data/units/{number}.warc", (item,))
        for number, item in enumerate(items)
    ]
    units.append(Unit(samples.an_id("description"), UnitKind.description, "v1/content/data/description", items))
    files = tuple(StoredFile(unit.path, samples.fixity(unit.path), unit.unit_id) for unit in units)
    return samples.staged().model_copy(update={"files": files, "units": tuple(units), "items": MANY})


class LargeVersionsSuite:
    """Mixed into a suite that has the fixture `catalogue`."""

    def test_a_large_version_is_recorded_whole(self, catalogue: Catalogue) -> None:
        holdings = with_large(catalogue).holdings
        assert len(holdings.files(PACKAGE)) == MANY + 1
        assert holdings.weight(PACKAGE, 1) == holdings.weight(PACKAGE) == (MANY + 1, sum(f.fixity.size for f in large().files))
        assert holdings.weight(PACKAGE, 2) == (0, 0)
        assert holdings.items_by_status(PACKAGE) == {"held": MANY - 1, "missing": 1}
        described = holdings.facts_of(samples.an_id("description"))
        assert described is not None and len(described[1]) == MANY
        assert [holdings.count_missing(PACKAGE, 1, site) for site in SITES] == [MANY + 1] * 3

    def test_what_is_missing_is_given_once_each_and_in_order_while_copies_are_recorded(self, catalogue: Catalogue) -> None:
        """As a copy does it: each file is read back before the next one is asked for."""
        holdings, given = with_large(catalogue).holdings, []
        wanted = [file.path for file in holdings.missing_copies(PACKAGE, 1, "beta")]
        for file in holdings.each_missing_copy(PACKAGE, 1, "beta"):
            given.append(file.path)
            if len(given) % 3:
                holdings.record_read_back(PACKAGE, file.path, "beta", samples.AT)
        assert given == wanted
        assert len(set(given)) == MANY + 1
        assert holdings.count_missing(PACKAGE, 1, "beta") == (MANY + 1) // 3
        assert holdings.holds(PACKAGE, given[0], "beta")
        assert not holdings.holds(PACKAGE, given[2], "beta")
        assert not holdings.holds(PACKAGE, given[0], "alpha")

    def test_a_site_that_comes_into_use_is_expected_to_hold_everything_once(self, catalogue: Catalogue) -> None:
        holdings = with_large(catalogue).holdings
        for _ in range(2):
            holdings.expect_copies(PACKAGE, 1, [*SITES, "delta"])
        assert holdings.count_missing(PACKAGE, 1, "delta") == MANY + 1
        assert len(holdings.placed(PACKAGE, "delta")) == MANY + 1


def with_large(catalogue: Catalogue) -> Catalogue:
    """A large version, staged; its items come one by one."""

    def held() -> Iterator[HeldItem]:
        for number in range(MANY):
            item = samples.held(number)
            yield item if number else item.model_copy(update={"status": "missing"})

    samples.with_package(catalogue).holdings.plan_version(PACKAGE, samples.deposit().deposit_id, samples.AT)
    catalogue.holdings.record_staged(large(), held(), SITES)
    return catalogue
