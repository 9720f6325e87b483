"""Copies count when they were read back, and a source must prove itself while it is copied."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preservation.errors import ShelfConflict, StoreUnavailable
from preservation.formats.digests import fixity_of_bytes
from preservation.killpoints import VARIABLE, KillPoint
from preservation.model.fixity import Finding, Outcome
from preservation.storage.local import LocalStore
from preservation.storage.memory import MemoryStore
from preservation.storage.store import ObjectMissing, ObjectUnreadable, Store
from preservation.storage.transfer import copy_proved, put_and_read_back
from tests.conformance.object_store import KEY, LARGE, SMALL, content, keys, opener, put
from tests.faults import CutsReads, Down, Full, LiesOnRead

AT = datetime(2026, 1, 2, tzinfo=UTC)
SCRIPT = """
import sys, io
from datetime import UTC, datetime
from pathlib import Path
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.local import LocalStore
from preservation.storage.transfer import put_and_read_back
store = LocalStore(Path(sys.argv[1]))
at = datetime(2026, 1, 2, tzinfo=UTC)
put_and_read_back(store, store, "here", "a" * 26, "a/b", lambda: io.BytesIO(b"x"), fixity_of_bytes(b"x"), at)
"""


def transfer(store: Store, data: bytes = SMALL) -> Finding:
    """Put and read back."""
    return put_and_read_back(store, store, "here", "a" * 26, KEY, opener(data), fixity_of_bytes(data), AT)


def test_a_copy_is_intact_once_it_was_read_back_and_again_when_it_was_there() -> None:
    store = MemoryStore()
    assert transfer(store).outcome is Outcome.intact
    assert transfer(store).outcome is Outcome.intact


def test_a_copy_that_rots_on_arrival_is_found_at_once() -> None:
    assert transfer(LiesOnRead(MemoryStore())).outcome is Outcome.mismatched


def test_a_site_that_is_down_or_full_is_raised_not_found() -> None:
    for store in (Down(MemoryStore()), Full(MemoryStore())):
        with pytest.raises(StoreUnavailable):
            transfer(store)


@pytest.mark.parametrize("point", [KillPoint.FILE_PUT, KillPoint.FILE_READ_BACK])
def test_a_transfer_killed_between_its_steps_has_put_whole_bytes_and_can_be_done_again(tmp_path: Path, point: KillPoint) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], env={VARIABLE: point.value}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert content(LocalStore(tmp_path), "a/b") == b"x"
    assert subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], timeout=60, check=False).returncode == 0


def test_a_damaged_copy_is_overwritten_from_a_proved_one_under_another_key() -> None:
    source, target = MemoryStore(), MemoryStore()
    put(source, "elsewhere", LARGE)
    put(target, KEY, b"damaged")
    copy_proved(source, "elsewhere", target, KEY, fixity_of_bytes(LARGE))
    assert content(target, KEY) == LARGE


@pytest.mark.parametrize("target_holds", [None, b"damaged"])
def test_a_source_that_lies_mends_nothing(tmp_path: Path, target_holds: bytes | None) -> None:
    """Found intact a moment ago, rotten now: nothing is written and nothing is left lying about."""
    source, target = MemoryStore(), LocalStore(tmp_path)
    put(source, KEY, LARGE)
    if target_holds is not None:
        put(target, KEY, target_holds)
    with pytest.raises(ShelfConflict) as refused:
        copy_proved(LiesOnRead(source), KEY, target, KEY, fixity_of_bytes(LARGE))
    assert refused.value.code == "source-not-intact"
    assert keys(target) == ([] if target_holds is None else [KEY])
    assert target_holds is None or content(target, KEY) == target_holds
    assert not list(target.leftovers(""))


def test_a_source_that_breaks_or_is_gone_mends_nothing(tmp_path: Path) -> None:
    source, target = MemoryStore(), LocalStore(tmp_path)
    with pytest.raises(ObjectMissing):
        copy_proved(source, KEY, target, KEY, fixity_of_bytes(LARGE))
    put(source, KEY, LARGE)
    with pytest.raises(ObjectUnreadable):
        copy_proved(CutsReads(source), KEY, target, KEY, fixity_of_bytes(LARGE))
    assert keys(target) == []
    assert not list(target.leftovers(""))
