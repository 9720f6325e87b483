"""Whether a file ends before its own structure says: of containers that state sizes. Cheap, and exact where decoders are lenient.

ISO base media (ISO/IEC 14496-12, 4.2: boxes), RIFF (WebP, WAVE, AVI) and EBML (RFC 8794, 5 and 6; WebM, Matroska). Of anything
else nothing is said.
"""

from typing import BinaryIO

MOST_BOXES = 100_000  # of a hostile file; a long fragmented film has some thousands
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_cut_off(stream: BinaryIO, size: int) -> bool:
    """Whether the structure of a stream of `size` bytes reaches beyond its end."""
    stream.seek(0)
    head = stream.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _boxes_reach_beyond(stream, size)
    if head[:4] == b"RIFF":
        stated = int.from_bytes(head[4:8], "little")
        return stated not in (0, 0xFFFFFFFF) and stated + 8 > size  # unknown while it was being written
    return head[:4] == _EBML and _segment_reaches_beyond(stream, size)


def _boxes_reach_beyond(stream: BinaryIO, size: int) -> bool:
    at = 0
    for _ in range(MOST_BOXES):
        if at + 8 > size:
            break
        stream.seek(at)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: to the end of the file; else zeros or noise behind the last box, which harm nothing
            return False
        at += length
        if at > size:
            return head[4:8].isalnum() or head[4:8].strip().isalnum()
    return False


def _segment_reaches_beyond(stream: BinaryIO, size: int) -> bool:
    stream.seek(0)
    head = stream.read(1024)
    header = _sized(head, 4)
    if header is None or header[0] is None:
        return False
    at = header[1] + header[0]
    if head[at : at + 4] != _SEGMENT:
        return False
    segment = _sized(head, at + 4)
    return segment is not None and segment[0] is not None and segment[1] + segment[0] > size


def _sized(data: bytes, at: int) -> tuple[int | None, int] | None:
    """An EBML element's size (None: not known when it was written) and where its data begins."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if width > 8 or at + width > len(data):
        return None
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width
