"""Streams, proved on the way: what is read from a source or from a site is digested while it passes, and memory stays flat."""

import errno
import hashlib
import io
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from preservation.errors import ShelfConflict, StoreUnavailable
from preservation.formats.digests import Digester, chunks_of
from preservation.model.fixity import Fixity
from preservation.storage.store import Chunks, Opener, Reader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def proved(chunks: Iterable[bytes], fixity: Fixity, *, code: str = "staged-bytes-changed") -> Chunks:
    """Pass the chunks on, and raise ShelfConflict(code) at the end unless they were the bytes of `fixity`.

    Whoever writes them down must not keep what was written before this iterator has ended without an error. A source that
    grows beyond its size is given up at once, so that nothing buffers more than it was told to expect.
    """
    digester, size = Digester(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > fixity.size:
            raise _not_the_bytes(code, f"more than {fixity.size} bytes", fixity)
        digester.update(chunk)
        yield chunk
    found = digester.fixity()
    if found != fixity:
        raise _not_the_bytes(code, describe(found), fixity)


def source_chunks(source: Opener, fixity: Fixity) -> Generator[bytes, None, None]:
    """The bytes to be put, opened here and proved on the way; StoreUnavailable("source-unreadable") is never the site's fault."""
    try:
        with source() as stream:
            yield from proved(chunks_of(stream), fixity)
    except OSError as error:
        raise StoreUnavailable(
            "source-unreadable",
            f"the bytes to be put cannot be read here ({errno.errorcode.get(error.errno or 0, 'unknown')})",
            remedy="look at the staging disk; if the staged file is gone, build the version again",
        ) from error


def fixity_in(reader: Reader, key: str) -> Fixity:
    """Read one object of a site to its end in one pass; what it really holds. Raises what `Reader.read` raises."""
    digester = Digester()
    with reader.read(key) as chunks:
        for chunk in chunks:
            digester.update(chunk)
    return digester.fixity()


def describe(fixity: Fixity) -> str:
    """Size and digests in one line, for findings and messages."""
    return f"size={fixity.size} sha256={fixity.sha256} sha512={fixity.sha512}"


def holds(reader: Reader, key: str, size: int, fixity: Fixity) -> bool:
    """Whether the object, of `size` as listed, has the bytes of `fixity`. Read unless the size already says no."""
    return size == fixity.size and fixity_in(reader, key) == fixity


def parts_of(chunks: Iterable[bytes], part_size: int) -> Iterator[io.BytesIO]:
    """Gather chunks into parts of at least `part_size` bytes (the last may be smaller), rewound. It is one buffer, used again."""
    buffer = io.BytesIO()
    for chunk in chunks:
        buffer.write(chunk)
        if buffer.tell() >= part_size:
            buffer.seek(0)
            yield buffer
            buffer.seek(0)
            buffer.truncate()
    if buffer.tell():
        buffer.seek(0)
        yield buffer


def md5_of(buffer: io.BytesIO) -> bytes:
    """MD5 of a buffer: no evidence, only what most sites compare with what arrived (Content-MD5, RFC 1864)."""
    return hashlib.md5(buffer.getbuffer(), usedforsecurity=False).digest()


class ChunkStream(io.RawIOBase):
    """Chunks as an open binary stream, so that an object of one site can be the source of a put at another."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Nothing is read before the first `read`."""
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, target: "WriteableBuffer") -> int:
        """Fill `target` from the next chunk; 0 only at the end, because an empty chunk is passed over."""
        view = memoryview(target).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _not_the_bytes(code: str, found: str, fixity: Fixity) -> ShelfConflict:
    return ShelfConflict(
        code,
        f"the source gave {found}, but should have given {describe(fixity)}; nothing was kept",
        remedy="do not put these bytes: find an intact copy, or build the version again",
    )
