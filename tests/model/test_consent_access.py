"""Who may see: the lowest of all ceilings."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from preservation.model.consent import ConsentRecord
from preservation.model.consent_access import effective_access, may_download, sound_of, third_party_clear
from preservation.model.consent_words import Access, Sound
from preservation.model.export import Visibility
from preservation.model.item import ItemFacts
from preservation.model.sections import Section
from tests.consent_samples import account_ref, document

TODAY = date(2026, 11, 2)
CLEAR = {
    "music": "own",
    "music_access": "with_sound",
    "other_people": "none",
    "stitched_or_duetted": "none",
    "minors_shown": "none",
}


def record(**overrides: Any) -> ConsentRecord:
    return ConsentRecord.model_validate(document(**overrides)["record"])


def seen(
    section: Section = Section.posts_media, visibility: Visibility = Visibility.public, today: date = TODAY, **overrides: Any
) -> str:
    item = ItemFacts(item_id="a" * 26, account_ref=account_ref(), section=section, visibility=visibility)
    return effective_access(record(**overrides), item, today).value


def account(**settings: Any) -> dict[str, Any]:
    return {"accounts": [{"account_ref": account_ref(), "platform": "tiktok", **settings}]}


@pytest.mark.parametrize(
    ("visibility", "level"),
    [
        ("public", "open"),
        ("unlisted", "onsite"),
        ("followers", "onsite"),
        ("friends", "onsite"),
        ("private", "closed"),
        ("direct", "closed"),
        ("unknown", "closed"),
    ],
)
def test_platform_visibility_is_a_ceiling(visibility: str, level: str) -> None:
    assert seen(visibility=Visibility(visibility)) == level


@pytest.mark.parametrize(("setting", "level"), [("public", "open"), ("private", "onsite"), ("unknown", "onsite")])
def test_an_account_that_was_not_public_is_for_the_reading_room(setting: str, level: str) -> None:
    assert seen(**account(platform_visibility=setting)) == level


def test_an_account_nobody_gave_is_closed() -> None:
    item = ItemFacts(item_id="a" * 26, account_ref="b" * 26, section=Section.posts_media, visibility=Visibility.public)
    assert effective_access(record(), item, TODAY) is Access.closed
    assert not may_download(record(access={"download": True}), item)


@pytest.mark.parametrize(("holder", "level"), [("yes", "open"), ("shared", "registered"), ("unsure", "onsite"), ("no", "closed")])
def test_unclear_rights_lower_access(holder: str, level: str) -> None:
    assert seen(rights={"creator_is_rightsholder": holder}) == level


@pytest.mark.parametrize("band", ["16-17", "13-15"])
def test_the_work_of_young_people_is_for_named_readers(band: str) -> None:
    """Even where somebody else's level says open."""
    young = record(subject={"age_band": band, "guardian_ref": "c" * 26}, access={"level": "registered"})
    forged = young.model_copy(update={"access": record().access})
    item = ItemFacts(item_id="a" * 26, account_ref=account_ref(), section=Section.posts_media, visibility=Visibility.public)
    assert effective_access(forged, item, TODAY) is Access.registered


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({}, "open"),
        ({"music": "none"}, "open"),
        ({"music": "licensed"}, "open"),
        ({"music": "unknown"}, "registered"),
        ({"music": "platform_library"}, "registered"),
        ({"music": "unknown", "music_access": "closed"}, "closed"),
        ({"other_people": "consented"}, "open"),
        ({"other_people": "public_place"}, "open"),
        ({"other_people": "not_asked"}, "registered"),
        ({"other_people": "unknown"}, "registered"),
        ({"stitched_or_duetted": "own_half_only"}, "open"),
        ({"stitched_or_duetted": "with_permission"}, "open"),
        ({"stitched_or_duetted": "unknown"}, "registered"),
        ({"minors_shown": "own_child"}, "closed"),
        ({"minors_shown": "unknown"}, "closed"),
        ({"co_creators": [{"creator_id": "d" * 26}]}, "closed"),
        ({"co_creators": [{"creator_id": "d" * 26, "record_sha256": "0" * 64}]}, "open"),
    ],
)
def test_other_people_lower_access_for_all_items_or_for_one(said: dict[str, Any], level: str) -> None:
    whole = {**CLEAR, **said}
    assert seen(third_party=whole) == level
    assert seen(third_party_items=[{"item_id": "a" * 26, "third_party": whole}]) == level
    assert seen(third_party_items=[{"item_id": "e" * 26, "third_party": whole}]) == "open"
    clear = third_party_clear(record(third_party=whole).third_party)
    assert clear is (level == "open" or "minors_shown" in said)


@pytest.mark.parametrize(
    ("music", "chosen", "heard"),
    [
        ("none", "mute", "with_sound"),
        ("own", "with_sound", "with_sound"),
        ("own", "mute", "mute"),
        ("unknown", "with_sound", "mute"),
        ("platform_library", "mute", "mute"),
        ("platform_library", "closed", "closed"),
    ],
)
def test_unclear_music_is_never_heard(music: str, chosen: str, heard: str) -> None:
    assert sound_of(record(third_party={"music": music, "music_access": chosen}).third_party) is Sound(heard)


@pytest.mark.parametrize(
    ("section", "ours"),
    [
        ("posts_counts", "open"),
        ("profile_public", "registered"),
        ("own_comments", "registered"),
        ("stories", "closed"),
        ("settings_privacy", "closed"),
    ],
)
@pytest.mark.parametrize("said", Access)
def test_a_section_is_seen_at_the_lower_of_our_ceiling_and_the_creators(section: str, ours: str, said: Access) -> None:
    expected = min(Access(ours), said, key=lambda level: level.rank)
    assert seen(Section(section), sections=[{"section": section, "decision": "in", "access": said}]) == expected
    assert seen(Section(section), sections=[{"section": section, "decision": "out", "access": said}]) == "closed"


def test_a_section_nobody_spoke_of_has_our_ceiling_if_it_is_in() -> None:
    assert seen(sections=[]) == "open"
    assert seen(Section.own_comments, sections=[]) == "closed"
    assert seen(Section.unknown, sections=[]) == "closed"


def test_an_embargo_and_an_end_hold_to_the_day() -> None:
    dark = {"level": "dark_until", "then": "registered", "not_before": "2030-01-01", "expire_on": "2031-01-01"}
    days = ("2029-12-31", "2030-01-01", "2030-12-31", "2031-01-01")
    assert [seen(today=date.fromisoformat(day), access=dark) for day in days] == ["closed", "registered", "registered", "closed"]


@pytest.mark.parametrize("level", Access)
def test_the_creators_level_is_a_ceiling(level: Access) -> None:
    assert seen(access={"level": level.value}) == level


def test_a_download_needs_the_platform_the_creator_and_clear_rights() -> None:
    item = ItemFacts(item_id="a" * 26, account_ref=account_ref(), section=Section.posts_media, visibility=Visibility.public)
    for downloads, yes, holder, music in product(
        ("everyone", "friends", "no_one", "unknown"), (True, False), ("yes", "shared"), ("own", "unknown")
    ):
        given = record(
            **account(platform_downloads=downloads, platform_visibility="public"),
            access={"download": yes},
            rights={"creator_is_rightsholder": holder},
            third_party={"music": music},
        )
        assert may_download(given, item) is ((downloads, yes, holder, music) == ("everyone", True, "yes", "own"))
