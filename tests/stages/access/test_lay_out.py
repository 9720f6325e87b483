"""A usable copy: plain files and a page, every payload proved on its way out."""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from preservation.errors import ShelfConflict
from preservation.stages.access.lay_out import lay_out

WORDS, FILM, PHOTO = b'{"caption": "kite"}', b"film" * 300_000, b"photo"
UNIT = "data/units/one.warc"
SHELF = {UNIT: b"head" + WORDS + FILM + PHOTO + b"tail"}


def _piece(content: bytes, **fields: Any) -> dict[str, Any]:
    offset = SHELF[UNIT].index(content)
    return {"unit": UNIT, "offset": offset, "length": len(content), "sha256": hashlib.sha256(content).hexdigest(), **fields}


def _row(number: int = 1, **fields: Any) -> dict[str, Any]:
    row = {
        "item_id": f"{number}abcdefg" + "x" * 18,
        "published": f"2025-05-0{number}T10:00:00Z",
        "caption": "orange kite",
        "visibility": "public",
        "kind": "video",
        "status": "held",
        "words": _piece(WORDS),
        "media": [
            _piece(FILM, index=0, uri="https://host.invalid/film.mp4", type="video/mp4"),
            _piece(PHOTO, index=1, uri="https://host.invalid/photo.jpg", type="image/jpeg"),
        ],
    }
    return {**row, **fields}


@contextmanager
def _open(unit: str) -> Iterator[BinaryIO]:
    yield io.BytesIO(SHELF[unit])


def test_every_payload_lies_as_a_plain_file_beside_its_words(tmp_path: Path) -> None:
    opened = lay_out([_row()], _open, tmp_path, "Keepsake")
    folder = tmp_path / "posts" / "2025-05-01-10-00-00-1abcdefg"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"words.json": WORDS, "1.mp4": FILM, "2.jpg": PHOTO}
    assert (opened.posts, opened.files, opened.bytes, opened.missing) == (1, 3, len(WORDS + FILM + PHOTO), 0)
    assert [json.loads(line) for line in (tmp_path / "items.jsonl").read_text("utf-8").splitlines()] == [_row()]


@pytest.mark.parametrize("harm", [lambda b: b.replace(b"film", b"filn", 1), lambda b: b[: len(b) // 2]], ids=["flipped", "cut"])
def test_a_payload_that_is_not_what_its_row_says_is_not_given_out(tmp_path: Path, harm: Any) -> None:
    @contextmanager
    def damaged(unit: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(harm(SHELF[unit]))

    with pytest.raises(ShelfConflict, match="payload-differs") as refusal:
        lay_out([_row()], damaged, tmp_path, "Keepsake")
    assert not list(tmp_path.rglob("*.mp4"))
    assert "kite" not in str(refusal.value)


def test_the_page_shows_newest_first_and_needs_no_server(tmp_path: Path) -> None:
    lay_out([_row(1, caption="kite one"), _row(2, caption="kite two")], _open, tmp_path, "Keepsake")
    page = (tmp_path / "index.html").read_text("utf-8")
    assert page.index("kite two") < page.index("kite one")
    assert "posts/2025-05-01-10-00-00-1abcdefg/1.mp4" in page
    assert "http://" not in page
    assert "https://" not in page


def test_words_are_words_and_no_markup(tmp_path: Path) -> None:
    lay_out([_row(caption="<script>alert(1)</script> & <b>bold</b>")], _open, tmp_path, "<i>Archive</i>")
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "<i>Archive" not in page
    assert "&lt;script&gt;" in page


def test_what_is_not_kept_is_counted_and_a_post_without_date_or_words_is_shown(tmp_path: Path) -> None:
    lost = {"index": 0, "status": "missing"}
    opened = lay_out([_row(published=None, words=None, caption=None, media=[lost])], _open, tmp_path, "Keepsake")
    assert (opened.posts, opened.files, opened.missing) == (1, 0, 1)
    assert (tmp_path / "index.html").exists()


def test_a_name_in_a_row_leads_nowhere_else(tmp_path: Path) -> None:
    here = tmp_path / "to" / "here"
    here.mkdir(parents=True)
    film = _piece(FILM, index=0, uri="https://host.invalid/a/../../../../escaped", type="video/mp4")
    lay_out([_row(media=[film])], _open, here, "Keepsake")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and here not in path.parents] == []
