"""Text exports among other things handed in: one report per tree, whatever it lies in, joined with JSON of the same account."""

import json

import pytest

from preservation.errors import DepositUnusable
from preservation.model.export import MemberFate
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from tests.stages.intake.building import JPEG, document, export, in_memory, post, video_link, zipped

POSTS = f"Date: 2025-05-01 10:00:00 UTC\nLink: {video_link()}\nLike(s): 3\nWho can view: Everyone\nTitle: hello\n\n".encode()
PROFILE = b"Username: ada.fx\nDisplay Name: Ada\n"
CHATS = b">>> Chat History with zoe.fx::\n2025-05-01 10:00:00 UTC zoe.fx: hi\n"
FILES = {
    "TikTok/Posts/Posts.txt": POSTS,
    "TikTok/Profile and Settings/Profile Info.txt": PROFILE,
    "TikTok/Direct Messages/Direct Messages.txt": CHATS,
}


def packed(name: str = "TikTok_Data_1757844000.zip", wrapper: str = "") -> Source:
    """The text export as the platform packs it, or within another folder."""
    return in_memory(name, zipped([(wrapper + path, data) for path, data in FILES.items()]))


@pytest.mark.parametrize("wrapper", ["", "my things/", "a/b/"])
def test_a_text_export_is_one_report(wrapper: str) -> None:
    """Of all its files; chats are listed as left out."""
    (report,) = read_exports([packed(wrapper=wrapper)])
    assert (report.platform, report.format, report.account.handle) == ("tiktok", "txt", "ada.fx")
    assert [found.caption for found in report.posts] == ["hello"] and not report.errors
    fates = {member.path.rpartition("/")[2]: (member.fate, member.note) for member in report.members}
    assert fates["Posts.txt"] == (MemberFate.kept_in_part, "") and fates["Direct Messages.txt"] == (
        MemberFate.left_out,
        "never-taken",
    )


def test_loose_text_files_of_an_export_are_read_together() -> None:
    """Unpacked before they were handed in, with a picture beside them."""
    loose = [in_memory(path.rpartition("/")[2], data) for path, data in FILES.items()]
    (report,) = read_exports([*loose, in_memory("picture.jpg", JPEG)])
    assert (report.format, len(report.posts), len(report.members)) == ("txt", 1, 4) and not report.errors


def test_a_text_that_is_no_export_is_refused() -> None:
    """A web page or notes under any name."""
    for data in (b"<html>expired</html>", b"dear diary\n"):
        with pytest.raises(DepositUnusable) as refusal:
            read_exports([in_memory("notes.txt", data)])
        assert refusal.value.code == "not-a-zip"


def test_text_and_json_of_one_account_are_one_report() -> None:
    """The same post in both is one post, seen in both."""
    later = export(document([post(title="hello"), post("2025-06-01 10:00:00")]), name="TikTok_Data_1759138200.zip")
    (report,) = read_exports([packed(), later])
    assert [(found.caption, len(found.seen_in)) for found in report.posts] == [("hello", 2), (None, 1)]
    assert [line["generation"][:3] for line in report.exports] == ["txt", "g4"]


def test_the_same_text_export_twice_is_one() -> None:
    """Re-zipped under another name, in another folder."""
    (report,) = read_exports([packed(), packed("copy.zip", "unpacked and packed/")])
    assert len(report.posts) == 1 and len(report.exports) == 1 and len(report.members) == 6


def test_what_can_be_read_is_named_where_nothing_can() -> None:
    """Both formats."""
    (report,) = read_exports([in_memory("x.zip", zipped([("data/tweets.js", b"x"), ("n.json", json.dumps([1]).encode())]))])
    assert "JSON and TXT" in report.errors[0].message and "looks like x" in report.errors[0].message
