"""The consent ledger: revisions follow one another, and nobody decides for the creator."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as some

from preservation.errors import Refused
from preservation.model.consent import ConsentRecord
from preservation.model.consent_narrowing import narrows
from preservation.model.consent_parts import Affirmation
from preservation.model.consent_states import TRANSITIONS, may_transition
from preservation.model.consent_words import Amendment, Phase, Role, State
from preservation.stages.consent import ledger
from preservation.stages.consent.documents import parse_document
from preservation.stages.consent.ledger import amend, check_chain, first, owned, transition
from tests.consent_samples import account_ref, affirmation, document, purposes

START = datetime(2026, 11, 2, tzinfo=UTC)
LATER = START + timedelta(days=30)
NARROWER = {"access": {"level": "closed"}}
WIDER = {"access": {"level": "open", "download": True}}


def signed(at: datetime) -> Affirmation:
    return Affirmation.model_validate(affirmation(at.isoformat()))


def started(state: str = "active", **overrides: Any) -> ConsentRecord:
    return first(parse_document(json.dumps(document(state=state, **overrides)).encode()))


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refusal:
        act()
    assert refusal.value.code == code
    assert refusal.value.remedy == ledger._REMEDIES.get(code, "correct the fields named and try again")


def test_a_whole_life_is_one_chain_of_revisions() -> None:
    chain = [started("draft")]
    steps: list[tuple[State, Role, dict[str, Any]]] = [
        (State.submitted, Role.creator, {"affirmation": signed(START)}),
        (State.verified, Role.system, {}),
        (State.active, Role.archivist, {}),
        (State.suspended, Role.archivist, {"reason": "rights-claim"}),
        (State.active, Role.dpo, {"reason": "claim-settled"}),
        (State.expired, Role.system, {}),
        (State.active, Role.creator, {"affirmation": signed(START + timedelta(days=7)), "valid_until": LATER}),
        (State.withdrawn, Role.creator, {}),
        (State.active, Role.creator, {"phase": Phase.cooling_off}),
    ]
    for day, (state, role, grounds) in enumerate(steps, start=1):
        chain.append(transition(chain[-1], state, role, START + timedelta(days=day), **grounds))
    assert check_chain(chain) is chain[-1]
    assert [record.revision for record in chain] == list(range(1, 11))
    assert all(new.previous_sha256 == old.sha256() for old, new in pairwise(chain))
    assert chain[-1].valid_until == LATER
    assert chain[0].state is State.draft  # earlier revisions are never touched


@pytest.mark.parametrize("tamper", ["drop", "swap", "edit", "other", "empty", "jump", "no-first"])
def test_a_broken_chain_is_refused(tamper: str) -> None:
    one = started("submitted")
    two = transition(one, State.verified, Role.system, START)
    three = transition(two, State.active, Role.archivist, START)
    forged = three.model_copy(update={"state": State.expired})
    chains = {
        "drop": [one, three],
        "swap": [two, one, three],
        "edit": [one.model_copy(update={"authority": "another"}), two, three],
        "other": [started("submitted", record_id="z" * 26), two],
        "empty": [],
        "jump": [one, two, forged],
        "no-first": [two, three],
    }
    assert check_chain([one, two, three]) is three
    refused("consent-chain-broken", lambda: check_chain(chains[tamper]))


@pytest.mark.parametrize("state", sorted(set(State) - {State.draft, State.submitted, State.verified, State.active}))
def test_a_record_cannot_begin_at_its_end(state: State) -> None:
    refused("consent-not-a-beginning", lambda: started(state.value))


def account(**proof: Any) -> list[dict[str, Any]]:
    base = {"method": "bio_code", "checked_at": "2026-11-01T00:00:00Z", "result": "matched", "evidence_sha256": "0" * 64}
    return [{"account_ref": account_ref(), "platform": "tiktok", "proof": {**base, **proof} if proof else None}]


@pytest.mark.parametrize(
    ("proof", "enough"),
    [
        ({}, False),
        ({"method": "bio_code"}, False),
        ({"method": "bio_code", "second_method": "bio_code"}, False),
        ({"method": "bio_code", "second_method": "export_profile_match"}, True),
        ({"method": "portability_api"}, True),
        ({"method": "official_oauth"}, True),
        ({"method": "portability_api", "result": "inconclusive"}, False),
    ],
)
def test_an_account_is_proven_by_one_strong_method_or_two_that_agree(proof: dict[str, Any], enough: bool) -> None:
    waiting = started("submitted", accounts=account(**proof))
    assert owned(waiting) is enough
    if enough:
        assert transition(waiting, State.verified, Role.system, START).state is State.verified
        assert started("active", accounts=account(**proof)).state is State.active
        return
    refused("consent-ownership-not-proven", lambda: transition(waiting, State.verified, Role.system, START))
    refused("consent-ownership-not-proven", lambda: started("active", accounts=account(**proof)))
    assert transition(waiting, State.verified, Role.archivist, START, reason="seen-in-person").change is not None


def test_staff_give_a_reason_except_for_countersigning() -> None:
    waiting, active = started("submitted"), started()
    refused("consent-reason-missing", lambda: transition(waiting, State.verified, Role.archivist, START))
    refused("consent-reason-missing", lambda: transition(active, State.suspended, Role.dpo, START))
    refused("consent-change-wrong", lambda: transition(active, State.suspended, Role.dpo, START, reason="Ada said so!"))
    assert transition(active, State.suspended, Role.creator, START)
    assert transition(started("verified"), State.active, Role.archivist, START)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.creator, Role.guardian, Role.estate}))
def test_staff_cannot_withdraw_or_amend_for_a_creator(role: Role) -> None:
    refused("consent-transition-not-allowed", lambda: transition(started(), State.withdrawn, role, START, reason="x1"))
    refused("consent-transition-not-allowed", lambda: amend(started(), NARROWER, role, START))


def test_submitting_and_reviving_need_a_fresh_signature() -> None:
    draft = started("draft")
    expired = transition(started(), State.expired, Role.system, START)
    for record, state in ((draft, State.submitted), (expired, State.active)):
        refused("consent-not-signed", partial(transition, record, state, Role.creator, LATER))
        assert transition(record, state, Role.creator, LATER, affirmation=signed(LATER)).affirmation == signed(LATER)
    for stale in (START, START - timedelta(days=9), LATER + timedelta(seconds=1)):
        revive = partial(transition, expired, State.active, Role.creator, LATER, affirmation=signed(stale))
        refused("consent-signature-not-fresh", revive)
    misplaced = partial(transition, started(), State.expired, Role.system, LATER, affirmation=signed(LATER))
    refused("consent-signature-not-fresh", misplaced)


def test_only_signing_anew_moves_the_end_of_the_term() -> None:
    refused(
        "consent-terms-need-an-amendment", lambda: transition(started(), State.expired, Role.system, START, valid_until=LATER)
    )


def test_an_expired_draft_does_not_become_active_by_a_signature() -> None:
    """Or a signature would stand in for verification and countersignature."""
    for state in ("draft", "submitted"):
        expired = transition(started(state), State.expired, Role.system, START)
        revive = partial(transition, expired, State.active, Role.creator, LATER, affirmation=signed(LATER))
        refused("consent-was-never-active", revive)


def test_silence_erases_only_if_the_creator_chose_that() -> None:
    kept = transition(started(), State.expired, Role.system, START)
    refused("consent-silence-does-not-erase", lambda: transition(kept, State.withdrawn, Role.system, LATER))
    assert transition(kept, State.withdrawn, Role.creator, LATER)
    erased = transition(started(retention={"if_no_answer": "erase"}), State.expired, Role.system, START)
    assert transition(erased, State.withdrawn, Role.system, LATER).state is State.withdrawn


def test_a_withdrawal_is_taken_back_only_to_where_it_was_made() -> None:
    suspended = transition(started(), State.suspended, Role.dpo, START, reason="dispute")
    for record in (suspended, started("submitted"), started("verified"), started()):
        withdrawn = transition(record, State.withdrawn, Role.creator, START)
        for state in State:
            back = partial(transition, withdrawn, state, Role.creator, START, phase=Phase.cooling_off)
            if state is record.state:
                assert back().state is record.state
            else:
                refused("consent-transition-not-allowed", back)


@pytest.mark.parametrize("phase", [None, *sorted(set(Phase) - {Phase.cooling_off})])
def test_a_withdrawal_is_final_once_keys_are_gone(phase: Phase | None) -> None:
    withdrawn = transition(started(), State.withdrawn, Role.creator, START)
    refused("consent-transition-not-allowed", lambda: transition(withdrawn, State.active, Role.creator, START, phase=phase))


def test_a_change_is_not_dated_before_the_one_it_follows() -> None:
    active = transition(started("verified"), State.active, Role.archivist, LATER)
    refused("consent-out-of-order", lambda: transition(active, State.withdrawn, Role.creator, START))
    refused("consent-out-of-order", lambda: amend(active, NARROWER, Role.creator, START))
    assert transition(active, State.withdrawn, Role.creator, LATER)


def test_narrowing_needs_nobody_but_the_creator() -> None:
    amended = amend(started(), NARROWER, Role.creator, START)
    assert (amended.state, amended.pending, amended.access.level) == (State.amended, Amendment.narrowing, "closed")
    assert amended.affirmation == started().affirmation
    active = transition(amended, State.active, Role.system, START)
    assert (active.state, active.pending, active.access.level) == (State.active, None, "closed")
    check_chain([started(), amended, active])


def test_widening_needs_a_signature_and_an_archivist() -> None:
    refused("consent-not-signed", lambda: amend(started(), WIDER, Role.creator, START))
    amended = amend(started(), WIDER, Role.creator, START, affirmation=signed(START))
    assert (amended.pending, amended.affirmation) == (Amendment.widening, signed(START))
    refused("consent-widening-waits", lambda: transition(amended, State.active, Role.system, START))
    assert transition(amended, State.active, Role.archivist, START).pending is None


def test_no_detour_over_a_suspension_makes_a_widening_active() -> None:
    amended = amend(started(), WIDER, Role.creator, START, affirmation=signed(START))
    suspended = transition(amended, State.suspended, Role.dpo, START, reason="dispute")
    refused("consent-widening-waits", lambda: transition(suspended, State.active, Role.dpo, START, reason="settled"))
    back = transition(suspended, State.amended, Role.dpo, START, reason="settled")
    assert transition(back, State.active, Role.archivist, START).access.download


def test_amended_is_entered_by_amending_alone() -> None:
    refused("consent-transition-not-allowed", lambda: transition(started(), State.amended, Role.creator, START))
    suspended = transition(started(), State.suspended, Role.dpo, START, reason="dispute")
    refused("consent-transition-not-allowed", lambda: transition(suspended, State.amended, Role.dpo, START, reason="settled"))
    refused("consent-transition-not-allowed", lambda: amend(suspended, NARROWER, Role.creator, START))


def test_an_estate_may_narrow_and_never_widen() -> None:
    assert amend(started(), NARROWER, Role.estate, START).pending is Amendment.narrowing
    wider = {"affirmation": signed(START)}
    refused("consent-estate-may-not-widen", lambda: amend(started(), WIDER, Role.estate, START, **wider))


@pytest.mark.parametrize("field", ["record_id", "revision", "state", "affirmation", "pending", "change", "dates_narrowed_in"])
def test_an_amendment_cannot_touch_the_header(field: str) -> None:
    refused("consent-field-not-amendable", lambda: amend(started(), {field: None}, Role.creator, START))


def test_an_amendment_keeps_the_creator_and_the_guards() -> None:
    someone_else = {**started().subject.model_dump(mode="json"), "creator_id": "z" * 26}
    refused("consent-field-not-amendable", lambda: amend(started(), {"subject": someone_else}, Role.creator, START))
    never = {"sections": [{"section": "direct_messages", "decision": "in"}]}
    refused("consent-change-wrong", lambda: amend(started(), never, Role.creator, START))
    refused("consent-change-wrong", lambda: amend(started(), {"nobody knows": 1}, Role.creator, START))


def test_narrower_dates_are_remembered_by_the_revision_they_came_in() -> None:
    """Facts resolved before must be resolved again; wider dates leave them valid."""

    def dated(record: ConsentRecord, **limits: str) -> ConsentRecord:
        scopes = {"scopes": [{"account_ref": account_ref(), **limits}]}
        at = (record.change.at if record.change else START) + timedelta(days=1)
        amended = amend(record, scopes, Role.creator, at, affirmation=signed(at))
        return transition(amended, State.active, Role.archivist, at)

    narrow = dated(started(), from_date="2024-01-01")
    assert (narrow.revision, narrow.dates_narrowed_in) == (3, 2)
    wide = dated(narrow, from_date="2020-01-01")
    assert (wide.revision, wide.dates_narrowed_in) == (5, 2)
    assert dated(wide, from_date="2021-01-01").dates_narrowed_in == 6


STEP = some.tuples(
    some.sampled_from(State), some.sampled_from(Role), some.sampled_from([None, *Phase]), some.booleans(), some.booleans()
)


@settings(max_examples=150, deadline=None)
@given_any(some.sampled_from(["draft", "submitted", "verified", "active"]), some.lists(STEP, max_size=12))
def test_no_sequence_of_steps_gets_round_the_table(begin: str, steps: list[tuple[State, Role, Phase | None, bool, bool]]) -> None:
    """Against a small model: whoever is active was countersigned, and wider terms were seen by an archivist."""
    record, at, chain = started(begin), START, [started(begin)]
    approved = record if begin == "active" else None  # the terms last countersigned
    for state, role, phase, wide, sign in steps:
        at += timedelta(days=1)
        try:
            if state is State.amended and record.state is State.active:
                terms = WIDER if wide else NARROWER
                new = amend(record, terms, role, at, affirmation=signed(at) if sign else None)
            else:
                new = transition(
                    record, state, role, at, reason="a-reason", phase=phase, affirmation=signed(at) if sign else None
                )
        except Refused as refusal:
            assert refusal.code.startswith("consent-")
            continue
        legal = {**TRANSITIONS, **{(State.withdrawn, s): frozenset({Role.creator, Role.guardian}) for s in State}}
        assert role in legal[(record.state, new.state)]
        if new.state is State.active:
            if role is Role.archivist:
                approved = new
            assert approved is not None
            assert narrows(approved, new)
        record = new
        chain.append(new)
        assert check_chain(chain) is new
        if record.state in {State.submitted, State.verified, State.active, State.amended, State.suspended, State.expired}:
            assert transition(record, State.withdrawn, Role.creator, at).state is State.withdrawn
            assert may_transition(record.state, State.withdrawn, Role.creator)


def test_a_purpose_taken_back_is_a_narrowing() -> None:
    fewer = {"purposes": purposes("preserve", "catalogue")}
    assert amend(started(), fewer, Role.creator, START).pending is Amendment.narrowing
    refused("consent-not-signed", lambda: amend(started(), {"purposes": purposes("research")}, Role.creator, START))


def test_an_old_signature_does_not_serve_twice() -> None:
    stale = partial(amend, started(), WIDER, Role.creator, START)
    for moment in (datetime(2026, 11, 1, tzinfo=UTC), START + timedelta(seconds=1)):
        refused("consent-signature-not-fresh", partial(stale, affirmation=signed(moment)))


def test_a_refusal_says_which_revision_and_what_was_asked() -> None:
    record = started()
    cited = f"consent {record.record_id}, revision 1, state active"
    with pytest.raises(Refused, match=f"^{cited}, archivist to withdrawn: refused"):
        transition(record, State.withdrawn, Role.archivist, START)
    with pytest.raises(Refused, match=f"^{cited}: refused"):
        amend(record, WIDER, Role.creator, START)
    with pytest.raises(Refused, match=r"^the 0 revisions at hand are no chain from revision 1 on"):
        check_chain([])
    suspended = transition(record, State.suspended, Role.dpo, START, reason="dispute")
    with pytest.raises(Refused, match="state suspended, dpo to amended: refused"):
        transition(suspended, State.amended, Role.dpo, START, reason="settled")
    with pytest.raises(Refused, match="state active, creator to amended: refused"):
        transition(record, State.amended, Role.creator, START)
    with pytest.raises(Refused, match="state active, system to amended: refused"):
        amend(record, NARROWER, Role.system, START)
