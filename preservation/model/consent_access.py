"""Who may see an item: the lowest of all ceilings. Settings, rights and other people lower access, never preservation."""

from datetime import date

from preservation.model.consent import ConsentRecord
from preservation.model.consent_parts import AccessPolicy, ThirdParty
from preservation.model.consent_words import (
    Access,
    AccessChoice,
    AccountVisibility,
    AgeBand,
    Downloads,
    Minors,
    Music,
    OtherPeople,
    Rightsholder,
    Sound,
    Stitched,
)
from preservation.model.export import Visibility
from preservation.model.identifiers import AccountRef
from preservation.model.item import ItemFacts
from preservation.model.sections import Section

# What is not here is closed, whatever else is said: habits, drafts, likeness, and the settings that serve as evidence.
_SECTIONS: dict[Section, Access] = {
    Section.posts_media: Access.open,
    Section.posts_metadata: Access.open,
    Section.posts_counts: Access.open,
    Section.profile_public: Access.registered,
    Section.own_comments: Access.registered,
}
_VISIBILITIES: dict[Visibility, Access] = {
    Visibility.public: Access.open,
    Visibility.unlisted: Access.onsite,
    Visibility.followers: Access.onsite,
    Visibility.friends: Access.onsite,
}
_AGES: dict[AgeBand, Access] = {AgeBand.adult: Access.open}
_RIGHTSHOLDERS: dict[Rightsholder, Access] = {
    Rightsholder.yes: Access.open,
    Rightsholder.shared: Access.registered,
    Rightsholder.unsure: Access.onsite,
    Rightsholder.no: Access.closed,
}


def effective_access(record: ConsentRecord, item: ItemFacts, today: date) -> Access:
    """The highest level at which this item may be shown on the UTC day `today`."""
    ceilings = (
        level_on(record.access, today),
        section_ceiling(record, item.section),
        _VISIBILITIES.get(item.visibility, Access.closed),
        account_ceiling(record, item.account_ref),
        age_ceiling(record),
        third_party_ceiling(record.third_party_of(item.item_id)),
        rightsholder_ceiling(record),
    )
    return min(ceilings, key=lambda level: level.rank)


def level_on(policy: AccessPolicy, today: date) -> Access:
    """The creator's own level on a day: dark before `not_before`, closed again from `expire_on` on."""
    if policy.expire_on is not None and today >= policy.expire_on:
        return Access.closed
    if policy.level is not AccessChoice.dark_until:
        return Access(policy.level)
    dark = today < (policy.not_before or date.max)
    return Access.closed if dark else policy.then or Access.closed


def section_ceiling(record: ConsentRecord, section: Section) -> Access:
    """The lower of what we allow for a section and what the creator said; closed for a section that is not in."""
    ours = _SECTIONS.get(section, Access.closed)
    said = record.decision_on(section)
    if not record.section_in(section):
        return Access.closed
    return ours if said is None else min(ours, said.access, key=lambda level: level.rank)


def account_ceiling(record: ConsentRecord, account_ref: AccountRef) -> Access:
    """Reading room at most, unless the account was public."""
    account = record.account(account_ref)
    if account is None:
        return Access.closed
    return Access.open if account.platform_visibility is AccountVisibility.public else Access.onsite


def age_ceiling(record: ConsentRecord) -> Access:
    """Named readers at most, for the work of people under 18."""
    return _AGES.get(record.subject.age_band, Access.registered)


def rightsholder_ceiling(record: ConsentRecord) -> Access:
    """Lower, the less certain it is that the creator may allow it."""
    return _RIGHTSHOLDERS[record.rights.creator_is_rightsholder]


def third_party_ceiling(said: ThirdParty) -> Access:
    """Closed for children and unclear co-creators, named readers at most while other rights are unclear."""
    if said.minors_shown is not Minors.none or not _co_creators_clear(said):
        return Access.closed
    if sound_of(said) is Sound.closed:
        return Access.closed
    return Access.open if third_party_clear(said) else Access.registered


def third_party_clear(said: ThirdParty) -> bool:
    """Whether nobody else's rights stand in the way of a download."""
    return (
        _music_clear(said)
        and said.other_people in {OtherPeople.none, OtherPeople.consented, OtherPeople.public_place}
        and said.stitched_or_duetted in {Stitched.none, Stitched.own_half_only, Stitched.with_permission}
        and _co_creators_clear(said)
    )


def sound_of(said: ThirdParty) -> Sound:
    """How an access copy may sound: as the creator chose, but never with unclear music. Without music there is no question."""
    if said.music is Music.none:
        return Sound.with_sound
    unclear = said.music_access is Sound.with_sound and not _music_clear(said)
    return Sound.mute if unclear else said.music_access


def may_download(record: ConsentRecord, item: ItemFacts) -> bool:
    """Platform let everyone save it, the creator says yes, and all rights are clear."""
    account = record.account(item.account_ref)
    return (
        record.access.download
        and account is not None
        and account.platform_downloads is Downloads.everyone
        and record.rights.creator_is_rightsholder is Rightsholder.yes
        and third_party_clear(record.third_party_of(item.item_id))
    )


def _music_clear(said: ThirdParty) -> bool:
    return said.music in {Music.none, Music.own, Music.licensed}


def _co_creators_clear(said: ThirdParty) -> bool:
    return all(other.record_sha256 is not None for other in said.co_creators)
