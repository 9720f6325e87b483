"""What finished units came to, written down beside the version that is being built: a run that was killed goes on after them.

One line per unit in a file of opaque ids, digests and places, never of words. A line counts only if it is whole and if everything
the unit's bytes follow from is what it was; whether the bytes on the disk are still the ones written is for the copy to find,
which digests all it reads.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preservation.formats.canonical import canonical_json
from preservation.formats.warc import Span
from preservation.model.fixity import Fixity
from preservation.model.identifiers import Sha256, UnitId
from preservation.stages.packaging.records import Written

_SUFFIX = ".finished.jsonl"


def beside(version_folder: Path) -> Path:
    """Where the notes of a version lie: beside its folder, so that they are no part of what is copied."""
    return version_folder.with_name(version_folder.name + _SUFFIX)


class Finished:
    """The notes of one version; one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets = _offsets(path)

    def find(self, unit_id: UnitId, basis: Sha256) -> tuple[Fixity, tuple[Written, ...]] | None:
        """What the unit came to when it was finished on this `basis`; one entry per item, in the order of the plan."""
        offset = self._offsets.get((unit_id, basis))
        if offset is None:
            return None
        with self._path.open("rb") as notes:
            notes.seek(offset)
            told = json.loads(notes.readline())
        return Fixity(**told["fixity"]), tuple(_written(each) for each in told["items"])

    def note(self, unit_id: UnitId, basis: Sha256, fixity: Fixity, items: Sequence[Written]) -> None:
        """Write down that a unit is finished."""
        digests = {"size": fixity.size, "sha256": fixity.sha256, "sha512": fixity.sha512}
        told = {"unit": unit_id, "basis": basis, "fixity": digests, "items": [_plain(each) for each in items]}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as notes:
            notes.write(canonical_json(told) + b"\n")


def _offsets(path: Path) -> dict[tuple[UnitId, Sha256], int]:
    """Where each whole line begins. What follows the last whole one, torn by a death, is cut off."""
    found: dict[tuple[UnitId, Sha256], int] = {}
    if not path.exists():
        return found
    with path.open("r+b") as notes:
        whole = 0
        for line in notes:
            try:
                told = json.loads(line)
                found[told["unit"], told["basis"]] = whole
            except (ValueError, TypeError, KeyError):
                break
            whole += len(line)
        notes.truncate(whole)
    return found


def _plain(written: Written) -> list[object]:
    media = [[index, _places(span), kind] for index, span, kind in written.media]
    return [_places(written.words) if written.words else None, media]


def _places(span: Span) -> list[int]:
    return [span.record_offset, span.record_length, span.offset, span.length]


def _written(told: Sequence[Any]) -> Written:
    words, media = told
    return Written(Span(*words) if words else None, tuple((index, Span(*span), sys.intern(kind)) for index, span, kind in media))
