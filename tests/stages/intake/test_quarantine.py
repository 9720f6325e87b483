"""Where received bytes wait: the same bytes come out, nothing readable lies on the disk, and only the dead are swept."""

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preservation.catalogue.keys import KeyStore
from preservation.errors import DepositUnusable, Refused, StoreUnavailable
from preservation.stages.intake import quarantine as module
from preservation.stages.intake.quarantine import Quarantine, Quarantined

DEPOSIT, OTHER = "a" * 26, "b" * 26
WORDS = b"orange kite over the harbour, " * 400
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "keys" / "keys.sqlite")
    yield store
    store.close()


@pytest.fixture
def quarantine(tmp_path: Path, keys: KeyStore) -> Quarantine:
    return Quarantine(tmp_path / "quarantine", keys)


def _handed_in(folder: Path, *contents: bytes) -> list[Path]:
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"harbour-{number}.bin")
        paths[-1].write_bytes(content)
    return paths


def _take(quarantine: Quarantine, *paths: Path, deposit: str = DEPOSIT) -> list[str]:
    with quarantine.receiving(deposit) as incoming:
        for path in paths:
            incoming.take("export", path)
        return incoming.close()


def _bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _waiting(quarantine: Quarantine) -> list[Quarantined]:
    return quarantine.files(DEPOSIT)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, module.CHUNK - 1, module.CHUNK, module.CHUNK + 1])
def test_bytes_come_out_as_they_went_in(quarantine: Quarantine, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    _take(quarantine, *_handed_in(tmp_path, content, b"another"))
    first, second = _waiting(quarantine)
    assert (first.size, first.role, first.name) == (size, "export", "harbour-0.bin")
    assert first.open().read() == content
    assert second.open().read() == b"another"


Act = tuple[str, int, int]
ACTS: st.SearchStrategy[list[Act]] = st.lists(
    st.tuples(st.sampled_from(["set", "cur", "end", "read", "all"]), st.integers(-5000, 20_000), st.integers(0, 9000)),
    max_size=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_any_way_of_seeking_and_reading_gives_what_a_plain_file_gives(
    quarantine: Quarantine, tmp_path: Path, acts: list[Act]
) -> None:
    if not quarantine.holds(DEPOSIT):
        _take(quarantine, *_handed_in(tmp_path, WORDS))
    with _waiting(quarantine)[0].open() as deciphered:
        plain = io.BytesIO(WORDS)
        for name, offset, count in acts:
            assert _done(deciphered, name, offset, count) == _done(plain, name, offset, count)
            assert deciphered.tell() == plain.tell()


def _done(stream: Any, name: str, offset: int, count: int) -> object:
    if name == "read":
        return stream.read(count)
    if name == "all":
        return stream.read()
    whence = {"set": io.SEEK_SET, "cur": io.SEEK_CUR, "end": io.SEEK_END}[name]
    base = {"set": 0, "cur": stream.tell(), "end": len(WORDS)}[name]
    return stream.seek(max(offset, -base), whence)


def test_nothing_that_was_handed_in_is_readable_on_the_disk(quarantine: Quarantine, tmp_path: Path) -> None:
    digests = _take(quarantine, *_handed_in(tmp_path, WORDS))
    found = _bytes_below(tmp_path / "quarantine")
    for word in (b"orange kite", b"harbour", b"export", digests[0].encode()):
        assert word not in found


def test_no_two_files_share_a_key_stream(quarantine: Quarantine, tmp_path: Path) -> None:
    """Two equal plaintexts under one key stream would be equal on the disk; so would the same file in two deposits."""
    for deposit in (DEPOSIT, OTHER):
        _take(quarantine, *_handed_in(tmp_path, WORDS, WORDS), deposit=deposit)
    stored = [path.read_bytes() for path in sorted((tmp_path / "quarantine").rglob("0000*"))]
    blocks = [content[at : at + 16] for content in stored for at in range(0, len(content) - 15, 16)]
    assert len(stored) == 4
    assert len(set(blocks)) == len(blocks)


def test_wiping_destroys_the_key_and_the_bytes(quarantine: Quarantine, keys: KeyStore, tmp_path: Path) -> None:
    _take(quarantine, *_handed_in(tmp_path, WORDS))
    key = keys.get(f"quarantine/{DEPOSIT}")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "quarantine" / DEPOSIT).iterdir()}
    for _ in range(2):
        quarantine.wipe(DEPOSIT)
    assert not quarantine.holds(DEPOSIT)
    assert key not in _bytes_below(tmp_path / "keys")
    (tmp_path / "quarantine" / DEPOSIT).mkdir()  # a disk that was read later gives the bytes back, and no key
    for name, content in kept.items():
        (tmp_path / "quarantine" / DEPOSIT / name).write_bytes(content)
    with pytest.raises(Refused, match="secret-gone"):
        quarantine.files(DEPOSIT)


def test_what_was_wiped_is_said_to_be_gone(quarantine: Quarantine) -> None:
    with pytest.raises(DepositUnusable, match="quarantine-empty"):
        quarantine.files(DEPOSIT)


@pytest.mark.parametrize("name", ["00001", "00002", "index"])
def test_a_bit_that_flips_while_bytes_wait_is_found(quarantine: Quarantine, tmp_path: Path, name: str) -> None:
    _take(quarantine, *_handed_in(tmp_path, WORDS, b"another"))
    path = tmp_path / "quarantine" / DEPOSIT / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DepositUnusable, match="quarantine-damaged"):
        quarantine.files(DEPOSIT)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: os.truncate(path, 100)], ids=["gone", "cut"])
def test_a_file_that_was_lost_or_cut_while_it_waited_is_found(
    quarantine: Quarantine, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    _take(quarantine, *_handed_in(tmp_path, WORDS))
    harm(tmp_path / "quarantine" / DEPOSIT / "00001")
    with pytest.raises(DepositUnusable, match="quarantine-damaged"):
        quarantine.files(DEPOSIT)


# -- sweeping ---------------------------------------------------------------------------------------------------------


def test_a_hand_in_that_died_is_swept_with_its_key(quarantine: Quarantine, keys: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), quarantine.receiving(DEPOSIT) as incoming:
        incoming.take("export", _handed_in(tmp_path, WORDS)[0])
        raise KeyboardInterrupt
    assert quarantine.sweep(lambda _deposit: False) == [DEPOSIT]
    assert not quarantine.holds(DEPOSIT)
    assert not keys.has(f"quarantine/{DEPOSIT}")


def test_a_waiting_deposit_is_not_swept(quarantine: Quarantine, tmp_path: Path) -> None:
    _take(quarantine, *_handed_in(tmp_path, WORDS))
    assert quarantine.sweep(lambda deposit: deposit == DEPOSIT) == []
    assert _waiting(quarantine)[0].open().read() == WORDS


def test_a_living_hand_in_is_not_swept(quarantine: Quarantine, tmp_path: Path) -> None:
    with quarantine.receiving(DEPOSIT) as incoming:
        incoming.take("export", _handed_in(tmp_path, WORDS)[0])
        assert quarantine.sweep(lambda _deposit: False) == []
        incoming.close()
    assert _waiting(quarantine)[0].open().read() == WORDS


def test_a_hand_in_that_becomes_a_deposit_while_the_sweep_runs_is_not_swept(quarantine: Quarantine, tmp_path: Path) -> None:
    """It was alive when the sweep began and is a deposit when it is let go: the sweep asks only then whether it is known."""
    known: set[str] = set()
    asked: list[str] = []
    _take(quarantine, *_handed_in(tmp_path, WORDS), deposit=OTHER)
    with quarantine.receiving(DEPOSIT) as incoming:

        def is_known(deposit: str) -> bool:
            asked.append(deposit)
            known.update({DEPOSIT, OTHER})
            return deposit in known

        assert quarantine.sweep(is_known) == []
        assert asked == [OTHER], "a folder that is held need not be asked about, and one that is not is asked about last"
        incoming.close()


def test_a_sweep_waits_until_a_new_hand_in_holds_its_folder(quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making the folder and locking it, the hand-in would look dead."""
    swept: list[list[str]] = []
    sweeper = threading.Thread(target=lambda: swept.append(quarantine.sweep(lambda _deposit: False)))
    make = Path.mkdir

    def make_and_wait(path: Path, *args: Any, **options: Any) -> None:
        make(path, *args, **options)
        if path.name == DEPOSIT:
            sweeper.start()
            sweeper.join(0.3)

    monkeypatch.setattr(Path, "mkdir", make_and_wait)
    with quarantine.receiving(DEPOSIT):
        sweeper.join(10)
    assert swept == [[]]
    assert quarantine.holds(DEPOSIT)


def test_a_hand_in_of_a_killed_process_is_swept_and_one_of_a_living_process_is_not(
    quarantine: Quarantine, tmp_path: Path
) -> None:
    script = (
        "import sys, pathlib, time\n"
        "from preservation.catalogue.keys import KeyStore\n"
        "from preservation.stages.intake.quarantine import Quarantine\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with Quarantine(folder / 'quarantine', KeyStore(folder / 'keys' / 'keys.sqlite')).receiving(sys.argv[2]):\n"
        "    print('taking', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), DEPOSIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"taking\n"
            assert quarantine.sweep(lambda _deposit: False) == []
        finally:
            process.kill()
    assert quarantine.sweep(lambda _deposit: False) == [DEPOSIT]


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_to_be_ours(quarantine: Quarantine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StoreUnavailable, match=r"No space left on device.*quarantine-disk") as refusal:
        _take(quarantine, *_handed_in(tmp_path, WORDS))
    assert "harbour" not in str(refusal.value)


def test_a_file_that_cannot_be_read_is_not_said_to_be_our_disks_fault(quarantine: Quarantine, tmp_path: Path) -> None:
    with pytest.raises(DepositUnusable, match="file-unreadable") as refusal:
        _take(quarantine, tmp_path)  # a folder: opening it fails for root, too
    assert str(tmp_path) not in str(refusal.value)
