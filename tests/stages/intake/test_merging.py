"""Several exports of one account become one report; the latest words and visibility win, nothing is dropped."""

from typing import Any

from preservation.model.export import ExportReport, Visibility
from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import document, export, post, video_link

OLD, NEW = "TikTok_Data_1750000000.zip", "TikTok_Data_1759138200.zip"


def merged(old: list[Any], new: list[Any], **parts: Any) -> ExportReport:
    """An older and a newer export of one account, handed in newest first."""
    (report,) = read_exports([export(document(new, **parts), name=NEW), export(document(old, handle="Ada.fx"), name=OLD)])
    return report


def test_a_post_in_both_is_one_post_with_its_latest_words() -> None:
    """An edited caption, a new audience and a new link are the same item."""
    report = merged([post(title="first")], [post(title="edited", WhoCanView="Only me", Link=video_link("resigned"))])
    (only,) = report.posts
    assert (only.caption, only.visibility, only.seen_in) == ("edited", Visibility.private, ("export-1", "export-2"))
    assert [export["id"] for export in report.exports] == ["export-1", "export-2"]
    assert report.exported_at_utc and report.exported_at_utc.timestamp() == 1759138200


def test_a_post_that_vanished_is_marked_not_dropped() -> None:
    """It is seen in the older export only."""
    report = merged([post(title="gone"), post("2025-06-01 10:00:00")], [post("2025-06-01 10:00:00"), post("2025-07-01 10:00:00")])
    assert sorted((p.caption or "", p.seen_in) for p in report.posts) == [
        ("", ("export-1", "export-2")),
        ("", ("export-2",)),
        ("gone", ("export-1",)),
    ]


def test_twins_of_one_second_are_matched_by_caption() -> None:
    """In whatever order they stand."""
    report = merged([post(title="a", Likes="1"), post(title="b")], [post(title="b"), post(title="a", Likes="9")])
    assert sorted((p.caption, p.observations["Likes"], len(p.seen_in)) for p in report.posts) == [("a", 9, 2), ("b", 3, 2)]


def test_twins_that_cannot_be_told_stay_apart_with_a_warning() -> None:
    """Two then, three now, all captions changed."""
    report = merged([post(title="a"), post(title="b")], [post(title="x"), post(title="y"), post(title="z")])
    assert len(report.posts) == 5 and "twins-ambiguous" in {note.code for note in report.warnings}


def test_a_caption_is_kept_where_the_newer_export_gives_none_at_all() -> None:
    """A generation without captions does not erase them."""
    newer = {key: value for key, value in post().items() if key != "Title"}
    assert merged([post(title="kept")], [newer]).posts[0].caption == "kept"
    assert merged([post(title="taken off")], [post(title="")]).posts[0].caption is None


def test_a_post_deleted_since_is_no_longer_among_the_posts() -> None:
    """The newer export lists it as deleted, and deleted posts are off by default."""
    parts = {
        "Post": {
            "Posts": {"VideoList": []},
            "Recently Deleted Posts": {"PostList": [post(title="oops", DateDeleted="2025-06-01 10:00:00")]},
        }
    }
    report = merged([post(title="oops")], [], **parts)
    assert report.posts == () and [p.caption for p in report.deleted_posts] == ["oops"]
    assert "deleted-since" in {note.code for note in report.warnings}


def test_an_audience_the_newer_export_does_not_give_is_unknown() -> None:
    """What was public once may not be now."""
    newer = {key: value for key, value in post().items() if key != "WhoCanView"}
    assert merged([post()], [newer]).posts[0].visibility is Visibility.unknown


def test_the_same_export_twice_is_one() -> None:
    """Equal bytes under two names."""
    doc = document([post(title="a"), post(title="b")])
    (report,) = read_exports([export(doc, name=OLD), export(doc, name="copy.zip")])
    assert len(report.posts) == 2 and len(report.exports) == 1


def test_a_part_without_posts_joins_the_part_that_has_them() -> None:
    """Two requests to the platform, one for posts and one for the profile; a part without a handle stays with its archive."""
    profile = document(None, handle="ada.fx")
    del profile["Post"]
    (report,) = read_exports([export(document([post()]), name=OLD), export(profile, name=NEW)])
    assert len(report.posts) == 1 and report.errors == ()


def without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A record of a generation that does not give these."""
    return {key: value for key, value in record.items() if key not in keys}


def test_an_audience_narrower_than_public_outlives_an_export_that_gives_none() -> None:
    """Its generation does not say it of any post; what it does say, in words we do not know, is unknown."""
    assert merged([post(WhoCanView="Only me")], [without(post(), "WhoCanView")]).posts[0].visibility is Visibility.private
    (forgotten,) = merged([post()], [without(post(), "WhoCanView")]).posts
    assert forgotten.visibility is Visibility.unknown and "WhoCanView" not in forgotten.words
    assert merged([post(WhoCanView="Only me")], [post(WhoCanView="Mystery")]).posts[0].visibility is Visibility.unknown
    some = [without(post(), "WhoCanView"), post("2025-06-01 10:00:00")]
    assert merged([post(WhoCanView="Only me")], some).posts[0].visibility is Visibility.unknown


def test_posts_of_2020_are_found_again_in_exports_without_their_ids() -> None:
    """Early exports link to the page of a post, later ones to its file."""
    page = "https://www.tiktokv.com/share/video/6803173946889009045/"
    early = {"Date": "2020-03-12 04:29:28", "VideoLink": page}
    twin = {"Date": "2020-03-12 04:29:28", "VideoLink": page.replace("9045", "9046")}
    (only,) = merged([early], [post("2020-03-12 04:29:28", title="now with a caption")]).posts
    assert (only.caption, only.platform_id, len(only.seen_in)) == ("now with a caption", "6803173946889009045", 2)
    assert len(merged([early], [twin]).posts) == 2 and len(merged([early, twin], [twin, early]).posts) == 2
