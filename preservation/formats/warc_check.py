"""A strict checker for the WARC files this archive writes. Reads bytes itself, so that it never shares a fault with the writer.

Common validators let a file pass that was cut off in the middle of a video, has its digests stripped, uses an id twice or
refers to a record that is not there. This one does not. It streams: memory is one chunk and one id per record.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from preservation.formats.digests import CHUNK
from preservation.formats.problems import Problem
from preservation.formats.warc_rules import TOKEN, Headers, broken_header_rules, first

_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 200
_LONGEST_HTTP_HEAD = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class _Stop(Exception):
    """Nothing after this can be made sense of."""


def check_warc(stream: BinaryIO) -> list[Problem]:
    """Everything wrong with an uncompressed WARC 1.1 file; [] means nothing. Reads every byte of it."""
    return list(_Check(stream).run())


class _Check:
    def __init__(self, stream: BinaryIO) -> None:
        self._lines = _Counted(stream)
        self._ids: set[str] = set()
        self._references: list[tuple[int, str, str]] = []
        self._records = 0
        self._at = 0

    def run(self) -> Iterator[Problem]:
        try:
            while True:
                self._at = self._lines.position
                opening = self._lines.line()
                if not opening:
                    break
                yield from self._record(opening)
        except _Stop as stop:
            yield self._problem(*stop.args)
        if not self._records:
            yield Problem("@0", "no-records")
        for at, name, target in self._references:
            if target not in self._ids:
                yield Problem(f"@{at}", "dangling-reference", name)

    def _problem(self, rule: str, detail: str = "") -> Problem:
        return Problem(f"@{self._at}", rule, detail)

    def _record(self, opening: bytes) -> Iterator[Problem]:
        if opening != b"WARC/1.1\r\n":
            raise _Stop("not-a-record", "expected WARC/1.1")
        headers: dict[str, list[str]] = {}
        for rule, detail in self._headers(headers):
            yield self._problem(rule, detail)
        for rule, detail in broken_header_rules(headers):
            yield self._problem(rule, detail)
        yield from self._relations(headers)
        yield from self._block(headers)
        ending = b"".join(self._lines.take(4))
        if ending != b"\r\n\r\n":
            raise _Stop("record-end", "a record ends in two empty lines")

    def _headers(self, headers: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
        """Fill `headers` from the lines up to the empty one; say what is wrong with the lines."""
        for _ in range(_MOST_HEADERS):
            line = self._lines.line()
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                raise _Stop("header-line", "does not end in CR LF, or the file ends within the headers")
            name, colon, value = line[:-2].partition(b":")
            if not colon or not TOKEN.fullmatch(name.decode("latin-1")):
                yield "header-line", "not `name: value`"
                continue
            try:
                text = value.decode("utf-8").strip(" \t")
            except UnicodeDecodeError:
                yield "header-line", "not UTF-8"
                continue
            if _CONTROL.search(text):
                yield "header-line", "control character"
            headers.setdefault(name.decode("ascii").lower(), []).append(text)
        raise _Stop("header-line", "too many")

    def _relations(self, headers: Headers) -> Iterator[Problem]:
        kind = (first(headers, "warc-type") or "").lower()
        if self._records == 0 and kind != "warcinfo":
            yield self._problem("first-record", "a file begins with a warcinfo record")
        self._records += 1
        identity = first(headers, "warc-record-id")
        if identity in self._ids:
            yield self._problem("record-id-twice")
        if identity:
            self._ids.add(identity)
        for name in ("warc-refers-to", "warc-warcinfo-id", "warc-concurrent-to"):
            if (target := first(headers, name)) and not (name == "warc-refers-to" and kind == "revisit"):
                self._references.append((self._at, name, target))

    def _block(self, headers: Headers) -> Iterator[Problem]:
        length = first(headers, "content-length") or ""
        if not re.fullmatch(r"[0-9]+", length):
            raise _Stop("content-length", "without it the next record cannot be found")
        whole, payload, seen = hashlib.sha256(), _PayloadDigest(headers), 0
        for chunk in self._lines.take(int(length)):
            whole.update(chunk)
            payload.update(chunk)
            seen += len(chunk)
        if seen < int(length):
            raise _Stop("cut-short", f"{seen} of {length} bytes")
        if _differs(first(headers, "warc-block-digest"), whole.hexdigest()):
            yield self._problem("digest-mismatch", "warc-block-digest")
        if payload.wanted and _differs(first(headers, "warc-payload-digest"), payload.hexdigest() or whole.hexdigest()):
            yield self._problem("digest-mismatch", "warc-payload-digest")


class _PayloadDigest:
    """Digest of an HTTP entity (6.3): what follows the first empty line. Elsewhere the payload is the block."""

    def __init__(self, headers: Headers) -> None:
        self.wanted = (first(headers, "warc-type") or "").lower() not in ("revisit", "warcinfo", "metadata")
        self._http = (first(headers, "content-type") or "").lower().startswith("application/http")
        self._head: bytes | None = b""
        self._sha256 = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        if not self._http:
            return
        if self._head is None:
            self._sha256.update(chunk)
            return
        self._head += chunk
        _, gap, body = self._head.partition(b"\r\n\r\n")
        if gap or len(self._head) > _LONGEST_HTTP_HEAD:
            self._head = None
            self._sha256.update(body)

    def hexdigest(self) -> str:
        """The digest of the entity, or "" where block and payload are one."""
        return self._sha256.hexdigest() if self._http else ""


def _differs(claimed: str | None, found: str) -> bool:
    """Whether a well-formed digest is another one; a missing or malformed one is another rule's business."""
    return claimed is not None and claimed.startswith("sha256:") and claimed != f"sha256:{found}"


class _Counted:
    """Lines and runs of bytes of a stream, and how far it has been read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.position = 0

    def line(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE)
        self.position += len(line)
        return line

    def take(self, count: int) -> Iterator[bytes]:
        while count and (chunk := self._stream.read(min(count, CHUNK))):
            count -= len(chunk)
            self.position += len(chunk)
            yield chunk
