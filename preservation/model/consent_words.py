"""The vocabularies of consent: states, roles, purposes, levels of access. Fields follow ISO/IEC TS 27560 where it has one."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ConfigDict, PlainSerializer, StringConstraints

from preservation.model.base import Word
from preservation.model.export import Visibility
from preservation.model.identifiers import ItemId


class ConsentWord(Word):
    """A word of the consent record. Faults never quote what was typed, for it may name a person."""

    model_config = ConfigDict(hide_input_in_errors=True)


def _sorted(values: Iterable[str]) -> list[str]:
    return sorted(str(value) for value in values)


# Sets are written sorted: their own order changes from process to process, and with it every digest of the record.
ItemIds = Annotated[frozenset[ItemId], PlainSerializer(_sorted)]
Visibilities = Annotated[frozenset[Visibility], PlainSerializer(_sorted)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]  # one spelling for one instant
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]  # a name for programs; too plain to hold a person's
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,300}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]  # BCP 47
PlatformName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


def utc_day(moment: datetime) -> date:
    """The day a moment falls on in UTC; embargoes end at midnight UTC."""
    return moment.astimezone(UTC).date()


class State(StrEnum):
    """Where a consent is in its life."""

    draft = "draft"
    submitted = "submitted"
    verified = "verified"
    active = "active"
    amended = "amended"
    suspended = "suspended"
    withdrawn = "withdrawn"
    expired = "expired"
    refused = "refused"


class Role(StrEnum):
    """In which capacity somebody moves a consent from one state to another."""

    creator = "creator"
    guardian = "guardian"
    estate = "estate"
    system = "system"
    archivist = "archivist"
    dpo = "dpo"


class Phase(StrEnum):
    """How far a withdrawal has come. Only while it cools off can it be taken back."""

    cooling_off = "cooling_off"
    keys_destroyed = "keys_destroyed"
    ciphertext_deleted = "ciphertext_deleted"
    closed = "closed"


class Amendment(StrEnum):
    """What a change of terms does; it waits in state `amended`."""

    narrowing = "narrowing"
    widening = "widening"


class Access(StrEnum):
    """Who may see, from nobody to everybody. The order of the members is the order of the levels."""

    closed = "closed"  # preservation staff only
    onsite = "onsite"  # reading room, no copy
    registered = "registered"  # named reader who accepted the terms
    open = "open"

    @property
    def rank(self) -> int:
        """0 for closed, 3 for open."""
        return list(Access).index(self)


class AccessChoice(StrEnum):
    """What the creator may choose on the form: a level, or darkness until a day."""

    closed = "closed"
    dark_until = "dark_until"
    onsite = "onsite"
    registered = "registered"
    open = "open"


class PurposeName(StrEnum):
    """What the archive asks to do things for, each with a yes of its own."""

    preserve = "preserve"
    catalogue = "catalogue"
    access = "access"
    research = "research"
    exhibition = "exhibition"
    education = "education"
    contact = "contact"


class LawfulBasis(StrEnum):
    """Decided for each purpose before asking, and never swapped afterwards."""

    consent = "consent"
    public_task = "public_task"
    legitimate_interest = "legitimate_interest"
    legal_obligation = "legal_obligation"
    contract = "contract"


class SpecialBasis(StrEnum):
    """GDPR article 9(2): what allows handling special categories of data."""

    explicit_consent = "explicit_consent_9_2_a"
    archiving = "archiving_9_2_j"
    made_public = "made_public_9_2_e"


class Redaction(StrEnum):
    """What happens to other people in an access copy, from least to most."""

    none = "none"
    pseudonymise_others = "pseudonymise_others"
    remove_others = "remove_others"


class AgeBand(StrEnum):
    """The creator's age. There is no word for under 13: the form ends there with nothing stored."""

    adult = "18+"
    older_teen = "16-17"
    younger_teen = "13-15"


class ContactPolicy(StrEnum):
    """What the archive may write to the creator about, from least to most."""

    never = "never"
    consent_and_safety_only = "consent_and_safety_only"
    any = "any"


class Rightsholder(StrEnum):
    """Whether the creator holds the rights in what they hand in."""

    yes = "yes"
    shared = "shared"
    unsure = "unsure"
    no = "no"


class AIChoice(StrEnum):
    """The words of cawg.training-mining 1.1, from least to most. Silence means no, and so does `constrained`."""

    not_allowed = "notAllowed"
    constrained = "constrained"
    allowed = "allowed"


class ProofMethod(StrEnum):
    """How somebody showed that an account is theirs."""

    export_profile_match = "export_profile_match"
    bio_code = "bio_code"
    official_oauth = "official_oauth"
    portability_api = "portability_api"
    archivist_review = "archivist_review"


class ProofResult(StrEnum):
    """What came of it."""

    matched = "matched"
    not_matched = "not_matched"
    inconclusive = "inconclusive"


class AccountVisibility(StrEnum):
    """The account's own setting on the platform."""

    public = "public"
    private = "private"
    unknown = "unknown"


class Downloads(StrEnum):
    """Whom the platform let save the account's posts."""

    everyone = "everyone"
    friends = "friends"
    no_one = "no_one"
    unknown = "unknown"


class Music(StrEnum):
    """Whose music is heard."""

    none = "none"
    platform_library = "platform_library"
    own = "own"
    licensed = "licensed"
    unknown = "unknown"


class Sound(StrEnum):
    """How an access copy sounds, from least to most. The preserved file is never touched."""

    closed = "closed"
    mute = "mute"
    with_sound = "with_sound"


class OtherPeople(StrEnum):
    """Whether other people are seen or heard, and whether they agreed."""

    none = "none"
    consented = "consented"
    public_place = "public_place"
    not_asked = "not_asked"
    unknown = "unknown"


class Stitched(StrEnum):
    """Whether the post is built on somebody else's."""

    none = "none"
    own_half_only = "own_half_only"
    with_permission = "with_permission"
    unknown = "unknown"


class Minors(StrEnum):
    """Whether children are seen."""

    none = "none"
    own_child = "own_child"
    others_with_guardian_consent = "others_with_guardian_consent"
    yes_unclear = "yes_unclear"
    unknown = "unknown"
