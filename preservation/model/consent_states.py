"""A consent's life: who may move it from where to where, and which acts each state allows."""

from preservation.model.clearance import Act
from preservation.model.consent_words import Phase, PurposeName, Role, State

_SIGNERS = frozenset({Role.creator, Role.guardian})
_DECIDERS = _SIGNERS | {Role.estate}
_STAFF = frozenset({Role.archivist, Role.dpo})

# (from, to): who may do it. What is not here cannot happen, except taking a withdrawal back (`may_transition`).
TRANSITIONS: dict[tuple[State, State], frozenset[Role]] = {
    (State.draft, State.submitted): _SIGNERS,
    (State.draft, State.refused): _SIGNERS,
    (State.draft, State.expired): frozenset({Role.system}),
    (State.submitted, State.verified): frozenset({Role.system, Role.archivist}),
    (State.submitted, State.refused): _SIGNERS | {Role.archivist},
    (State.submitted, State.withdrawn): _SIGNERS,
    (State.submitted, State.expired): frozenset({Role.system}),
    (State.verified, State.active): frozenset({Role.archivist}),
    (State.verified, State.refused): frozenset({Role.archivist}),
    (State.verified, State.withdrawn): _SIGNERS,
    (State.active, State.amended): _DECIDERS,
    (State.active, State.suspended): _SIGNERS | _STAFF,
    (State.active, State.withdrawn): _DECIDERS,
    (State.active, State.expired): frozenset({Role.system}),
    (State.amended, State.active): frozenset({Role.system, Role.archivist}),
    (State.amended, State.suspended): _STAFF,
    (State.amended, State.withdrawn): _DECIDERS,
    (State.suspended, State.active): frozenset({Role.dpo}),
    (State.suspended, State.amended): frozenset({Role.dpo}),  # back to an amendment that still waits
    (State.suspended, State.withdrawn): _DECIDERS | {Role.dpo},
    (State.expired, State.active): frozenset({Role.creator}),
    (State.expired, State.withdrawn): _DECIDERS | {Role.system},
}

# How the W3C Data Privacy Vocabulary calls our states. Submitted is still a request: nobody has shown who they are.
DPV_STATUS: dict[State, str] = {
    State.draft: "dpv:ConsentRequested",
    State.submitted: "dpv:ConsentRequested",
    State.verified: "dpv:ConsentGiven",
    State.active: "dpv:ConsentGiven",
    State.amended: "dpv:RenewedConsentGiven",
    State.suspended: "dpv:ConsentUnknown",
    State.withdrawn: "dpv:ConsentWithdrawn",
    State.expired: "dpv:ConsentExpired",
    State.refused: "dpv:ConsentRefused",
}


def may_transition(
    old: State, new: State, role: Role, *, phase: Phase | None = None, withdrawn_from: State | None = None
) -> bool:
    """Whether `role` may move a consent from `old` to `new`.

    A withdrawal can be taken back by those who sign, only while it cools off, and only to where it was withdrawn from:
    otherwise withdrawing and thinking again would be a way round verification, countersignature and suspension.
    """
    if old is State.withdrawn:
        return role in _SIGNERS and phase is Phase.cooling_off and new is withdrawn_from
    return role in TRANSITIONS.get((old, new), frozenset())


# Which states allow which act. `erase` and `export_to_creator` are missing: they serve the creator and are never refused.
CARE = frozenset({Act.verify_fixity, Act.repair, Act.restore_test})  # looking after what is held
AI_ACTS: dict[Act, str] = {  # the field of AIUse that answers for it
    Act.ai_train: "ai_training",
    Act.ai_generative_train: "ai_generative_training",
    Act.ai_inference: "ai_inference",
    Act.data_mining: "data_mining",
}
OUTWARD = frozenset({Act.give_out, Act.download, Act.exhibit, Act.research_compute, *AI_ACTS})  # somebody else sees it
FOR_THE_CREATOR = frozenset({Act.erase, Act.export_to_creator})
WITHOUT_TERM = CARE | {Act.contact}  # go on when the term has ended: access closes, the holdings are kept

_HELD = frozenset({State.active, State.amended, State.suspended, State.expired})
_ONLY_ACTIVE = frozenset({State.active})
_EARLIER: dict[Act, frozenset[State]] = {
    Act.receive: frozenset({State.submitted, State.verified, State.active}),
    Act.extract: frozenset({State.verified, State.active}),
    Act.contact: frozenset(State) - {State.draft, State.refused},
}
STATES_FOR: dict[Act, frozenset[State]] = {
    act: _HELD if act in CARE else _EARLIER.get(act, _ONLY_ACTIVE) for act in Act if act not in FOR_THE_CREATOR
}

_PURPOSES: dict[Act, PurposeName] = {
    Act.describe: PurposeName.catalogue,
    Act.give_out: PurposeName.access,
    Act.download: PurposeName.access,
    Act.count_use: PurposeName.access,
    Act.exhibit: PurposeName.exhibition,
    Act.research_compute: PurposeName.research,
}
# The purpose an act needs. The AI questions and the contact policy are answers of their own.
PURPOSE_FOR: dict[Act, PurposeName] = {
    act: _PURPOSES.get(act, PurposeName.preserve) for act in STATES_FOR if act not in AI_ACTS and act is not Act.contact
}
