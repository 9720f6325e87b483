"""How far the copying of one file is, told while its bytes move: a film of some gigabytes must not look as if it stood still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from preservation.storage.store import Chunks, Leftover, Opener, Reader, StoredObject

Progress = Callable[[int], None]  # bytes that are now copied, half of them while they are put, half while they are read back


class Moving:
    """One file on its way to one site. In all, its size is told, however often a put or a read is tried again."""

    def __init__(self, size: int, progress: Progress) -> None:
        """`size` in bytes."""
        self._size, self._progress = size, progress
        self._put = self._read = self._told = 0

    def put_from(self, source: Opener) -> Opener:
        """The same source, listened to."""

        @contextmanager
        def opened() -> Iterator[BinaryIO]:
            with source() as stream:
                yield cast(BinaryIO, _Heard(stream, self._has_put))

        return opened

    def read_by(self, reader: Reader) -> Reader:
        """The same reader, listened to."""
        return _HeardReader(reader, self._has_read)

    def done(self) -> None:
        """Put and read back; what lay there already was not put."""
        self._put = self._read = self._size
        self._tell()

    def _has_put(self, position: int) -> None:
        self._put = max(self._put, min(position, self._size))
        self._tell()

    def _has_read(self, position: int) -> None:
        self._read = max(self._read, min(position, self._size))
        self._tell()

    def _tell(self) -> None:
        done = (self._put + self._read) // 2
        if done > self._told:
            self._progress(done - self._told)
            self._told = done


class _Heard:
    """A stream, as far as a put reads it: forward."""

    def __init__(self, stream: BinaryIO, has_come_to: Callable[[int], None]) -> None:
        self._stream, self._has_come_to, self._position = stream, has_come_to, 0

    def read(self, size: int) -> bytes:
        """As the stream."""
        data = self._stream.read(size)
        self._position += len(data)
        self._has_come_to(self._position)
        return data


class _HeardReader:
    """A reader of a site."""

    def __init__(self, reader: Reader, has_come_to: Callable[[int], None]) -> None:
        self._reader, self._has_come_to = reader, has_come_to

    def stat(self, key: str) -> StoredObject:
        return self._reader.stat(key)

    @contextmanager
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[Chunks]:
        with self._reader.read(key, start, length) as chunks:
            yield self._heard(chunks, start)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._reader.list(prefix)

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        return self._reader.leftovers(prefix)

    def _heard(self, chunks: Chunks, position: int) -> Chunks:
        for chunk in chunks:
            yield chunk
            position += len(chunk)
            self._has_come_to(position)
