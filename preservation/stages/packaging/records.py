"""One item as WARC records: its words, its media as received, and how each came here.

`resource` for what the export held, `metadata` for facts about it (ISO 28500:2017, 6.4 and 6.6). Target URIs lie in the archive's
own namespace, because the platform's URL names a page that is not what is kept; that URL, and the path in the export, are data.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from preservation.errors import DepositUnusable
from preservation.formats import media_types
from preservation.formats.canonical import canonical_json
from preservation.formats.warc import Head, Payload, PayloadDiffers, Span, WarcFile, payload_of_bytes
from preservation.model.export import MediaStatus
from preservation.model.identifiers import DepositId, Sha256, UnitId, derive_id, keyed_digest_of_pieces
from preservation.model.media_facts import MediaFacts
from preservation.stages.packaging.plan import UnitPlan, Writing
from preservation.stages.packaging.request import HeldMedium, PackagedItem

PROFILE = "https://deposits.keepsake.invalid/profile/1"  # what the bytes promise; changes only when they do


@dataclass(frozen=True, slots=True)
class UnitContext:
    """What all records of one unit share. `base` is the object's URI; `received_at` the only date of ours in them."""

    unit_id: UnitId
    base: str
    secret: bytes
    deposit_id: DepositId
    received_at: datetime
    archive_name: str

    def head(self, name: str) -> Head:
        """Id and date of the record called `name` in this unit."""
        return Head(derive_id(self.secret, "record", f"{self.unit_id}/{name}"), self.received_at)

    @property
    def path(self) -> str:
        """Where the unit lies in the bag."""
        return f"data/units/{self.unit_id}.warc"


Piece = dict[str, Any]  # where one payload lies, as a row of items.jsonl has it
WORDS_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Written:
    """Where what was new of one item lies in its unit: its words (None: unchanged), and each medium: index, place, media type."""

    words: Span | None
    media: tuple[tuple[int, Span, str], ...]


def basis_of(context: UnitContext, plan: UnitPlan) -> Sha256:
    """Everything the bytes of a unit follow from, as one keyed digest. Words and media stand in the unit's id."""
    return keyed_digest_of_pieces(context.secret, "basis", _basis(context, plan))


def _basis(context: UnitContext, plan: UnitPlan) -> Iterator[bytes]:
    at = context.received_at.isoformat()
    yield canonical_json([PROFILE, context.base, context.deposit_id, at, context.archive_name, plan.kind, plan.unit_id])
    for writing in plan.writings:
        media = [[held.index, _source_uri(held), _facts_of_medium(held)] for held in writing.media]
        yield canonical_json([writing.item_id, writing.words, _facts_of_words(writing.item), media])


def write_warcinfo(warc: WarcFile, context: UnitContext, plan: UnitPlan) -> None:
    """Open the file by saying what it is; nothing that will change later (6.2)."""
    fields = {
        "software": "keepsake",
        "format": "WARC File Format 1.1",
        "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "profile": PROFILE,
        "operator": context.archive_name,
        "isPartOf": context.deposit_id,
        "description": f"{plan.kind} of {len(plan.writings)} item(s) from the export a creator handed in; see the README of the package",
    }
    warc.warcinfo(context.head("warcinfo"), fields, f"{context.unit_id}.warc")


def write_item(warc: WarcFile, context: UnitContext, writing: Writing, words_of: Callable[[PackagedItem], bytes]) -> Written:
    """Write what is new of one item. Raises DepositUnusable if a medium is not what was received."""
    words = _write_words(warc, context, writing.item, words_of(writing.item)) if writing.words is not None else None
    return Written(words, tuple(_write_medium(warc, context, writing, held) for held in writing.media))


def words_piece(base: str, unit: str, deposit_id: DepositId, item: PackagedItem, span: Span, sha256: Sha256) -> Piece:
    """The words of an item for its row: `unit` is the unit's path in the bag."""
    return _piece(unit, deposit_id, span, sha256, WORDS_TYPE, _words_uri(base, item))


def medium_piece(
    base: str, unit: str, deposit_id: DepositId, item: PackagedItem, held: HeldMedium, span: Span, kind: str
) -> Piece:
    """A medium of an item for its row."""
    sha256 = held.medium.held.sha256 if held.medium.held else ""
    return _piece(unit, deposit_id, span, sha256, kind, _medium_uri(base, item, held, kind))


def facts_found(facts: MediaFacts | None) -> dict[str, str | int | float]:
    """What was found when a medium was examined, by the names it is kept under; empty if it was not."""
    if facts is None:
        return {}
    found = {
        "condition": facts.condition,
        "puid": facts.puid,
        "formatName": facts.format_name,
        "formatVersion": facts.format_version,
        "mimeType": facts.mime_type,
        "identificationBasis": facts.basis,
        "nameMismatch": "yes" if facts.name_mismatch else None,
        "width": facts.width,
        "height": facts.height,
        "durationSeconds": facts.duration,
        "frames": facts.frames,
        "videoCodec": facts.video_codec,
        "audioCodec": facts.audio_codec,
        "note": facts.note,
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _write_words(warc: WarcFile, context: UnitContext, item: PackagedItem, words: bytes) -> Span:
    uri, name = _words_uri(context.base, item), f"{item.item_id}/words"
    head = context.head(name)
    span = warc.resource(head, uri, WORDS_TYPE, payload_of_bytes(words))
    warc.metadata(context.head(f"{name}/metadata"), uri, head.id, _facts_of_words(item))
    return span


def _facts_of_words(item: PackagedItem) -> Mapping[str, str]:
    return {
        "role": "the words of the post, from the export's own record of it, in canonical JSON",
        "exportPointer": item.post.pointer,
        "section": str(item.post.section),
    }


def _write_medium(warc: WarcFile, context: UnitContext, writing: Writing, held: HeldMedium) -> tuple[int, Span, str]:
    known = held.medium.held
    if known is None:
        raise ValueError("a medium to be packaged has its size and digest on record")
    kind = _sniffed(held)
    uri, name = _medium_uri(context.base, writing.item, held, kind), f"{writing.item_id}/{held.index}"
    head = context.head(name)
    try:
        span = warc.resource(head, uri, kind, Payload(known.size, known.sha256, held.open), _source_uri(held))
    except PayloadDiffers as difference:
        raise DepositUnusable(
            "held-bytes-changed",
            f"medium {held.index} of item {writing.item_id} is not what was received",
            remedy="check the disk that holds quarantine, then receive the deposit again",
        ) from difference
    warc.metadata(context.head(f"{name}/metadata"), uri, head.id, _facts_of_medium(held))
    return held.index, span, kind


def _facts_of_medium(held: HeldMedium) -> Mapping[str, str]:
    return {
        "role": "a medium of the post, bytes as received",
        "origin": str(held.origin),
        "statusInExport": str(held.medium.status),
        "exportReference": held.medium.unsigned_ref,
        **{name: str(value) for name, value in facts_found(held.facts).items()},
    }


def _sniffed(held: HeldMedium) -> str:
    with held.open() as stream:
        return media_types.sniff(stream.read(media_types.HEAD))


def _source_uri(held: HeldMedium) -> str:
    """The path inside the export, for bytes that lay in it. A link is no such path; it stands in the metadata record."""
    return f"file:///{quote(held.medium.ref, errors='replace')}" if held.medium.status is MediaStatus.in_archive else ""


def _words_uri(base: str, item: PackagedItem) -> str:
    return f"{base}/{item.item_id}/words.json"


def _medium_uri(base: str, item: PackagedItem, held: HeldMedium, kind: str) -> str:
    return f"{base}/{item.item_id}/{held.index}.{media_types.extension(kind)}"


def _piece(unit: str, deposit_id: DepositId, span: Span, sha256: Sha256, kind: str, uri: str) -> Piece:
    return {
        "unit": unit,
        "record": [span.record_offset, span.record_length],
        "offset": span.offset,
        "length": span.length,
        "sha256": sha256,
        "type": kind,
        "uri": uri,
        "deposit": deposit_id,
    }
