"""Identity comes from the bytes, in PRONOM's words; names are only compared; nothing lies readable on a disk meanwhile."""

import io
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from preservation.formats import pronom
from preservation.formats.pronom import Identity, identify
from preservation.model.export import MediaKind
from tests.formats import media_samples as samples

MIB = 1024 * 1024
linux = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="nothing is identified where there are no files in memory")
pytestmark = linux


def _identify(data: bytes, extension: str = "") -> Identity:
    return identify(io.BytesIO(data), len(data), extension)


@pytest.mark.parametrize(
    ("data", "puid", "kind"),
    [
        (samples.film("mp4"), "fmt/199", MediaKind.video),
        (samples.film("mov"), "x-fmt/384", MediaKind.video),
        (samples.film("webm"), "fmt/573", MediaKind.video),
        (samples.film("m4a"), "fmt/2094", MediaKind.audio),
        (samples.picture("JPEG"), "fmt/43", MediaKind.image),
        (samples.picture("AVIF"), "fmt/2062", MediaKind.image),
        (samples.ERROR_PAGE, "fmt/471", MediaKind.unknown),
        (bytes(5000), "", MediaKind.unknown),
        (b"", "", MediaKind.unknown),
    ],
    ids=["mp4", "mov", "webm", "m4a", "jpeg", "avif", "web page", "zeros", "empty"],
)
def test_formats_are_told_by_their_bytes(data: bytes, puid: str, kind: MediaKind) -> None:
    for extension in ("", "mp4", "pdf"):
        found = _identify(data, extension)
        assert (found.puid, found.kind) == (puid, kind)
        assert "extension" not in found.basis


def test_a_name_alone_makes_no_format() -> None:
    assert _identify(bytes(5000), "mp4") == Identity()


@pytest.mark.parametrize(
    ("data", "extension", "mismatch"),
    [
        (samples.film("mp4"), "mp4", False),
        (samples.film("mp4"), "MP4", False),
        (samples.film("mp4"), "mov", True),
        (samples.picture("JPEG"), "jpeg", False),
        (samples.picture("WEBP"), "jpg", True),
        (samples.ERROR_PAGE, "mp4", True),
        (samples.film("mp4"), "", False),
        (samples.film("mp4"), "../x", True),
    ],
)
def test_a_name_that_says_another_format_is_noticed(data: bytes, extension: str, mismatch: bool) -> None:
    assert _identify(data, extension).name_mismatch is mismatch


def test_of_a_long_file_the_beginning_and_the_end_tell_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """An MP4 of 24 MiB with its index at the end, and a JPEG with its end mark there; offsets are those of the file."""
    data = samples.film("mp4")
    grown = data[:32] + struct.pack(">I", 24 * MIB) + b"free" + bytes(24 * MIB - 8) + data[32:]
    still = samples.picture("JPEG")
    long_still = still[:-2] + bytes(24 * MIB) + still[-2:]
    in_parts = [_identify(grown), _identify(long_still)]
    monkeypatch.setattr(pronom, "WHOLE", 64 * MIB)
    assert in_parts == [_identify(grown), _identify(long_still)]
    assert in_parts[0].puid == "fmt/199"
    assert str(grown.rindex(b"moov")) in in_parts[0].basis


def test_a_long_file_takes_no_more_memory_than_its_two_parts() -> None:
    asked: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    identify(Counting(bytes(40 * MIB)), 40 * MIB)
    assert 0 < sum(asked) <= pronom.WHOLE
    assert max(asked) <= MIB


def test_nothing_of_a_file_lies_on_a_disk_while_it_is_identified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[bytes] = []
    remove = shutil.rmtree

    def looked(folder: Any, *more: Any, **options: Any) -> None:
        seen.extend(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        remove(folder, *more, **options)

    monkeypatch.setattr(shutil, "rmtree", looked)
    pronom.formats_ending_in.cache_clear()
    _identify(samples.film("mp4"), "mp4")
    assert seen, "an empty file stands for the extension"
    assert set(seen) == {b""}


def test_no_file_stays_open() -> None:
    _identify(samples.film("mp4"), "mp4")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        _identify(samples.picture("PNG"), "png")
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_tool_and_its_signatures_say_their_versions() -> None:
    assert pronom.tool().startswith("siegfried 1.")
    assert "DROID_SignatureFile_V" in pronom.tool()
    assert "container-signature-20" in pronom.tool()
