"""Units: small enough to erase alone, big enough to be cheap, the same whatever order items come in."""

from hypothesis import given
from hypothesis import strategies as st
from packaging_samples import SECRET, post

from preservation.formats.canonical import canonical_json
from preservation.model.identifiers import derive_id
from preservation.model.package import UnitKind
from preservation.model.policy import MIB, PackagingPolicy
from preservation.stages.packaging.plan import Writing, plan_units
from preservation.stages.packaging.request import PackagedItem

POLICY = PackagingPolicy(own_unit_from=600_000, bundle_up_to=MIB)
DEPOSIT = "d" * 26
sizes = st.lists(st.integers(0, 700_000), max_size=12)


def writings(of):
    """Items whose words have these sizes."""
    return [Writing(PackagedItem(derive_id(SECRET, "item", str(at)), post(at)), size, ()) for at, size in enumerate(of)]


def planned(of, deposit=DEPOSIT):
    """The plan of these; their words are as many `w` as they are long."""
    sizes = {writing.item_id: writing.words for writing in of}
    return plan_units(of, POLICY, SECRET, deposit, lambda item: b"w" * sizes[item.item_id])


@given(sizes, st.randoms())
def test_order_does_not_matter(of, random):
    items = writings(of)
    shuffled = list(items)
    random.shuffle(shuffled)
    assert planned(items) == planned(shuffled)


@given(sizes)
def test_every_item_is_in_one_unit_and_no_bundle_is_too_big(of):
    plans = planned(writings(of))
    assert sorted(one.item_id for plan in plans for one in plan.writings) == sorted(one.item_id for one in writings(of))
    for plan in plans:
        large = [one for one in plan.writings if one.size >= POLICY.own_unit_from]
        assert (plan.kind is UnitKind.item) is bool(large)
        assert len(plan.writings) == 1 if large else sum(one.size for one in plan.writings) <= POLICY.bundle_up_to


def test_nothing_new_needs_no_unit():
    assert planned([Writing(PackagedItem(DEPOSIT, post(0)), None, ())]) == []


def test_a_unit_of_another_deposit_never_takes_the_same_name():
    """Words edited and edited back would else claim the path of the unit that held them first."""
    one, other = (planned(writings([5]), deposit)[0].unit_id for deposit in (DEPOSIT, "e" * 26))
    assert one != other


@given(sizes)
def test_the_id_of_a_unit_is_that_of_all_it_holds(of):
    """Streamed or not, the id is the one every shelf has: of the canonical JSON of deposit, items, words and digests."""
    found = writings(of)
    for plan in planned(found):
        holds = [[one.item_id, "w" * one.words, one.digests] for one in plan.writings]
        assert plan.unit_id == derive_id(SECRET, "unit", canonical_json([DEPOSIT, holds]).decode())
