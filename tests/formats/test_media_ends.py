"""Files that state their size are found to be cut off, by a single byte too; hostile structure ends the look, not the program."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preservation.formats.media_ends import is_cut_off
from tests.formats import media_samples as samples

STATED = {
    name: samples.film(name) for name in ("mp4", "mp4, index first", "mp4, fragmented", "mov", "webm", "mkv", "avi", "wav", "m4a")
}
STATED |= {kind: samples.picture(kind) for kind in ("WEBP", "AVIF")}


def _cut(data: bytes) -> bool:
    return is_cut_off(io.BytesIO(data), len(data))


@pytest.mark.parametrize("name", STATED)
def test_what_is_whole_is_not_cut_and_what_lacks_a_byte_is(name: str) -> None:
    data = STATED[name]
    assert not _cut(data)
    assert _cut(data[:-1])
    assert _cut(data[: len(data) // 2])


@pytest.mark.parametrize("size", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"])
def test_a_riff_that_never_learnt_its_size_is_not_said_to_be_cut(size: bytes) -> None:
    assert not _cut(b"RIFF" + size + b"WAVEfmt " + bytes(20))


def test_a_segment_of_unknown_size_is_not_said_to_be_cut() -> None:
    """As browsers record."""
    assert not _cut(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67" + b"\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(50))


def test_a_last_box_to_the_end_of_the_file_is_whole() -> None:
    assert not _cut(struct.pack(">I4s", 16, b"ftyp") + b"isom" + bytes(4) + struct.pack(">I4s", 0, b"mdat") + bytes(99))


def test_a_large_box_is_measured_by_its_large_size() -> None:
    begin = struct.pack(">I4s", 16, b"ftyp") + b"isom" + bytes(4)
    assert not _cut(begin + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100))
    assert _cut(begin + struct.pack(">I4sQ", 1, b"mdat", 117) + bytes(100))


def test_a_crowd_of_tiny_boxes_is_not_walked_to_its_end() -> None:
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            Counting.reads += 1
            return super().read(size)

    data = struct.pack(">I4s", 8, b"free") * 150_000
    assert not is_cut_off(Counting(data), len(data))
    assert Counting.reads <= 100_001


@given(st.sampled_from([b"\0\0\0\x18ftyp", b"RIFF", b"\x1a\x45\xdf\xa3", b""]), st.binary(max_size=200))
def test_any_bytes_get_an_answer(begin: bytes, rest: bytes) -> None:
    assert _cut(begin + rest) in (True, False)
