"""One item as WARC records: its words, its media as received, and how each came here.

`resource` for what the export held, `metadata` for facts about it (ISO 28500:2017, 6.4 and 6.6). Target URIs lie in the archive's
own namespace, because the platform's URL names a page that is not what is kept; that URL, and the path in the export, are data.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from preservation.errors import DepositUnusable
from preservation.formats import media_types
from preservation.formats.warc import Head, Payload, PayloadDiffers, Span, WarcFile, payload_of_bytes
from preservation.model.export import MediaStatus
from preservation.model.identifiers import DepositId, UnitId, derive_id
from preservation.stages.packaging.plan import UnitPlan, Writing
from preservation.stages.packaging.request import HeldMedium

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


def write_item(warc: WarcFile, context: UnitContext, writing: Writing) -> tuple[Piece | None, dict[int, Piece]]:
    """Write what is new of one item; where its words (None: unchanged) and its media, by index, now lie."""
    words = _write_words(warc, context, writing) if writing.words is not None else None
    return words, {held.index: _write_medium(warc, context, writing, held) for held in writing.media}


def _write_words(warc: WarcFile, context: UnitContext, writing: Writing) -> Piece:
    payload = payload_of_bytes(writing.words or b"")
    uri, name = f"{context.base}/{writing.item_id}/words.json", f"{writing.item_id}/words"
    head = context.head(name)
    span = warc.resource(head, uri, "application/json", payload)
    facts = {
        "role": "the words of the post, from the export's own record of it, in canonical JSON",
        "exportPointer": writing.post.pointer,
        "section": str(writing.post.section),
    }
    warc.metadata(context.head(f"{name}/metadata"), uri, head.id, facts)
    return _piece(context, span, payload, "application/json", uri)


def _write_medium(warc: WarcFile, context: UnitContext, writing: Writing, held: HeldMedium) -> Piece:
    known = held.medium.held
    if known is None:
        raise ValueError("a medium to be packaged has its size and digest on record")
    kind = _sniffed(held)
    uri = f"{context.base}/{writing.item_id}/{held.index}.{media_types.extension(kind)}"
    name = f"{writing.item_id}/{held.index}"
    head = context.head(name)
    payload = Payload(known.size, known.sha256, held.open)
    try:
        span = warc.resource(head, uri, kind, payload, _source_uri(held))
    except PayloadDiffers as difference:
        raise DepositUnusable(
            "held-bytes-changed",
            f"medium {held.index} of item {writing.item_id} is not what was received",
            remedy="check the disk that holds quarantine, then receive the deposit again",
        ) from difference
    facts = {
        "role": "a medium of the post, bytes as received",
        "origin": str(held.origin),
        "statusInExport": str(held.medium.status),
        "exportReference": held.medium.unsigned_ref,
    }
    warc.metadata(context.head(f"{name}/metadata"), uri, head.id, facts)
    return _piece(context, span, payload, kind, uri)


def _sniffed(held: HeldMedium) -> str:
    with held.open() as stream:
        return media_types.sniff(stream.read(media_types.HEAD))


def _source_uri(held: HeldMedium) -> str:
    """The path inside the export, for bytes that lay in it. A link is no such path; it stands in the metadata record."""
    return f"file:///{quote(held.medium.ref, errors='replace')}" if held.medium.status is MediaStatus.in_archive else ""


def _piece(context: UnitContext, span: Span, payload: Payload, kind: str, uri: str) -> Piece:
    return {
        "unit": context.path,
        "record": [span.record_offset, span.record_length],
        "offset": span.offset,
        "length": span.length,
        "sha256": payload.sha256,
        "type": kind,
        "uri": uri,
        "deposit": context.deposit_id,
    }
