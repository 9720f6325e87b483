"""The tree of a text export: every file accounted for, recognised by content as by name, other people never named."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preservation.model.export import ExportReport
from preservation.stages.intake.exports.tiktok_txt import TxtMember, read_tree, recognise_tree, separate
from preservation.stages.intake.exports.tiktok_txt_lines import Oddities, lines
from preservation.stages.intake.report_json import report_json
from tests.stages.intake.building import photo_link, video_link
from tests.stages.intake.txt_building import NO_DATA, codes, member, parts, read, record, tree, written

SHARE = "https://www.tiktokv.com/share/video/7549882491848005234/"
POSTS = {"TikTok/Posts/Posts.txt": written([record(Title="a"), record(Title="b")])}
CHATS = (
    ">>> Chat History with mabli.fx::\n\n2026-07-03 23:00:11 UTC ada.fx: hello\n2026-07-03 22:00:11 UTC mabli.fx: brass-heron-1\n"
    "Note: two: lines\n\n>>> Chat History with gwen.fx::\n\n2026-07-01 10:00:00 UTC gwen.fx: https://x.example\n"
)


def _dated(n: int, rest: str = f"Link: {SHARE}") -> str:
    return "\n\n".join(f"Date: 2025-09-14 10:00:{k % 60:02} UTC\n{rest}" for k in range(n)) + "\n"


def _said(report: ExportReport) -> str:
    return json.dumps(report_json(report), ensure_ascii=False)


COUNTS: list[tuple[str, str, str, int]] = [
    ("TikTok/Your Activity/Watch History.txt", _dated(30), "watch_history", 30),
    ("Activity/Video Browsing.txt", _dated(3).replace("Link", "Video Link"), "watch_history", 3),
    ("Tiktok/Activity/Browsing History.txt", _dated(2).replace("\n\n", "\n"), "watch_history", 2),
    ("TikTok/Likes and Favorites/Like List.txt", _dated(12), "likes_favourites", 12),
    ("TikTok/Likes and Favorites/Favorite HashTags.txt", _dated(2, "HashTag Link:: https://x.example/t"), "likes_favourites", 2),
    ("TikTok/Likes and Favorites/Favorite Comments.txt", "Favorite Comment:\n\n" + NO_DATA, "likes_favourites", 0),
    (
        "TikTok/Likes and Favorites/Favorite Comments.txt",
        "Favorite Comment:\n\n" + _dated(2, "Comment: hi: x\n\nso"),
        "likes_favourites",
        2,
    ),
    ("TikTok/Comments/Comments.txt", _dated(3, "Comment: a: b\n\nP.S.: c\nPhoto: N/A\nUrl: "), "own_comments", 3),
    ("Tiktok/Comments/Comment.txt", _dated(2, "Comment: a\n\nDate: 2025-01-01 10:00:00\nb\nUrl: "), "own_comments", 2),
    ("TikTok/Your Activity/Login History.txt", _dated(4, "IP: 192.0.2.1\nDevice Model: P\nCarrier: "), "login_ip_device", 4),
    ("TikTok/Your Activity/Searches.txt", _dated(2, "Search Term: x"), "search_history", 2),
    ("Activity/Sharing.txt", _dated(2, f"Shared Content: video\nLink: {SHARE}\nMethod: m"), "reposts_shares", 2),
    ("TikTok/Your Activity/Activity Summary.txt", "(Note: x)\n\nVideos watched: 3\nVideos shared: 1\n", "activity_summary", 1),
    ("TikTok/Profile and Settings/Follower.txt", _dated(2, "Username: mabli.fx"), "followers", 2),
    ("TikTok/Profile and Settings/Block List.txt", NO_DATA, "blocked", 0),
    ("Tiktok/Activity/Following List.txt", "Username: mabli.fx\nUsername: gwen.fx\n", "following", 2),
    ("TikTok/Direct Messages/Direct Messages.txt", CHATS, "direct_messages", 3),
    (
        "TikTok/Your Activity/Purchases.txt",
        f"Send Gifts History:\n{NO_DATA}\nBuy Gifts History:\nDate: 2025-04-21 18:55:21\nPrice: 0.07\n",
        "gifts_wallet",
        1,
    ),
    (
        "Tiktok/TikTok Shopping/Order History.txt",
        ">>> Order: 1\n>> Price: 2\n-----\n>>> Order: 2\n>> Price: 3\n-----\n",
        "shop",
        2,
    ),
    ("Tiktok/Ads and data/Ad Interests.txt", "Interests: cats|looms\n", "ads", 1),
    ("Tiktok/Activity/Most Recent Location Data.txt", "Date: 2025-01-01\nLast region: X\n", "location_recent", 1),
    ("TikTok/Your Activity/Watch History (1).TXT", "", "watch_history", 0),
]


@pytest.mark.parametrize(("path", "text", "section", "records"), COUNTS)
def test_every_known_file_has_its_section_and_count(path: str, text: str, section: str, records: int) -> None:
    """Of every era; empty files and the sentence for no data count nothing and are no drift."""
    report = read({**POSTS, path: text})
    assert parts(report)[path] == (section, records)
    assert codes(report) == ["posts-in-the-same-second"]


def test_other_peoples_parts_are_counted_and_nobody_in_them_is_named() -> None:
    """Messages, followers, gifts: how many, and not a word."""
    files = {
        **POSTS,
        "TikTok/Direct Messages/Direct Messages.txt": CHATS,
        "TikTok/Profile and Settings/Following.txt": _dated(2, "Username: gwen.fx"),
        "TikTok/Your Activity/Purchases.txt": "Send Gifts History:\n" + _dated(2, "Gift Amount: 1\nUsername: mabli.fx"),
        "TikTok/TikTok Shop/Communication With Shops.txt": "-----\n>> Shop: brass\n>> Content: brass-heron\n-----\n",
    }
    report = read(files)
    assert {(part.what, part.records) for part in report.third_party_sections} == {
        ("direct_messages", 3),
        ("following", 2),
        ("gift_recipients", 2),
        ("shop_messages", 1),
    }
    assert report.third_party_sections[0].name == "TikTok/Direct Messages/Direct Messages.txt"
    assert not [name for name in ("mabli", "gwen", "brass") if name in _said(report)]


def test_a_conversation_is_one_whatever_its_file_is_called() -> None:
    """The partner's handle may stand in the name of the file too."""
    for path in ("Chat with mabli.fx.txt", "TikTok/Posts/mabli.fx.txt", "TikTok/Berichten/Berichten.txt"):
        report = read({**POSTS, path: CHATS})
        assert [part.what for part in report.third_party_sections] == ["direct_messages"] and len(report.posts) == 2
        assert "mabli" not in _said(report)


def test_a_file_nobody_knows_is_left_out_and_told_without_its_name() -> None:
    """It is on the account, counted, and a warning; names above it that we know are shown."""
    report = read({**POSTS, "mabli.fx/TikTok/Your Activity/Mabli's diary.txt": _dated(4, "Dear: diary"), "x.txt": "a\nb\n"})
    unknown = {name: what for name, what in parts(report).items() if what[0] == "unknown"}
    assert unknown == {"TikTok/Your Activity/(name withheld)": ("unknown", 4), "(name withheld)": ("unknown", 2)}
    assert codes(report).count("unknown-section") == 2 and "abli" not in _said(report)
    assert any("TikTok/Your Activity/(name withheld) is not known" in note.message for note in report.warnings)


@pytest.mark.parametrize(
    "path",
    [
        "ada.fx/tiktok/POSTS/posts.TXT",
        "TikTok\\Posts\\Posts.txt",
        "Posts (2).txt",
        "Copy of Posts.txt",
        "Post.txt",
        "letters.txt",
    ],
)
def test_posts_are_found_however_their_file_is_called(path: str) -> None:
    """Wrapped, loose, renamed, in other case; at last by what it holds."""
    files = {path: POSTS["TikTok/Posts/Posts.txt"]}
    assert recognise_tree(tree(files))
    report = read(files)
    assert len(report.posts) == 2 and "ada.fx/" not in _said(report) and not report.errors


def test_others_works_are_never_taken_for_posts() -> None:
    """Likes and history link to pages: under a name we do not know they stay unknown, and the missing posts are an error."""
    report = read({"x.txt": _dated(5)})
    assert report.posts == () and "no-posts-read" in codes(report)


def test_a_tree_of_something_else_is_not_recognised() -> None:
    """Notes, and another platform's text files."""
    assert not recognise_tree(
        tree({"notes/todo.txt": "Date: today\nLink: here\n", "comments.txt": "Date: 2025-01-01 10:00:00\nText: x"})
    )
    assert recognise_tree(tree({"TikTok/Posts/Posts.txt": NO_DATA}))
    assert recognise_tree(tree({"Comments/Comments.txt": "", "Profile/Profile Information.txt": "Username: a\n"}))


def test_profile_settings_and_lives_are_read_under_the_words_of_the_json() -> None:
    """What may be taken is taken; contact data, earnings and muted people are counted and not kept."""
    report = read(
        {
            **POSTS,
            "TikTok/Profile and Settings/Profile Info.txt": "Username: ada.fx\nDisplay Name: Ada\nEmail: a@example.org\n"
            "Phone Number: +441632960001\nDate of Birth: 05-May-2001\nBio: weaver\nof tales\nMabli: 12\n"
            f"Profile Photo: {photo_link('me')}\n",
            "TikTok/Profile and Settings/Settings.txt": "Private Account: Enabled\nWho can duet with you: Friends\nLanguage: cy\n",
            "TikTok/TikTok Live/Go Live History.txt": "Live Start Time: 2025-01-01 10:00:00 UTC\nLive End Time: 2025-01-01 11:00:00 UTC\n"
            "Room Id: 7\nRoom Title: hello: all\nReplay Url: N/A\nTotal Earning: 991.5\nMuted List: mabli.fx\ngwen.fx\n",
            "TikTok/Your Activity/Hashtag.txt": "Hashtag Name: looms\nHashtag Link: https://x.example\n\nHashtag Name: wool\n",
        }
    )
    assert report.account.model_dump() == {"handle": "ada.fx", "display_name": "Ada", "bio": "weaver\nof tales", "private": True}
    assert report.profile["settings_privacy"] == {"Private Account": "Enabled", "Who can duet with you": "Friends"}
    assert report.profile["hashtags_used"] == ["looms", "wool"]
    assert [(live["title"], live["started_at_utc"], live["room_id"]) for live in report.live_sessions] == [
        ("hello: all", "2025-01-01T10:00:00Z", "7")
    ]
    assert ("muted_accounts", 2) in {(part.what, part.records) for part in report.third_party_sections}
    assert not [said for said in ("example.org", "441632", "05-May", "991.5", "mabli", "Mabli", "gwen") if said in _said(report)]
    assert parts(report)["TikTok/Profile and Settings/Settings.txt.Other settings"] == ("settings_other", 1)
    assert "Language" not in _said(report)
    assert parts(report)["TikTok/Profile and Settings/Profile Info.txt.emailAddress"] == ("profile_contact", 1)


def test_files_of_two_accounts_are_never_taken_for_one() -> None:
    """Two profiles in one tree are an error that names nobody; two trees under folders of their own are told apart."""
    two = {f"{who}/{path}": text for who in ("one", "two") for path, text in POSTS.items()}
    two |= {f"{who}/TikTok/Profile and Settings/Profile Info.txt": f"Username: {who}.fx\n" for who in ("one", "two")}
    report = read(two)
    assert "txt-several-accounts" in [note.code for note in report.errors] and "two.fx" not in repr(report.errors)
    apart = [read_tree(each, []) for each in separate(tree({**two, "one/x.txt": "", "y.txt": ""}))]
    assert [(report.account.handle, len(report.posts), report.errors) for report in apart] == [
        ("one.fx", 2, ()),
        ("two.fx", 2, ()),
    ]
    assert [len(each) for each in separate(tree({"a/Posts.txt": "", "b/Profile Info.txt": ""}))] == [2]


GENERATIONS: list[tuple[str, dict[str, str]]] = [
    ("txt-2020", {"Videos/Videos.txt": f"Date: 2020-01-01 10:00:00\nVideo Link: {SHARE}\n"}),
    ("txt-2021", {"Videos/Videos.txt": f"Date: 2020-01-01 10:00:00\nVideo Link: {SHARE}\n", "Activity/Video Browsing.txt": ""}),
    ("txt-2023", {"Posts.txt": f"Date: 2023-01-01 10:00:00\nLink: {video_link(log='20230101')}\n"}),
    ("txt-2024", {"Tiktok/Posts/Post.txt": written([record(Date="2024-01-01 10:00:00")], zone="")}),
    ("txt-2025", {"Posts.txt": written([record()])}),
    ("txt-2025", {"TikTok/Posts/Posts.txt": NO_DATA, "TikTok/Your Activity/Searches.txt": NO_DATA}),
    ("txt-2026", {"TikTok/Posts/Posts.txt": written([record(Date="2026-02-01 10:00:00")])}),
]


@pytest.mark.parametrize(("generation", "files"), GENERATIONS)
def test_the_generation_is_told_by_what_the_files_say(generation: str, files: dict[str, str]) -> None:
    """Folders, labels and, where two years look alike, the newest date."""
    report = read(files)
    assert (report.generation, report.format, report.errors) == (generation, "txt", ())


def test_the_time_of_export_stands_in_the_name_of_the_archive() -> None:
    """As in the JSON."""
    assert str(read(POSTS, "TikTok_Data_1757844000.zip").exported_at_utc) == "2025-09-14 10:00:00+00:00"


DUTCH = {
    "TikTok/Berichten/Berichten.txt": "\n\n".join(
        f"Datum: 2025-05-0{n} 10:00:00 UTC\nLink: {video_link()}\nVind-ik-leuks: 3\nWie kan dit zien: Iedereen\nReacties toestaan: Ja\n"
        f"Geluid: x\nTitel: Sinterklaas {n}\n\nTitle: Sinterklaas"
        for n in range(1, 6)
    ),
    "TikTok/Berichten/Onlangs verwijderde berichten.txt": "Er staan geen gegevens in dit gedeelte",
    "TikTok/Profiel en instellingen/Volger.txt": "Datum: 2025-05-01 10:00:00 UTC\nGebruikersnaam: mabli.fx\n",
    "TikTok/Profiel en instellingen/Profielinformatie.txt": "Gebruikersnaam: ada.fx\nE-mail: a@example.org\n",
    "TikTok/Je activiteit/Zoekgeschiedenis.txt": "Datum: 2025-05-01 10:00:00 UTC\nZoekterm: mabli\n",
    "TikTok/Directe berichten/Directe berichten.txt": CHATS,
}


def test_of_other_languages_date_and_link_are_read_and_the_rest_is_told() -> None:
    """One warning in plain words, with a way out; nothing counts as public and nobody is named."""
    report = read(DUTCH)
    assert [str(post.created_at_utc)[:10] for post in report.posts] == [f"2025-05-0{n}" for n in range(1, 6)]
    assert {(post.caption, post.visibility.value, len(post.media)) for post in report.posts} == {(None, "unknown", 1)}
    told = [note for note in report.warnings if note.code == "txt-language-partly-understood"]
    assert len(told) == 1 and "of 5 posts" in told[0].message and "JSON" in told[0].message
    assert {"unknown-section", "no-captions-in-this-generation"}.isdisjoint(codes(report)) and report.errors == ()
    assert {part.what: part.records for part in report.third_party_sections} == {"followers": 1, "direct_messages": 3}
    assert not [said for said in ("mabli", "Sinterklaas", "example.org", "Iedereen") if said in _said(report)]
    assert (report.account.handle, report.generation) == ("ada.fx", "txt-2025")


def test_posts_of_a_language_without_any_name_we_know_are_found_by_content() -> None:
    """A date and a link to the media, and labels enough for a post; deleted ones by their second date."""
    rest = "Mi piace: 3\nChi: Tutti\nCommenti: Si\nDuetti: Si\nAudio: x\nTitolo: ciao"
    files = {
        "TikTok/Pubblicati/Pubblicati.txt": f"Data: 2025-05-01 10:00:00 UTC\nLink: {video_link()}\n{rest}\n",
        "TikTok/Pubblicati/Altri.txt": f"Data: 2025-05-01 10:00:00\nData 2: 2025-06-01 10:00:00\nLink: {video_link('b')}\n{rest}\n",
        "TikTok/Attività/Cronologia visualizzazioni.txt": f"Data: 2025-05-01 10:00:00 UTC\nLink: {SHARE}\n" * 3,
        "TikTok/Attività/Mi piace.txt": f"Data: 2025-05-01 10:00:00 UTC\nLink: {SHARE}\n" * 2,
    }
    assert recognise_tree(tree(files))
    report = read(files)
    assert (len(report.posts), len(report.deleted_posts)) == (1, 1) and "txt-language-partly-understood" in codes(report)
    assert parts(report)["Cronologia visualizzazioni.txt"] == ("watch_history", 3)


LINES = st.sampled_from(
    [
        *(
            "",
            "Date: 2025-01-01 10:00:00 UTC",
            f"Link: {video_link()}",
            f"Link: {SHARE}",
            "Link:",
            "Title: a",
            "Title:",
            "Bio: x",
        ),
        *("Username: a", "Username: b", ">>> Chat History with a::", "2025-01-01 10:00:00 UTC a: b", "-----", NO_DATA.strip()),
        *("Send Gifts History:", "Buy Gifts History:", "Muted List: a, b", "Live Start Time: x", "Hashtag Name: y", "https://[x"),
        *(
            "Adds yours text: N/A",
            "Who can view: Everyone",
            "Datum: 2025-01-01 10:00:00",
            "Date deleted: 2025-01-01 10:00:00",
            ":",
        ),
    ]
)
PATHS = st.sampled_from([path for path, *_ in COUNTS] + ["TikTok/Posts/Posts.txt", "x.txt", "Profile Info.txt", "Posts/Story.txt",
                        "Go Live History.txt", "Settings.txt", "Hashtag.txt", "TikTok/Posts/Recently Deleted Posts.txt"])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        PATHS, st.lists(LINES | st.text(max_size=12), max_size=12).map("\n".join) | st.binary(max_size=60), max_size=4
    )
)
def test_whatever_the_files_say_the_answer_is_a_report(files: dict[str, Any]) -> None:
    """That can be printed, names every file once, and has an error where there is no part for posts."""
    files = {path: data if isinstance(data, bytes) else data.encode("utf-8", "replace") for path, data in files.items()}
    recognise_tree(tree(files))
    report = read(files)
    assert json.loads(_said(report))["format"] == "txt"
    assert len({part.name for part in report.sections}) == len(report.sections)
    assert report.posts or report.errors or "TikTok/Posts/Posts.txt" in files


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
def test_every_encoding_of_a_saved_file_is_read(encoding: str, end: str) -> None:
    """With and without marks; a line ends at LF, CRLF and CR, and nowhere else."""
    caption = "Suo Gân\x85\u2028 🏴\x0cllais"
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b""}.get(encoding, b"")
    data = mark + written([record(Title=caption), record(Title="b")]).replace("\n", end).encode(encoding)
    report = read({"TikTok/Posts/Posts.txt": data})
    assert [post.caption for post in report.posts] == [caption, "b"] and codes(report) == ["posts-in-the-same-second"]


def test_bad_bytes_are_replaced_and_told() -> None:
    """The post is there; what could not be read is U+FFFD."""
    data = written([record(Title="caf@")]).encode().replace(b"@", b"\xe9")
    report = read({"TikTok/Posts/Posts.txt": data})
    assert report.posts[0].caption == "caf\ufffd" and codes(report) == ["txt-not-utf8"]


@pytest.mark.parametrize("size", [65535, 65536, 65537])
def test_an_end_of_line_across_two_chunks_is_one(size: int) -> None:
    """CR at the end of what was read first, LF at the beginning of what follows."""
    with member("x", b"a" * (size - 1) + b"\r\nb\r\rc").open() as stream:
        assert list(lines(stream, Oddities())) == ["a" * (size - 1), "b", "", "c"]


def test_a_file_of_nothing_but_line_ends_is_read_in_pieces() -> None:
    """However long the run of CRs, and whatever ends it."""
    with member("x", b"\r" * 300_000 + b"\nb").open() as stream:
        read_ = list(lines(stream, Oddities()))
    assert len(read_) == 300_000 - 3 + 1 + 1 and read_[-1] == "b"


def test_a_line_without_end_is_cut_and_told() -> None:
    """Nothing is held that grows with a file."""
    oddities = Oddities()
    with member("x", b"a" * 5_000_000 + b"\nb").open() as stream:
        read_ = list(lines(stream, oddities))
    assert len(read_[0]) < 1_100_000 and read_[-1] == "b" and oddities.seen["txt-line-too-long"] == 1


class _History(io.RawIOBase):
    """A watch history of so many rows that is nowhere whole."""

    ROW = f"Date: 2025-09-14 10:00:00 UTC\nLink: {SHARE}\n\n".encode()

    def __init__(self, rows: int) -> None:
        self._left = rows

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = min(self._left, max(1, size // len(self.ROW)))
        self._left -= taken
        return self.ROW * taken


def _peak(rows: int) -> int:
    """Bytes in use at most while so many rows are read."""

    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        yield _History(rows)  # type: ignore[misc]

    tracemalloc.start()
    report = read_tree([TxtMember("TikTok/Your Activity/Watch History.txt", _History.ROW, opened)], [])  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [part.records for part in report.sections] == [rows]
    return peak


def test_a_long_history_is_counted_and_not_kept() -> None:
    """Ten times the rows take no more memory."""
    _peak(100)
    small, large = _peak(2_000), _peak(20_000)
    assert large < small + 200_000, (small, large)
