"""Where received bytes wait: each deposit in a folder of its own, encrypted under a throw-away key.

Nothing but intake reads here. Wiping destroys the key first, so that what a disk keeps of the bytes is noise. AES-256 in
counter mode because archives are read out of order; that mode proves nothing about integrity, which the digests taken on
receiving do: they are compared whenever waiting files are asked for.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from preservation.catalogue.keys import KeyStore
from preservation.errors import DepositUnusable, StoreUnavailable
from preservation.killpoints import KillPoint, reach
from preservation.stages.intake.ciphered import deciphering, key_stream

CHUNK = 1024 * 1024
INDEX = "index"
NONCE = 12  # bytes, as AES-GCM wants them


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One file as handed in. The name is content: it stays inside the encrypted index."""

    role: str  # "export" or "media"
    name: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO]


class Quarantine:
    """The folder of all deposits that wait."""

    def __init__(self, folder: Path, keys: KeyStore) -> None:
        self._folder = folder
        self._keys = keys
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def receiving(self, deposit_id: str) -> Iterator["Incoming"]:
        """Take bytes in. Held open by a lock, so that `sweep` can tell a living hand-in from one that was cut off."""
        room = self._room(deposit_id)
        with _disk_answers(deposit_id), ExitStack() as held:
            with self._settling(fcntl.LOCK_SH):  # no sweep between the folder and its lock
                room.mkdir()
                lock = held.enter_context((room / ".lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield Incoming(room, self._keys.get_or_make(_key_name(deposit_id)))

    def files(self, deposit_id: str) -> list[Quarantined]:
        """What waits under this deposit, in the order it was handed in; each export read and found to be what was received.

        Media are read once only, by packaging, which proves them on the way. Raises DepositUnusable if nothing waits, or other
        bytes than were received.
        """
        room = self._room(deposit_id)
        if not room.is_dir():
            raise _nothing_waits(deposit_id)
        key = self._keys.get(_key_name(deposit_id))
        try:
            with _deciphering(room / INDEX, key, 0) as index:
                entries = json.load(index)
            files = [_quarantined(room, key, number, entry) for number, entry in enumerate(entries, start=1)]
            damaged = sum(not _is_as_received(file) for file in files if file.role == "export")
        except (OSError, ValueError):
            damaged = 1
        if damaged:
            raise DepositUnusable(
                "quarantine-damaged",
                f"{damaged} waiting files of deposit {deposit_id} are not what was received",
                remedy="look after the disk that holds the data directory, then hand the export in again",
                for_creator="The copy we were about to keep was damaged on our side. Please hand in your export once more.",
            )
        return files

    def keep(self, deposit_id: str, name: str, data: bytes) -> None:
        """Write a small note beside what waits, whole or not at all, in place of the last one of that name.

        `name` is a word of ours, such as `examination`, and shows on the disk; what the note says does not. It goes with `wipe`.
        """
        room = self._room(deposit_id)
        if not room.is_dir():
            raise _nothing_waits(deposit_id)
        nonce = os.urandom(NONCE)
        sealed = nonce + _note_cipher(self._keys.get(_key_name(deposit_id))).encrypt(nonce, data, name.encode())
        unfinished = room / f".note-{nonce.hex()}"
        with _disk_answers(deposit_id, NOTE_REMEDY):
            with unfinished.open("wb") as target:
                target.write(sealed)
                _settle(target)
            unfinished.replace(room / f"note-{name}")
            _settle_folder(room)
        reach(KillPoint.NOTE_KEPT)

    def kept(self, deposit_id: str, name: str) -> bytes | None:
        """The note of that name as last written; None if there is none, or the disk lost or changed any of it: make it again."""
        try:
            sealed = (self._room(deposit_id) / f"note-{name}").read_bytes()
        except OSError:
            return None
        try:
            return _note_cipher(self._keys.get(_key_name(deposit_id))).decrypt(sealed[:NONCE], sealed[NONCE:], name.encode())
        except (InvalidTag, ValueError):
            return None

    def holds(self, deposit_id: str) -> bool:
        """Whether anything waits under this deposit."""
        return self._room(deposit_id).is_dir()

    def wipe(self, deposit_id: str) -> None:
        """Destroy the key, then the bytes. Wiping twice is no error."""
        self._keys.shred(_key_name(deposit_id))
        room = self._room(deposit_id)
        while room.is_dir():
            with suppress(FileNotFoundError):  # a sweep may be wiping it, too
                shutil.rmtree(room)

    def sweep(self, known: Callable[[str], bool]) -> list[str]:
        """Wipe what a hand-in that died left behind: folders no deposit stands for and no living process holds.

        `known` is asked after the folder is found to be held by nobody, so it must look now, not remember: a hand-in may have
        become a deposit since this began.
        """
        swept = []
        with self._settling(fcntl.LOCK_EX):
            for room in sorted(self._folder.iterdir()):
                if room.is_dir() and not _is_held(room / ".lock") and not known(room.name):
                    self.wipe(room.name)
                    swept.append(room.name)
        return swept

    @contextmanager
    def _settling(self, how: int) -> Iterator[None]:
        with self._folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, how)
            yield

    def _room(self, deposit_id: str) -> Path:
        return self._folder / deposit_id


class Incoming:
    """One hand-in while it is being written."""

    def __init__(self, room: Path, key: bytes) -> None:
        self._room = room
        self._key = key
        self._entries: list[dict[str, Any]] = []

    def take(self, role: str, path: Path, progress: Callable[[int], None] = lambda _bytes: None) -> Quarantined:
        """Copy one file in, encrypted; digested on the way. `progress` hears of each piece's bytes."""
        number = len(self._entries) + 1
        digest, size = hashlib.sha256(), 0
        with (self._room / f"{number:05d}").open("wb") as target:
            cipher = key_stream(self._key, number, 0).encryptor()
            for chunk in _chunks(path):
                digest.update(chunk)
                size += len(chunk)
                target.write(cipher.update(chunk))
                progress(len(chunk))
            _settle(target)
        entry = {"role": role, "name": path.name, "size": size, "sha256": digest.hexdigest()}
        self._entries.append(entry)
        return _quarantined(self._room, self._key, number, entry)

    def close(self) -> list[str]:
        """Write the index; the digests of what was taken, in order."""
        index = json.dumps(self._entries).encode()
        with (self._room / INDEX).open("wb") as target:
            target.write(key_stream(self._key, 0, 0).encryptor().update(index))
            _settle(target)
        _settle_folder(self._room)
        _settle_folder(self._room.parent)
        return [entry["sha256"] for entry in self._entries]


def _deciphering(path: Path, key: bytes, number: int) -> BinaryIO:
    return deciphering(path.open("rb"), path.stat().st_size, key, number)


def _quarantined(room: Path, key: bytes, number: int, entry: dict[str, Any]) -> Quarantined:
    path = room / f"{number:05d}"

    def opened() -> BinaryIO:
        return _deciphering(path, key, number)

    return Quarantined(entry["role"], entry["name"], entry["size"], entry["sha256"], opened)


def _chunks(path: Path) -> Iterator[bytes]:
    """What is handed in, piece by piece. That it cannot be read is not our disk's fault."""
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except OSError as failure:
        raise DepositUnusable(
            "file-unreadable",
            f"a file that was handed in cannot be read: {failure.strerror or type(failure).__name__}",
            remedy="see that it is whole and that this user may read it, then hand it in again",
        ) from None


def _nothing_waits(deposit_id: str) -> DepositUnusable:
    return DepositUnusable(
        "quarantine-empty",
        f"nothing waits in quarantine for deposit {deposit_id}",
        remedy="it was accessioned or refused already (keepsake status); otherwise hand the export in again",
    )


def _is_as_received(file: Quarantined) -> bool:
    digest, size = hashlib.sha256(), 0
    with file.open() as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return (size, digest.hexdigest()) == (file.size, file.sha256)


def _settle(file: BinaryIO) -> None:
    """On the disk, not only in its cache: the deposit's row will say that the bytes are here."""
    file.flush()
    os.fsync(file.fileno())


def _settle_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _note_cipher(key: bytes) -> AESGCM:
    """Notes are rewritten, files are not: a key of their own, derived, so that no note can ever meet a key stream of a file."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"note").derive(key))


def _key_name(deposit_id: str) -> str:
    return f"quarantine/{deposit_id}"


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("r+") as handle:  # never made here: the room may be going
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


RECEIVING_REMEDY = "make room on the disk that holds the data directory, then hand the export in again; nothing was kept"
NOTE_REMEDY = "make room on the disk that holds the data directory, then run the same command again; it goes on where it stopped"


@contextmanager
def _disk_answers(deposit_id: str, remedy: str = RECEIVING_REMEDY) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise StoreUnavailable(
            "quarantine-disk",
            f"the quarantine's disk refused deposit {deposit_id}: {failure.strerror or type(failure).__name__}",
            remedy=remedy,
        ) from None
