"""Whether new terms allow nothing that the old ones did not. Narrowing is in force at once; anything else waits for a person.

Each field of the record has a judge here. A field without one must not have changed at all, so that a field added later
cannot widen anything unnoticed; the same holds for the fields inside each part.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum

from preservation.model.consent import ConsentRecord
from preservation.model.consent_access import (
    level_on,
    rightsholder_ceiling,
    section_ceiling,
    sound_of,
    third_party_ceiling,
    third_party_clear,
)
from preservation.model.consent_parts import AccessPolicy, ConsentAccount, Purpose, Scope, SectionDecision, ThirdParty
from preservation.model.consent_scope import within
from preservation.model.consent_words import (
    AccountVisibility,
    AIChoice,
    ConsentWord,
    ContactPolicy,
    Downloads,
    PurposeName,
    Redaction,
    Sound,
)
from preservation.model.sections import Section

Judge = Callable[[ConsentRecord, ConsentRecord], bool]


def narrows(old: ConsentRecord, new: ConsentRecord) -> bool:
    """True when every act on every item that `new` allows in some state, `old` allows in that state too.

    Compares terms, not states. Where the answer would need judgement (another form, another lawful basis, another licence)
    it is no. Facts resolved under a later revision than `old` say nothing about `old`.
    """
    return all(JUDGES.get(field, _same(field))(old, new) for field in ConsentRecord.model_fields)


def _same(field: str) -> Judge:
    return lambda old, new: bool(getattr(old, field) == getattr(new, field))


def _says_nothing(_old: ConsentRecord, _new: ConsentRecord) -> bool:
    """A field about the revision itself, not about what it allows."""
    return True


def _only_changed(old: ConsentWord, new: ConsentWord, *fields: str) -> bool:
    """Whether two parts differ at most in the fields that have been judged one by one."""
    return old.model_dump(exclude=set(fields)) == new.model_dump(exclude=set(fields))


def _no_higher(scale: type[StrEnum], old: str, new: str) -> bool:
    order = [str(member) for member in scale]
    return order.index(new) <= order.index(old)


def _subject(old: ConsentRecord, new: ConsentRecord) -> bool:
    calmer = _no_higher(ContactPolicy, old.subject.contact_policy, new.subject.contact_policy)
    return calmer and _only_changed(old.subject, new.subject, "contact_policy")


def _accounts(old: ConsentRecord, new: ConsentRecord) -> bool:
    return all(_account(old.account(account.account_ref), account) for account in new.accounts)


def _account(old: ConsentAccount | None, new: ConsentAccount) -> bool:
    if old is None:
        return False
    opened = AccountVisibility.public in {new.platform_visibility} - {old.platform_visibility}
    saved = Downloads.everyone in {new.platform_downloads} - {old.platform_downloads}
    return not opened and not saved and _only_changed(old, new, "platform_visibility", "platform_downloads")


def _scopes(old: ConsentRecord, new: ConsentRecord) -> bool:
    return all(_scope(old.scope_of(scope.account_ref), scope) for scope in new.scopes)


def _scope(old: Scope | None, new: Scope) -> bool:
    if old is None:
        return False
    named = not old.include_item_ids or (bool(new.include_item_ids) and new.include_item_ids <= old.include_item_ids)
    follow_up = old.follow_up_exports or not new.follow_up_exports
    seen = new.include_visibility <= old.include_visibility
    return named and follow_up and seen and new.exclude_item_ids >= old.exclude_item_ids and within(new, old)


def _dates(old: ConsentRecord, new: ConsentRecord) -> bool:
    """Facts resolved under the old limits must not pass for resolved under narrower ones."""
    if narrowed_dates(old, new):
        return new.dates_narrowed_in > old.revision
    return new.dates_narrowed_in >= old.dates_narrowed_in


def narrowed_dates(old: ConsentRecord, new: ConsentRecord) -> bool:
    """Whether facts resolved under `old` may be out of the dates `new` offers: limits are narrower, or an account came in."""
    before = {scope.account_ref: scope for scope in old.scopes}
    return any(scope.account_ref not in before or not within(before[scope.account_ref], scope) for scope in new.scopes)


def _sections(old: ConsentRecord, new: ConsentRecord) -> bool:
    return all(_section(old, new, section) for section in Section if new.section_in(section))


def _section(old: ConsentRecord, new: ConsentRecord, section: Section) -> bool:
    higher = section_ceiling(new, section).rank > section_ceiling(old, section).rank
    redacted = _no_higher(Redaction, _redaction(new.decision_on(section)), _redaction(old.decision_on(section)))
    return old.section_in(section) and not higher and redacted


def _redaction(said: SectionDecision | None) -> Redaction:
    return Redaction.pseudonymise_others if said is None else said.redaction


def _purposes(old: ConsentRecord, new: ConsentRecord) -> bool:
    before: Mapping[PurposeName, Purpose] = {purpose.purpose: purpose for purpose in old.purposes if purpose.granted}
    return all(before.get(purpose.purpose) == purpose for purpose in new.purposes if purpose.granted)


_JUDGED_ONE_BY_ONE = (
    *("level", "then", "not_before", "expire_on"),
    *("download", "show_handle", "remove_location", "remove_network", "review_on"),
)


def _access(old: ConsentRecord, new: ConsentRecord) -> bool:
    was, is_ = old.access, new.access
    shown = all(level_on(is_, day).rank <= level_on(was, day).rank for day in _turning_days(was, is_))
    switches = (was.download or not is_.download) and (was.show_handle or not is_.show_handle)
    removed = (is_.remove_location or not was.remove_location) and (is_.remove_network or not was.remove_network)
    return shown and switches and removed and _only_changed(was, is_, *_JUDGED_ONE_BY_ONE)


def _turning_days(*policies: AccessPolicy) -> list[date]:
    """Every day on which a level may change: between two of them nothing does, so comparing on these compares on all."""
    days = [day for policy in policies for day in (policy.not_before, policy.expire_on) if day is not None]
    return [date.min, *days]


def _rights(old: ConsentRecord, new: ConsentRecord) -> bool:
    was, is_ = old.rights, new.rights
    surer = rightsholder_ceiling(new).rank > rightsholder_ceiling(old).rank
    licensed = is_.licence is not None and is_.licence != was.licence
    labels_kept = set(is_.labels) >= set(was.labels)
    judged = ("creator_is_rightsholder", "licence", "licence_irrevocable_ack", "labels")
    return not surer and not licensed and labels_kept and _only_changed(was, is_, *judged)


def _third_party(old: ConsentRecord, new: ConsentRecord) -> bool:
    named = {said.item_id for record in (old, new) for said in record.third_party_items}
    about_all = _third_party_no_clearer(old.third_party, new.third_party)
    return about_all and all(_third_party_no_clearer(old.third_party_of(item), new.third_party_of(item)) for item in named)


def _third_party_no_clearer(old: ThirdParty, new: ThirdParty) -> bool:
    higher = third_party_ceiling(new).rank > third_party_ceiling(old).rank
    clearer = third_party_clear(new) and not third_party_clear(old)
    return not higher and not clearer and _no_higher(Sound, sound_of(old), sound_of(new))


def _ai(old: ConsentRecord, new: ConsentRecord) -> bool:
    questions = ("data_mining", "ai_inference", "ai_training", "ai_generative_training")
    no_more = all(_no_higher(AIChoice, getattr(old.ai, question), getattr(new.ai, question)) for question in questions)
    return no_more and _only_changed(old.ai, new.ai, *questions)


def _storage_locations(old: ConsentRecord, new: ConsentRecord) -> bool:
    return set(new.storage_locations) <= set(old.storage_locations)


def _begins(old: ConsentRecord, new: ConsentRecord) -> bool:
    return new.valid_from >= old.valid_from


def _ends(old: ConsentRecord, new: ConsentRecord) -> bool:
    return _no_later(old.valid_until, new.valid_until)


def _no_later(old: datetime | None, new: datetime | None) -> bool:
    return old is None or (new is not None and new <= old)


JUDGES: dict[str, Judge] = {
    "revision": _says_nothing,
    "previous_sha256": _says_nothing,
    "state": _says_nothing,
    "change": _says_nothing,
    "pending": _says_nothing,
    "affirmation": _says_nothing,
    "dates_narrowed_in": _dates,
    "subject": _subject,
    "accounts": _accounts,
    "scopes": _scopes,
    "sections": _sections,
    "purposes": _purposes,
    "access": _access,
    "rights": _rights,
    "third_party": _third_party,
    "third_party_items": _third_party,
    "ai": _ai,
    "storage_locations": _storage_locations,
    "valid_from": _begins,
    "valid_until": _ends,
}
