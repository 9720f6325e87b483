"""The consent gate: the only place that says yes, and the only one that issues a clearance.

Nothing is taken in, packaged, copied, repaired, described or given out unless the revision in force allows that act on that
item at that moment (docs/design.md, "Consent"). The gate fails closed: no record, an unknown section, origin or account, a
doubt about dates: no. Erasing and giving creators their own copy serve the creator and are never refused.

The caller hands in the revision in force; the gate has no clock and looks nothing up.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from preservation.errors import Refused
from preservation.model.base import Word
from preservation.model.clearance import Act, Clearance
from preservation.model.consent import ConsentRecord
from preservation.model.consent_access import effective_access, may_download
from preservation.model.consent_scope import scope_faults
from preservation.model.consent_states import AI_ACTS, CARE, FOR_THE_CREATOR, OUTWARD, PURPOSE_FOR, STATES_FOR, WITHOUT_TERM
from preservation.model.consent_words import Access, AIChoice, ContactPolicy, Moment, utc_day
from preservation.model.identifiers import AccountRef, DepositId
from preservation.model.item import ItemFacts, Origin

_UNLAWFUL = frozenset({Origin.scraped, Origin.unknown})
_INTAKE = frozenset({Act.receive, Act.extract})


class Verdict(Word):
    """The gate's answer. `reasons` are codes, empty when allowed; of the record only opaque references."""

    allow: bool
    reasons: tuple[str, ...]
    act: Act
    at: Moment
    record_id: str
    revision: int
    record_sha256: str


def decide(record: ConsentRecord | None, act: Act, item: ItemFacts, at: datetime, wanted: Access = Access.closed) -> Verdict:
    """Whether `record`, the revision in force, allows `act` on `item` at the moment `at` (aware).

    `wanted` is the level at which an outward act (`OUTWARD`) will show the item. It must be named: `closed` shows nothing.
    """
    reasons = _reasons(record, act, (item,), at, wanted)
    return Verdict(allow=not reasons, reasons=reasons, act=act, at=at, **_cited(record))


def require(record: ConsentRecord | None, act: Act, item: ItemFacts, at: datetime, wanted: Access = Access.closed) -> Clearance:
    """A clearance for `act` on one item, or Refused("consent-refuses")."""
    return require_unit(record, act, item.item_id, (item,), at, wanted)


def require_unit(
    record: ConsentRecord | None, act: Act, subject: str, items: Sequence[ItemFacts], at: datetime, wanted: Access = Access.closed
) -> Clearance:
    """A clearance for `act` on `subject`, a unit that holds `items`: every one of them must be allowed. Refused otherwise.

    A unit without items (a description, or the creator for `contact`) is decided by the record alone; nobody else may see it.
    """
    return _clear(record, act, subject, at, _reasons(record, act, items, at, wanted))


def require_deposit(
    record: ConsentRecord | None,
    act: Act,
    deposit_id: DepositId,
    at: datetime,
    *,
    account_ref: AccountRef | None = None,
    follow_up: bool = False,
) -> Clearance:
    """A clearance to receive or extract a deposit, whose items nobody knows yet. Refused otherwise.

    With `account_ref`, the account must be one the consent offers; with `follow_up` (the account has a deposit already),
    the creator must have said that later exports may be added.
    """
    faults = _reasons(record, act, (), at, Access.closed) + _about_deposit(record, act, account_ref, follow_up)
    return _clear(record, act, deposit_id, at, faults)


def _reasons(record: ConsentRecord | None, act: Act, items: Sequence[ItemFacts], at: datetime, wanted: Access) -> tuple[str, ...]:
    """Codes of everything that speaks against, each once, in the order found."""
    if act in FOR_THE_CREATOR:
        return ()
    if record is None:
        return ("no-consent-record",)
    found = _about_record(record, act, at) + _about_showing(record, act, items, at, wanted)
    if act is not Act.contact:
        found += [fault for item in items for fault in _about_item(record, act, item)]
    return tuple(dict.fromkeys(found))


def _about_record(record: ConsentRecord, act: Act, at: datetime) -> list[str]:
    """State, term, purpose, and the answers that stand for the whole record."""
    purpose = PURPOSE_FOR.get(act)
    granted = {answer.purpose for answer in record.purposes if answer.granted}
    ended = record.valid_until is not None and at >= record.valid_until
    return _codes(
        {
            f"state-{record.state}": record.state not in STATES_FOR[act],
            "consent-not-yet-valid": at < record.valid_from,
            "consent-term-ended": ended and act not in WITHOUT_TERM,
            f"purpose-{purpose}-not-granted": purpose is not None and purpose not in granted,
            f"{act}-not-allowed": act in AI_ACTS and getattr(record.ai, AI_ACTS[act]) is not AIChoice.allowed,
            "no-contact-wanted": act is Act.contact and record.subject.contact_policy is ContactPolicy.never,
        }
    )


def _about_item(record: ConsentRecord, act: Act, item: ItemFacts) -> list[str]:
    """Origin, section, scope and the freshness of the facts."""
    faults = {
        f"origin-{item.origin}": item.origin in _UNLAWFUL,
        f"section-{item.section}-not-given": not record.section_in(item.section),
        "record-superseded": item.scope_revision is not None and item.scope_revision > record.revision,
    }
    return _codes(faults) + list(scope_faults(record, item, caring=act in CARE))


def _about_showing(record: ConsentRecord, act: Act, items: Sequence[ItemFacts], at: datetime, wanted: Access) -> list[str]:
    """Whether others may see every item at the level wanted."""
    if act not in OUTWARD:
        return []
    ceilings = [effective_access(record, item, utc_day(at)) for item in items]
    return _codes(
        {
            "no-items-named": not items,
            "access-level-not-named": wanted is Access.closed,
            "access-level-too-high": any(wanted.rank > ceiling.rank for ceiling in ceilings),
            "download-not-allowed": act is Act.download and not all(may_download(record, item) for item in items),
        }
    )


def _about_deposit(record: ConsentRecord | None, act: Act, account_ref: AccountRef | None, follow_up: bool) -> tuple[str, ...]:
    if act in FOR_THE_CREATOR:
        return ()
    scopes = () if record is None else record.scopes
    meant = [scope for scope in scopes if account_ref in (None, scope.account_ref)]
    faults = {
        "act-needs-items": act not in _INTAKE,
        "account-not-given": not meant,
        "follow-up-not-given": follow_up and not all(scope.follow_up_exports for scope in meant),
    }
    return tuple(_codes(faults))


def _codes(faults: dict[str, bool]) -> list[str]:
    return [code for code, speaks_against in faults.items() if speaks_against]


class _Cited(TypedDict):
    record_id: str
    revision: int
    record_sha256: str


def _cited(record: ConsentRecord | None) -> _Cited:
    """Which revision was asked; without a record (erasing after its end) empty, revision 0."""
    if record is None:
        return {"record_id": "", "revision": 0, "record_sha256": ""}
    return {"record_id": record.record_id, "revision": record.revision, "record_sha256": record.sha256()}


def _clear(record: ConsentRecord | None, act: Act, subject: str, at: datetime, reasons: tuple[str, ...]) -> Clearance:
    if reasons:
        raise Refused(
            "consent-refuses",
            f"consent does not allow {act} on {subject}: {', '.join(reasons)}",
            remedy="look at the consent in force; only the creator can widen it",
        )
    issued: Clearance = Clearance._issue(act=act, subject=subject, at=at, **_cited(record))
    return issued
