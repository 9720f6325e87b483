"""Still pictures, decoded to their last pixel by Pillow. What Pillow's own check of a file passes over, decoding finds."""

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from preservation.formats.decoded import Decoded
from preservation.formats.media_ends import is_cut_off
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 100_000_000  # of one frame; more is not decoded: 300 MB as RGB
CHUNK, END = 1024 * 1024, 8192
# Formats whose files are damaged if they cannot be opened, and what Pillow calls them. Nothing else is tried: its readers of
# rare formats are the ones that are attacked, and one of them starts another program.
DECODED = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp", "image/tiff", "image/jp2"})
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "JPEG2000")
# What Pillow raises on hostile bytes.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


def tool() -> str:
    """Name and version of the decoder."""
    import PIL

    return f"Pillow {PIL.__version__}"


def decode(stream: BinaryIO, size: int, mime: str) -> Decoded:
    """Decode all frames of a picture. `mime` is the media type its bytes were identified as; `frames` counts those of animations."""
    if mime and mime not in DECODED:
        return Decoded(Condition.not_decoded, MediaKind.image, note="no-decoder")
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = None  # its warning at half the limit is not ours; see MOST_PIXELS
    stream.seek(0)
    try:
        with PIL.Image.open(stream, formats=_FORMATS) as picture:
            return _decoded(picture, stream, size)
    except MemoryError:
        return Decoded(Condition.not_decoded, MediaKind.image, note="out-of-memory")
    except _UNREADABLE:
        return Decoded(Condition.damaged, MediaKind.image, note="undecodable")


def _decoded(picture: "Image", stream: BinaryIO, size: int) -> Decoded:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        return Decoded(Condition.not_decoded, MediaKind.image, width, height, note="picture-too-large")
    complete = not is_cut_off(stream, size) and _ends_well(picture.format or "", stream, size)
    try:
        frames, milliseconds = _load(picture)
    except _UNREADABLE:
        return Decoded(Condition.damaged, MediaKind.image, width, height, note="cut-off" if not complete else "undecodable")
    return Decoded(
        Condition.whole if complete else Condition.damaged,
        MediaKind.image,
        width,
        height,
        duration=milliseconds / 1000 if frames > 1 and milliseconds else None,
        frames=frames,
        note="" if complete else "cut-off",
    )


def _load(picture: "Image") -> tuple[int, float]:
    """Decode frame after frame: how many, and how long they are shown together (milliseconds)."""
    frames, milliseconds = 0, 0.0
    try:
        while True:
            picture.seek(frames)
            picture.load()
            frames += 1
            milliseconds += float(picture.info.get("duration") or 0)
    except EOFError:
        if frames < int(getattr(picture, "n_frames", 1)):
            raise
    return frames, milliseconds


def _ends_well(pillow_format: str, stream: BinaryIO, size: int) -> bool:
    """Whether the mark that ends a picture is there: decoders do without it, and so miss a cut behind the last pixels."""
    if pillow_format == "GIF":
        return _end(stream, size).rstrip(b"\0").endswith(b"\x3b")
    mark = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}.get(pillow_format)
    return mark is None or mark in _end(stream, size) or _contains(stream, mark)


def _end(stream: BinaryIO, size: int) -> bytes:
    stream.seek(max(0, size - END))
    return stream.read(END)


def _contains(stream: BinaryIO, mark: bytes) -> bool:
    """Whether `mark` is anywhere: phones hang whole films behind their pictures."""
    stream.seek(0)
    before = b""
    while chunk := stream.read(CHUNK):
        if mark in before + chunk:
            return True
        before = chunk[-len(mark) :]
    return False
