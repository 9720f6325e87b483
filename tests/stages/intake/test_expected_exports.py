"""Exports of every generation since 2021 read field by field as their EXPECTED.json says."""

import json
from typing import Any

import pytest

from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.report_json import report_json
from tests.stages.intake.building import FIXTURES, on_disk

CASES = sorted(path.name for path in FIXTURES.glob("tiktok_*"))


@pytest.fixture(params=CASES, name="case")
def _case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is expected and what was read, companions not given."""
    folder = FIXTURES / request.param
    reports = read_exports([on_disk(path) for path in sorted((folder / "input").glob("*.zip"))])
    assert len(reports) == 1
    return json.loads((folder / "EXPECTED.json").read_text("utf-8")), report_json(reports[0])


def _trimmed(caption: str | None) -> str | None:
    return caption.strip() if caption else None


def _facts(post: dict[str, Any]) -> tuple[Any, ...]:
    media = tuple((m["ref"], m["kind"], m["status"], m["link_expires_at_utc"], bool(m.get("needs_login"))) for m in post["media"])
    return post["created_at_utc"], _trimmed(post["caption"]), post["likes"], media


def _public(post: dict[str, Any]) -> tuple[Any, ...]:
    more = (post["kind"], post["visibility"], post["visibility_raw"], post.get("sound"), post.get("location"))
    return (*_facts(post), *more)


def test_every_post_is_read_as_it_stands(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Date, caption, counts, kind, audience, sound, place, and every medium with its link, kind, status and expiry."""
    expected, read = case
    assert len(read["posts"]) == expected["counts"]["posts"]
    assert sorted(map(_public, read["posts"]), key=repr) == sorted(map(_public, expected["posts"]), key=repr)


def test_deleted_posts_are_kept_apart(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """They are never among the posts, and their links need a login."""
    expected, read = case
    deleted = [(*_facts(post), post["deleted_at_utc"]) for post in read["deleted_posts"]]
    assert sorted(deleted, key=repr) == sorted(
        [(*_facts(post), post["deleted_at_utc"]) for post in expected["deleted_posts"]], key=repr
    )


def test_the_account_and_the_time_of_export_are_known(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Handle, display name, words about oneself, generation, format and time."""
    expected, read = case
    assert {key: read["account"][key] for key in expected["account"]} == expected["account"]
    for key in ("platform", "generation", "format", "exported_at_utc"):
        assert read[key] == expected[key]


def test_live_sessions_come_without_earnings_and_other_people(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Times, room, title and replay are read; what was earned and who was muted is not."""
    expected, read = case
    wanted = expected["live_sessions"]
    assert (
        [{key: live[key] for key in wanted[0]} for live in read["live_sessions"]] == wanted
        if wanted
        else not read["live_sessions"]
    )
    assert not any(
        key.lower().startswith(("totalearning", "totalgifter", "muted"))
        for live in read["live_sessions"]
        for key in live["words"]
    )


def test_other_peoples_parts_are_named_and_counted_without_their_names(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Each part that holds others' words or names is listed, and no handle of theirs stands in any name we give."""
    expected, read = case
    given = {(part["name"], part["what"]): part["records"] for part in read["third_party_sections"]}
    for part in expected["third_party_sections"]:
        wanted = part.get("messages", part.get("count", len(part.get("people", []))))
        assert given.pop((part["section"], part["what"])) == wanted
    assert not given
    names = json.dumps([read["third_party_sections"], read["sections"], read["warnings"], read["errors"]], ensure_ascii=False)
    people = [person for part in expected["third_party_sections"] for person in part.get("people", [])]
    assert not [name for name in [*people, *expected["third_party_canaries"]] if name in names]


def test_nothing_that_is_never_taken_in_stands_in_the_words_of_a_report(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Canaries, other people, addresses, numbers and device ids are nowhere in what a report says."""
    expected, read = case
    said = json.dumps({key: value for key, value in read.items() if key != "members"}, ensure_ascii=False)
    sensitive = [value for part in expected["own_sensitive_sections"] for value in part.get("values", [])]
    people = [person for part in expected["third_party_sections"] for person in part.get("people", [])]
    assert not [value for value in [*sensitive, *people, *expected["third_party_canaries"]] if value in said]


def test_expected_warnings_are_given_and_no_errors(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Companion and expiry warnings need companions and a clock, and have tests of their own."""
    expected, read = case
    given = {note["code"] for note in read["warnings"]}
    wanted = {code.replace("_", "-") for code in expected["warnings_expected"]}
    assert wanted - {"companion-media-error-page", "media-links-expired"} <= given
    assert "unknown-section" not in given and read["errors"] == []


def test_every_key_path_is_accounted_for_once(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Names are unique, each has a decision and a reason, and posts, messages and logins are decided as the table says."""
    _, read = case
    names = [part["name"] for part in read["sections"]]
    assert len(names) == len(set(names))
    assert all(part["reason"] and part["decision"] in ("in", "off", "never") for part in read["sections"])
    decided = {part["section"]: part["decision"] for part in read["sections"]}
    assert decided["posts_metadata"] == "in" and decided["direct_messages"] == decided["login_ip_device"] == "never"
    assert decided["watch_history"] == "off" and decided["profile_contact"] == "never"
