"""Narrowing allows nothing new: example by example, and against the gate."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from preservation.model.clearance import Act
from preservation.model.consent import ConsentRecord
from preservation.model.consent_narrowing import JUDGES, narrows
from preservation.model.consent_scope import as_stored
from preservation.model.consent_words import Access
from preservation.model.export import Visibility
from preservation.model.item import ItemFacts, Origin
from preservation.model.sections import Section
from preservation.stages.consent.gate import decide
from tests.consent_samples import account_ref, document, purposes

REF, OTHER = account_ref(), "z" * 26
A, B = "a" * 26, "b" * 26
CHANGE = {"role": "creator", "at": "2026-11-02T00:00:00Z", "from_state": "active"}


def record(**overrides: Any) -> ConsentRecord:
    return ConsentRecord.model_validate(document(**overrides)["record"])


def revised(old: ConsentRecord, **overrides: Any) -> ConsentRecord:
    header = {"revision": 2, "previous_sha256": old.sha256(), "change": CHANGE, "dates_narrowed_in": 2}
    return record(**{**header, **overrides})


def scopes(**limits: Any) -> dict[str, Any]:
    return {"scopes": [{"account_ref": REF, **limits}]}


def accounts(**settings_: Any) -> dict[str, Any]:
    return {"accounts": [{"account_ref": REF, "platform": "tiktok", **settings_}]}


def section(name: str = "posts_media", decision: str = "in", **more: Any) -> dict[str, Any]:
    return {"sections": [{"section": name, "decision": decision, **more}]}


CLEAR_ITEM = {
    "music": "own",
    "music_access": "with_sound",
    "other_people": "none",
    "stitched_or_duetted": "none",
    "minors_shown": "none",
}
DARK = {"level": "dark_until", "then": "open", "not_before": "2030-01-01"}

# What is narrower, then what is wider: going from the second to the first narrows, going back does not.
NARROWER_AND_WIDER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "level": ({"access": {"level": "onsite"}}, {}),
    "dark": ({"access": DARK}, {}),
    "dark-longer": ({"access": {**DARK, "not_before": "2031-01-01"}}, {"access": DARK}),
    "dark-then": ({"access": {**DARK, "then": "onsite"}}, {"access": DARK}),
    "dark-to-closed": ({"access": {"level": "closed"}}, {"access": DARK}),
    "expires": ({"access": {"expire_on": "2030-01-01"}}, {}),
    "expires-sooner": ({"access": {"expire_on": "2029-01-01"}}, {"access": {"expire_on": "2030-01-01"}}),
    "download": ({}, {"access": {"download": True}}),
    "handle": ({"access": {"show_handle": False}}, {}),
    "location": ({}, {"access": {"remove_location": False}}),
    "network": ({}, {"access": {"remove_network": False}}),
    "section-out": (section(decision="out"), section(access="open")),
    "section-default-out": (section(decision="out"), {"sections": []}),
    "section-off": ({"sections": []}, section("stories")),
    "section-ceiling": (section(access="onsite"), section(access="open")),
    "redaction": (section(redaction="remove_others"), section(redaction="pseudonymise_others")),
    "redaction-default": ({"sections": []}, section(access="open", redaction="none")),
    "purpose": ({"purposes": purposes("preserve")}, {"purposes": purposes("preserve", "access")}),
    "purpose-denied": ({"purposes": [{**purposes("access")[0], "granted": False}]}, {"purposes": purposes("access")}),
    "excluded": (scopes(exclude_item_ids=[A]), scopes()),
    "named": (scopes(include_item_ids=[A]), scopes()),
    "fewer-named": (scopes(include_item_ids=[A]), scopes(include_item_ids=[A, B])),
    "visibility": (scopes(include_visibility=["public"]), scopes(include_visibility=["public", "unknown"])),
    "from": (scopes(from_date="2024-01-01"), scopes()),
    "from-later": (scopes(from_date="2024-01-02"), scopes(from_date="2024-01-01")),
    "to": (scopes(to_date="2024-01-01"), scopes()),
    "to-earlier": (scopes(to_date="2024-01-01"), scopes(to_date="2024-01-02")),
    "follow-up": (scopes(), scopes(follow_up_exports=True)),
    "no-scope": ({"scopes": []}, scopes()),
    "account-private": (accounts(platform_visibility="private"), accounts(platform_visibility="public")),
    "account-downloads": (accounts(platform_downloads="friends"), accounts(platform_downloads="everyone")),
    "account-gone": ({"accounts": [], "scopes": []}, {"scopes": []}),
    "rightsholder": ({"rights": {"creator_is_rightsholder": "shared"}}, {}),
    "licence": ({}, {"rights": {"licence": "https://example.org/licence"}}),
    "licence-with-its-acknowledgement": (
        {},
        {"rights": {"licence": "https://creativecommons.org/licenses/by/4.0/", "licence_irrevocable_ack": True}},
    ),
    "label": ({"rights": {"labels": ["tk-family"]}}, {}),
    "music": ({"third_party": {"music": "unknown"}}, {}),
    "sound": ({"third_party": {"music_access": "mute"}}, {}),
    "people": ({"third_party": {"other_people": "not_asked"}}, {}),
    "minors": ({"third_party": {"minors_shown": "unknown"}}, {}),
    "clear-below-closed": (
        {"third_party": {"minors_shown": "own_child", "other_people": "unknown"}},
        {"third_party": {"minors_shown": "own_child"}},
    ),
    "one-item": ({"third_party_items": [{"item_id": A, "third_party": {}}]}, {}),
    "one-item-clear": (
        {"third_party": {"music": "unknown"}},
        {"third_party": {"music": "unknown"}, "third_party_items": [{"item_id": A, "third_party": CLEAR_ITEM}]},
    ),
    "ai-inference": ({}, {"ai": {"ai_inference": "allowed"}}),
    "ai-training": ({}, {"ai": {"ai_training": "constrained"}}),
    "ai-generative": ({"ai": {"ai_generative_training": "constrained"}}, {"ai": {"ai_generative_training": "allowed"}}),
    "mining": ({}, {"ai": {"data_mining": "allowed"}}),
    "contact": ({"subject": {"contact_policy": "never"}}, {}),
    "contact-any": ({}, {"subject": {"contact_policy": "any"}}),
    "places": ({"storage_locations": ["site-a"]}, {}),
    "begins": ({"valid_from": "2026-11-05T00:00:00Z"}, {}),
    "ends": ({"valid_until": "2027-01-01T00:00:00Z"}, {}),
    "ends-sooner": ({"valid_until": "2027-01-01T00:00:00Z"}, {"valid_until": "2028-01-01T00:00:00Z"}),
}


@pytest.mark.parametrize("name", NARROWER_AND_WIDER)
def test_less_is_narrower_and_more_is_not(name: str) -> None:
    narrow, wide = NARROWER_AND_WIDER[name]
    assert narrows(record(**wide), revised(record(**wide), **narrow))
    assert not narrows(record(**narrow), revised(record(**narrow), **wide))
    assert narrows(record(**narrow), revised(record(**narrow), **narrow))
    assert narrows(record(**wide), revised(record(**wide), **wide))


@pytest.mark.parametrize(
    "changed",
    [
        {"form": {"version": "2.0"}},
        {"parties": []},
        {"authority": "another"},
        {"jurisdictions": ["NL"]},
        {"retention": {"if_no_answer": "erase"}},
        {"withdrawal_method": "https://archive.example/other"},
        {"privacy_rights": "https://archive.example/other"},
        {"rights": {"rights_statement": "http://rightsstatements.org/vocab/NKC/1.0/"}},
        {"rights": {"deposit_licence": "gift_of_copy"}},
        {"subject": {"country": "DE"}},
        {"subject": {"deputy_ref": OTHER}},
        {"purposes": [{**answer, "lawful_basis": "public_task"} for answer in purposes("preserve", "catalogue", "access")]},
        {"ai": {"constraint_info": "only on Sundays"}},
        {"accounts": [{"account_ref": REF, "platform": "x"}]},
        {"record_id": OTHER},
    ],
)
def test_what_needs_judgement_waits_for_a_person(changed: dict[str, Any]) -> None:
    assert not narrows(record(), revised(record(), **changed))


def test_a_field_added_later_must_not_change_until_somebody_judges_it() -> None:
    assert set(JUDGES) < set(ConsentRecord.model_fields)
    unjudged = set(ConsentRecord.model_fields) - set(JUDGES)
    assert {"form", "parties", "retention", "authority", "record_id", "schema_version"} <= unjudged


def test_the_same_terms_are_narrow() -> None:
    assert narrows(record(), revised(record()))


def test_dates_that_became_narrower_make_older_facts_stale_or_it_is_no_narrowing() -> None:
    old, limits = record(), scopes(from_date="2024-01-01")
    assert narrows(old, revised(old, **limits, dates_narrowed_in=2))
    assert not narrows(old, revised(old, **limits, dates_narrowed_in=1))
    assert narrows(old, revised(old, dates_narrowed_in=1))
    assert not narrows(revised(old), revised(old, dates_narrowed_in=1))


POOLS: dict[str, list[Any]] = {
    "scopes": [
        [],
        *(
            [{"account_ref": REF, **limits}]
            for limits in (
                {},
                {"from_date": "2024-01-01"},
                {"from_date": "2024-01-01", "to_date": "2024-12-31"},
                {"to_date": "2023-12-31"},
                {"exclude_item_ids": [A]},
                {"include_item_ids": [A]},
                {"include_item_ids": [A, B]},
                {"include_visibility": ["public", "unknown", "friends"]},
            )
        ),
    ],
    "access": [
        {"level": "open", "download": True},
        {"level": "open"},
        {"level": "registered", "download": True},
        {"level": "closed"},
        DARK,
        {**DARK, "not_before": "2025-01-01", "expire_on": "2030-06-01"},
        {"level": "onsite", "expire_on": "2026-01-01"},
    ],
    "sections": [
        [],
        section(access="open")["sections"],
        *(
            section(*said)["sections"]
            for said in (("posts_media",), ("posts_media", "out"), ("stories",), ("profile_public", "out"))
        ),
    ],
    "purposes": [
        purposes("preserve", "catalogue", "access", "research", "exhibition"),
        purposes("preserve"),
        purposes("access"),
        [],
    ],
    "third_party": [{}, {"music": "unknown"}, {"minors_shown": "own_child"}, {"other_people": "unknown"}],
    "third_party_items": [[], [{"item_id": A, "third_party": {}}], [{"item_id": A, "third_party": CLEAR_ITEM}]],
    "rights": [{"creator_is_rightsholder": answer} for answer in ("yes", "shared", "unsure", "no")],
    "ai": [{}, {"ai_training": "allowed"}, {"ai_training": "constrained", "data_mining": "allowed"}],
    "accounts": [
        accounts(platform_visibility=visibility, platform_downloads=downloads)["accounts"]
        for visibility in ("public", "private")
        for downloads in ("everyone", "no_one")
    ],
    "subject": [{}, {"contact_policy": "never"}, {"contact_policy": "any"}],
    "valid_until": [None, "2026-12-01T00:00:00Z", "2031-01-01T00:00:00Z"],
    "state": ["active", "suspended", "verified", "submitted", "expired"],
}
TERMS = some.fixed_dictionaries({field: some.sampled_from(pool) for field, pool in POOLS.items()})
TERM_FIELDS = some.sampled_from(sorted(set(POOLS) - {"state"}))
CHANGES = some.lists(
    TERM_FIELDS.flatmap(lambda field: some.tuples(some.just(field), some.sampled_from(POOLS[field]))), max_size=3
)
MOMENTS = [datetime(year, 11, 2, tzinfo=UTC) for year in (2026, 2030)]
ITEMS = [
    ItemFacts(
        item_id=item,
        account_ref=REF,
        section=what,
        visibility=visibility,
        origin=Origin.creator_export,
        posted_on=day,
        scope_revision=revision,
    )
    for item, what, visibility, day, revision in (
        (A, Section.posts_media, Visibility.public, date(2024, 5, 5), None),
        (B, Section.posts_media, Visibility.public, date(2020, 5, 5), None),
        (B, Section.posts_media, Visibility.unknown, date(2024, 5, 5), None),
        (A, Section.posts_media, Visibility.friends, None, 1),
        (B, Section.posts_metadata, Visibility.public, None, 1),
        (B, Section.posts_media, Visibility.public, None, None),
        (A, Section.profile_public, Visibility.public, None, None),
        (B, Section.stories, Visibility.public, date(2024, 5, 5), None),
    )
]


def permitted(given_: ConsentRecord) -> set[tuple[int, Act, int, str]]:
    levels = (Access.closed, Access.onsite, Access.registered, Access.open)
    return {
        (moment.year, act, which, level)
        for moment in MOMENTS
        for act in Act
        for which, item in enumerate(ITEMS)
        for level in levels
        if decide(given_, act, item, moment, level).allow
    }


@settings(max_examples=60, deadline=None)
@given(TERMS, CHANGES)
def test_what_narrows_allows_nothing_the_gate_did_not_allow_before(terms: dict[str, Any], changes: list[tuple[str, Any]]) -> None:
    old = record(**terms)
    new = revised(old, **{**terms, **dict(changes)})
    if narrows(old, new):
        assert permitted(new) <= permitted(old)


def test_facts_for_the_catalogue_hold_no_date() -> None:
    stored = as_stored(revised(record()), ITEMS[0])
    assert (stored.posted_on, stored.scope_revision) == (None, 2)
    assert "2024" not in repr(stored)
    assert stored.item_id == ITEMS[0].item_id
