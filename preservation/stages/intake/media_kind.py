"""What bytes are, told by their first few and not by the name of the file (signatures as in PRONOM)."""

from preservation.model.export import MediaKind

_IMAGE_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
_AUDIO_BRANDS = {b"M4A ", b"M4B "}


def sniff_medium(head: bytes) -> MediaKind | None:
    """Kind of medium of which `head` (16 bytes or more) is the beginning; None if it is none, e.g. an error page."""
    if len(head) >= 12 and head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head[:3] == b"\xff\xd8\xff" or head[:8] == b"\x89PNG\r\n\x1a\n" or head[:6] in (b"GIF87a", b"GIF89a"):
        return MediaKind.image
    if head[:4] == b"RIFF":
        return {b"WEBP": MediaKind.image, b"WAVE": MediaKind.audio, b"AVI ": MediaKind.video}.get(head[8:12])
    if head[:4] == b"\x1a\x45\xdf\xa3" or head[4:8] in (b"moov", b"mdat", b"wide", b"free"):
        return MediaKind.video
    if head[:3] == b"ID3" or head[:4] == b"OggS" or head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xf9"):
        return MediaKind.audio
    return None


def _of_brand(brand: bytes) -> MediaKind:
    if brand in _IMAGE_BRANDS:
        return MediaKind.image
    return MediaKind.audio if brand in _AUDIO_BRANDS else MediaKind.video
