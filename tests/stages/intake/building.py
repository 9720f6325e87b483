"""Invented exports for tests: sources in memory, ZIP files, TikTok documents unlike those of the fixtures."""

import io
import json
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from preservation.stages.intake.sources import Source

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "exports"
SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00" * 40
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x01" * 40
ERROR_PAGE = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code></Error>'


def in_memory(name: str, data: bytes) -> Source:
    """A source over bytes."""
    return Source(name, len(data), lambda: io.BytesIO(data))


def on_disk(path: Path) -> Source:
    """A source over a file."""
    return Source(path.name, path.stat().st_size, lambda: path.open("rb"))


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP with these members, names repeated if they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # repeated names are what some tests are about
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def video_link(name: str = "abc", expires: int = 1760000000, log: str = "20250929093000AB") -> str:
    """A signed link as of 2025, on a host no fixture uses."""
    return f"https://v77-cold.tiktokcdn-eu.com/storage/v1/tos-no1a-v-2774/{name}?mime_type=video_mp4&l={log}&x-tos-expires={expires}&x-tos-signature=s"


def photo_link(name: str, expires: int = 1760000000) -> str:
    """One picture of a photo set, on a host no fixture uses."""
    return f"https://p19-photomode-sign.tiktokcdn.com/tos-alisg-i-photomode-sg/{name}~tplv-photomode-image.webp?x-expires={expires}&x-signature=q"


def post(date: str = "2025-05-01 10:00:00", title: str = "", **fields: Any) -> dict[str, Any]:
    """One post's record."""
    return {"Date": date, "Link": video_link(), "Likes": "3", "WhoCanView": "Everyone", "Title": title, **fields}


def document(posts: Any, handle: str | None = "ada.fx", **parts: Any) -> dict[str, Any]:
    """A small export of the 2025 layout."""
    profile = {"Profile": {"Profile Info": {"App": 1, "ProfileMap": {"userName": handle}}}} if handle else {}
    return {"Post": {"Posts": {"VideoList": posts}}, **profile, **parts}


def export(doc: Any, name: str = "TikTok_Data_1759138200.zip", member: str = "user_data_tiktok.json") -> Source:
    """A document as the platform packs it."""
    return in_memory(name, zipped([(member, json.dumps(doc).encode())]))
