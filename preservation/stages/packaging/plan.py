"""Which item goes into which unit. Pure: the same items give the same units, in whatever order they come.

A unit is the smallest thing that can be erased, restored and stored alone. Cold storage charges for each object and for the
smallest size of one, so small items share a bundle; large ones do not, so that erasing one costs no other.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from preservation.formats.canonical import canonical_json
from preservation.model.export import Post
from preservation.model.identifiers import DepositId, ItemId, Sha256, UnitId, derive_id_of_pieces
from preservation.model.package import UnitKind
from preservation.model.policy import PackagingPolicy
from preservation.stages.packaging.request import HeldMedium, PackagedItem


@dataclass(frozen=True, slots=True)
class Writing:
    """What of one item is new and must be written: its words, by their size (None: unchanged), and the media not held yet.

    The words themselves are made again when their turn comes: held for all items at once they would fill the memory.
    """

    item: PackagedItem
    words: int | None
    media: tuple[HeldMedium, ...]

    @property
    def item_id(self) -> ItemId:
        """Which item."""
        return self.item.item_id

    @property
    def post(self) -> Post:
        """The post it stands for."""
        return self.item.post

    @property
    def anything(self) -> bool:
        """Whether there is anything to write."""
        return self.words is not None or bool(self.media)

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return (self.words or 0) + sum(held.medium.held.size for held in self.media if held.medium.held)

    @property
    def digests(self) -> list[Sha256]:
        """What the media are."""
        return [held.medium.held.sha256 for held in self.media if held.medium.held]


WordsOf = Callable[[PackagedItem], bytes]  # words.json of an item


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """One unit to be written: `<unit_id>.warc` with these items in this order."""

    unit_id: UnitId
    kind: UnitKind
    writings: tuple[Writing, ...]

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return sum(writing.size for writing in self.writings)


def plan_units(
    writings: Iterable[Writing], policy: PackagingPolicy, secret: bytes, deposit_id: DepositId, words_of: WordsOf
) -> list[UnitPlan]:
    """Units in the order of their ids. Items of `own_unit_from` bytes or more stand alone, the rest share bundles of at most
    `bundle_up_to`, filled in the order of the items' ids. Unit ids follow from what the unit holds and from the deposit, so that
    words which return to an earlier state do not collide with the unit that held them then.
    """
    ordered = sorted((writing for writing in writings if writing.anything), key=lambda writing: writing.item_id)
    small = (writing for writing in ordered if writing.size < policy.own_unit_from)
    grouped: list[tuple[UnitKind, tuple[Writing, ...]]] = []
    grouped += [(UnitKind.item, (writing,)) for writing in ordered if writing.size >= policy.own_unit_from]
    grouped += [(UnitKind.bundle, bundle) for bundle in _bundles(small, policy.bundle_up_to)]
    plans = [UnitPlan(_unit_id(group, secret, deposit_id, words_of), kind, group) for kind, group in grouped]
    return sorted(plans, key=lambda plan: plan.unit_id)


def _bundles(writings: Iterable[Writing], limit: int) -> Iterator[tuple[Writing, ...]]:
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


def _unit_id(writings: Sequence[Writing], secret: bytes, deposit_id: DepositId, words_of: WordsOf) -> UnitId:
    """Derived from the canonical JSON of `[deposit, [[item, words, digests of media], …]]`, which is never there as a whole."""
    return derive_id_of_pieces(secret, "unit", _identity(writings, deposit_id, words_of))


def _identity(writings: Sequence[Writing], deposit_id: DepositId, words_of: WordsOf) -> Iterator[bytes]:
    yield f"[{json.dumps(deposit_id)},[".encode()
    for nth, writing in enumerate(writings):
        words = words_of(writing.item).decode("utf-8") if writing.words is not None else ""
        yield (b"," if nth else b"") + canonical_json([writing.item_id, words, writing.digests])
    yield b"]]"
