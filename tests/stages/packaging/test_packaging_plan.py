"""Units: small enough to erase alone, big enough to be cheap, the same whatever order items come in."""

from hypothesis import given
from hypothesis import strategies as st
from packaging_samples import SECRET, post

from preservation.model.identifiers import derive_id
from preservation.model.package import UnitKind
from preservation.model.policy import MIB, PackagingPolicy
from preservation.stages.packaging.plan import Writing, plan_units

POLICY = PackagingPolicy(own_unit_from=600_000, bundle_up_to=MIB)
DEPOSIT = "d" * 26
sizes = st.lists(st.integers(0, 700_000), max_size=12)


def writings(of):
    """Items whose words have these sizes."""
    return [Writing(derive_id(SECRET, "item", str(at)), post(at), b"w" * size, ()) for at, size in enumerate(of)]


@given(sizes, st.randoms())
def test_order_does_not_matter(of, random):
    items = writings(of)
    shuffled = list(items)
    random.shuffle(shuffled)
    assert plan_units(items, POLICY, SECRET, DEPOSIT) == plan_units(shuffled, POLICY, SECRET, DEPOSIT)


@given(sizes)
def test_every_item_is_in_one_unit_and_no_bundle_is_too_big(of):
    plans = plan_units(writings(of), POLICY, SECRET, DEPOSIT)
    assert sorted(one.item_id for plan in plans for one in plan.writings) == sorted(one.item_id for one in writings(of))
    for plan in plans:
        large = [one for one in plan.writings if one.size >= POLICY.own_unit_from]
        assert (plan.kind is UnitKind.item) is bool(large)
        assert len(plan.writings) == 1 if large else sum(one.size for one in plan.writings) <= POLICY.bundle_up_to


def test_nothing_new_needs_no_unit():
    assert plan_units([Writing(DEPOSIT, post(0), None, ())], POLICY, SECRET, DEPOSIT) == []


def test_a_unit_of_another_deposit_never_takes_the_same_name():
    """Words edited and edited back would else claim the path of the unit that held them first."""
    one, other = (plan_units(writings([5]), POLICY, SECRET, deposit)[0].unit_id for deposit in (DEPOSIT, "e" * 26))
    assert one != other
