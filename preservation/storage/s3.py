"""A bucket as a site, through boto3: the only module that imports it (`s3_errors` knows botocore's exceptions).

What shapes this: with boto3's own defaults some sites store
the framing of an upload as the object, so checksums are sent only where required; ranged reads are never verified, so nothing
here relies on the SDK's checks; If-None-Match is atomic at some sites, ignored at others and refused by a few, so a put looks
first, asks for the condition, and on any doubt reads back what is there and compares digests.
"""

import base64
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

# Before boto3 is imported: where awscrt is installed, it makes signed uploads 2.3 times slower.
os.environ.setdefault("BOTO_DISABLE_CRT", "true")

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from preservation.errors import ArchiveError
from preservation.model.fixity import Fixity
from preservation.storage.keys import check_advanceable, check_key, check_prefix
from preservation.storage.refusals import (
    cut_off,
    different_bytes,
    inventory_moved,
    missing,
    not_reachable,
    refused_by_site,
    unreadable,
)
from preservation.storage.s3_codes import CONDITIONAL, NOT_KNOWN_HERE, meaning
from preservation.storage.s3_errors import IN_THE_BODY, code_of, status_in, status_of, translated
from preservation.storage.s3_types import Body, Keys, Part, Place, Version
from preservation.storage.sources import holds, md5_of, parts_of, source_chunks
from preservation.storage.store import CHUNK, Chunks, Leftover, ObjectMissing, Opener, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
PART = 64 * MIB  # one part is the most memory a put takes
MOST_PARTS = 10_000
SLOWEST = 16 * 1024  # bytes a second, on average after GRACE; a trickle would otherwise keep a read alive for ever
GRACE = 60.0  # seconds


def client_config(attempts: int = 3) -> Config:
    """How every client talks; `attempts` counts the first try."""
    return Config(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Over TLS the SDK leaves a body unsigned that carries Content-MD5; the signed SHA-256 is what real sites compare.
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        tcp_keepalive=True,
    )


def connect(site: str, endpoint: str | None, region: str, keys: Keys | None, *, config: Config | None = None) -> "S3Client":
    """A client, safe to share between threads. Without keys boto3's own chain applies: environment, profile, machine's role."""
    try:
        with translated(site, ""):
            return boto3.session.Session().client(
                "s3",
                endpoint_url=endpoint,
                region_name=region,
                aws_access_key_id=keys.access_key_id if keys else None,
                aws_secret_access_key=keys.secret_access_key if keys else None,
                aws_session_token=keys.session_token if keys else None,
                config=config or client_config(),
            )
    except ValueError:  # an endpoint that is no address; its text quotes it
        raise refused_by_site(site, "its endpoint is no address", "correct the endpoint", code="client-unusable") from None


class S3Store:
    """All powers over the keys of one bucket below `prefix`."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        site: str = "s3",
        prefix: str = "",
        storage_class: str | None = None,
        part_size: int = PART,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`prefix` is a folder within the bucket or ""; `part_size` in bytes; `clock` in seconds, for the rate of reads."""
        self._client = client
        self._bucket = bucket
        self._site = site
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._class: dict[str, Any] = {"StorageClass": storage_class} if storage_class else {}
        self._part_size = part_size
        self._clock = clock

    def stat(self, key: str) -> StoredObject:
        """See store.Reader. HEAD answers a missing object and a missing bucket alike, so a 404 is asked about once more."""
        size = self._size(key)
        if size is None:
            with translated(self._site, key):
                self._answer_for_bucket()
            raise missing(self._site, key)
        return StoredObject(key=key, size=size)

    @contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        """See store.Reader."""
        if length == 0 or start:
            size = self.stat(key).size  # a range beyond the end is an error to some sites and ignored by others
            if length == 0 or start >= size:
                yield iter(())
                return
        ranged = (
            {} if start == 0 and length is None else {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"}
        )
        with translated(self._site, key):
            try:
                answer: Any = self._client.get_object(**self._at(key), **ranged)  # type: ignore[arg-type]
            except boto.ClientError as error:
                if status_of(error) != 416:  # range not satisfiable: the object is empty
                    raise
                answer = None
        if answer is None:
            yield iter(())
            return
        with closing(answer["Body"]) as body:
            if ranged and status_in(answer) != 206:
                raise unreadable(self._site, key, "it does not give parts of objects", code="no-ranges")
            yield self._chunks(body, key, answer.get("ContentLength"))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See store.Reader. A site that lists out of order is refused: what resumes or compares listings relies on it."""
        last = ""
        for page in self._pages("list_objects_v2", prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"][len(self._prefix) :]
                if key.encode() < last.encode():
                    raise refused_by_site(
                        self._site, "it lists keys out of order", "use a general purpose bucket", code="listing-unordered"
                    )
                last = key
                yield StoredObject(key=key, size=entry["Size"])

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """See store.Reader. A site that has no such calls has no such things."""
        for version in self._versions(prefix):
            if version.kind == "delete-marker" or not version.latest:
                yield Leftover(key=version.key, kind=version.kind, reference=version.reference)
        yield from self._uploads(prefix)

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        """See store.Putter."""
        if self._is_there(key, fixity):
            return False
        try:
            self._put(key, source, fixity, only_if_absent=True)
        except _Taken:
            if self._is_there(key, fixity):
                return False  # another put of these bytes, or our own, whose answer was lost
            raise not_reachable(self._site, "another program writes the same key", code="put-raced") from None
        return True

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        """See store.Advancer. Some sites compare an ETag only without its quotes, so both spellings are tried."""
        check_advanceable(key)
        for quoted in (True, False):
            now, etag = self._whole(key)
            if now == data:
                return False
            if now != expected:
                raise inventory_moved(self._site, key)
            condition = {"IfNoneMatch": "*"} if now is None else {"IfMatch": etag if quoted else etag.strip('"')}
            if self._put_buffer(key, io.BytesIO(data), condition):
                return True
        raise not_reachable(self._site, "another program moves the same inventory", code="put-raced")

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        """See store.Replacer. On a versioned bucket the damaged bytes become an older version."""
        check_key(key)
        self._put(key, source, fixity, only_if_absent=False)

    def erase(self, key: str) -> int:
        """See store.Eraser. The object itself goes first where a site cannot list versions."""
        check_key(key)
        removed = 0
        for version in [found for found in self._versions(key) if found.key == key]:
            with translated(self._site, key):
                self._client.delete_object(**self._at(key), VersionId=version.reference)
            removed += 1
        if self._size(key) is not None:
            with translated(self._site, key):
                self._client.delete_object(**self._at(key))
            removed += 1
        for upload in [found for found in self._uploads(key) if found.key == key]:
            self._abort(key, upload.reference)
            removed += 1
        return removed

    def _at(self, key: str) -> Place:
        """Where S3 has the key."""
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _size(self, key: str) -> int | None:
        """Size of an object, None where there is none."""
        with translated(self._site, key):
            try:
                return self._client.head_object(**self._at(key))["ContentLength"]
            except boto.ClientError as error:
                if status_of(error) == 404:
                    return None
                raise

    def _answer_for_bucket(self) -> None:
        """Raise SettingsWrong if the bucket is not there."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except boto.ClientError as error:
            if status_of(error) == 404:
                raise meaning("NoSuchBucket", 404, self._site, "") from None
            raise

    def _is_there(self, key: str, fixity: Fixity) -> bool:
        """Whether the key holds these bytes already; raises ShelfConflict if it holds others."""
        try:
            size = self._size(key)
            if size is None:
                return False
            same = holds(self, key, size, fixity)
        except ObjectMissing:
            return False  # erased between the two looks
        if not same:
            raise different_bytes(self._site, key, fixity)
        return True

    def _whole(self, key: str) -> tuple[bytes | None, str]:
        """A small object's bytes and ETag; None where there is none."""
        try:
            with translated(self._site, key):
                answer = self._client.get_object(**self._at(key))
        except ObjectMissing:
            return None, ""
        with closing(answer["Body"]) as body:
            return b"".join(self._chunks(body, key, answer.get("ContentLength"))), answer["ETag"]

    def _chunks(self, body: Body, key: str, expected: int | None) -> Chunks:
        """The body to its end; ObjectUnreadable if it is cut, or slower than SLOWEST once GRACE is over."""
        done, spent = 0, 0.0
        while True:
            begun = self._clock()
            try:
                chunk = body.read(CHUNK)
            except IN_THE_BODY:
                raise cut_off(self._site, key, -1 if expected is None else expected, done) from None
            spent += self._clock() - begun
            if not chunk:
                break
            done += len(chunk)
            if spent > GRACE and done < SLOWEST * spent:
                raise unreadable(self._site, key, f"{done} bytes in {spent:.0f} seconds", code="too-slow")
            yield chunk
        if expected is not None and done != expected:
            raise cut_off(self._site, key, expected, done)

    def _put(self, key: str, source: Opener, fixity: Fixity, *, only_if_absent: bool) -> None:
        """Write the proved bytes; raises _Taken if the site says the key is."""
        condition = {"IfNoneMatch": "*"} if only_if_absent else {}
        with closing(source_chunks(source, fixity)) as chunks:
            if fixity.size > self._part_size:
                self._put_parts(key, chunks, fixity.size, condition)
                return
            buffer = io.BytesIO()
            for chunk in chunks:
                buffer.write(chunk)
        if not self._put_buffer(key, buffer, condition):
            raise _Taken

    def _put_buffer(self, key: str, buffer: io.BytesIO, condition: dict[str, str]) -> bool:
        """One request; False if the condition does not hold. A site that does not know the condition is asked without it."""
        buffer.seek(0)
        try:
            with translated(self._site, key, let_through=CONDITIONAL):
                answer = self._client.put_object(
                    **self._at(key), Body=buffer, ContentMD5=_base64(md5_of(buffer)), **self._class, **_any(condition)
                )
        except boto.ClientError as error:
            if condition and code_of(error) in NOT_KNOWN_HERE:
                return self._put_buffer(key, buffer, {})
            if condition:
                return False
            raise meaning(code_of(error), status_of(error), self._site, key) from None
        if not answer.get("ETag"):
            raise not_reachable(self._site, "it acknowledged an object without an ETag", code="no-acknowledgement")
        return True

    def _put_parts(self, key: str, chunks: Chunks, size: int, condition: dict[str, str]) -> None:
        """A multipart upload, aborted unless it is completed. One part is in memory at a time."""
        with translated(self._site, key):
            upload = self._client.create_multipart_upload(**self._at(key), **self._class)["UploadId"]
        try:
            part_size = max(self._part_size, -(-size // MOST_PARTS))
            parts = [
                self._put_part(key, upload, number, part) for number, part in enumerate(parts_of(chunks, part_size), start=1)
            ]
            if condition and self._size(key) is not None:
                raise _Taken  # some sites ignore the condition when completing, so look as late as possible
            self._complete(key, upload, parts, condition)
        except BaseException:
            with suppress(ArchiveError):
                self._abort(key, upload)
            raise

    def _put_part(self, key: str, upload: str, number: int, part: io.BytesIO) -> Part:
        with translated(self._site, key):
            answer = self._client.upload_part(
                **self._at(key), UploadId=upload, PartNumber=number, Body=part, ContentMD5=_base64(md5_of(part))
            )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _complete(self, key: str, upload: str, parts: Sequence[Part], condition: dict[str, str]) -> None:
        try:
            with translated(self._site, key, let_through=CONDITIONAL):
                self._client.complete_multipart_upload(
                    **self._at(key), UploadId=upload, MultipartUpload={"Parts": _any(parts)}, **_any(condition)
                )
        except boto.ClientError as error:
            if condition and code_of(error) in NOT_KNOWN_HERE:
                self._complete(key, upload, parts, {})
            elif condition:
                raise _Taken from None
            else:
                raise meaning(code_of(error), status_of(error), self._site, key) from None

    def _abort(self, key: str, upload: str) -> None:
        with translated(self._site, key):
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    def _versions(self, prefix: str) -> Iterator[Version]:
        for page in self._pages("list_object_versions", prefix, optional=True):
            for kind, name in (("version", "Versions"), ("delete-marker", "DeleteMarkers")):
                for entry in page.get(name, ()):
                    key = entry["Key"][len(self._prefix) :]
                    yield Version(key, kind, entry.get("VersionId", "null"), entry.get("IsLatest", True))

    def _uploads(self, prefix: str) -> Iterator[Leftover]:
        for page in self._pages("list_multipart_uploads", prefix, optional=True):
            for entry in page.get("Uploads", ()):
                yield Leftover(key=entry["Key"][len(self._prefix) :], kind="upload", reference=entry["UploadId"])

    def _pages(self, operation: str, prefix: str, *, optional: bool = False) -> Iterator[dict[str, Any]]:
        """Every page of a listing; none if the call is optional and the site does not know it."""
        paginator: Any = self._client.get_paginator(operation)  # type: ignore[call-overload]
        pages = iter(paginator.paginate(Bucket=self._bucket, Prefix=self._prefix + check_prefix(prefix)))
        while True:
            with translated(self._site, prefix):
                try:
                    page = next(pages, None)
                except boto.ClientError as error:
                    if optional and code_of(error) in NOT_KNOWN_HERE:
                        return
                    raise
            if page is None:
                return
            yield page


class _Taken(Exception):  # a signal within this module, not an error of the archive
    """The site says the key is taken."""


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def _any(value: Any) -> Any:
    """Keyword arguments built at run time, which the SDK's stubs cannot follow."""
    return value
