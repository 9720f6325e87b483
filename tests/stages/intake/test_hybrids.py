"""Exports that say things twice: old and new names at once, lists and keys that are there again, audiences that contradict."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from preservation.model.export import ExportReport, MediaKind, Visibility
from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import document, export, in_memory, post, video_link


def read(doc: Any) -> ExportReport:
    """The one report on one document."""
    (report,) = read_exports([export(doc)])
    return report


def codes(report: ExportReport) -> set[str]:
    """Codes of the warnings."""
    return {note.code for note in report.warnings}


def plain_post(date: str, **fields: Any) -> dict[str, Any]:
    """A record as of 2022: when and what, no audience and no caption."""
    return {"Date": date, "Link": video_link(), "Likes": 1, **fields}


def page(number: int) -> str:
    """The page of a post."""
    return f"https://www.tiktokv.com/share/video/{number}/"


def test_a_post_under_two_names_is_one_although_the_older_says_less() -> None:
    """A hybrid of which the old part has neither captions nor audiences, and pages in place of files."""
    first, second = "2025-05-01 10:00:00", "2025-05-02 10:00:00"
    old = {"Videos": {"VideoList": [plain_post(first), {"Date": second, "VideoLink": page(7000000000000000001)}]}}
    new = [post(first, title="a", Link=f"{video_link()}&again=1"), post(second, title="b")]
    for report in (read({**document(new), "Video": old}), read({"Video": old, **document(new)})):
        assert [(p.caption, p.visibility, p.media[0].kind) for p in report.posts] == [
            ("a", Visibility.public, MediaKind.video),
            ("b", Visibility.public, MediaKind.video),
        ]
        assert report.posts[1].platform_id == "7000000000000000001" and "tiktokcdn" in report.posts[1].media[0].ref


def test_twins_under_two_names_are_not_taken_for_one() -> None:
    """Two posts of one second whose captions differ are two, wherever they stand."""
    old = {"Videos": {"VideoList": [post(title="a")]}}
    assert sorted(p.caption or "" for p in read(document([post(title="b")], Video=old)).posts) == ["a", "b"]


@pytest.mark.parametrize(("one", "other"), [("Everyone", "Only me"), ("Only me", "Everyone"), ("Everyone", "Close friends")])
def test_an_export_that_contradicts_itself_never_makes_a_post_public(one: str, other: str) -> None:
    """Two names of a part, two spellings of a key, one key twice: the narrower audience counts, unknown is the narrowest."""
    old = {"Videos": {"VideoList": [post(title="a", WhoCanView=one)]}}
    under_two_names = read(document([post(title="a", WhoCanView=other)], Video=old))
    in_two_spellings = read(document([{**post(WhoCanView=one), "whoCanView": other}]))
    twice = json.dumps(document([post(WhoCanView=one)])).replace('"Title"', f'"WhoCanView": "{other}", "Title"')
    (given_twice,) = read_exports([in_memory("user_data_tiktok.json", twice.encode())])
    for report in (under_two_names, in_two_spellings, given_twice):
        (only,) = report.posts
        assert only.visibility is not Visibility.public and only.visibility_raw != "Everyone"
        assert "audience-contradictory" in codes(report)


def test_a_profile_that_was_never_filled_in_is_empty() -> None:
    """The platform writes `None` for a bio that is not there."""
    report = read(document([post()], Profile={"Profile Info": {"ProfileMap": {"userName": "ada.fx", "bioDescription": "None"}}}))
    assert report.account.bio is None and report.account.handle == "ada.fx" and "bioDescription" not in report.profile


def test_a_user_id_in_a_link_is_not_kept_even_without_its_question_mark() -> None:
    """Links behind the login page have been seen as `…/tos-x&policy=…`."""
    target = (
        "http://webapp-i18n.tiktok.com/0123456789abcdef0123456789abcdef/67690f3e/tos-useast5-pve-0068-tx/x&policy=eyJ1aWQiOjF9"
    )
    link = f"https://www.tiktok.com/login/?redirect_url={quote(target, safe='')}"
    (gone,) = read(document([], Video={"RecentlyDeletedPosts": {"PostList": [post(Link=link)]}})).deleted_posts
    (medium,) = gone.media
    assert (
        medium.kind is MediaKind.video
        and medium.link_expires_at_utc
        and medium.link_expires_at_utc.isoformat().startswith("2024-12-23")
    )
    kept = [gone.words, gone.observations, medium.unsigned_ref, replace(medium, ref=target).unsigned_ref]
    assert "policy" not in str(kept) and "eyJ1" not in str(kept)


def test_hundreds_of_lists_of_posts_are_read_each_post_once() -> None:
    """A key that is there again and again."""
    lists = ",".join(
        f'"VideoList":[{json.dumps(post(f"2025-05-01 10:{n // 60:02}:{n % 60:02}"))}]' for n in (*range(300), *range(300))
    )
    (report,) = read_exports([in_memory("user_data_tiktok.json", f'{{"Post":{{"Posts":{{{lists}}}}}}}'.encode())])
    assert len(report.posts) == 300
