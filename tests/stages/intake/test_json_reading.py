"""Tolerant JSON: what can be read is read and noted, what cannot is an error, never half a document."""

import io
import json

import pytest

from preservation.stages.intake.json_reading import JsonReading, looks_like_json, read_json


def read(data: bytes, max_bytes: int = 10**6, max_depth: int = 200) -> JsonReading:
    """Read bytes."""
    return read_json(io.BytesIO(data), max_bytes, max_depth)


def codes(reading: JsonReading) -> list[str]:
    """Codes of the notes."""
    return [note.code for note in reading.notes]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    """With or without a byte order mark."""
    data = json.dumps({"a": "ça 🎶"}, ensure_ascii=False).encode(encoding)
    assert looks_like_json(data[:512]) and read(data) == JsonReading({"a": "ça 🎶"})


def test_every_cut_of_a_document_is_an_error() -> None:
    """Wherever a download stops, the document is not taken for a shorter one, and most cuts are recognised as cuts."""
    data = json.dumps({"a": [1, True, None, "x\n\u00e9", {"b": -1.5}]}).encode()
    errors = [read(data[:length]).error for length in range(1, len(data))]
    assert all(errors) and {error.code for error in errors if error} == {"json-truncated"}


def test_a_damaged_document_is_invalid_and_quotes_nothing() -> None:
    """The message says where, not what."""
    error = read(b'{"secret": oops, "more": "' + b"x" * 50 + b'"}').error
    assert error and error.code == "json-invalid" and "secret" not in error.message and "oops" not in error.message


def test_lone_surrogates_are_replaced_in_values_and_keys() -> None:
    """The result can be written as UTF-8; whole pairs stay as they are."""
    reading = read(rb'{"\ud83d": ["\ud83c\udfb6", "x\udc00y"]}')
    assert reading.value == {"\ufffd": ["🎶", "x\ufffdy"]} and codes(reading) == ["json-lone-surrogate"]
    json.dumps(reading.value, ensure_ascii=False).encode()


def test_repeated_keys_are_all_kept() -> None:
    """The second does not overwrite the first."""
    reading = read(b'{"a": 1, "a": 2, "b": 3, "a": 4}')
    assert sorted(reading.value.values()) == [1, 2, 3, 4] and codes(reading) == ["json-duplicate-key"]


def test_numbers_json_does_not_know_are_empty() -> None:
    """NaN, infinities, and numbers too large for any."""
    reading = read(b"[NaN, -Infinity, 1e999, 2]")
    assert reading.value == [None, None, None, 2] and codes(reading) == ["json-not-a-number"]


def test_a_number_of_thousands_of_digits_is_kept_as_text() -> None:
    """Reading it as a number would be refused by the interpreter."""
    assert read(b"[" + b"9" * 5000 + b"]").value == ["9" * 5000]


@pytest.mark.parametrize("depth", [201, 5_000, 100_000])
def test_nesting_without_end_is_an_error(depth: int) -> None:
    """Whether our own guard or the parser's stops it."""
    error = read(b"[" * depth + b"]" * depth).error
    assert error and error.code == "json-too-deep"


def test_nesting_up_to_the_limit_is_read() -> None:
    """The limit itself is allowed."""
    assert read(b"[" * 200 + b"]" * 200).error is None


def test_no_more_than_the_policy_allows_is_read() -> None:
    """One byte more than the limit is asked for, to tell the difference, and not another."""
    stream = io.BytesIO(b"[" + b" " * 1000 + b"]")
    reading = read_json(stream, 100, 10)
    assert reading.error and reading.error.code == "json-too-large" and stream.tell() == 101


def test_bytes_that_are_no_text_are_replaced_and_noted() -> None:
    """A single bad byte does not cost the export."""
    reading = read(b'{"a": "caf\xe9"}')
    assert reading.value == {"a": "caf\ufffd"} and codes(reading) == ["json-not-utf8"]
