"""Whether an item is among what a creator offered."""

from dataclasses import replace
from datetime import date

from preservation.model.consent import ConsentRecord
from preservation.model.consent_parts import Scope
from preservation.model.item import ItemFacts
from preservation.model.sections import POST_SECTIONS


def scope_faults(record: ConsentRecord, item: ItemFacts, *, caring: bool) -> tuple[str, ...]:
    """Codes of the limits this item does not meet; empty when it is in scope.

    Excluded items are out in every section. Other limits are about posts: what is not a post is decided by its section.
    Dates: facts from the catalogue have none (`posted_on` is None). They count as checked if they were found in scope under a
    revision no earlier than `record.dates_narrowed_in`. When the limits by date became narrower since, nobody knows: so the
    item is out for every new act until the scope is resolved again, but stays in for `caring` acts (looking and repairing),
    because a doubt must not let a copy rot that may well be wanted. A definite no (excluded, not named, visibility taken back)
    ends care too.
    """
    scope = record.scope_of(item.account_ref)
    if scope is None:
        return ("account-not-given",)
    faults = {
        "item-excluded": item.item_id in scope.exclude_item_ids,
        "item-not-named": _is_post(item) and bool(scope.include_item_ids) and item.item_id not in scope.include_item_ids,
        "visibility-not-given": _is_post(item) and item.visibility not in scope.include_visibility,
        "date-not-given": _is_post(item) and not _dates_met(record, scope, item, caring),
    }
    return tuple(code for code, broken in faults.items() if broken)


def as_stored(record: ConsentRecord, item: ItemFacts) -> ItemFacts:
    """The facts as the catalogue may keep them, once in scope: no date, but the revision under which the date was checked."""
    return replace(item, posted_on=None, scope_revision=record.revision)


def within(inner: Scope, outer: Scope) -> bool:
    """Whether every day `inner` offers is offered by `outer` too."""
    begins = outer.from_date is None or (inner.from_date is not None and inner.from_date >= outer.from_date)
    ends = outer.to_date is None or (inner.to_date is not None and inner.to_date <= outer.to_date)
    return begins and ends


def _is_post(item: ItemFacts) -> bool:
    return item.section in POST_SECTIONS


def _dates_met(record: ConsentRecord, scope: Scope, item: ItemFacts, caring: bool) -> bool:
    if scope.from_date is None and scope.to_date is None:
        return True
    if item.posted_on is not None:
        return (scope.from_date or date.min) <= item.posted_on <= (scope.to_date or date.max)
    if item.scope_revision is None:
        return False
    return caring or item.scope_revision >= record.dates_narrowed_in
