"""Damage is a finding, each kind its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from preservation.errors import ArchiveError, SettingsWrong
from preservation.formats.digests import fixity_of_bytes
from preservation.model.fixity import Depth, Finding, Outcome
from preservation.storage.fixity_check import check_fixity
from preservation.storage.local import LocalStore
from preservation.storage.memory import MemoryStore
from preservation.storage.store import Reader
from tests.conformance.object_store import KEY, LARGE, SMALL, put
from tests.faults import CutsReads, Down, LiesOnRead, Passing, flip_bit, truncate

AT = datetime(2026, 1, 2, tzinfo=UTC)


def look(reader: Reader, data: bytes = LARGE) -> Finding:
    """Check the key against what `data` would be."""
    return check_fixity(reader, "here", "a" * 26, KEY, fixity_of_bytes(data), AT)


def holding(data: bytes = LARGE) -> MemoryStore:
    """A store that holds the key."""
    store = MemoryStore()
    put(store, KEY, data)
    return store


def test_intact_bytes_are_intact_and_were_read_once() -> None:
    store = Passing(holding())
    finding = look(store)
    assert (finding.outcome, finding.depth, finding.at) == (Outcome.intact, Depth.read, AT)
    assert finding.expected == finding.found
    assert store.calls == {"read": 1}


def test_a_flipped_bit_is_mismatched_and_both_digests_are_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put(store, KEY, LARGE)
    flip_bit(tmp_path / KEY)
    finding = look(store)
    assert (finding.outcome, finding.depth) == (Outcome.mismatched, Depth.read)
    assert fixity_of_bytes(LARGE).sha256 in finding.expected
    assert fixity_of_bytes(LARGE).sha256 not in finding.found
    assert len(finding.found) == len(finding.expected)


def test_a_file_cut_short_on_disk_is_mismatched(tmp_path: Path) -> None:
    """The site gives all it has, and it is not enough: damage, not a broken connection."""
    store = LocalStore(tmp_path)
    put(store, KEY, LARGE)
    truncate(tmp_path / KEY)
    assert look(store).outcome is Outcome.mismatched


def test_a_missing_object_is_missing_and_counts_as_no_reading() -> None:
    finding = look(MemoryStore())
    assert (finding.outcome, finding.depth) == (Outcome.missing, Depth.listed)


def test_a_cut_read_is_unreadable_never_mismatched() -> None:
    store = CutsReads(holding())
    finding = look(store)
    assert (finding.outcome, finding.depth) == (Outcome.unreadable, Depth.listed)
    assert store.calls == {"read": 2}, "it is tried once more, and only once"


@pytest.mark.parametrize("fault", [CutsReads, LiesOnRead])
def test_what_only_the_network_broke_is_intact_and_the_note_says_so(fault: type[LiesOnRead]) -> None:
    finding = look(fault(holding(), times=1))
    assert finding.outcome is Outcome.intact
    assert "first read" in finding.note


def test_a_site_that_gives_rotten_bytes_once_and_then_hides_them_is_mismatched() -> None:
    """Some sites quarantine an object after they have noticed; the first finding stands."""

    class Hides(LiesOnRead):
        def before(self, call: str, key: str) -> None:
            if self.calls["read"] == 2:
                self.store.erase(key)

    finding = look(Hides(holding()))
    assert finding.outcome is Outcome.mismatched
    assert "second read: missing" in finding.note


def test_a_site_that_does_not_answer_was_not_looked_at() -> None:
    finding = look(Down(holding()))
    assert (finding.outcome, finding.depth, finding.note) == (Outcome.not_looked_at, Depth.listed, "site-unavailable")


def test_wrong_settings_are_raised_because_they_say_nothing_of_the_object() -> None:
    class Locked(Passing):
        def before(self, call: str, key: str) -> None:
            raise SettingsWrong("access-denied", "no", remedy="look")

    with pytest.raises(ArchiveError, match="access-denied"):
        look(Locked(holding()))


def test_a_finding_holds_no_content() -> None:
    assert SMALL.decode() not in look(LiesOnRead(holding(SMALL)), SMALL).model_dump_json()
