"""Still pictures: whole ones are found whole, cut ones damaged however little is missing, bombs are not unpacked."""

import io
import struct
import zlib

import pytest
from PIL import Image

from preservation.formats import still_pictures
from preservation.formats.decoded import Decoded
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition
from tests.formats import media_samples as samples

MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "AVIF": ""}
MIME |= {"BMP": "image/bmp", "TIFF": "image/tiff", "JPEG2000": "image/jp2"}  # PRONOM has no media type for AVIF


def _decode(data: bytes, mime: str) -> Decoded:
    return still_pictures.decode(io.BytesIO(data), len(data), mime)


@pytest.mark.parametrize("kind", samples.PICTURES)
def test_a_whole_picture_is_found_whole_and_measured(kind: str) -> None:
    assert _decode(samples.picture(kind), MIME[kind]) == Decoded(Condition.whole, MediaKind.image, 120, 90, frames=1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.9])
def test_a_picture_that_was_cut_off_is_damaged(kind: str, part: float) -> None:
    data = samples.picture(kind)
    found = _decode(data[: int(len(data) * part)], MIME[kind])
    assert found.condition is Condition.damaged
    assert found.note in {"cut-off", "undecodable"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_single_byte_missing_at_the_end_is_damage(kind: str) -> None:
    assert _decode(samples.picture(kind)[:-1], MIME[kind]).condition is Condition.damaged


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_phones_hang_behind_a_picture_is_no_damage(kind: str) -> None:
    """A moving photo is a picture with a film behind it, larger than the part that is looked at first."""
    assert _decode(samples.picture(kind) + samples.film() * 3 + bytes(20_000), MIME[kind]).condition is Condition.whole


def test_a_png_that_lost_a_kilobyte_within_is_damaged() -> None:
    data = samples.picture("PNG")
    assert _decode(samples.with_gap(data, len(data) // 2), "image/png").condition is Condition.damaged


@pytest.mark.parametrize(("kind", "mime"), [("GIF", "image/gif"), ("WEBP", "image/webp"), ("PNG", "image/png")])
def test_every_frame_of_an_animation_is_decoded_and_counted(kind: str, mime: str) -> None:
    found = _decode(samples.animation(kind), mime)
    assert (found.condition, found.frames) == (Condition.whole, 5)
    assert found.duration == pytest.approx(0.4)


@pytest.mark.parametrize(("kind", "mime"), [("GIF", "image/gif"), ("WEBP", "image/webp")])
def test_an_animation_that_lost_its_later_frames_is_damaged(kind: str, mime: str) -> None:
    data = samples.animation(kind)
    assert _decode(data[: len(data) * 2 // 3], mime).condition is Condition.damaged


def test_a_bomb_is_measured_and_not_unpacked() -> None:
    """A PNG of 60 000 × 60 000 pixels in a few hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    found = _decode(bomb, "image/png")
    assert (found.condition, found.note, found.width) == (Condition.not_decoded, "picture-too-large", 60_000)


@pytest.mark.parametrize("mime", ["image/heic", "image/svg+xml", "application/postscript", "image/vnd.adobe.photoshop"])
def test_a_format_without_a_decoder_is_not_decoded(mime: str) -> None:
    found = _decode(b"whatever it is", mime)
    assert (found.condition, found.note) == (Condition.not_decoded, "no-decoder")


def test_a_format_that_was_not_asked_for_is_not_opened() -> None:
    """Pillow would read it; it reads PostScript, too, by starting another program."""
    portable = b"P6\n20 10\n255\n" + bytes(600)
    with Image.open(io.BytesIO(portable)) as picture:
        assert picture.size == (20, 10)
    assert _decode(portable, "").condition is Condition.damaged


def test_the_tool_says_its_version() -> None:
    assert still_pictures.tool().startswith("Pillow ")
