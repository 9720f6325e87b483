"""What is unpacked on the way lies on no disk in plain bytes."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from preservation.stages.intake import ciphered
from preservation.stages.intake.ciphered import spooled

CANARY = b"the words of somebody's message "


def test_a_large_archive_within_an_archive_is_read_right_and_never_lies_on_a_disk_in_plain_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "spool"

    def named(*_: Any, **__: Any) -> Any:
        return kept.open("w+b")

    monkeypatch.setattr(tempfile, "TemporaryFile", named)
    monkeypatch.setattr(ciphered, "IN_MEMORY", 4096)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(3):
            archive.writestr(f"{n}.txt", CANARY * (1000 + n))
    with spooled(io.BytesIO(packed.getvalue())) as copy, zipfile.ZipFile(copy) as inner:
        assert [inner.read(f"{n}.txt") for n in (2, 0, 1)] == [CANARY * (1000 + n) for n in (2, 0, 1)]
    assert kept.stat().st_size == len(packed.getvalue())
    assert CANARY not in kept.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 3 * 4096 + 7])
def test_a_spooled_copy_is_the_stream(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ciphered, "IN_MEMORY", 4096)
    data = bytes(n % 251 for n in range(size))
    with spooled(io.BytesIO(data)) as copy:
        assert copy.read() == data
        assert (copy.seek(size // 2), copy.read()) == (size // 2, data[size // 2 :])
