"""The gate: every reason it can give, one at a time, and what it does when there is none."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from preservation.errors import Refused
from preservation.model.clearance import Act, Clearance
from preservation.model.consent import ConsentRecord
from preservation.model.consent_states import AI_ACTS, CARE, FOR_THE_CREATOR, OUTWARD, STATES_FOR
from preservation.model.consent_words import Access, State
from preservation.model.export import Visibility
from preservation.model.item import ItemFacts, Origin
from preservation.model.sections import Section
from preservation.stages.consent.documents import parse_document
from preservation.stages.consent.gate import Verdict, decide, require, require_deposit, require_unit
from tests.consent_samples import account_ref, document, purposes

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=1)
ITEM_ID, OTHER_ID, UNIT_ID = "a" * 26, "b" * 26, "c" * 26
ALL_PURPOSES = purposes("preserve", "catalogue", "access", "research", "exhibition")
ALL_AI = {"data_mining": "allowed", "ai_inference": "allowed", "ai_training": "allowed", "ai_generative_training": "allowed"}
ACTS = sorted(set(Act) - FOR_THE_CREATOR)


def record(state: str = "active", **overrides: Any) -> ConsentRecord:
    return parse_document(json.dumps(document(state=state, **overrides)).encode()).record


def generous(**overrides: Any) -> ConsentRecord:
    """Allows every act on a public post."""
    fields = {"access": {"download": True}, "purposes": ALL_PURPOSES, "ai": ALL_AI, **overrides}
    return record(fields.pop("state", "active"), **fields)


def scope(**limits: Any) -> list[dict[str, Any]]:
    return [{"account_ref": account_ref(), **limits}]


def item(**facts: Any) -> ItemFacts:
    fields: dict[str, Any] = {
        "item_id": ITEM_ID,
        "account_ref": account_ref(),
        "section": Section.posts_media,
        "visibility": Visibility.public,
        "origin": Origin.creator_export,
        "posted_on": date(2024, 5, 5),
    }
    return ItemFacts(**{**fields, **facts})


def reasons(given: ConsentRecord | None, act: Act, facts: ItemFacts | None = None, at: datetime = NOW) -> tuple[str, ...]:
    return decide(given, act, facts or item(), at, Access.open if act in OUTWARD else Access.closed).reasons


@pytest.mark.parametrize("act", Act)
def test_a_consent_that_says_yes_to_everything_allows_every_act(act: Act) -> None:
    given = generous()
    verdict = decide(given, act, item(), NOW, Access.open)
    assert verdict == Verdict(
        allow=True, reasons=(), act=act, at=NOW, record_id=given.record_id, revision=1, record_sha256=given.sha256()
    )


@pytest.mark.parametrize("act", Act)
def test_without_a_record_only_what_serves_the_creator_is_allowed(act: Act) -> None:
    verdict = decide(None, act, item(), NOW, Access.open)
    serves = act in {Act.erase, Act.export_to_creator}
    assert (verdict.allow, verdict.reasons) == (serves, () if serves else ("no-consent-record",))
    assert (verdict.record_id, verdict.revision, verdict.record_sha256) == ("", 0, "")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_allowed_in_its_states_and_no_other(act: Act, state: State) -> None:
    held = {State.active, State.amended, State.suspended, State.expired}
    expected = {
        Act.receive: {State.submitted, State.verified, State.active},
        Act.extract: {State.verified, State.active},
        Act.verify_fixity: held,
        Act.repair: held,
        Act.restore_test: held,
        Act.contact: held | {State.submitted, State.verified, State.withdrawn},
    }.get(act, {State.active})
    assert reasons(generous(state=state.value), act) == (() if state in expected else (f"state-{state}",))


@pytest.mark.parametrize("act", ACTS)
def test_nothing_happens_before_the_consent_is_valid(act: Act) -> None:
    assert reasons(generous(), act, at=BEGIN) == ()
    assert reasons(generous(), act, at=BEGIN - timedelta(microseconds=1)) == ("consent-not-yet-valid",)


@pytest.mark.parametrize("act", ACTS)
def test_the_end_of_the_term_ends_everything_but_care_and_contact(act: Act) -> None:
    """Access closes and nothing new is made; what is held is still looked after until the creator decides."""
    given = generous(valid_until="2026-11-02T00:00:00Z")
    goes_on = act in CARE or act is Act.contact
    assert reasons(given, act, at=NOW - timedelta(microseconds=1)) == ()
    assert reasons(given, act, at=NOW) == (() if goes_on else ("consent-term-ended",))


@pytest.mark.parametrize(
    ("purpose", "acts"),
    [
        ("catalogue", {Act.describe}),
        ("access", {Act.give_out, Act.download, Act.count_use}),
        ("exhibition", {Act.exhibit}),
        ("research", {Act.research_compute}),
        ("preserve", {Act.receive, Act.extract, Act.package, Act.seal, Act.replicate, Act.migrate, Act.restore, *CARE}),
    ],
)
def test_each_act_needs_its_purpose(purpose: str, acts: set[Act]) -> None:
    """Refused when the answer is no, and when the question was not answered at all."""
    silent = generous(purposes=[answer for answer in ALL_PURPOSES if answer["purpose"] != purpose])
    denied = generous(purposes=[{**answer, "granted": answer["purpose"] != purpose} for answer in ALL_PURPOSES])
    for act in ACTS:
        expected = (f"purpose-{purpose}-not-granted",) if act in acts else ()
        assert reasons(silent, act) == reasons(denied, act) == expected


@pytest.mark.parametrize("answer", ["notAllowed", "constrained"])
@pytest.mark.parametrize("act", sorted(AI_ACTS))
def test_silence_and_constraints_mean_no_to_machines(act: Act, answer: str) -> None:
    assert reasons(generous(ai={AI_ACTS[act]: answer}), act) == (f"{act}-not-allowed",)
    assert f"{act}-not-allowed" in reasons(record(), act)


def test_a_creator_who_wants_no_letters_gets_none() -> None:
    given = generous(subject={"contact_policy": "never"})
    assert reasons(given, Act.contact) == ("no-contact-wanted",)
    assert [act for act in ACTS if reasons(given, act)] == [Act.contact]


def test_contact_is_about_the_creator_and_not_about_an_item() -> None:
    assert reasons(generous(), Act.contact, item(origin=Origin.scraped, section=Section.unknown, account_ref=OTHER_ID)) == ()


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("act", sorted(set(ACTS) - {Act.contact}))
def test_scraped_and_unknown_origins_are_refused_for_every_act(act: Act, origin: Origin) -> None:
    unlawful = origin in {Origin.scraped, Origin.unknown}
    assert reasons(generous(), act, item(origin=origin)) == ((f"origin-{origin}",) if unlawful else ())


@pytest.mark.parametrize("act", sorted(set(ACTS) - {Act.contact} - OUTWARD))
def test_a_section_that_was_not_given_is_refused_for_every_act(act: Act) -> None:
    given = generous(sections=[{"section": "posts_media", "decision": "out"}])
    assert reasons(given, act) == ("section-posts_media-not-given",)
    assert reasons(given, act, item(section=Section.unknown)) == ("section-unknown-not-given",)
    assert reasons(given, act, item(section=Section.direct_messages)) == ("section-direct_messages-not-given",)
    assert reasons(given, act, item(section=Section.posts_metadata)) == ()


@pytest.mark.parametrize(
    ("limits", "facts", "expected"),
    [
        ({}, {}, ()),
        ({"exclude_item_ids": [ITEM_ID]}, {}, ("item-excluded",)),
        ({"exclude_item_ids": [ITEM_ID], "include_item_ids": [ITEM_ID]}, {}, ("item-excluded",)),
        ({"exclude_item_ids": [ITEM_ID]}, {"section": Section.profile_public}, ("item-excluded",)),
        ({"exclude_item_ids": [OTHER_ID]}, {}, ()),
        ({"include_item_ids": [ITEM_ID]}, {}, ()),
        ({"include_item_ids": [OTHER_ID]}, {}, ("item-not-named",)),
        ({"include_item_ids": [OTHER_ID]}, {"section": Section.profile_public}, ()),
        ({"include_item_ids": [ITEM_ID]}, {"visibility": Visibility.private}, ("visibility-not-given",)),
        ({}, {"visibility": Visibility.unknown}, ("visibility-not-given",)),
        ({}, {"visibility": Visibility.friends}, ("visibility-not-given",)),
        ({}, {"visibility": Visibility.unknown, "section": Section.hashtags_used}, ()),
        ({"include_visibility": ["public", "unknown"]}, {"visibility": Visibility.unknown}, ()),
        ({"include_visibility": ["friends"]}, {}, ("visibility-not-given",)),
        ({"from_date": "2024-05-05"}, {}, ()),
        ({"from_date": "2024-05-06"}, {}, ("date-not-given",)),
        ({"to_date": "2024-05-05"}, {}, ()),
        ({"to_date": "2024-05-04"}, {}, ("date-not-given",)),
        ({"from_date": "2024-05-05", "to_date": "2024-05-05"}, {}, ()),
        ({"from_date": "2024-05-06"}, {"section": Section.profile_public}, ()),
        ({}, {"posted_on": None}, ()),
        ({"from_date": "2000-01-01"}, {"posted_on": None}, ("date-not-given",)),
        ({"to_date": "2030-01-01"}, {"posted_on": None}, ("date-not-given",)),
        ({"from_date": "2030-01-01"}, {"posted_on": None, "scope_revision": 1}, ()),
        ({"from_date": "2030-01-01"}, {"scope_revision": 1}, ("date-not-given",)),
        ({}, {"account_ref": OTHER_ID}, ("account-not-given",)),
    ],
)
def test_only_what_lies_in_the_scope_is_preserved(
    limits: dict[str, Any], facts: dict[str, Any], expected: tuple[str, ...]
) -> None:
    given = generous(scopes=scope(**limits))
    for act in (Act.extract, Act.package, Act.replicate, Act.describe, Act.repair):
        assert reasons(given, act, item(**facts)) == expected


def test_an_account_without_a_scope_offers_nothing() -> None:
    assert reasons(generous(scopes=[]), Act.package) == ("account-not-given",)


def later(dates_narrowed_in: int, **overrides: Any) -> ConsentRecord:
    """Revision 3 of a consent limited by date."""
    change = {"role": "system", "at": "2026-11-01T12:00:00Z", "from_state": "amended"}
    header = {"revision": 3, "previous_sha256": "0" * 64, "change": change, "dates_narrowed_in": dates_narrowed_in}
    return generous(scopes=scope(from_date="2024-01-01", **overrides), **header)


@pytest.mark.parametrize("act", sorted(set(ACTS) - {Act.contact}))
def test_dates_checked_before_limits_became_narrower_do_not_count_except_for_care(act: Act) -> None:
    stale, checked = item(posted_on=None, scope_revision=1), item(posted_on=None, scope_revision=2)
    doubt = () if act in CARE else ("date-not-given",)
    assert reasons(later(dates_narrowed_in=2), act, stale) == doubt
    assert reasons(later(dates_narrowed_in=2), act, checked) == ()
    assert reasons(later(dates_narrowed_in=1), act, stale) == ()
    assert reasons(later(dates_narrowed_in=2), act, item(posted_on=None)) == ("date-not-given",)


@pytest.mark.parametrize("act", sorted(CARE))
def test_what_the_creator_took_out_is_not_cared_for_any_more(act: Act) -> None:
    assert reasons(later(1, exclude_item_ids=[ITEM_ID]), act, item(posted_on=None, scope_revision=1)) == ("item-excluded",)
    assert reasons(later(1), act, item(posted_on=date(2023, 1, 1))) == ("date-not-given",)


def test_facts_of_a_later_revision_show_that_the_record_at_hand_is_not_in_force() -> None:
    assert reasons(generous(), Act.repair, item(scope_revision=2)) == ("record-superseded",)
    assert reasons(generous(), Act.repair, item(scope_revision=1)) == ()


@pytest.mark.parametrize("act", sorted(OUTWARD))
def test_nobody_sees_more_than_the_effective_level(act: Act) -> None:
    given = generous(access={"level": "registered", "download": True})
    assert decide(given, act, item(), NOW, Access.onsite).reasons == ()
    assert decide(given, act, item(), NOW, Access.registered).reasons == ()
    assert decide(given, act, item(), NOW, Access.open).reasons == ("access-level-too-high",)


@pytest.mark.parametrize("act", sorted(OUTWARD))
def test_showing_needs_a_level_that_is_named(act: Act) -> None:
    assert decide(generous(), act, item(), NOW).reasons == ("access-level-not-named",)
    assert decide(generous(access={"level": "closed", "download": True}), act, item(), NOW, Access.onsite).reasons == (
        "access-level-too-high",
    )


def test_an_embargo_ends_at_midnight_in_utc() -> None:
    given = generous(access={"level": "dark_until", "then": "open", "not_before": "2030-01-01"})
    there = datetime.fromisoformat("2030-01-01T00:30:00+02:00")  # still 2029 in UTC
    assert reasons(given, Act.give_out, at=there) == ("access-level-too-high",)
    assert reasons(given, Act.give_out, at=there + timedelta(hours=2)) == ()


@pytest.mark.parametrize(
    "overrides",
    [
        {"access": {"download": False}},
        {"rights": {"creator_is_rightsholder": "shared"}},
        {"third_party": {"other_people": "not_asked"}},
    ],
)
def test_a_download_needs_a_yes_from_everyone_asked(overrides: dict[str, Any]) -> None:
    given = generous(**overrides)
    assert decide(given, Act.download, item(), NOW, Access.onsite).reasons == ("download-not-allowed",)
    assert decide(given, Act.give_out, item(), NOW, Access.onsite).reasons == ()


def test_every_reason_is_given_once_and_in_order() -> None:
    given = generous(state="suspended", valid_until="2026-11-01T01:00:00Z", purposes=[])
    facts = (item(origin=Origin.scraped, visibility=Visibility.private), item(item_id=OTHER_ID, origin=Origin.scraped))
    with pytest.raises(Refused) as refused:
        require_unit(given, Act.give_out, UNIT_ID, facts, NOW, Access.open)
    assert refused.value.code == "consent-refuses"
    assert refused.value.message == (
        f"consent does not allow give_out on {UNIT_ID}: state-suspended, consent-term-ended, purpose-access-not-granted, "
        "access-level-too-high, origin-scraped, visibility-not-given"
    )
    assert refused.value.remedy == "look at the consent in force; only the creator can widen it"


def cleared(given: ConsentRecord | None, act: Act, subject: str, clearance: Clearance) -> bool:
    cites = (given.record_id, given.revision, given.sha256()) if given else ("", 0, "")
    named = (clearance.act, clearance.subject, clearance.at) == (act, subject, NOW)
    return named and (clearance.record_id, clearance.revision, clearance.record_sha256) == cites


def test_a_clearance_names_act_item_revision_and_moment() -> None:
    given = generous()
    assert cleared(given, Act.package, ITEM_ID, require(given, Act.package, item(), NOW))
    assert cleared(given, Act.give_out, ITEM_ID, require(given, Act.give_out, item(), NOW, Access.open))
    assert cleared(None, Act.erase, ITEM_ID, require(None, Act.erase, item(), NOW))
    with pytest.raises(Refused, match="access-level-not-named"):
        require(given, Act.give_out, item(), NOW)


def test_a_unit_is_cleared_only_if_every_item_in_it_is() -> None:
    given = generous(scopes=scope(exclude_item_ids=[OTHER_ID]))
    assert cleared(given, Act.replicate, UNIT_ID, require_unit(given, Act.replicate, UNIT_ID, [item()], NOW))
    with pytest.raises(Refused, match=f"consent does not allow replicate on {UNIT_ID}: item-excluded"):
        require_unit(given, Act.replicate, UNIT_ID, [item(), item(item_id=OTHER_ID)], NOW)


def test_every_item_of_a_unit_must_be_fit_to_show_and_to_download() -> None:
    """One item with unclear rights is enough to keep the unit back."""
    unclear = [{"item_id": OTHER_ID, "third_party": {"music": "unknown", "minors_shown": "none"}}]
    given, facts = generous(third_party_items=unclear), [item(), item(item_id=OTHER_ID)]
    with pytest.raises(Refused, match="access-level-too-high"):
        require_unit(given, Act.give_out, UNIT_ID, facts, NOW, Access.open)
    with pytest.raises(Refused, match=": download-not-allowed"):
        require_unit(given, Act.download, UNIT_ID, facts, NOW, Access.registered)
    assert require_unit(given, Act.give_out, UNIT_ID, facts, NOW, Access.registered)


def test_a_description_is_decided_by_the_record_alone() -> None:
    given = generous()
    assert cleared(given, Act.describe, UNIT_ID, require_unit(given, Act.describe, UNIT_ID, (), NOW))
    with pytest.raises(Refused, match="state-suspended"):
        require_unit(generous(state="suspended"), Act.describe, UNIT_ID, (), NOW)


@pytest.mark.parametrize("act", sorted(OUTWARD))
def test_nothing_is_shown_whose_items_are_not_named(act: Act) -> None:
    with pytest.raises(Refused, match=f"consent does not allow {act} on {UNIT_ID}: no-items-named"):
        require_unit(generous(), act, UNIT_ID, (), NOW, Access.onsite)


@pytest.mark.parametrize("act", [Act.receive, Act.extract])
@pytest.mark.parametrize("state", State)
def test_a_deposit_comes_in_when_the_state_allows_it(act: Act, state: State) -> None:
    given = generous(state=state.value)
    if state in STATES_FOR[act]:
        assert cleared(given, act, UNIT_ID, require_deposit(given, act, UNIT_ID, NOW))
        assert cleared(given, act, UNIT_ID, require_deposit(given, act, UNIT_ID, NOW, account_ref=account_ref()))
    else:
        with pytest.raises(Refused, match=f"consent does not allow {act} on {UNIT_ID}: state-{state}"):
            require_deposit(given, act, UNIT_ID, NOW)


def two_accounts() -> ConsentRecord:
    """Later exports are welcome of the second account only."""
    account = {"account_ref": OTHER_ID, "platform": "tiktok"}
    whole = document(scopes=[*scope(), {"account_ref": OTHER_ID, "follow_up_exports": True}])
    whole["record"]["accounts"].append(account)
    whole["identity"]["accounts"].append({**account, "handle": "second.fx"})
    return parse_document(json.dumps(whole).encode()).record


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({}, None),
        ({"account_ref": ITEM_ID}, "account-not-given"),
        ({"account_ref": account_ref()}, None),
        ({"account_ref": account_ref(), "follow_up": True}, "follow-up-not-given"),
        ({"account_ref": OTHER_ID, "follow_up": True}, None),
        ({"follow_up": True}, "follow-up-not-given"),
    ],
)
def test_a_deposit_must_be_of_an_account_given_and_a_later_one_needs_a_yes(asked: dict[str, Any], refusal: str | None) -> None:
    if refusal is None:
        assert require_deposit(two_accounts(), Act.receive, UNIT_ID, NOW, **asked)
        return
    with pytest.raises(Refused) as refused:
        require_deposit(two_accounts(), Act.receive, UNIT_ID, NOW, **asked)
    assert refused.value.message == f"consent does not allow receive on {UNIT_ID}: {refusal}"


def test_without_a_record_no_deposit_comes_in() -> None:
    with pytest.raises(Refused, match="no-consent-record, account-not-given"):
        require_deposit(None, Act.receive, UNIT_ID, NOW)


@pytest.mark.parametrize("act", sorted(set(ACTS) - {Act.receive, Act.extract}))
def test_a_deposit_is_cleared_for_coming_in_and_nothing_else(act: Act) -> None:
    unnamed = "no-items-named, access-level-not-named, " if act in OUTWARD else ""
    with pytest.raises(Refused) as refused:
        require_deposit(generous(), act, UNIT_ID, NOW)
    assert refused.value.message == f"consent does not allow {act} on {UNIT_ID}: {unnamed}act-needs-items"


@pytest.mark.parametrize("act", sorted(FOR_THE_CREATOR))
@pytest.mark.parametrize("state", State)
def test_erasing_and_the_creators_own_copy_are_allowed_in_every_state(act: Act, state: State) -> None:
    given = generous(state=state.value, valid_until="2026-11-01T01:00:00Z", purposes=[], scopes=[])
    facts = item(origin=Origin.scraped, section=Section.unknown, visibility=Visibility.unknown, scope_revision=9)
    assert cleared(given, act, ITEM_ID, require(given, act, facts, NOW))
    assert cleared(given, act, UNIT_ID, require_unit(given, act, UNIT_ID, (), NOW))
    assert cleared(given, act, UNIT_ID, require_deposit(given, act, UNIT_ID, NOW))
    assert cleared(None, act, UNIT_ID, require_deposit(None, act, UNIT_ID, NOW, account_ref=OTHER_ID, follow_up=True))
