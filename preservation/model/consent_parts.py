"""The parts of a consent record. Names, addresses and handles of creators are not here: those live in the identity store."""

from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from preservation.model.consent_words import (
    Access,
    AccessChoice,
    AccountVisibility,
    AgeBand,
    AIChoice,
    Code,
    ConsentWord,
    ContactPolicy,
    Country,
    Downloads,
    ItemIds,
    Language,
    LawfulBasis,
    Minors,
    Moment,
    Music,
    OtherPeople,
    PlatformName,
    ProofMethod,
    ProofResult,
    PurposeName,
    Redaction,
    Rightsholder,
    Role,
    Sound,
    SpecialBasis,
    State,
    Stitched,
    Text,
    Url,
    Visibilities,
)
from preservation.model.export import Visibility
from preservation.model.identifiers import AccountRef, CreatorId, ItemId, OpaqueId, Sha256
from preservation.model.sections import SECTION_DEFAULT, Default, Section


class FormText(ConsentWord):
    """Which words were shown. Texts are kept by digest and never edited."""

    form_id: Code
    version: Text
    language: Language
    sha256: Sha256  # of the exact bytes shown
    privacy_notice_sha256: Sha256
    deposit_agreement_sha256: Sha256


class PartyRole(StrEnum):
    """Roles of ISO/IEC TS 27560."""

    controller = "controller"
    joint_controller = "joint_controller"
    processor = "processor"
    recipient = "recipient"
    authority = "authority"
    dpo = "dpo"


class Party(ConsentWord):
    """An organisation on the archive's side. Never the creator."""

    party_id: Code
    name: Text
    role: PartyRole
    party_type: Code
    address: Text
    contact: Text
    url: Url | None = None


class AgeCheck(StrEnum):
    """How the age band is known."""

    self_declared = "self_declared"
    export_birthdate = "export_birthdate"
    document_seen = "document_seen"
    guardian_verified = "guardian_verified"


class Capacity(StrEnum):
    """For whom the signer speaks."""

    self = "self"
    guardian = "guardian"
    manager = "manager"
    estate = "estate"


class Subject(ConsentWord):
    """The creator, by references only."""

    creator_id: CreatorId
    age_band: AgeBand
    age_check: AgeCheck
    country: Country
    capacity: Capacity = Capacity.self
    guardian_ref: OpaqueId | None = None
    contact_ref: OpaqueId
    contact_policy: ContactPolicy = ContactPolicy.consent_and_safety_only
    deputy_ref: OpaqueId | None = None  # who decides after death or incapacity

    @model_validator(mode="after")
    def _guardian_signs(self) -> Self:
        if self.age_band is AgeBand.younger_teen and self.guardian_ref is None:
            raise ValueError("guardian-missing")
        return self


class OwnershipProof(ConsentWord):
    """That an account is the creator's. The evidence itself lies in the identity store."""

    method: ProofMethod
    checked_at: Moment
    result: ProofResult
    evidence_sha256: Sha256
    second_method: ProofMethod | None = None


class ConsentAccount(ConsentWord):
    """One account, with the platform's settings that cap access."""

    account_ref: AccountRef
    platform: PlatformName
    platform_visibility: AccountVisibility = AccountVisibility.unknown
    platform_downloads: Downloads = Downloads.unknown
    proof: OwnershipProof | None = None


class Scope(ConsentWord):
    """Which posts of an account are offered: those that meet every limit here.

    An empty `include_item_ids` is no limit; an excluded item is out whatever else is said. A limit by date leaves out posts
    without a date. `Visibility.unknown` here is the tick "posts whose setting the export does not give".
    """

    account_ref: AccountRef
    include_item_ids: ItemIds = frozenset()
    exclude_item_ids: ItemIds = frozenset()
    from_date: date | None = None  # inclusive
    to_date: date | None = None  # inclusive
    include_visibility: Visibilities = frozenset({Visibility.public})
    follow_up_exports: StrictBool = False

    @model_validator(mode="after")
    def _no_messages(self) -> Self:
        if Visibility.direct in self.include_visibility:
            raise ValueError("direct-messages-are-never-taken-in")
        return self


class Decision(StrEnum):
    """In or out."""

    in_ = "in"
    out = "out"


class SectionDecision(ConsentWord):
    """What the creator said about one part of the export."""

    section: Section
    decision: Decision
    access: Access = Access.closed
    redaction: Redaction = Redaction.pseudonymise_others

    @model_validator(mode="after")
    def _never_means_never(self) -> Self:
        if self.decision is Decision.in_ and SECTION_DEFAULT[self.section] is Default.never:
            raise ValueError("section-is-never-taken-in")
        return self


class Purpose(ConsentWord):
    """One purpose and the answer to it."""

    purpose: PurposeName
    dpv_purpose: Url
    granted: StrictBool
    core: StrictBool = False
    lawful_basis: LawfulBasis = LawfulBasis.consent
    special_category_basis: SpecialBasis | None = None

    @model_validator(mode="after")
    def _few_are_core(self) -> Self:
        if self.core and self.purpose not in {PurposeName.preserve, PurposeName.catalogue}:
            raise ValueError("only-preserve-and-catalogue-may-be-core")
        return self


class AccessPolicy(ConsentWord):
    """Who may see what was given, and from when to when."""

    level: AccessChoice = AccessChoice.closed
    then: Access | None = None  # the level after the dark
    not_before: date | None = None  # the first day of `then`
    review_on: date | None = None
    download: StrictBool = False
    show_handle: StrictBool = True
    remove_location: StrictBool = True
    remove_network: StrictBool = True
    expire_on: date | None = None  # the first day on which access is closed again

    @model_validator(mode="after")
    def _dark_until_when(self) -> Self:
        dark = self.level is AccessChoice.dark_until
        if (self.then is not None, self.not_before is not None) != (dark, dark):
            raise ValueError("dark-until-needs-then-and-not-before-and-nothing-else-does")
        return self


class DepositLicence(StrEnum):
    """The licence of the deposit agreement."""

    revocable = "non_exclusive_revocable"
    term = "non_exclusive_term"
    gift = "gift_of_copy"


class RightsBasis(StrEnum):
    """PREMIS 3, semantic unit 4.1.2."""

    copyright = "copyright"
    license = "license"
    statute = "statute"
    other = "other"


class Rights(ConsentWord):
    """Copyright: a paper apart from the consent."""

    rights_statement: Url
    licence: Url | None = None
    licence_irrevocable_ack: StrictBool = False
    deposit_licence: DepositLicence = DepositLicence.revocable
    creator_is_rightsholder: Rightsholder
    premis_rights_basis: RightsBasis = RightsBasis.license
    other_rights_basis: Code | None = None
    labels: tuple[Code, ...] = ()  # Local Contexts, Social Humans

    @model_validator(mode="after")
    def _cannot_be_taken_back(self) -> Self:
        if self.licence and "creativecommons.org" in self.licence.lower() and not self.licence_irrevocable_ack:
            raise ValueError("creative-commons-needs-the-acknowledgement")
        return self


class CoCreator(ConsentWord):
    """Somebody who made a post together with the creator. Clear once their own record is at hand."""

    creator_id: CreatorId
    record_sha256: Sha256 | None = None


class ThirdParty(ConsentWord):
    """Other people and other people's works. It lowers access, never preservation."""

    music: Music = Music.unknown
    music_access: Sound = Sound.mute
    other_people: OtherPeople = OtherPeople.unknown
    stitched_or_duetted: Stitched = Stitched.unknown
    co_creators: tuple[CoCreator, ...] = ()
    minors_shown: Minors = Minors.unknown


class ItemThirdParty(ConsentWord):
    """The same for one item, instead of what the record says of all."""

    item_id: ItemId
    third_party: ThirdParty


class AIUse(ConsentWord):
    """Four questions of cawg.training-mining 1.1."""

    data_mining: AIChoice = AIChoice.not_allowed
    ai_inference: AIChoice = AIChoice.not_allowed
    ai_training: AIChoice = AIChoice.not_allowed
    ai_generative_training: AIChoice = AIChoice.not_allowed
    constraint_info: Text | None = None


class RetentionKind(StrEnum):
    """How long the archive keeps it."""

    until_withdrawn = "until_withdrawn"
    fixed_term = "fixed_term"
    review = "review"


class Silence(StrEnum):
    """What no answer to a reconfirmation does."""

    close_access = "close_access"
    erase = "erase"
    keep = "keep"


class Retention(ConsentWord):
    """How long, and what silence means. It never widens anything."""

    kind: RetentionKind = RetentionKind.until_withdrawn
    until: date | None = None
    reconfirm_every_months: StrictInt = Field(default=36, ge=6, le=120)
    if_no_answer: Silence = Silence.close_access
    evidence_years_after_end: StrictInt = Field(default=6, ge=0, le=12)


class AffirmationMethod(StrEnum):
    """How it was signed."""

    typed_name = "web_form_typed_name"
    button = "web_form_button"
    paper_scan = "paper_scan"
    video_statement = "video_statement"
    e_signature = "qualified_esignature"


class Affirmation(ConsentWord):
    """The signature. Without both notices understood there is none."""

    method: AffirmationMethod
    statement_sha256: Sha256
    at: Moment
    separate_ticks: tuple[Code, ...] = ()
    explicit_special_category: StrictBool = False
    understood_withdrawal: Literal[True]
    understood_copies_already_given: Literal[True]
    witness: OpaqueId | None = None
    receipt_sent_at: Moment | None = None
    receipt_sha256: Sha256 | None = None


class Change(ConsentWord):
    """Who made this revision out of the one before it, and why, by a code."""

    role: Role
    at: Moment
    from_state: State
    reason: Code | None = None
