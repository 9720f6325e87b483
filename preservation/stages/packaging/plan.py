"""Which item goes into which unit. Pure: the same items give the same units, in whatever order they come.

A unit is the smallest thing that can be erased, restored and stored alone. Cold storage charges for each object and for the
smallest size of one, so small items share a bundle; large ones do not, so that erasing one costs no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from preservation.formats.canonical import canonical_json
from preservation.model.export import Post
from preservation.model.identifiers import DepositId, ItemId, Sha256, UnitId, derive_id
from preservation.model.package import UnitKind
from preservation.model.policy import PackagingPolicy
from preservation.stages.packaging.request import HeldMedium


@dataclass(frozen=True, slots=True)
class Writing:
    """What of one item is new and must be written: its words (None: unchanged) and the media not held yet."""

    item_id: ItemId
    post: Post
    words: bytes | None
    media: tuple[HeldMedium, ...]

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return len(self.words or b"") + sum(held.medium.held.size for held in self.media if held.medium.held)

    @property
    def digests(self) -> list[Sha256]:
        """What the media are."""
        return [held.medium.held.sha256 for held in self.media if held.medium.held]


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """One unit to be written: `<unit_id>.warc` with these items in this order."""

    unit_id: UnitId
    kind: UnitKind
    writings: tuple[Writing, ...]


def plan_units(writings: Sequence[Writing], policy: PackagingPolicy, secret: bytes, deposit_id: DepositId) -> list[UnitPlan]:
    """Units in the order of their ids. Items of `own_unit_from` bytes or more stand alone, the rest share bundles of at most
    `bundle_up_to`, filled in the order of the items' ids. Unit ids follow from what the unit holds and from the deposit, so that
    words which return to an earlier state do not collide with the unit that held them then.
    """
    ordered = sorted(
        (writing for writing in writings if writing.words is not None or writing.media), key=lambda writing: writing.item_id
    )
    large = [writing for writing in ordered if writing.size >= policy.own_unit_from]
    small = [writing for writing in ordered if writing.size < policy.own_unit_from]
    plans = [_unit(UnitKind.item, (writing,), secret, deposit_id) for writing in large]
    plans += [_unit(UnitKind.bundle, bundle, secret, deposit_id) for bundle in _bundles(small, policy.bundle_up_to)]
    return sorted(plans, key=lambda plan: plan.unit_id)


def _bundles(writings: Sequence[Writing], limit: int) -> Iterator[tuple[Writing, ...]]:
    bundle: list[Writing] = []
    size = 0
    for writing in writings:
        if bundle and size + writing.size > limit:
            yield tuple(bundle)
            bundle, size = [], 0
        bundle.append(writing)
        size += writing.size
    if bundle:
        yield tuple(bundle)


def _unit(kind: UnitKind, writings: tuple[Writing, ...], secret: bytes, deposit_id: DepositId) -> UnitPlan:
    holds = [[writing.item_id, (writing.words or b"").decode("utf-8"), writing.digests] for writing in writings]
    return UnitPlan(derive_id(secret, "unit", canonical_json([deposit_id, holds]).decode("utf-8")), kind, writings)
