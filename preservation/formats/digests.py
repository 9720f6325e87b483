"""The two digests of every file on the shelf, made in one pass.

SHA-512 is what OCFL addresses content by (OCFL 1.1, 3.5.2), SHA-256 what WARC records, S3 checksums and BagIt's second manifest
carry. Both are computed while bytes pass by, never in a second reading. On large files they run beside each other: hashlib
lets go of the interpreter for big buffers, so two cores do the work of two.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from preservation.model.fixity import Fixity

CHUNK = 1024 * 1024
_WORTH_A_THREAD = 256 * 1024  # smaller pieces are digested sooner than a thread is woken


def _shared_pool() -> ThreadPoolExecutor:
    """One small pool for the process; a forked child makes its own, because threads do not survive a fork."""
    global _pool, _pool_of
    if _pool is None or _pool_of != os.getpid():
        _pool, _pool_of = ThreadPoolExecutor(max_workers=2, thread_name_prefix="digest"), os.getpid()
    return _pool


_pool: ThreadPoolExecutor | None = None
_pool_of = 0


class Digester:
    """Size, SHA-256 and SHA-512 of the bytes shown to it so far. Not to be shared between threads."""

    def __init__(self) -> None:
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._sha512 = hashlib.sha512()
        self._pending: Future[None] | None = None

    def update(self, data: bytes) -> None:
        """Take the next bytes. Large pieces are digested while the caller goes on; `data` must not change afterwards."""
        self._settle()
        self._size += len(data)
        if len(data) < _WORTH_A_THREAD:
            self._sha256.update(data)
            self._sha512.update(data)
            return
        self._pending = _shared_pool().submit(self._sha512.update, data)  # the slower of the two, in the background
        self._sha256.update(data)

    def fixity(self) -> Fixity:
        """What has been seen so far; more may follow."""
        self._settle()
        return Fixity(size=self._size, sha256=self._sha256.hexdigest(), sha512=self._sha512.hexdigest())

    def _settle(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a stream from where it stands, in pieces of at most CHUNK."""
    while chunk := stream.read(CHUNK):
        yield chunk


def fixity_of(stream: BinaryIO) -> Fixity:
    """Read a stream to its end and say what it held."""
    digester = Digester()
    for chunk in chunks_of(stream):
        digester.update(chunk)
    return digester.fixity()


def fixity_of_bytes(data: bytes) -> Fixity:
    """The fixity of a small file held in memory."""
    return Fixity(size=len(data), sha256=hashlib.sha256(data).hexdigest(), sha512=hashlib.sha512(data).hexdigest())


def fixity_of_file(path: Path) -> Fixity:
    """Read a file to its end and say what it held; raises OSError."""
    with path.open("rb") as stream:
        return fixity_of(stream)
