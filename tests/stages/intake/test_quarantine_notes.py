"""Notes beside what waits: the last one written comes back whole, unreadable on the disk, gone with the deposit."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from preservation.catalogue.keys import KeyStore
from preservation.errors import DepositUnusable, StoreUnavailable
from preservation.stages.intake import quarantine as module
from preservation.stages.intake.ciphered import key_stream
from preservation.stages.intake.quarantine import Quarantine

DEPOSIT, OTHER = "a" * 26, "b" * 26
WORDS = b"two damaged beside the harbour, " * 40


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "keys" / "keys.sqlite")
    yield store
    store.close()


@pytest.fixture
def quarantine(tmp_path: Path, keys: KeyStore) -> Quarantine:
    """Two deposits wait, one file each."""
    (tmp_path / "film.mp4").write_bytes(b"film" * 2000)
    made = Quarantine(tmp_path / "quarantine", keys)
    for deposit in (DEPOSIT, OTHER):
        with made.receiving(deposit) as incoming:
            incoming.take("media", tmp_path / "film.mp4")
            incoming.close()
    return made


def _note(tmp_path: Path, name: str = "scan", deposit: str = DEPOSIT) -> Path:
    return tmp_path / "quarantine" / deposit / f"note-{name}"


@pytest.mark.parametrize("data", [b"", b"1", WORDS, os.urandom(300_000)], ids=["empty", "a byte", "words", "much"])
def test_the_last_note_of_a_name_comes_back(quarantine: Quarantine, data: bytes) -> None:
    quarantine.keep(DEPOSIT, "scan", b"an earlier one")
    quarantine.keep(DEPOSIT, "scan", data)
    quarantine.keep(DEPOSIT, "examination", b"another")
    assert quarantine.kept(DEPOSIT, "scan") == data
    assert quarantine.kept(DEPOSIT, "examination") == b"another"
    assert quarantine.kept(OTHER, "scan") is None


def test_what_waits_is_not_touched_by_a_note(quarantine: Quarantine) -> None:
    quarantine.keep(DEPOSIT, "scan", WORDS)
    (file,) = quarantine.files(DEPOSIT)
    assert file.open().read() == b"film" * 2000


def test_no_two_notes_share_a_key_stream(quarantine: Quarantine, tmp_path: Path) -> None:
    """The same words, written again, elsewhere, or under another name, never look the same on the disk in any block."""
    stored = []
    for deposit, name in [(DEPOSIT, "scan"), (DEPOSIT, "scan"), (DEPOSIT, "examination"), (OTHER, "scan")]:
        quarantine.keep(deposit, name, WORDS)
        stored.append(_note(tmp_path, name, deposit).read_bytes()[module.NONCE :])
    for at in range(0, len(WORDS), 16):
        assert len({note[at : at + 16] for note in stored}) == len(stored)
    assert not any(b"harbour" in note for note in stored)


def test_a_note_never_meets_the_key_stream_of_a_file(
    quarantine: Quarantine, keys: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a nonce that looks like a file's number, which chance would hardly bring about, leads elsewhere."""
    monkeypatch.setattr(os, "urandom", lambda count: (1).to_bytes(8, "big") + bytes(count - 8))
    quarantine.keep(DEPOSIT, "scan", bytes(64))
    stream = _note(tmp_path).read_bytes()[module.NONCE :][:64]
    of_file = key_stream(keys.get(f"quarantine/{DEPOSIT}"), 1, 0).encryptor().update(bytes(4096))
    assert not any(stream[at : at + 16] in of_file for at in range(0, 64, 16))


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, 20),
        lambda path: path.write_bytes(path.read_bytes()[:-30] + bytes([path.read_bytes()[-30] ^ 1]) + path.read_bytes()[-29:]),
        lambda path: path.write_bytes(path.with_name("note-examination").read_bytes()),
    ],
    ids=["gone", "emptied", "cut", "a bit", "another note"],
)
def test_a_note_that_is_not_as_written_counts_as_none(
    quarantine: Quarantine, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    quarantine.keep(DEPOSIT, "examination", b"another")
    quarantine.keep(DEPOSIT, "scan", WORDS)
    harm(_note(tmp_path))
    assert quarantine.kept(DEPOSIT, "scan") is None


def test_a_note_that_could_not_be_finished_leaves_the_last_one_and_nothing_that_can_be_read(
    quarantine: Quarantine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    quarantine.keep(DEPOSIT, "scan", b"the last one")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="quarantine-disk") as refusal:
        quarantine.keep(DEPOSIT, "scan", WORDS)
    assert "run the same command again" in refusal.value.remedy, "what was handed in still waits: it is not handed in again"
    assert quarantine.kept(DEPOSIT, "scan") == b"the last one"
    assert not any(b"harbour" in path.read_bytes() for path in (tmp_path / "quarantine" / DEPOSIT).iterdir())


def test_a_note_takes_the_place_of_the_last_one_in_a_single_step(quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed just before that step, the last one stands."""

    def killed(_path: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    quarantine.keep(DEPOSIT, "scan", b"the last one")
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        quarantine.keep(DEPOSIT, "scan", WORDS)
    assert quarantine.kept(DEPOSIT, "scan") == b"the last one"


def test_notes_go_with_the_deposit(quarantine: Quarantine, tmp_path: Path) -> None:
    quarantine.keep(DEPOSIT, "scan", WORDS)
    quarantine.wipe(DEPOSIT)
    assert quarantine.kept(DEPOSIT, "scan") is None
    assert not _note(tmp_path).parent.exists()
    with pytest.raises(DepositUnusable, match="quarantine-empty"):
        quarantine.keep(DEPOSIT, "scan", WORDS)
