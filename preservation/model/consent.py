"""The consent record: what a creator agreed to, as one revision of a hash-chained, never edited document."""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, StrictInt, model_validator

from preservation.model.consent_parts import (
    AccessPolicy,
    Affirmation,
    AIUse,
    Change,
    ConsentAccount,
    Decision,
    FormText,
    ItemThirdParty,
    Party,
    Purpose,
    Retention,
    Rights,
    Scope,
    SectionDecision,
    Subject,
    ThirdParty,
)
from preservation.model.consent_words import (
    AccessChoice,
    AgeBand,
    Amendment,
    Code,
    ConsentWord,
    Moment,
    SpecialBasis,
    State,
    Text,
    Url,
)
from preservation.model.identifiers import AccountRef, ItemId, RecordId, Sha256
from preservation.model.sections import SECTION_DEFAULT, Default, Section

UNSIGNED = frozenset({State.draft, State.refused, State.expired, State.withdrawn})  # may be reached from a draft nobody signed
WITH_PENDING = frozenset({State.amended, State.suspended, State.withdrawn})


class ConsentRecord(ConsentWord):
    """One revision. A change is a new revision that names the sha256 of this one; `stages/consent/ledger.py` makes them.

    `scopes` holds at most one scope per account. `dates_narrowed_in` is the revision in which limits by date last became
    narrower (or an account came in): items whose dates were checked under an earlier one must be checked again.
    `pending` is an amendment that has not become active yet. Raises ValidationError, which never quotes a value.
    """

    schema_version: Literal["consent-record/1"] = "consent-record/1"
    record_id: RecordId
    revision: StrictInt = Field(ge=1)
    previous_sha256: Sha256 | None = None
    state: State
    change: Change | None = None
    pending: Amendment | None = None
    dates_narrowed_in: StrictInt = Field(default=1, ge=1)
    jurisdictions: tuple[Text, ...]
    form: FormText
    parties: tuple[Party, ...]
    subject: Subject
    accounts: tuple[ConsentAccount, ...]
    scopes: tuple[Scope, ...]
    sections: tuple[SectionDecision, ...] = ()
    purposes: tuple[Purpose, ...]
    access: AccessPolicy = AccessPolicy()
    rights: Rights
    third_party: ThirdParty = ThirdParty()
    third_party_items: tuple[ItemThirdParty, ...] = ()
    ai: AIUse = AIUse()
    retention: Retention = Retention()
    storage_locations: tuple[Code, ...]
    withdrawal_method: Url
    privacy_rights: Url
    authority: Text
    valid_from: Moment
    valid_until: Moment | None = None  # the first moment outside
    affirmation: Affirmation | None = None

    @model_validator(mode="after")
    def _chained(self) -> Self:
        first = self.revision == 1
        _hold((self.previous_sha256 is None) == first, "predecessor-missing-or-too-many")
        _hold((self.change is None) == first, "change-missing-or-too-many")
        _hold(self.dates_narrowed_in <= self.revision, "dates-narrowed-in-a-later-revision")
        _hold(self.state is not State.amended or self.pending is not None, "amended-without-an-amendment")
        _hold(self.pending is None or self.state in WITH_PENDING, "amendment-pending-in-the-wrong-state")
        return self

    @model_validator(mode="after")
    def _signed(self) -> Self:
        special = any(p.granted and p.special_category_basis is SpecialBasis.explicit_consent for p in self.purposes)
        _hold(self.affirmation is not None or self.state in UNSIGNED, "affirmation-missing")
        _hold(
            not special or self.affirmation is None or self.affirmation.explicit_special_category,
            "special-categories-need-an-explicit-yes",
        )
        return self

    @model_validator(mode="after")
    def _one_answer_each(self) -> Self:
        refs = [account.account_ref for account in self.accounts]
        _hold(_distinct(refs), "account-listed-twice")
        _hold(_distinct(scope.account_ref for scope in self.scopes), "two-scopes-for-one-account")
        _hold(all(scope.account_ref in refs for scope in self.scopes), "scope-of-an-account-not-listed")
        _hold(_distinct(decision.section for decision in self.sections), "section-decided-twice")
        _hold(_distinct(purpose.purpose for purpose in self.purposes), "purpose-answered-twice")
        _hold(_distinct(item.item_id for item in self.third_party_items), "item-answered-twice")
        return self

    @model_validator(mode="after")
    def _young_people_are_not_opened(self) -> Self:
        opens = AccessChoice.open in {self.access.level, self.access.then}
        _hold(self.subject.age_band is AgeBand.adult or not opens, "a-minors-material-is-not-open")
        return self

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        _hold(self.valid_until is None or self.valid_from < self.valid_until, "ends-before-it-begins")
        return self

    def canonical(self) -> bytes:
        """The bytes a digest is taken of: UTF-8 JSON, keys sorted, no spaces, every field written out."""
        fields = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def sha256(self) -> Sha256:
        """Hex digest of `canonical()`; the next revision names it."""
        return _digest(_ThisVery(self))

    def decision_on(self, section: Section) -> SectionDecision | None:
        """What the creator said about a section, if anything."""
        return next((decision for decision in self.sections if decision.section is section), None)

    def section_in(self, section: Section) -> bool:
        """Whether a section may come in: `never` is stronger than any answer, silence leaves the default."""
        default = SECTION_DEFAULT[section]
        said = self.decision_on(section)
        if default is Default.never or said is None:
            return default is Default.on
        return said.decision is Decision.in_

    def account(self, account_ref: AccountRef) -> ConsentAccount | None:
        """The account of that reference, if the consent is about it."""
        return next((account for account in self.accounts if account.account_ref == account_ref), None)

    def scope_of(self, account_ref: AccountRef) -> Scope | None:
        """What is offered of an account; None means nothing."""
        return next((scope for scope in self.scopes if scope.account_ref == account_ref), None)

    def third_party_of(self, item_id: ItemId) -> ThirdParty:
        """What was said about other people in one item, else about all."""
        return next((said.third_party for said in self.third_party_items if said.item_id == item_id), self.third_party)


class _ThisVery:
    """One record, told from others by being it: comparing two records word by word costs more than the digest saves."""

    __slots__ = ("record",)

    def __init__(self, record: ConsentRecord) -> None:
        self.record = record

    def __hash__(self) -> int:
        return id(self.record)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ThisVery) and self.record is other.record


@lru_cache(maxsize=128)  # the gate cites the digest with every verdict; a record is frozen, so its digest stays what it is
def _digest(this: _ThisVery) -> Sha256:
    return hashlib.sha256(this.record.canonical()).hexdigest()


def _hold(rule: bool, otherwise: str) -> None:
    """Raise ValueError with a code, never a value, unless the rule holds."""
    if not rule:
        raise ValueError(otherwise)


def _distinct(values: Iterable[object]) -> bool:
    listed = list(values)
    return len(listed) == len(set(listed))
