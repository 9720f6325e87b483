"""What a ZIP says about its members, read with suspicion (APPNOTE.TXT 4.3 and 4.4).

Nothing here writes to disk and no name is ever used as a path. A name that would leave its folder, a link, a password or
two headers that disagree give the member a code; the rest of the archive is still read.
"""

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from lzma import LZMAError
from typing import BinaryIO

from preservation.errors import DepositUnusable

MIB = 1024 * 1024
# What CPython's zipfile and its decompressors raise on hostile bytes, as found by feeding it any.
UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
    AssertionError,
    MemoryError,
)
UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 0x1
SIZES_FOLLOW_FLAG = 0x8
DEBRIS = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._[^/]*$)", re.IGNORECASE)
DIRECTORY_BYTES_EACH = 1024  # a directory entry is 46 bytes and a name; 1 KiB is generous
_LOCAL_HEADER = struct.Struct("<4s5HIIIHH")
_END = struct.Struct("<4s4H2LH")
_END_LOOK_BACK = 65535 + _END.size


def looks_like_zip(head: bytes) -> bool:
    """Whether the first bytes are a local header or the end record of an empty archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def open_directory(stream: BinaryIO, max_members: int) -> zipfile.ZipFile:
    """Read the central directory.

    Raises DepositUnusable: archive-truncated (no directory at the end), too-many-members, archive-damaged.
    """
    refuse_endless_directory(stream, max_members)
    try:
        archive = zipfile.ZipFile(stream)
    except UNREADABLE:
        raise _damaged() from None
    if len(archive.infolist()) > max_members:
        raise _too_many()
    return archive


def refuse_endless_directory(stream: BinaryIO, max_members: int) -> None:
    """Look at the end record before a parser loads the directory, whose size is the only thing that costs memory."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END_LOOK_BACK))
    tail = stream.read(_END_LOOK_BACK)
    stream.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise DepositUnusable(
            "archive-truncated",
            f"the archive of {size} bytes has no directory at its end: the download was cut off",
            remedy="download the export again and compare the size shown by the platform",
        )
    # ZIP64 (all bits set) keeps the true size elsewhere: then the directory is at most as large as the file.
    stated = _END.unpack_from(tail, at)[5]
    if min(stated, size) > max(MIB, max_members * DIRECTORY_BYTES_EACH):
        raise _too_many()


def display_name(info: zipfile.ZipInfo) -> str:
    """The member's name as its maker meant it: UTF-8 if the bytes are UTF-8, else code page 437.

    Many packers write UTF-8 without raising the flag for it, and CPython then reads code page 437.
    """
    written = info.orig_filename
    if info.flag_bits & UTF8_FLAG:
        return written
    try:
        return written.encode("cp437").decode("utf-8")
    except UnicodeError:
        return written


def lookup_key(name: str) -> str:
    """What two spellings of one name share: NFC, case folded, `/` for a backslash. For looking up, never for merging."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def refusal(info: zipfile.ZipInfo, name: str) -> str | None:
    """Why a member is not read at all, as a code; None if it may be."""
    if info.flag_bits & ENCRYPTED_FLAG:
        return "encrypted"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "symlink"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        return "not-a-regular-file"
    return "unsafe-name" if unsafe(name) else None


def unsafe(name: str) -> bool:
    """Whether a name would lead out of its folder on some system: `..`, absolute, drive letter, UNC, control characters."""
    slashed = name.replace("\\", "/")
    if slashed.startswith("/") or re.match(r"^[A-Za-z]:", slashed):
        return True
    return ".." in slashed.split("/") or any(ord(character) < 32 for character in name)


def is_folder(info: zipfile.ZipInfo, name: str) -> bool:
    """Folder entries end in a slash of either kind and hold nothing."""
    return name.endswith(("/", "\\")) and info.file_size == 0


def is_debris(name: str) -> bool:
    """Whether an operating system, not the platform, put it there."""
    return bool(DEBRIS.search(name.replace("\\", "/")))


def headers_disagree(stream: BinaryIO, info: zipfile.ZipInfo) -> bool:
    """Whether the member's own header tells another story than the directory (name, method, or sizes where it states them)."""
    try:
        stream.seek(info.header_offset)
        fields = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
        raw_name = stream.read(fields[9])
    except UNREADABLE:
        return True
    magic, _, flags, method, _, _, crc, packed, size, _, _ = fields
    if magic != b"PK\x03\x04" or method != info.compress_type:
        return True
    if raw_name != info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_FLAG else "cp437", "replace"):
        return True
    stated = not flags & SIZES_FOLLOW_FLAG and 0xFFFFFFFF not in (packed, size)
    return stated and (crc, packed, size) != (info.CRC, info.compress_size, info.file_size)


def _damaged() -> DepositUnusable:
    return DepositUnusable(
        "archive-damaged", "the archive's directory cannot be read", remedy="download the export again from the platform"
    )


def _too_many() -> DepositUnusable:
    return DepositUnusable(
        "too-many-members",
        "the archive lists more members than the policy allows",
        remedy="raise `max_members` in the intake policy if this export is genuine",
    )
