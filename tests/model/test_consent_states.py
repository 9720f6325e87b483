"""The table of states: who may do what to a consent."""

from itertools import product

import pytest

from preservation.model.clearance import Act
from preservation.model.consent_states import DPV_STATUS, FOR_THE_CREATOR, PURPOSE_FOR, STATES_FOR, TRANSITIONS, may_transition
from preservation.model.consent_words import Phase, Role, State

HOLDING = (State.submitted, State.verified, State.active, State.amended, State.suspended, State.expired)


@pytest.mark.parametrize("state", HOLDING)
def test_the_creator_can_withdraw_in_one_step_from_every_state_that_holds_data(state: State) -> None:
    assert may_transition(state, State.withdrawn, Role.creator)


def test_staff_never_withdraw_widen_or_sign_for_a_creator() -> None:
    for old, role in product(State, (Role.archivist, Role.system)):
        expected = (old, role) == (State.expired, Role.system)
        assert may_transition(old, State.withdrawn, role) is expected
    for step in ((State.active, State.amended), (State.draft, State.submitted), (State.expired, State.active)):
        assert not TRANSITIONS[step] & {Role.archivist, Role.dpo, Role.system}


def test_what_is_refused_stays_refused_and_what_is_withdrawn_stays_withdrawn() -> None:
    for new, role, phase, before in product(State, Role, (None, *Phase), State):
        assert not may_transition(State.refused, new, role, phase=phase, withdrawn_from=before)
        allowed = phase is Phase.cooling_off and role in {Role.creator, Role.guardian} and new is before
        assert may_transition(State.withdrawn, new, role, phase=phase, withdrawn_from=before) is allowed
    assert not may_transition(State.withdrawn, State.active, Role.creator, phase=Phase.cooling_off)


def test_nothing_but_the_table_moves_a_consent() -> None:
    for old, new, role in product(set(State) - {State.withdrawn}, State, Role):
        assert may_transition(old, new, role) is (role in TRANSITIONS.get((old, new), ()))


def test_every_act_and_state_has_an_answer() -> None:
    assert set(STATES_FOR) | FOR_THE_CREATOR == set(Act)
    assert not set(STATES_FOR) & FOR_THE_CREATOR
    assert set(PURPOSE_FOR) <= set(STATES_FOR)
    assert set(DPV_STATUS) == set(State)
