"""The consent record: what cannot even be written down, and one spelling for one content."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from preservation.model.consent import ConsentRecord
from preservation.model.consent_parts import Decision, SectionDecision
from preservation.model.sections import SECTION_DEFAULT, Default, Section
from tests.consent_samples import account_ref, affirmation, document, purposes

REF = account_ref()
CHANGE = {"role": "creator", "at": "2026-11-02T00:00:00Z", "from_state": "active"}
SECOND = {"revision": 2, "previous_sha256": "0" * 64, "change": CHANGE}
TEEN = {"age_band": "16-17"}


def record(state: str = "active", **overrides: Any) -> ConsentRecord:
    return ConsentRecord.model_validate(document(state=state, **overrides)["record"])


@pytest.mark.parametrize(
    ("guard", "overrides"),
    [
        ("predecessor-missing-or-too-many", {"revision": 2, "change": CHANGE}),
        ("predecessor-missing-or-too-many", {"previous_sha256": "0" * 64}),
        ("change-missing-or-too-many", {"revision": 2, "previous_sha256": "0" * 64}),
        ("change-missing-or-too-many", {"change": CHANGE}),
        ("dates-narrowed-in-a-later-revision", {"dates_narrowed_in": 2}),
        ("amended-without-an-amendment", {"state": "amended", "pending": None}),
        ("amendment-pending-in-the-wrong-state", {"pending": "widening"}),
        ("affirmation-missing", {"affirmation": None}),
        (
            "special-categories-need-an-explicit-yes",
            {"purposes": [{**purposes("access")[0], "special_category_basis": "explicit_consent_9_2_a"}]},
        ),
        ("account-listed-twice", {"accounts": [{"account_ref": REF, "platform": "x"}] * 2}),
        ("two-scopes-for-one-account", {"scopes": [{"account_ref": REF}, {"account_ref": REF}]}),
        ("scope-of-an-account-not-listed", {"scopes": [{"account_ref": "b" * 26}]}),
        (
            "section-decided-twice",
            {"sections": [{"section": "stories", "decision": "in"}, {"section": "stories", "decision": "out"}]},
        ),
        ("purpose-answered-twice", {"purposes": purposes("access", "access")}),
        ("item-answered-twice", {"third_party_items": [{"item_id": "a" * 26, "third_party": {}}] * 2}),
        ("a-minors-material-is-not-open", {"subject": TEEN}),
        (
            "a-minors-material-is-not-open",
            {"subject": TEEN, "access": {"level": "dark_until", "then": "open", "not_before": "2030-01-01"}},
        ),
        ("guardian-missing", {"subject": {"age_band": "13-15"}, "access": {"level": "closed"}}),
        ("ends-before-it-begins", {"valid_until": "2026-11-01T00:00:00Z"}),
        ("direct-messages-are-never-taken-in", {"scopes": [{"account_ref": REF, "include_visibility": ["direct"]}]}),
        ("only-preserve-and-catalogue-may-be-core", {"purposes": [{**purposes("access")[0], "core": True}]}),
        ("dark-until-needs-then", {"access": {"level": "dark_until"}}),
        ("dark-until-needs-then", {"access": {"level": "dark_until", "then": "open"}}),
        ("dark-until-needs-then", {"access": {"level": "open", "not_before": "2030-01-01"}}),
        ("creative-commons-needs-the-acknowledgement", {"rights": {"licence": "https://CreativeCommons.org/licenses/by/4.0/"}}),
    ],
)
def test_a_record_that_breaks_a_guard_cannot_be_written(guard: str, overrides: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=guard):
        record(**{"state": "active", **overrides})


@pytest.mark.parametrize("section", [section for section in Section if SECTION_DEFAULT[section] is Default.never])
def test_a_section_that_is_never_taken_in_cannot_even_be_recorded_as_in(section: Section) -> None:
    with pytest.raises(ValidationError, match="section-is-never-taken-in"):
        record(sections=[{"section": section, "decision": "in"}])
    assert not record(sections=[{"section": section, "decision": "out"}]).section_in(section)


@pytest.mark.parametrize("section", [section for section in Section if SECTION_DEFAULT[section] is not Default.never])
def test_silence_about_a_section_leaves_its_default_and_an_answer_decides(section: Section) -> None:
    assert record(sections=[]).section_in(section) is (SECTION_DEFAULT[section] is Default.on)
    assert record(sections=[{"section": section, "decision": "in"}]).section_in(section)
    assert not record(sections=[{"section": section, "decision": "out"}]).section_in(section)


@pytest.mark.parametrize(
    "overrides",
    [
        {"subject": {"age_band": "under_13"}},
        {"affirmation": affirmation(understood_withdrawal=False)},
        {"affirmation": affirmation(understood_copies_already_given=None)},
        {"valid_from": "2026-11-01T00:00:00"},
        {"access": {"download": "yes"}},
        {"purposes": [{**purposes("access")[0], "granted": 1}]},
        {"surprise": 1},
    ],
)
def test_what_is_not_a_clear_answer_is_no_record(overrides: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        record(**overrides)


def test_posts_are_offered_only_when_public_unless_more_is_ticked() -> None:
    assert record(scopes=[{"account_ref": REF}]).scopes[0].include_visibility == {"public"}


@pytest.mark.parametrize("state", ["draft", "refused", "expired", "withdrawn"])
def test_a_draft_that_ended_needs_no_signature(state: str) -> None:
    assert record(state, affirmation=None).affirmation is None


def test_one_content_has_one_digest() -> None:
    """However its sets are ordered and its moments spelled, and after writing and reading."""
    ids = ["c" * 26, "a" * 26, "b" * 26]
    one = record(scopes=[{"account_ref": REF, "include_item_ids": ids, "include_visibility": ["unknown", "public", "friends"]}])
    same = record(
        scopes=[{"account_ref": REF, "include_item_ids": ids[::-1], "include_visibility": ["friends", "public", "unknown"]}],
        valid_from="2026-11-01T02:00:00+02:00",
    )
    assert one.canonical() == same.canonical()
    assert one.sha256() == same.sha256() == ConsentRecord.model_validate_json(one.canonical()).sha256()
    assert json.loads(one.canonical())["scopes"][0]["include_item_ids"] == sorted(ids)
    assert one.sha256() != record().sha256()


def test_the_digest_is_the_same_in_every_process() -> None:
    """The order of a set of words changes with the seed of string hashes; the digest must not."""
    program = (
        "import sys; from preservation.model.consent import ConsentRecord;"
        "print(ConsentRecord.model_validate_json(sys.stdin.read()).sha256())"
    )
    given = record(scopes=[{"account_ref": REF, "include_visibility": ["unknown", "public", "friends", "private", "unlisted"]}])
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        ran = subprocess.run(
            [sys.executable, "-c", program], input=given.canonical(), env=environment, capture_output=True, check=True
        )
        assert ran.stdout.decode().strip() == given.sha256()


def test_a_fault_never_quotes_what_was_typed() -> None:
    with pytest.raises(ValidationError) as fault:
        record(subject={"country": "canary.fx"})
    assert "canary.fx" not in str(fault.value)


def test_never_is_stronger_than_a_forged_answer() -> None:
    """A record that went round the guards (`model_construct`) still brings nothing in."""
    forged = SectionDecision.model_construct(section=Section.direct_messages, decision=Decision.in_)
    assert not record().model_copy(update={"sections": (forged,)}).section_in(Section.direct_messages)
