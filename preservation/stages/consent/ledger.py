"""The consent ledger: revisions follow one another and are never edited. Pure; storing them is the catalogue's work.

Staff cannot sign, widen or withdraw for a creator. Narrowing needs no signature and no archivist; widening needs both.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from preservation.errors import Refused
from preservation.model.consent import ConsentRecord
from preservation.model.consent_narrowing import narrowed_dates, narrows
from preservation.model.consent_parts import Affirmation, Change, ConsentAccount, Silence
from preservation.model.consent_states import may_transition
from preservation.model.consent_words import Amendment, Phase, ProofMethod, ProofResult, Role, State
from preservation.stages.consent.documents import ConsentDocument
from preservation.stages.consent.validation import checked

_BEGINNINGS = frozenset({State.draft, State.submitted, State.verified, State.active})
_PROVEN_STATES = frozenset({State.verified, State.active})
_SIGNED = frozenset({(State.draft, State.submitted), (State.expired, State.active)})  # steps that are a signature
_ROUTINE = frozenset({(State.verified, State.active), (State.amended, State.active)})  # staff need no reason for these
_STAFF = frozenset({Role.archivist, Role.dpo})
_STRONG = frozenset({ProofMethod.official_oauth, ProofMethod.portability_api, ProofMethod.archivist_review})
_HEADER = frozenset(
    {
        "schema_version",
        "record_id",
        "revision",
        "previous_sha256",
        "state",
        "change",
        "pending",
        "dates_narrowed_in",
        "affirmation",
    }
)


_REMEDIES = {
    "consent-not-a-beginning": "begin with revision 1, as draft, submitted, verified or active",
    "consent-ownership-not-proven": "record how each account was checked and have an archivist look, or import it as submitted",
    "consent-terms-need-an-amendment": "change the term with an amendment",
    "consent-field-not-amendable": "amend terms only; the ledger keeps the header, and another creator gives another consent",
    "consent-estate-may-not-widen": "the last choice stands; it can only be narrowed",
    "consent-not-signed": "have the creator sign",
    "consent-signature-not-fresh": "hand in the signature made for this step, if this step is one",
    "consent-out-of-order": "check the clock: this change is dated before the one it follows",
    "consent-reason-missing": "give the reason as a code",
    "consent-was-never-active": "begin a new consent record",
    "consent-silence-does-not-erase": "keep it closed; the creator did not choose erasure",
    "consent-widening-waits": "an archivist looks at the wider terms first",
    "consent-transition-not-allowed": "see the table of states: another role, or another step before this one",
    "consent-chain-broken": "restore the revisions from a backup of the identity store; do nothing under this consent before",
}


def first(document: ConsentDocument) -> ConsentRecord:
    """The first revision of a record, as imported. Raises Refused.

    It may begin as a draft, or further on when it was signed on paper and an archivist vouches for it; then every account
    must come with a proof that it is the creator's. It cannot begin at its end.
    """
    record = document.record
    if record.revision != 1 or record.state not in _BEGINNINGS:
        raise _refuse("consent-not-a-beginning", record)
    if record.state in _PROVEN_STATES and not owned(record):
        raise _refuse("consent-ownership-not-proven", record)
    return record


def owned(record: ConsentRecord) -> bool:
    """Whether every account is proven the creator's: by one strong method, or by two that agree."""
    return bool(record.accounts) and all(_proven(account) for account in record.accounts)


def transition(
    record: ConsentRecord,
    new_state: State,
    role: Role,
    at: datetime,
    *,
    reason: str | None = None,
    affirmation: Affirmation | None = None,
    valid_until: datetime | None = None,
    phase: Phase | None = None,
) -> ConsentRecord:
    """The next revision, in `new_state`. Terms stay as they are, except that signing anew after expiry sets `valid_until`.

    `reason` is a code, required of staff except for countersigning; `affirmation` is the signature, required where a step is one;
    `phase` is how far a withdrawal has come, for taking it back. Raises Refused.
    """
    _check_order(record, at)
    _check_allowed(record, new_state, role, phase)
    _check_grounds(record, new_state, role, reason)
    signed = (record.state, new_state) in _SIGNED
    if signed and affirmation is None:
        raise _refuse("consent-not-signed", record)
    _check_signature(record, affirmation, at, welcome=signed)
    changes: dict[str, Any] = {"state": new_state}
    if signed:
        changes["affirmation"] = affirmation
    if record.state is State.expired and new_state is State.active:
        changes["valid_until"] = valid_until
    elif valid_until is not None:
        raise _refuse("consent-terms-need-an-amendment", record)
    if new_state is State.active:
        changes["pending"] = None
    return _next(record, changes, role, at, reason)


def amend(
    record: ConsentRecord,
    changes: Mapping[str, object],
    role: Role,
    at: datetime,
    *,
    affirmation: Affirmation | None = None,
) -> ConsentRecord:
    """The next revision with other terms, in state `amended`. `changes` maps fields of the record to their new values.

    What narrows goes on to active by itself (`transition` by the system); what widens needs a fresh `affirmation` and
    waits for an archivist. An estate may only narrow. Raises Refused.
    """
    _check_order(record, at)
    if record.state is not State.active or not may_transition(State.active, State.amended, role):
        raise _not_allowed(record, State.amended, role)
    if _HEADER & set(changes):
        raise _refuse("consent-field-not-amendable", record)
    _check_signature(record, affirmation, at, welcome=True)
    asked = {**changes, "state": State.amended, "pending": Amendment.widening, "affirmation": affirmation or record.affirmation}
    draft = _next(record, asked, role, at, None)
    if draft.subject.creator_id != record.subject.creator_id:
        raise _refuse("consent-field-not-amendable", record)
    moved = {"dates_narrowed_in": draft.revision} if narrowed_dates(record, draft) else {}
    amended = _next(record, {**asked, **moved}, role, at, None)
    if narrows(record, amended):
        return _next(record, {**asked, **moved, "pending": Amendment.narrowing}, role, at, None)
    if role is Role.estate:
        raise _refuse("consent-estate-may-not-widen", record)
    if affirmation is None:
        raise _refuse("consent-not-signed", record)
    return amended


def check_chain(chain: Sequence[ConsentRecord]) -> ConsentRecord:
    """The revision in force: the last of an unbroken chain from revision 1 on. Raises Refused("consent-chain-broken")."""
    unbroken = bool(chain) and chain[0].revision == 1 and all(_follows(old, new) for old, new in pairwise(chain))
    if not unbroken:
        code = "consent-chain-broken"
        raise Refused(code, f"the {len(chain)} revisions at hand are no chain from revision 1 on", remedy=_REMEDIES[code])
    return chain[-1]


def _follows(old: ConsentRecord, new: ConsentRecord) -> bool:
    chained = new.record_id == old.record_id and new.revision == old.revision + 1 and new.previous_sha256 == old.sha256()
    made = new.change
    return chained and made is not None and made.from_state is old.state and _reachable(old, new.state, made)


def _reachable(old: ConsentRecord, new_state: State, made: Change) -> bool:
    return may_transition(old.state, new_state, made.role, phase=Phase.cooling_off, withdrawn_from=_came_from(old))


def _came_from(record: ConsentRecord) -> State | None:
    return None if record.change is None else record.change.from_state


def _check_order(record: ConsentRecord, at: datetime) -> None:
    if record.change is not None and at < record.change.at:
        raise _refuse("consent-out-of-order", record)


def _check_allowed(record: ConsentRecord, new_state: State, role: Role, phase: Phase | None) -> None:
    """The table, and what it cannot say: `amended` is entered by amending, or back from suspension, and by no other way."""
    allowed = may_transition(record.state, new_state, role, phase=phase, withdrawn_from=_came_from(record))
    by_amending = (record.state, new_state) == (State.active, State.amended)
    if not allowed or by_amending:
        raise _not_allowed(record, new_state, role)


def _check_grounds(record: ConsentRecord, new_state: State, role: Role, reason: str | None) -> None:
    """What must be so before this step, beyond who takes it."""
    step = (record.state, new_state)
    if role in _STAFF and step not in _ROUTINE and reason is None:
        raise _refuse("consent-reason-missing", record)
    if step == (State.submitted, State.verified) and role is Role.system and not owned(record):
        raise _refuse("consent-ownership-not-proven", record)
    if step == (State.expired, State.active) and _came_from(record) is not State.active:
        raise _refuse("consent-was-never-active", record)
    if step == (State.expired, State.withdrawn) and role is Role.system and record.retention.if_no_answer is not Silence.erase:
        raise _refuse("consent-silence-does-not-erase", record)
    _check_pending(record, new_state, role)


def _check_pending(record: ConsentRecord, new_state: State, role: Role) -> None:
    """A widening becomes active by an archivist alone, and by no detour over a suspension."""
    widens = new_state is State.active and record.pending is Amendment.widening
    if widens and role is not Role.archivist:
        raise _refuse("consent-widening-waits", record)
    if (record.state, new_state, record.pending) == (State.suspended, State.amended, None):
        raise _not_allowed(record, new_state, role)


def _check_signature(record: ConsentRecord, affirmation: Affirmation | None, at: datetime, *, welcome: bool) -> None:
    """A signature is fresh: made after the revision it stands on, and after the signature before it, and not in the future."""
    if affirmation is None:
        return
    before = [made.at for made in (record.affirmation, record.change) if made is not None]
    fresh = affirmation.at <= at and all(affirmation.at > moment for moment in before)
    if not fresh or not welcome:
        raise _refuse("consent-signature-not-fresh", record)


def _next(record: ConsentRecord, changes: Mapping[str, object], role: Role, at: datetime, reason: str | None) -> ConsentRecord:
    """A new revision, validated as a whole."""
    held = {field: getattr(record, field) for field in ConsentRecord.model_fields}
    change = {"role": role, "at": at, "from_state": record.state, "reason": reason}
    header = {"revision": record.revision + 1, "previous_sha256": record.sha256(), "change": change}
    return checked("consent-change-wrong", lambda: ConsentRecord.model_validate({**held, **changes, **header}))


def _proven(account: ConsentAccount) -> bool:
    proof = account.proof
    if proof is None or proof.result is not ProofResult.matched:
        return False
    return proof.method in _STRONG or (proof.second_method is not None and proof.second_method is not proof.method)


def _not_allowed(record: ConsentRecord, new_state: State, role: Role) -> Refused:
    return _refuse("consent-transition-not-allowed", record, f", {role} to {new_state}")


def _refuse(code: str, record: ConsentRecord, asked: str = "") -> Refused:
    where = f"consent {record.record_id}, revision {record.revision}, state {record.state}{asked}: refused"
    return Refused(code, where, remedy=_REMEDIES[code])
