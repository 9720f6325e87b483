"""JSON read as a stream: what is found never depends on how the bytes came in, and memory never on how many there are."""

import io
import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from preservation.stages.intake.exports.tiktok_shape import DOCUMENT
from preservation.stages.intake.json_reading import JsonReading, read_json
from preservation.stages.intake.rows import COUNTED, MOST_NAMES, WHOLE, Rows, Shape, count, fold
from tests.stages.intake.building import post

KEYS = st.sampled_from(
    ["Post", "Posts", "VideoList", "Profile", "Profile Info", "ProfileMap", "userName", "a", "Tiktok Live", "é🎶"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
RECORDS = st.dictionaries(st.sampled_from(["Date", "Link", "Title", "Likes", "x"]), SCALARS, max_size=4) | st.just(
    post(title="é 🎶")
)
VALUES = st.recursive(SCALARS | RECORDS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
SHAPE = Shape(below=lambda key: SHAPE if key != "a" else COUNTED, take=lambda record, index: (index, record), fields=True)


def read(data: bytes, shape: Shape = WHOLE, **sizes: int) -> JsonReading:
    """Read bytes."""
    return read_json(io.BytesIO(data), 10**9, 200, shape, **sizes)


@settings(deadline=None)
@given(VALUES, st.integers(1, 64), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]), st.booleans())
def test_any_document_is_the_same_through_any_window(value: Any, window: int, encoding: str, ascii_only: bool) -> None:
    """Reduced as it comes, it is what the whole document reduced is."""
    data = json.dumps(value, ensure_ascii=ascii_only, indent=1 if ascii_only else None).encode(encoding)
    for shape in (WHOLE, COUNTED, SHAPE, DOCUMENT):
        assert read(data, shape, window=window) == JsonReading(fold(json.loads(json.dumps(value)), shape))


@settings(deadline=None)
@given(VALUES, st.integers(1, 64), st.data())
def test_any_broken_document_fails_the_same_through_any_window(value: Any, window: int, data: st.DataObject) -> None:
    """Cut anywhere, or with any character put anywhere: the same error at the same line and column, or the same document."""
    text = json.dumps({"Post": value, "a": [value, value]}, indent=data.draw(st.sampled_from([None, 2])))
    at = data.draw(st.integers(0, len(text)))
    odd = data.draw(
        st.sampled_from(["", '"', "\\", "{", "}", "[", "]", ",", ":", "NaN", "1e999", "-", "01", "\n", "\udcff", "x", "\\ud83d"])
    )
    broken = (text[:at] + odd + (text[at:] if data.draw(st.booleans()) else "")).encode("utf-8", "surrogateescape")
    wide, whole = read(broken, SHAPE), read(broken, WHOLE)
    assert read(broken, SHAPE, window=window) == wide
    assert wide.error == whole.error and wide.notes == whole.notes
    if not whole.error:
        assert wide.value == fold(whole.value, SHAPE)


@pytest.mark.parametrize("odd", ["", '"', "\\", "{", "}", "[", "]", ",", ":", "1", "NaN", "-", " ", "x"])
def test_a_character_too_many_anywhere_is_seen_where_the_standard_library_sees_it(odd: str) -> None:
    """In every place of the outer containers, which are walked by hand: the same error at the same line and column."""
    text = '{"Post": {"Posts": [{"Date": 1}, 2, [3]], "a": {}},\n "b": [], "c": {"d": null}}      '
    for at in range(len(text) + 1):
        for rest in (text[at:], text[at + 1 :], ""):
            broken = (text[:at] + odd + rest + " " * 20).encode()
            walked, whole = read(broken, SHAPE, window=3), read(broken, WHOLE)
            assert (walked.error, walked.notes) == (whole.error, whole.notes), broken


@settings(deadline=None)
@given(VALUES, st.integers(1, 64), st.integers(30, 90))
def test_what_is_too_long_to_be_decoded_at_once_is_counted_all_the_same(value: Any, window: int, longest: int) -> None:
    """Walked by hand, a document has as many records, and the window still makes no difference."""
    text = json.dumps({"Post": value, "a": value})
    assume(all(len(number) <= longest for number in re.findall(r"[-+.0-9eE]+", text)))  # a number of a million digits is an error
    data = text.encode()
    walked = read(data, SHAPE, longest=longest)
    assert walked.error is None and read(data, SHAPE, longest=longest, window=window) == walked
    assert count(walked.value) == count(json.loads(data))


def test_a_field_without_end_costs_its_record_nothing_but_the_rest_of_it() -> None:
    """Of a text of millions of characters the beginning is kept, with a note, and the next record is whole."""
    records = [post(title="x" * 3_000_000), post(title="whole")]
    reading = read(json.dumps({"Post": {"Posts": {"VideoList": records}}}).encode(), DOCUMENT)
    first, second = reading.value["Post"]["Posts"]["VideoList"].kept
    assert first.caption == "x" * 4096 and first.created_at_utc == second.created_at_utc and second.caption == "whole"
    assert [note.code for note in reading.notes] == ["json-long-value"]


@pytest.mark.parametrize("escape", ["\\x", "\\u12G4", "\\ud83d", "\\\\", '\\"', "\\u00e9"])
@pytest.mark.parametrize("window", [1, 7, 10**6])
def test_a_long_text_is_as_valid_as_a_short_one(escape: str, window: int) -> None:
    """Escapes are looked at where a text is only passed over."""
    data = f'["{escape}", "{"y" * 300}{escape}{"y" * 300}", "end of the list"]'.encode()
    short, long = read(data, COUNTED), read(data, COUNTED, longest=50, window=window)
    assert (short.error is None) == (long.error is None) == (escape not in ("\\x", "\\u12G4"))
    assert not short.error or (short.error.code == "json-invalid" and long.error and long.error.code == "json-invalid")


@pytest.mark.parametrize("window", [1, 13, 1 << 18])
def test_a_repeated_key_is_kept_wherever_it_stands(window: int) -> None:
    """In the outer objects, which are walked, as in records, which are decoded at once."""
    data = (
        b'{"Post": {"Posts": {"VideoList": [{"Date": "2025-05-01 10:00:00", "Date": 2}]}}, "Post": {"Posts": {"VideoList": []}}}'
    )
    reading = read(data, DOCUMENT, window=window)
    assert [note.message[-3:] for note in reading.notes] == ["(2)"] and len(reading.value) == 2


def test_keys_without_end_are_counted_together() -> None:
    """So many names are kept of an object, and no more; the rest still counts, and nothing is lost silently."""
    data = json.dumps({f"key{n}": [n] for n in range(12_000)}).encode()
    value = read(data, SHAPE).value
    assert len(value) == MOST_NAMES + 1 and count(value) == 12_000


def test_reading_says_how_far_it_is() -> None:
    """Every byte is heard of once."""
    heard: list[int] = []
    data = json.dumps([["x" * 100]] * 1000).encode()
    read_json(io.BytesIO(data), 10**9, 200, COUNTED, progress=heard.append, window=1000)
    assert sum(heard) == len(data) and len(heard) > 50


def test_rows_say_something_as_the_lists_they_stand_for() -> None:
    """An empty list says nothing; an object that was only counted says something even where it counts for nothing."""
    assert not Rows() and Rows(1) and Rows(0, listed=False)


def test_numbers_of_any_spelling_are_counted_one_by_one() -> None:
    """A list that is only counted is passed over in runs, which must not swallow what is no number."""
    spelled = [
        "1",
        "-0",
        "3.25",
        "-1e5",
        "1E+400",
        "9" * 120,
        "true",
        "false",
        "null",
        "NaN",
        '"1,2"',
        "[3, 4]",
        '{"a": 1}',
        " 5 ",
        "\n6",
    ]
    for text in (",".join(spelled), ",".join(spelled[::-1])):
        for window in (1, 7, 64, 10**6):
            reading = read(f"[{text}]".encode(), COUNTED, window=window)
            assert reading.error is None and reading.value.count == len(spelled)
    for broken in ("[1,,2]", "[1,2,]", "[01,2]", "[1 2,3]", "[1,tru,2]", "[1,2", "[1,-,2]", "[.5,1]"):
        assert read(broken.encode(), COUNTED).error == read(broken.encode()).error is not None


def test_a_long_list_deep_within_others_costs_no_more_than_a_flat_one() -> None:
    """It is not scanned again for every list around it."""
    numbers = ",".join(["1234567"] * 200_000)
    for depth in (1, 150):
        reading = read(("[" * depth + numbers + "]" * depth).encode(), COUNTED, longest=1024)
        assert reading.error is None and reading.value.count == (200_000 if depth == 1 else 1)
