"""Bytes on a disk that only this program can read, and read again anywhere: AES-256 in counter mode under a throw-away key.

That mode proves nothing about integrity; digests do. It is used because archives are read out of order.
"""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY = 32
BLOCK = 16
CHUNK = 1024 * 1024
IN_MEMORY = 64 * CHUNK
BUFFER = 64 * 1024  # ahead of who reads little: small members of an archive lie scattered, and each costs one buffer


def key_stream(key: bytes, number: int, block: int) -> Cipher[modes.CTR]:
    """The key stream of file `number` from `block` on: 8 bytes of each number, never used twice under one key."""
    return Cipher(algorithms.AES(key), modes.CTR(number.to_bytes(8, "big") + block.to_bytes(8, "big")))


def deciphering(file: BinaryIO, size: int, key: bytes, number: int) -> BinaryIO:
    """A readable, seekable view of an enciphered file of `size` bytes, number `number` under its key; closing it closes the file."""
    return io.BufferedReader(_Deciphering(file, size, key, number), BUFFER)


class _Deciphering(io.RawIOBase):
    def __init__(self, file: BinaryIO, size: int, key: bytes, number: int) -> None:
        self._file, self._size, self._key, self._number = file, size, key, number
        self._position = 0
        self._cipher: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        target = max(0, base + offset)
        if target != self._position:
            self._position, self._cipher = target, None
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._cipher is None:
            self._aim()
        data = self._file.read(len(buffer))
        buffer[: len(data)] = self._cipher.update(data)
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _aim(self) -> None:
        """Point file and key stream at the position; the key stream starts at a block's edge."""
        block, within = divmod(self._position, BLOCK)
        self._file.seek(self._position)
        self._cipher = key_stream(self._key, self._number, block).decryptor()
        self._cipher.update(b"\0" * within)


@contextmanager
def spooled(stream: IO[bytes]) -> Iterator[BinaryIO]:
    """A seekable copy of a stream: in memory to 64 MiB; beyond, in a file that has no name, under a key that is written nowhere."""
    start = stream.read(IN_MEMORY)
    if len(start) < IN_MEMORY:
        yield io.BytesIO(start)
        return
    key = os.urandom(KEY)
    with tempfile.TemporaryFile() as file:
        encryptor, size = key_stream(key, 0, 0).encryptor(), 0
        chunk = start
        del start
        while chunk:
            file.write(encryptor.update(chunk))
            size += len(chunk)
            chunk = stream.read(CHUNK)
        with deciphering(cast(BinaryIO, file), size, key, 0) as copy:
            yield copy
