"""Whatever is handed in, the answer is a report or a refusal, never another exception."""

import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preservation.errors import DepositUnusable
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.report_json import report_json
from tests.stages.intake.building import FIXTURES, JPEG, document, export, in_memory, post, zipped

CALM = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
GENUINE = (FIXTURES / "archive_traps" / "input" / "nested.zip").read_bytes()
SMALL = zipped(
    [("TikTok/user_data_tiktok.json", json.dumps(document([post(), post(Link="m/a.jpg")])).encode()), ("m/a.jpg", JPEG)]
)
KEYS = st.sampled_from(
    """Post,Posts,Video,Videos,VideoList,Profile,Profile Info,ProfileMap,userName,Date,Link,Title,Likes,WhoCanView,Tiktok Live,
    Go Live History,GoLiveList,MutedList,Direct Message,ChatHistory,Settings,SettingsMap,Hashtag,HashtagList,Your Activity,
    Purchases,SendGifts,Recently Deleted Posts,PostList,Private Account,Story""".replace("\n    ", "").split(",")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.just("2025-05-01 10:00:00")
    | st.just("https://[x")
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)


def answer(name: str, data: bytes) -> None:
    """Read; a refusal has a code in kebab-case and a remedy; a report can be printed as UTF-8."""
    try:
        for report in read_exports([in_memory(name, data)], [in_memory("2025-05-01-10-00-00.mp4", data)]):
            json.dumps(report_json(report), ensure_ascii=False).encode()
            assert report.posts or report.errors or report.platform == "tiktok"
    except DepositUnusable as refused:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", refused.code) and refused.remedy


@CALM
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """Alone, and after the beginning of an archive."""
    answer("TikTok_Data_1759138200.zip", data)
    answer("x.zip", b"PK\x03\x04" + data)


@CALM
@given(st.sampled_from([GENUINE, SMALL]), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_an_archive_with_any_bytes_changed(archive: bytes, changes: list[tuple[int, int]]) -> None:
    """Headers, directory, names, compressed data: whatever is hit."""
    data = bytearray(archive)
    for at, value in changes:
        data[-1 - at % min(len(data), 400) if value % 2 else at % len(data)] = value
    answer("TikTok_Data_1759138200.zip", bytes(data))


@CALM
@given(JSON)
def test_any_document(value: Any) -> None:
    """Known keys in the wrong places, with the wrong things in them."""
    answer("user_data_tiktok.json", json.dumps(value if isinstance(value, dict | list) else [value]).encode())


@CALM
@given(st.lists(JSON, max_size=3), JSON)
def test_any_record_among_the_posts(records: list[Any], profile: Any) -> None:
    """The list is where it should be, and holds anything."""
    doc = {
        "Post": {"Posts": {"VideoList": records}, "Recently Deleted Posts": {"PostList": records}},
        "Profile": {"Profile Info": profile},
    }
    for report in read_exports([export(doc)]):
        json.dumps(report_json(report), ensure_ascii=False).encode()
