"""From a package's description and units to plain files, and a page that shows them from a folder, without a server.

Every payload is digested again on its way out. File names are ours: date of posting, a part of the item's id, a number.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, PackageLoader, StrictUndefined

from preservation.errors import ShelfConflict

CHUNK = 1024 * 1024
UnitOpener = Callable[[str], AbstractContextManager[BinaryIO]]  # a unit's path in the bag, e.g. data/units/….warc
Row = Mapping[str, Any]
FLAWS = {  # by what examining it on receipt showed; of what is whole, or was not examined, nothing is said
    "damaged": "damaged when it was handed in: it may not play or show to its end",
    "not_media": "no picture, film or sound, whatever its name says",
    "empty": "empty",
    "not_decoded": "kept as it was handed in, but could not be checked to its end",
}


@dataclass
class Opened:
    """What was laid out."""

    posts: int = 0
    files: int = 0
    bytes: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    name: str  # relative to the page
    type: str
    flaw: str = ""  # what is wrong with it, in words


@dataclass(slots=True)
class _Shown:
    caption: str | None
    published: str
    visibility: str
    kind: str
    status: str
    files: list[_File] = field(default_factory=list)
    missing: int = 0


def lay_out(rows: Sequence[Row], open_unit: UnitOpener, to: Path, archive_name: str) -> Opened:
    """Write every held payload of `rows` below `to` (an empty folder), its words beside it, and `index.html`.

    Units are opened once each. Raises ShelfConflict if a payload is not what its row says.
    """
    opened = Opened(posts=len(rows))
    shown = {row["item_id"]: _shown(row) for row in rows}
    for unit, wanted in _by_unit(rows).items():
        with open_unit(unit) as stream:
            for row, piece, name in wanted:
                _copy(stream, piece, to / name)
                opened.files += 1
                opened.bytes += piece["length"]
                if "index" in piece:
                    shown[row["item_id"]].files.append(_File(name, piece["type"], FLAWS.get(piece.get("condition", ""), "")))
    opened.missing = sum(each.missing for each in shown.values())
    (to / "items.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    (to / "index.html").write_text(_page(list(shown.values()), archive_name), encoding="utf-8")
    return opened


def _by_unit(rows: Iterable[Row]) -> dict[str, list[tuple[Row, Mapping[str, Any], str]]]:
    """What to take from each unit: row, piece, and the name it gets."""
    wanted: dict[str, list[tuple[Row, Mapping[str, Any], str]]] = {}
    for row in rows:
        folder = _folder(row)
        if row["words"]:
            wanted.setdefault(row["words"]["unit"], []).append((row, row["words"], f"{folder}/words.json"))
        for piece in row["media"]:
            if "unit" in piece:
                name = f"{folder}/{piece['index'] + 1}.{piece['uri'].rsplit('.', 1)[-1]}"
                wanted.setdefault(piece["unit"], []).append((row, piece, name))
    return wanted


def _folder(row: Row) -> str:
    posted = (row["published"] or "undated")[:19].replace(":", "-").replace("T", "-")
    return f"posts/{posted}-{row['item_id'][:8]}"


def _copy(stream: BinaryIO, piece: Mapping[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), piece["length"]
    stream.seek(piece["offset"])
    with target.open("wb") as out:
        while left and (chunk := stream.read(min(left, CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
            out.write(chunk)
    if left or digest.hexdigest() != piece["sha256"]:
        target.unlink()
        raise ShelfConflict(
            "payload-differs",
            f"a payload in {piece['unit']} at offset {piece['offset']} is not what the package's description says",
            remedy="look and mend with: keepsake audit, keepsake repair; then open the package again",
        )


def _shown(row: Row) -> _Shown:
    published = (row["published"] or "")[:16].replace("T", " ")
    missing = sum("unit" not in piece for piece in row["media"])
    return _Shown(row["caption"], published, row["visibility"], row["kind"], row["status"], missing=missing)


def _page(shown: list[_Shown], archive_name: str) -> str:
    environment = Environment(
        loader=PackageLoader("preservation.stages.access"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    newest_first = sorted(shown, key=lambda post: post.published, reverse=True)
    return environment.get_template("site.html").render(posts=newest_first, archive=archive_name)
