"""WARC 1.1 (ISO 28500:2017): writing `warcinfo`, `resource` and `metadata` records, and reading records back.

warcio writes and reads; every header is ours. Its defaults are not wanted here in five ways (version 1.0, SHA-1, base32 digests
that break the grammar of 5.8, a payload digest on `metadata`, which 5.9 forbids, and random ids and clock times in every
record), and it reads a payload twice to digest it. So digests and lengths are passed in, and each byte is read once.
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, cast

from warcio.archiveiterator import WARCIterator
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from preservation.formats.digests import CHUNK, Digester
from preservation.model.fixity import Fixity
from preservation.model.identifiers import OpaqueId, Sha256

FIELDS = "application/warc-fields"
VERSION = "WARC/1.1"
_CONTROL = re.compile(r"[\x00-\x1f]")


class PayloadDiffers(Exception):
    """The bytes given as a payload are not those announced. The half-written file is worthless and must be dropped."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a record and the payload in it lie in a WARC file, in bytes from its start."""

    record_offset: int
    record_length: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Head:
    """What every record has in common. `id` becomes the WARC-Record-ID (5.2): the same id, the same URN."""

    id: OpaqueId
    date: datetime


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes that are known already: their size and digest, and how to open them."""

    size: int
    sha256: Sha256
    open: Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One record as read: its type, its headers as written, and its block, to be read before the next record is asked for."""

    type: str
    headers: tuple[tuple[str, str], ...]
    block: BinaryIO

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def record_urn(identity: OpaqueId) -> str:
    """The record id of an opaque id: its 128 bits as a name-based UUID, in angle brackets (5.2)."""
    raw = base64.b32decode(identity.upper() + "=" * (-len(identity) % 8))
    return f"<{uuid.UUID(bytes=raw, version=5).urn}>"


def warc_date(moment: datetime) -> str:
    """A moment in UTC as 5.4 wants it: to the second, or with microseconds where there are any."""
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if utc.microsecond else "%Y-%m-%dT%H:%M:%SZ")


def payload_of_bytes(data: bytes) -> Payload:
    """A small payload held in memory."""
    return Payload(len(data), hashlib.sha256(data).hexdigest(), lambda: BytesIO(data))


def fields_block(fields: Mapping[str, str]) -> bytes:
    """`name: value` lines (6.2). Line breaks in a value would make new fields, so they become spaces."""
    lines = (f"{name}: {' '.join(value.split())}\r\n" for name, value in fields.items() if value)
    return "".join(lines).encode("utf-8", "backslashreplace")


class WarcFile:
    """An uncompressed WARC file being written to `out`. Knows the fixity of all it wrote. Memory: one chunk.

    `tell` hears of the bytes of payloads as they pass.
    """

    def __init__(self, out: BinaryIO, tell: Callable[[int], None] = lambda _bytes: None) -> None:
        self._tee = _Tee(out)
        self._tell = tell
        self._writer = _Writer(self._tee)
        self._warcinfo = ""

    def warcinfo(self, head: Head, fields: Mapping[str, str], filename: str) -> Span:
        """Open the file with a statement about it (6.2); every later record points at it."""
        self._warcinfo = record_urn(head.id)
        extra = [("WARC-Filename", filename)]
        return self._write("warcinfo", head, FIELDS, payload_of_bytes(fields_block(fields)), extra, has_payload=False)

    def resource(self, head: Head, uri: str, content_type: str, payload: Payload, source_uri: str = "") -> Span:
        """A file as it was received (6.4). Raises PayloadDiffers if the bytes are not those announced."""
        extra = [("WARC-Target-URI", uri)] + ([("WARC-Source-URI", source_uri)] if source_uri else [])
        return self._write("resource", head, content_type, payload, extra, has_payload=True)

    def metadata(self, head: Head, uri: str, refers_to: OpaqueId, fields: Mapping[str, str]) -> Span:
        """Facts about another record of this file (6.6)."""
        extra = [("WARC-Target-URI", uri), ("WARC-Refers-To", record_urn(refers_to))]
        return self._write("metadata", head, FIELDS, payload_of_bytes(fields_block(fields)), extra, has_payload=False)

    def fixity(self) -> Fixity:
        """Size and digests of everything written so far."""
        return self._tee.digester.fixity()

    def _write(
        self, kind: str, head: Head, content_type: str, payload: Payload, extra: list[tuple[str, str]], *, has_payload: bool
    ) -> Span:
        digest = f"sha256:{payload.sha256}"
        headers = [("WARC-Type", kind), ("WARC-Record-ID", record_urn(head.id)), ("WARC-Date", warc_date(head.date)), *extra]
        headers += [("WARC-Warcinfo-ID", self._warcinfo)] if kind != "warcinfo" else []
        headers += [("WARC-Block-Digest", digest)] + ([("WARC-Payload-Digest", digest)] if has_payload else [])
        if any(_CONTROL.search(value) for _, value in headers):
            raise ValueError("a header value with a control character would forge another header")
        start = self._tee.written
        with payload.open() as stream:
            verified = _Verified(stream, payload, self._tell if has_payload else lambda _bytes: None)
            named = StatusAndHeaders("", headers, protocol=VERSION)
            record = ArcWarcRecord("warc", kind, named, verified, None, content_type, payload.size)
            record.payload_length = payload.size
            self._writer.write_record(record)
            verified.must_be_whole()
        end = self._tee.written
        return Span(start, end - start, end - len(b"\r\n\r\n") - payload.size, payload.size)


def read_records(stream: BinaryIO) -> Iterator[ReadRecord]:
    """The records of a WARC file in order, compressed or not. Believes the file; `warc_check.check_warc` does not."""
    for record in WARCIterator(stream, no_record_parse=True):
        yield ReadRecord(record.rec_type, tuple(record.rec_headers.headers), cast(BinaryIO, record.raw_stream))


class _Writer(WARCWriter):  # type: ignore[misc]  # warcio has no types
    """warcio's writer, in pieces large enough that digesting runs beside reading."""

    NO_PAYLOAD_DIGEST_TYPES = ("warcinfo", "metadata", "revisit", "request")

    def __init__(self, out: "_Tee") -> None:
        super().__init__(out, gzip=False, warc_version=VERSION)

    @staticmethod
    def _iter_stream(stream: BinaryIO) -> Iterator[bytes]:
        while chunk := stream.read(CHUNK):
            yield chunk


class _Tee:
    """Writes to a file and digests what it writes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.digester = Digester()
        self.written = 0

    def write(self, data: bytes) -> int:
        self.digester.update(data)
        self._out.write(data)
        self.written += len(data)
        return len(data)

    def flush(self) -> None:
        """warcio flushes after every record; the file is flushed once, by whoever opened it."""


class _Verified:
    """Hands a payload on and notices when it is not what was announced; never gives more than that."""

    def __init__(self, stream: BinaryIO, payload: Payload, tell: Callable[[int], None]) -> None:
        self._stream, self._payload, self._tell = stream, payload, tell
        self._left = payload.size
        self._sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        self._sha256.update(data)
        self._tell(len(data))
        return data

    def must_be_whole(self) -> None:
        if self._left or self._stream.read(1) or self._sha256.hexdigest() != self._payload.sha256:
            raise PayloadDiffers(f"announced {self._payload.size} bytes of {self._payload.sha256}, got others")
