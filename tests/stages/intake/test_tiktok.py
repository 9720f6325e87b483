"""TikTok exports unlike the fixtures: other hosts, hybrids, drift, repeated keys, layouts that do not exist yet."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from preservation.errors import DepositUnusable
from preservation.model.export import ExportReport, MediaKind, MediaStatus, PostKind, Visibility
from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok_accounting as accounting
from preservation.stages.intake.exports import tiktok_links as links
from preservation.stages.intake.exports.tiktok_sections import section_of
from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import JPEG, document, export, in_memory, photo_link, post, video_link, zipped


def read(doc: Any, **named: str) -> ExportReport:
    """The one report on one document."""
    (report,) = read_exports([export(doc, **named)])
    return report


def codes(report: ExportReport) -> set[str]:
    """Codes of the warnings."""
    return {note.code for note in report.warnings}


def as_parts(parts: dict[str, Any]) -> dict[str, Any]:
    """Top-level parts by names that are no identifiers."""
    return parts


def errors(report: ExportReport) -> list[str]:
    """Codes of the errors."""
    return [note.code for note in report.errors]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("Everyone", Visibility.public),
        ("Friends", Visibility.friends),
        ("Only me", Visibility.private),
        ("Followers", Visibility.followers),
        ("Subscribers", Visibility.unknown),
        ("Public to some", Visibility.unknown),
        ("", Visibility.unknown),
        (None, Visibility.unknown),
        (1, Visibility.unknown),
    ],
)
def test_only_audiences_we_know_are_trusted(raw: Any, wanted: Visibility) -> None:
    """Anything else is unknown, never public, and warned about."""
    report = read(document([post(WhoCanView=raw)]))
    assert report.posts[0].visibility is wanted
    assert ("visibility-not-understood" in codes(report)) == (wanted is Visibility.unknown)


@pytest.mark.parametrize("title", ["", "N/A", None])
def test_no_caption_is_none(title: Any) -> None:
    """All three ways the platform writes it."""
    assert read(document([post(title=title)])).posts[0].caption is None


def test_a_caption_is_kept_to_the_letter() -> None:
    """Line breaks, what looks like a record, and emoji sequences."""
    caption = "Date: not a record\n\nLink: x 👩🏽‍🚀 \u202e"
    assert read(document([post(title=caption)])).posts[0].caption == caption


def test_a_photo_set_is_several_links_in_one_string() -> None:
    """Separated by line breaks of any kind; a set may hold a single picture."""
    many = "\r\n".join(photo_link(str(n)) for n in range(3)) + "\n"
    report = read(document([post(Link=many), post("2025-05-02 10:00:00", Link=photo_link("one"))]))
    assert [post.kind for post in report.posts] == [PostKind.photo_set] * 2
    assert [len(post.media) for post in report.posts] == [3, 1]
    assert {medium.kind for post in report.posts for medium in post.media} == {MediaKind.image}


def test_two_links_to_video_are_no_photo_set() -> None:
    """The kind comes from the links, not from how many there are."""
    assert read(document([post(Link=f"{video_link('a')}\n{video_link('b')}")])).posts[0].kind is PostKind.video


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://v45.tiktokcdn-eu.com/0123456789abcdef0123456789abcdef/67690f34/video/tos/x/y/", MediaKind.video),
        ("https://v16-webapp.tiktok.com/a/b/?mime_type=video_mp4", MediaKind.video),
        ("https://p77-sign-sg.tiktokcdn.com/obj/tos-alisg-p-0037/o0~tplv-x.image?x-expires=1760000000", MediaKind.image),
        ("https://p16-common-sign.tiktokcdn-us.com/tos-useast5-i-photomode-tx/abc", MediaKind.image),
        ("https://sf16-ies-music.tiktokcdn.com/obj/tos/7.mp3", MediaKind.audio),
        ("https://example.org/whatever", MediaKind.unknown),
        ("https://[bad/", MediaKind.unknown),
    ],
)
def test_the_kind_of_a_medium_is_read_from_its_link(link: str, kind: MediaKind) -> None:
    """Stated type, then path, then host; an unknown host with a plain path stays unknown."""
    assert links.kind_of_link(link) is kind


@pytest.mark.parametrize(
    "link",
    [
        "https://v.example/a?x-tos-expires=1734938441&x-tos-signature=s",
        "https://p.example/a.jpeg?X-Expires=1734938441",
        "https://v19.tiktokcdn.com/0123456789abcdef0123456789abcdef/67690f49/video/tos/a/",
        "https://www.tiktok.com/login/?redirect_url=http%3A%2F%2Fwebapp-i18n.tiktok.com%2F0123456789abcdef0123456789abcdef%2F67690f49%2Ftos%3Fa%3D1",
    ],
)
def test_the_expiry_is_read_from_each_link(link: str) -> None:
    """In a query parameter, in the path in hexadecimal, behind a login page."""
    assert links.expiry(link) == datetime(2024, 12, 23, 7, 20, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    "link", ["https://v.example/a", "https://v.example/a?x-expires=0", "https://v.example/a?x-expires=soon", "https://[/"]
)
def test_no_expiry_is_assumed(link: str) -> None:
    """A link that states none, or nonsense, has none."""
    assert links.expiry(link) is None


def test_a_link_behind_the_login_page_is_marked() -> None:
    """Only the creator can open it."""
    link = "https://www.tiktok.com/login/?redirect_url=http%3A%2F%2Fwebapp-i18n.tiktok.com%2Fx%3Fmime_type%3Dvideo_mp4"
    (medium,) = read(document([post(Link=link)])).posts[0].media
    assert medium.needs_login and medium.status is MediaStatus.link_only and medium.kind is MediaKind.video
    assert not read(document([post()])).posts[0].media[0].needs_login


def test_what_changes_by_itself_is_kept_apart_from_the_words() -> None:
    """Likes, links and saves are observations, links without signature; the words are the rest, keys as written."""
    record = post(
        Likes=7, CoverImage=photo_link("c"), NumberOfCollections="1,204", Location="Sylt", AlternateText="N/A", Sound="s"
    )
    (read_post,) = read(document([record])).posts
    assert set(read_post.words) == {"Date", "WhoCanView", "Title", "Location", "AlternateText", "Sound"}
    assert read_post.observations["Likes"] == 7 and read_post.observations["NumberOfCollections"] == 1204
    assert "?" not in json.dumps(read_post.observations)
    assert read_post.pointer == "/Post/Posts/VideoList/0"


def test_a_field_nobody_has_mapped_is_left_out_and_said() -> None:
    """An allow-list holds for the fields of a post too."""
    report = read(document([post(ViewerNames=["zoe.fx"])]))
    assert "ViewerNames" not in report.posts[0].words and "zoe.fx" not in report.model_dump_json()
    (part,) = [part for part in report.sections if part.name == "Post.Posts.VideoList[].ViewerNames"]
    assert part.section is Section.unknown and part.decision == "never" and "unknown-section" in codes(report)


@pytest.mark.parametrize("second", ["Posts", "Like List", "Profile Info", "Hashtag"])
def test_a_known_name_under_an_unknown_one_is_unknown(second: str) -> None:
    """The list is of whole paths: what moved to where nobody has seen it is left out and warned about."""
    report = read(document([post()], **as_parts({"Mystery": {second: {"VideoList": [post(title="moved")]}}})))
    (part,) = [part for part in report.sections if part.name.startswith("Mystery")]
    assert (part.section, part.decision) == (Section.unknown, "never") and len(report.posts) == 1
    assert section_of("mystery", second.lower().replace(" ", "")) is Section.unknown


def test_the_place_of_a_post_is_decided_apart() -> None:
    """It has a line of its own, off unless the creator says yes; so have counts."""
    parts = {part.name: (part.section, part.decision) for part in read(document([post(Location="Sylt")])).sections}
    assert parts["Post.Posts.VideoList[].Location"] == (Section.location_post, "off")
    assert parts["Post.Posts.VideoList[].Likes"] == (Section.posts_counts, "in")
    assert parts["Post.Posts"] == (Section.posts_metadata, "in")


def test_old_and_new_names_at_once_are_read_once() -> None:
    """January 2025: the same posts under `Video.Videos` and `Post.Posts`; twins within one list stay two."""
    twins = [post(title="a"), post(title="a"), post("2025-05-02 10:00:00", title="b")]
    doc = document(twins, Video={"Videos": {"VideoList": twins}}, Activity={"Like List": {"ItemFavoriteList": []}})
    report = read(doc)
    assert len(report.posts) == 3 and "hybrid-layout" in codes(report) and errors(report) == []


def test_keys_in_any_casing_are_read() -> None:
    """`postS.videolist[].DATE` and numbers as numbers."""
    doc = {
        "post": {
            "posts": {
                "videolist": [{"DATE": "2025-05-01 10:00:00", "link": video_link(), "title": "t", "who can view": "Everyone"}]
            }
        }
    }
    (only,) = read(doc).posts
    assert (only.caption, only.visibility, only.kind) == ("t", Visibility.public, PostKind.video)


def test_both_values_of_a_repeated_key_are_read() -> None:
    """A document with two `Post` objects: neither overwrites the other."""
    one, two = (json.dumps({"Posts": {"VideoList": [post(title=title)]}}) for title in "ab")
    (report,) = read_exports([in_memory("user_data_tiktok.json", f'{{"Post": {one}, "Post": {two}}}'.encode())])
    assert [post.caption for post in report.posts] == ["a", "b"] and "json-duplicate-key" in codes(report)
    names = [part.name for part in report.sections]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "doc",
    [
        {"Content": {"Published": {"Items": [post()]}}, "Profile": {"Profile Info": {"ProfileMap": {"userName": "a"}}}},
        {"Post": {"Clips": {"VideoList": [post()]}}},
        {"Post": {"Posts": {"ClipList": [post()]}}},
        {"Post": {"Posts": {"VideoList": {"0": post()}}}},
        {"Post": {"Posts": {"VideoList": ["gone", 3]}}},
        {"Post": {"Posts": {"VideoList": []}}, "Creations": {"All": [post()]}},
        {"Post": {"Posts": "elsewhere"}},
        {"Your Activity": {"Like List": {"ItemFavoriteList": []}}},
        {},
        [],
    ],
)
def test_posts_that_should_be_there_and_are_not_are_an_error(doc: Any) -> None:
    """Future layouts, renamed lists, unreadable records: never an empty success."""
    report = read(doc)
    assert report.posts == () and {"no-posts-read", "no-posts-section"} & set(errors(report))


@pytest.mark.parametrize("empty", [None, [], {}, ""])
def test_an_account_without_posts_is_no_error(empty: Any) -> None:
    """The list is there and empty, in each of the platform's empties."""
    assert errors(read(document(empty))) == []


def test_a_record_that_cannot_be_read_among_others_is_an_error() -> None:
    """The rest is read, and the loss is counted."""
    report = read(document([post(), "gone", {}]))
    assert len(report.posts) == 1 and errors(report) == ["post-records-unreadable"]


def test_an_unknown_part_warns_by_name_but_never_by_a_persons() -> None:
    """New sections are named; a key that holds a handle is not."""
    chat = {"Chat History with zoe_writes.fx:": [{"From": "zoe_writes.fx", "Content": "hi"}]}
    report = read(
        document(
            [post()],
            **as_parts({"Sound Lab": {"Takes": [1]}, "Chat History with mia:": [1], "Direct Message": {"New Box": chat}}),
        )
    )
    said = [note.message for note in report.warnings if note.code == "unknown-section"]
    assert len(said) == 3 and "Sound Lab" in said[0] and "mia" not in " ".join(said)
    assert "zoe" not in report.model_dump_json() and "mia" not in report.model_dump_json(exclude={"members"})


def test_chats_directly_below_their_part_give_no_name_away() -> None:
    """A layout without the `ChatHistory` step in between."""
    chats: dict[str, Any] = {"Chat History with zoe:": [{}, {}], "mia": [{}]}
    messages = {"Chat History": chats, "Group Chat": {"Family Ties": [{}]}, "lou": [{}]}
    report = read(document([post()], **as_parts({"Direct Messages": messages})))
    given = [(part.name, part.what, part.records) for part in report.third_party_sections]
    assert given == [("Direct Messages.Chat History", "direct_messages", 3), ("Direct Messages.Group Chat", "group_chat", 1)]
    said = report.model_dump_json()
    assert not [name for name in ("zoe", "mia", "lou", "Family Ties") if name in said]


def test_every_path_of_a_document_is_covered_by_a_part() -> None:
    """The longest name that fits each path counts, and there always is one."""
    parts = {"Your Activity": {"Status": {"Status List": []}, "New": 3}, "Odd": [1], "Comment": None}
    doc = document([post(Location="x")], **as_parts(parts))
    names = [part.name for part in accounting.sections(doc)]
    for path in paths(doc):
        assert [name for name in names if path == name or path.startswith((f"{name}.", f"{name}[]"))], path


def paths(value: Any, name: str = "") -> set[str]:
    """Every key path of a document, lists as `[]`."""
    if isinstance(value, list):
        return {path for item in value for path in paths(item, f"{name}[]")} or {name}
    if isinstance(value, dict) and value:
        return {path for key, item in value.items() for path in paths(item, f"{name}.{key}" if name else key)}
    return {name}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2024-11-24 08:53:18", "2024-11-24T08:53:18+00:00"),
        ("2024-11-24 08:53:18 UTC", "2024-11-24T08:53:18+00:00"),
        ("2026-03-01T10:10:10Z", "2026-03-01T10:10:10+00:00"),
        ("2026-03-01T10:10:10.250+02:00", "2026-03-01T08:10:10+00:00"),
        (1735588272, "2024-12-30T19:51:12+00:00"),
        ("1735588272000", "2024-12-30T19:51:12+00:00"),
    ],
)
def test_dates_are_read_in_every_form_seen(written: Any, wanted: str) -> None:
    """UTC unless an offset is written."""
    created = read(document([post(date=written)])).posts[0].created_at_utc
    assert created and created.isoformat() == wanted


def test_a_date_that_is_none_is_not_guessed() -> None:
    """The post is kept, without a time, and warned about."""
    report = read(document([post(date="2025-02-30 10:00:00")]))
    assert report.posts[0].created_at_utc is None and "date-unreadable" in codes(report)


def test_a_post_known_by_its_page_has_its_id_and_its_time() -> None:
    """The oldest exports link to the page; its id holds the time of upload."""
    page = f"https://www.tiktokv.com/share/video/{1600000000 << 32}/"
    (only,) = read({"Video": {"Videos": {"VideoList": [{"Date": "", "VideoLink": page}]}}}).posts
    assert only.platform_id == str(1600000000 << 32)
    assert only.created_at_utc == datetime.fromtimestamp(1600000000, UTC)


def test_the_time_of_export_is_in_the_name_or_in_the_links() -> None:
    """The innermost name that has a stamp; else the log id of the links."""
    doc = document([post()])
    assert read(doc).exported_at_utc == datetime(2025, 9, 29, 9, 30, tzinfo=UTC)
    assert read(doc, name="my export (2).zip").exported_at_utc == datetime(2025, 9, 29, 9, 30, tzinfo=UTC)
    assert read(
        doc, name="x.zip", member="TikTok_Data_1735588272/user_data_tiktok.json"
    ).exported_at_utc == datetime.fromtimestamp(1735588272, UTC)


@pytest.mark.parametrize(
    ("written", "wanted"), [("Enabled", True), ("On", True), ("Disabled", False), ("Off", False), ("Maybe", None)]
)
def test_a_private_account_is_known(written: str, wanted: bool | None) -> None:
    """In either of the platform's wordings; anything else is not known."""
    settings = {
        "App Settings": {"Settings": {"SettingsMap": {"Private Account": written, "Interests": "chess", "Who Can Stitch": "x"}}}
    }
    report = read(document([post()], **as_parts(settings)))
    assert report.account.private is wanted
    assert set(report.profile["settings_privacy"]) == {"Private Account", "Who Can Stitch"}


def test_a_medium_named_by_a_path_is_found_in_the_archive() -> None:
    """In a wrapper folder, in another Unicode form; one that is not there is missing."""
    records = [post(Link="media/Zo\u00eb.jpg"), post("2025-05-02 10:00:00", Link="media/gone.mp4")]
    data = zipped(
        [("export/user_data_tiktok.json", json.dumps(document(records)).encode()), ("export/media/Zoe\u0308.jpg", JPEG)]
    )
    (report,) = read_exports([in_memory("TikTok_Data_1759138200.zip", data)])
    here, gone = (post.media[0] for post in report.posts)
    assert here.status is MediaStatus.in_archive and here.held and here.size == len(JPEG) and here.kind is MediaKind.image
    assert gone.status is MediaStatus.missing and gone.held is None


def test_expired_links_are_said_when_the_time_is_known() -> None:
    """The clock is the caller's."""
    source = export(document([post(Link=video_link(expires=1760000000))]))
    before, after = (read_exports([source], at=datetime.fromtimestamp(seconds, UTC))[0] for seconds in (1759999999, 1760000000))
    assert "media-links-expired" not in codes(before) and "media-links-expired" in codes(after)


def test_two_accounts_in_one_call_are_two_reports() -> None:
    """Handles are never joined."""
    reports = read_exports([export(document([post()], handle="ada.fx")), export(document([post()], handle="bea.fx"))])
    assert [report.account.handle for report in reports] == ["ada.fx", "bea.fx"]


def test_nothing_handed_in_is_refused() -> None:
    """Not an empty list of reports."""
    with pytest.raises(DepositUnusable):
        read_exports([])


def test_stories_of_the_shape_of_posts_are_read_apart() -> None:
    """They are of their own section, which is off by default, and are merged by identity; what has another shape is warned about."""
    odd = {"Date": "2026-01-01 10:00:00", "Frames": [1]}
    doc = document([post()])
    doc["Post"]["Story"] = {"StoryList": [post("2026-02-01 10:00:00", title="a day"), odd]}
    (report,) = read_exports([export(doc), export(doc, name="TikTok_Data_1750000000.zip", member="a/user_data_tiktok.json")])
    assert [(story.caption, story.section) for story in report.stories] == [("a day", Section.stories)]
    assert len(report.posts) == 1 and not report.errors and {"stories-present", "stories-not-read"} <= codes(report)
    (line,) = [part for part in report.sections if part.name == "Post.Story"]
    assert (line.section, line.decision, line.records) == (Section.stories, "off", 2)


@pytest.mark.parametrize("empty", [None, [], {}, {"StoryList": None}, {"StoryList": []}])
def test_no_stories_are_no_warning(empty: Any) -> None:
    """In every way the platform says nothing."""
    doc = document([post()])
    doc["Post"]["Story"] = empty
    report = read(doc)
    assert report.stories == () and not {"stories-present", "stories-not-read"} & codes(report)


@pytest.mark.parametrize("empty", [None, [], {}, {"VideoList": None}, {"VideoList": {}}])
def test_a_part_without_posts_is_no_error(empty: Any) -> None:
    """In every way the platform says nothing."""
    assert errors(read({"Post": {"Posts": empty}, "Profile": {"Profile Info": {"ProfileMap": {"userName": "ada.fx"}}}})) == []


def test_parts_nobody_knows_are_warned_about_within_reason() -> None:
    """A hundred by name, the rest together."""
    report = read(document([post()], **as_parts({f"Part {n}": [1] for n in range(150)})))
    warnings = [note.message for note in report.warnings if note.code == "unknown-section"]
    assert len(warnings) == 101 and warnings[-1].startswith("50 more parts")
