"""The sample deposit is whole, lively and made by the script beside it. The same words as the demo shows."""

import hashlib
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import av
import pytest
from PIL import Image

from preservation.sample import CANARIES, DEPOSIT, EXPORT, HANDLE, LEFT_OUT, MEDIA, NEVER_TAKEN_IN, NOT_MEDIA
from preservation.sample.export import data_file
from preservation.sample.make import made_with, recorded, write_export, write_media
from preservation.sample.story import STORY

MIB = 1024 * 1024
MADE_AGAIN = [told for told in STORY if told.pictures or (told.seconds <= 2.0 and told.scene in ("shed", "ball"))]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The data file of the committed export."""
    with zipfile.ZipFile(EXPORT) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["user_data_tiktok.json"]
        loaded: dict[str, Any] = json.loads(archive.read("user_data_tiktok.json"))
    return loaded


@pytest.fixture(scope="module")
def posts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The posts of the committed export, as written."""
    listed: list[dict[str, Any]] = document["Post"]["Posts"]["VideoList"]
    return listed


def test_the_export_has_posts_of_every_kind_the_demo_shows(document: dict[str, Any], posts: list[dict[str, Any]]) -> None:
    assert len(posts) >= 34
    assert sum("photomode" in post["Link"] for post in posts) >= 5
    assert {post["WhoCanView"] for post in posts} == {"Everyone", "Friends", "Only me", ""}
    assert len({post["Date"] for post in posts}) == len(posts) - 1, "exactly two posts share a second"
    assert any("\n" in post["Title"] for post in posts)
    assert any(post["Title"] == "" for post in posts)
    assert len(document["Post"]["Recently Deleted Posts"]["PostList"]) == 1


@pytest.mark.parametrize(
    ("script", "first", "last"),
    [("Arabic", 0x600, 0x6FF), ("Devanagari", 0x900, 0x97F), ("Thai", 0xE00, 0xE7F), ("Hangul", 0xAC00, 0xD7A3),
     ("Kana", 0x3040, 0x30FF), ("Cyrillic", 0x400, 0x4FF), ("Greek", 0x370, 0x3FF), ("emoji", 0x1F300, 0x1FAFF)],
)  # fmt: skip
def test_captions_speak_many_scripts(posts: list[dict[str, Any]], script: str, first: int, last: int) -> None:
    assert any(first <= ord(letter) <= last for post in posts for letter in post["Title"]), script


def test_links_outlive_the_export_and_photo_sets_have_one_for_each_picture(posts: list[dict[str, Any]]) -> None:
    """The expiry is read from each link, as a reader has to."""
    exported = int(EXPORT.stem.rsplit("_", 1)[1])
    pictures = {(told.at, told.title): told.pictures or 1 for told in STORY}
    for post in posts:
        links = post["Link"].split()
        assert len(links) == pictures[post["Date"], post["Title"]]
        for link in links:
            query = parse_qs(urlsplit(link).query)
            assert int((query.get("x-tos-expires") or query["x-expires"])[0]) > exported
        assert datetime.strptime(post["Date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() < exported


def test_the_deleted_post_needs_a_login(document: dict[str, Any]) -> None:
    (deleted,) = document["Post"]["Recently Deleted Posts"]["PostList"]
    assert deleted["Link"].startswith("https://www.tiktok.com/login/?redirect_url=")
    assert "webapp-i18n.tiktok.com" in unquote(deleted["Link"])
    assert "WhoCanView" not in deleted


@pytest.mark.parametrize("canary", CANARIES)
def test_every_canary_is_planted_where_a_reader_meets_it(canary: str) -> None:
    with zipfile.ZipFile(EXPORT) as archive:
        assert canary in archive.read("user_data_tiktok.json").decode()


@pytest.mark.parametrize("canary", NEVER_TAKEN_IN)
def test_what_is_never_taken_in_stands_in_no_post(document: dict[str, Any], canary: str) -> None:
    """Else looking for it in a package would prove nothing."""
    assert canary not in json.dumps(document["Post"], ensure_ascii=False)
    assert canary not in document["Profile"]["Profile Info"]["ProfileMap"]["bioDescription"]


def test_only_invented_names_and_reserved_addresses(document: dict[str, Any]) -> None:
    logins = document["Your Activity"]["Login History"]["LoginHistoryList"]
    assert all(row["IP"].startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for row in logins)
    profile = document["Profile"]["Profile Info"]["ProfileMap"]
    assert profile["emailAddress"].endswith("@example.org")
    assert profile["userName"] == HANDLE
    people = [row["UserName"] for row in document["Your Activity"]["Follower"]["FansList"]]
    assert people and all(name.endswith(".fx") for name in [*people, HANDLE])


def test_media_are_named_after_their_posts_and_only_one_is_left_out(posts: list[dict[str, Any]]) -> None:
    wanted: set[str] = set()
    for post in posts:
        stem = post["Date"].replace(" ", "-").replace(":", "-")
        links = post["Link"].split()
        wanted |= {f"{stem}-{n}.jpg" for n in range(1, len(links) + 1)} if "photomode" in links[0] else {f"{stem}.mp4"}
    assert wanted - {path.name for path in MEDIA.iterdir()} == {LEFT_OUT}
    assert {path.name for path in MEDIA.iterdir()} <= wanted


@pytest.mark.parametrize("path", sorted(MEDIA.glob("*.mp4")), ids=lambda path: path.stem)
def test_every_video_plays_to_its_end_with_sound(path: Path) -> None:
    """All frames are decoded; the one error page is none, and says so."""
    if path.name == NOT_MEDIA:
        assert path.read_bytes().startswith(b"<?xml")
        with pytest.raises(av.error.InvalidDataError):
            av.open(str(path))
        return
    with av.open(str(path)) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        assert film.streams.audio[0].codec_context.name == "aac"
        frames = sum(1 for _ in film.decode(video=0))
    with av.open(str(path)) as film:
        samples = sum(frame.samples for frame in film.decode(audio=0))
    assert 1.0 <= frames / 24 <= 4.0
    assert abs(samples / 44_100 - frames / 24) < 0.1


@pytest.mark.parametrize("path", sorted(MEDIA.glob("*.jpg")), ids=lambda path: path.stem)
def test_every_picture_opens_and_carries_no_exif(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "JPEG" and picture.size == (480, 640)
        assert not picture.getexif()


def test_no_two_media_are_the_same() -> None:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in MEDIA.iterdir()]
    assert len(set(digests)) == len(digests)


def test_two_videos_are_large_enough_for_a_unit_of_their_own_and_all_is_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in DEPOSIT.rglob("*") if path.is_file()]
    assert sum(MIB < size < 2 * MIB for size in sizes) >= 2
    assert sum(sizes) < 9_000_000


def test_the_script_makes_the_same_export_again(tmp_path: Path) -> None:
    with zipfile.ZipFile(EXPORT) as archive:
        assert archive.read("user_data_tiktok.json") == data_file()
    for name in ("one.zip", "two.zip"):
        write_export(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_record_names_every_medium_and_its_digest() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in MEDIA.iterdir()}
    assert recorded()["files"] == found


@pytest.mark.long
def test_the_script_makes_the_same_media_again(tmp_path: Path) -> None:
    """All pictures and the shortest films; `python -m preservation.sample.make --check` does the rest, in a minute."""
    record = recorded()
    if made_with() != {key: record[key] for key in record if key != "files"}:
        pytest.skip("other libraries or another processor than the sample was made with: other bytes are to be expected")
    for told in MADE_AGAIN:
        write_media(told, tmp_path)
    made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert len(made) > 20
    assert made == {name: record["files"][name] for name in made}
