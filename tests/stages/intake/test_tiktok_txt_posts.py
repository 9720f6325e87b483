"""Posts of a text export come back as they were written, whatever their captions say."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from preservation.model.export import ExportReport, MediaKind, PostKind, Visibility
from preservation.stages.intake.exports import tiktok
from preservation.stages.intake.merging import merge_posts
from tests.stages.intake.building import photo_link, video_link
from tests.stages.intake.txt_building import NO_DATA, codes, parts, read, record, written

POSTS = "TikTok/Posts/Posts.txt"
TRAPS = (
    "",
    "Date: tomorrow",
    "Date: 2024-01-01 10:00:00 UTC",
    "Link: here",
    "Link: https://v77.tiktokcdn.com/a",
    "Title: with: colons",
    "Sound: of silence",
    "Like(s): 3",
    "Who can view: Everyone",
    "Adds yours text: mine",
    "-----",
    ">>> Chat History with ada.fx::",
    "You have no data in this section",
    "https://example.org/a",
    "N.B.: lo",
)
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\ufffd"), max_size=20)
CAPTIONS = st.lists(st.one_of(TEXT, st.sampled_from(TRAPS)), max_size=6).map("\n".join)


def _titles(report: ExportReport) -> list[str]:
    return [post.words.get("Title", "") for post in report.posts]


def _no_post(caption: str) -> bool:
    """Without a label at the end of a record, a caption with a paragraph that reads as the whole of a record is one."""
    return "\n\nDate: 2024" not in caption and not caption.startswith("\nDate: 2024")


@given(st.lists(CAPTIONS, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
@example(["a\n\nDate: 2024-01-01 10:00:00 UTC\nLink: https://v77.tiktokcdn.com/a\n\nb", "c"], "\n")
@example(["a\nAdds yours text: mine\n\nb", "c"], "\n")
@example(["a\n\nDate: 2024-01-01 10:00:00 UTC\nLink: https://v77.tiktokcdn.com/a\nTitle: b", "c"], "\n")
def test_captions_come_back_to_the_letter(captions: list[str], end: str) -> None:
    """Colons, blank lines, lines that look like labels, rules: all of it is caption."""
    read_ = read({POSTS: written([record(Title=caption) for caption in captions]).replace("\n", end).encode()})
    assert _titles(read_) == captions
    assert {post.words["AddYoursText"] for post in read_.posts} == {"N/A"} and not read_.errors


@given(st.lists(CAPTIONS.filter(_no_post), min_size=1, max_size=5))
def test_captions_come_back_where_nothing_follows_them_too(captions: list[str]) -> None:
    """Without a label after it, only blank lines at its end cannot be told from those between records."""
    captions = [caption for caption in captions if "Adds yours text" not in caption]
    text = written([record(Title=caption) for caption in captions], without=("AddYoursText",))
    assert [title.rstrip("\n- ") for title in (_titles(read({POSTS: text})) if captions else [])] == [
        caption.rstrip("\n- ") for caption in captions
    ]


def test_lines_drawn_between_records_are_no_caption() -> None:
    """In a file that draws them; elsewhere such a line is the creator's."""
    titles = ["a\n-----", "b", "c\n-----", "d"]
    text = written([record(Title=title) for title in titles], without=("AddYoursText",))
    assert _titles(read({POSTS: text})) == titles
    assert _titles(read({POSTS: written([record(Title="a\n-----")], without=("AddYoursText",))})) == ["a\n-----"]
    drawn = text.replace("\n-----", "").replace("\nDate", "\n-----\nDate")
    assert _titles(read({POSTS: drawn})) == ["a", "b", "c", "d"]


def test_a_post_has_the_words_it_has_in_the_json() -> None:
    """So the same post from either format is one item without changed words."""
    records = [record(Title="a: b\n\nc"), record(Date="2025-04-01 09:00:00", Location="Bangor", WhoCanView="Only me")]
    from_txt, from_json = read({POSTS: written(records)}), tiktok.read({"Post": {"Posts": {"VideoList": records}}}, [])
    for ours, theirs in zip(from_txt.posts, from_json.posts, strict=True):
        assert ours.words == theirs.words and ours.media == theirs.media and ours.observations == theirs.observations
        assert (ours.created_at_utc, ours.caption, ours.visibility, ours.visibility_raw) == (
            theirs.created_at_utc,
            theirs.caption,
            theirs.visibility,
            theirs.visibility_raw,
        )
    merged, doubtful = merge_posts(from_json.posts, from_txt.posts)
    assert len(merged) == 2 and doubtful == 0


def test_bare_links_after_the_link_are_further_pictures() -> None:
    """A photo set of three, between two videos."""
    pictures = "\n".join(photo_link(name) for name in "abc")
    report = read({POSTS: written([record(), record(Link=pictures, Title="set"), record()])})
    assert [len(post.media) for post in report.posts] == [1, 3, 1]
    assert report.posts[1].kind is PostKind.photo_set and {m.kind for m in report.posts[1].media} == {MediaKind.image}


def test_an_audience_in_words_we_do_not_know_is_never_public() -> None:
    """The post is there and counts as unknown."""
    report = read({POSTS: written([record(WhoCanView="Iedereen"), record(WhoCanView="")])})
    assert [post.visibility for post in report.posts] == [Visibility.unknown] * 2
    assert report.posts[0].visibility_raw == "Iedereen"


@pytest.mark.parametrize("rest", ["Like(s): 7\n", "", "Title: a walk\n"], ids=["2020", "2023", "title only"])
def test_short_records_are_told_apart(rest: str) -> None:
    """Exports before 2024 give date and link, and little else."""
    text = "\n".join(f"Date: 2023-0{n}-01 10:00:00\nLink: {video_link()}\n{rest}" for n in range(1, 5))
    assert len(read({POSTS: text}).posts) == 4


def test_a_record_that_breaks_off_does_not_swallow_the_next() -> None:
    """Neither one without its last label, nor one without a title."""
    whole = written([record(Title="whole")])
    text = written([record(Title="cut")], without=("AddYoursText",)) + "\n" + whole + "\n"
    text += written([record()], without=("Title", "AddYoursText")) + "\n" + whole
    assert _titles(read({POSTS: whole + "\n" + text}))[:3] == ["whole", "cut", "whole"]
    assert len(read({POSTS: whole + "\n" + text}).posts) == 5


def test_a_record_of_an_unreadable_date_is_a_post_without_date() -> None:
    """It is told and not lost in the caption before it."""
    report = read({POSTS: written([record(Title="a"), record(Date="01/02/2025"), record(Title="c")])})
    assert [post.created_at_utc is None for post in report.posts] == [False, True, False]
    assert "date-unreadable" in codes(report)


def test_deleted_posts_are_kept_apart_and_say_when() -> None:
    """By the name of their file, and by their second date if the file is called otherwise."""
    gone = written([record(DateDeleted="2025-06-01 10:00:00")], without=("WhoCanView",))
    for path in ("TikTok/Posts/Recently Deleted Posts.txt", "TikTok/Posts/Posts (1).txt", "x.txt"):
        report = read({POSTS: written([record(Title="kept")]), path: gone})
        assert [post.caption for post in report.posts] == ["kept"]
        assert [str(post.deleted_at_utc) for post in report.deleted_posts] == ["2025-06-01 10:00:00+00:00"]


@pytest.mark.parametrize("text", ["", "\n\n", NO_DATA, "Posts:\n" + NO_DATA, "Dit gedeelte bevat geen gegevens"])
def test_an_account_without_posts_is_no_error(text: str) -> None:
    """An empty file, and the sentence that says so."""
    report = read({POSTS: text, "TikTok/Profile and Settings/Profile Info.txt": "Username: ada.fx\n"})
    assert report.posts == () and codes(report) == [] and parts(report)[POSTS] == ("posts_metadata", 0)


@pytest.mark.parametrize(
    "text", ["Something went wrong, try again later", "Datum 2025\nhttps://x", "Date: 2025-01-01 10:00:00\n"]
)
def test_a_posts_file_that_says_something_else_is_an_error(text: str) -> None:
    """Never a silent zero."""
    assert "no-posts-read" in codes(read({POSTS: text}))


def test_text_before_the_first_post_is_an_error() -> None:
    """What was not understood among the posts is counted."""
    assert codes(read({POSTS: "a half of a record\n\n" + written([record()])})) == ["post-records-unreadable"]


def test_a_label_nobody_knows_is_told_and_not_taken() -> None:
    """Neither its value nor, for it may be anything, its name is shown."""
    report = read({POSTS: written([record()]).replace("Sound:", "Mabli was born: 2001\nSound:")})
    assert "unknown-section" in codes(report) and "Mabli" not in repr(report) and "2001" not in repr(report)


def test_the_same_file_twice_gives_every_post_once() -> None:
    """A browser's second download beside the first."""
    text = written([record(Title="a"), record(Title="b")])
    report = read({POSTS: text, "TikTok/Posts/Posts (1).txt": text})
    assert len(report.posts) == 2 and len({part.name for part in report.sections}) == len(report.sections)
