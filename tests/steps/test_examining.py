"""Examining a deposit: what is found is kept with what waits, nothing is decoded twice, and nothing is refused for it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from preservation.errors import Refused
from preservation.model.consent_words import Role, State
from preservation.model.deposit import Deposit
from preservation.model.media_facts import Examination, MediaFacts
from preservation.stages.intake import examination
from preservation.stages.intake.examination import Unexamined
from preservation.steps import examining
from preservation.steps.accession import package_deposit
from preservation.steps.consenting import change_state, import_consent
from preservation.steps.examining import NOTE, examination_of, examine_deposit
from preservation.steps.receiving import receive
from preservation.wiring import Archive
from tests.archives import a_deposit, hand_in, make_home
from tests.formats import media_samples as samples


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with make_home(tmp_path / "archive").opened() as opened:
        yield opened


@pytest.fixture
def deposit(archive: Archive, tmp_path: Path) -> Deposit:
    """Six posts: a whole film, a cut one, an error page, an empty file, a whole picture, and one more whole film."""
    given = hand_in(tmp_path / "in")
    contents = [samples.film(), samples.film()[:-400], samples.ERROR_PAGE, b"", samples.picture(), samples.film("webm")]
    for path, content in zip(sorted(given.media.iterdir()), contents, strict=True):
        path.write_bytes(content)
    return a_deposit(archive, given)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files are really examined, run by run."""
    asked: list[int] = []

    def counting(files: Sequence[Unexamined], *more: Any) -> Iterator[MediaFacts]:
        asked.append(len(files))
        return examination.examine(files, *more)

    monkeypatch.setattr(examining, "examine", counting)
    return asked


def test_a_deposit_is_examined_and_what_was_found_is_kept_with_it(archive: Archive, deposit: Deposit) -> None:
    told: list[tuple[int, int]] = []
    found = examine_deposit(archive, deposit.deposit_id, lambda done, total: told.append((done, total)))
    assert found.counts() == {"whole": 3, "damaged": 1, "not_media": 1, "empty": 1}
    assert [tool.split()[0] for tool in found.tools] == ["siegfried", "PyAV", "Pillow"]
    assert examination_of(archive, deposit.deposit_id) == found
    assert told[0] == (0, told[0][1])
    assert told[-1][0] == told[-1][1] == sum(fact.size for fact in found.facts)


def test_facts_are_by_digest_of_what_waits(archive: Archive, deposit: Deposit) -> None:
    found = {fact.sha256: fact for fact in examine_deposit(archive, deposit.deposit_id).facts}
    waiting = {file.sha256 for file in archive.quarantine.files(deposit.deposit_id) if file.role == "media"}
    assert set(found) == waiting


def test_nothing_is_examined_twice(archive: Archive, deposit: Deposit, monkeypatch: pytest.MonkeyPatch) -> None:
    first = examine_deposit(archive, deposit.deposit_id)
    asked = _counted(monkeypatch)
    assert examine_deposit(archive, deposit.deposit_id).facts == first.facts
    assert asked == [0]


def test_a_run_that_was_killed_goes_on_where_it_was(archive: Archive, deposit: Deposit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "FILES_BETWEEN", 2)

    def killed(done: int, _total: int) -> None:
        if done and len((examination_of(archive, deposit.deposit_id) or Examination()).facts) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine_deposit(archive, deposit.deposit_id, killed)
    kept = examination_of(archive, deposit.deposit_id)
    assert kept is not None
    assert 2 <= len(kept.facts) < 6
    asked = _counted(monkeypatch)
    assert len(examine_deposit(archive, deposit.deposit_id).facts) == 6
    assert asked == [6 - len(kept.facts)]


def test_what_other_tools_found_is_not_believed(archive: Archive, deposit: Deposit) -> None:
    first = examine_deposit(archive, deposit.deposit_id)
    older = first.model_copy(update={"tools": ("siegfried 1.0",), "facts": first.facts[:1]})
    archive.quarantine.keep(deposit.deposit_id, NOTE, older.model_dump_json().encode())
    assert examine_deposit(archive, deposit.deposit_id).tools == first.tools


def test_what_was_built_of_a_note_is_built_again_of_the_same(archive: Archive, deposit: Deposit) -> None:
    """Staging is lost and the tools are newer: examined again, the bytes on record would not come out."""
    first = examine_deposit(archive, deposit.deposit_id)
    older = first.model_copy(update={"tools": ("siegfried 1.0",), "facts": first.facts[:2]})
    archive.quarantine.keep(deposit.deposit_id, NOTE, older.model_dump_json().encode())
    packaged = package_deposit(archive, deposit.deposit_id)
    shutil.rmtree(archive.staging(packaged.package_id))
    assert examine_deposit(archive, deposit.deposit_id) == older
    assert package_deposit(archive, deposit.deposit_id) == packaged


def test_nothing_is_looked_into_that_consent_does_not_let_us_read(archive: Archive, deposit: Deposit) -> None:
    change_state(archive, deposit.record_id, State.suspended, Role.creator)
    with pytest.raises(Refused, match="consent-refuses"):
        examine_deposit(archive, deposit.deposit_id)
    assert examination_of(archive, deposit.deposit_id) is None


def test_a_creator_who_says_stop_in_the_middle_is_heard(archive: Archive, deposit: Deposit) -> None:
    """And not only when hours of film have been looked into."""
    told: list[int] = []

    def stops(done: int, _total: int) -> None:
        told.append(done)
        if len(told) == 3:  # the first is told before any
            change_state(archive, deposit.record_id, State.suspended, Role.creator)

    with pytest.raises(Refused, match="consent-refuses"):
        examine_deposit(archive, deposit.deposit_id, stops)
    assert len(told) == 3


@pytest.mark.parametrize("lost", [b"", b"{", b'{"facts": 3}'])
def test_a_note_that_is_lost_is_made_again(archive: Archive, deposit: Deposit, lost: bytes) -> None:
    first = examine_deposit(archive, deposit.deposit_id)
    archive.quarantine.keep(deposit.deposit_id, NOTE, lost)
    assert examination_of(archive, deposit.deposit_id) is None
    assert examine_deposit(archive, deposit.deposit_id).facts == first.facts


def test_a_deposit_that_waits_no_longer_is_left_alone(archive: Archive, deposit: Deposit) -> None:
    """The flow may be run again after quarantine was wiped."""
    archive.quarantine.wipe(deposit.deposit_id)
    assert examine_deposit(archive, deposit.deposit_id) == Examination()
    assert examination_of(archive, deposit.deposit_id) is None


def test_what_cannot_be_read_is_left_for_packaging_to_refuse(archive: Archive, deposit: Deposit) -> None:
    (archive.settings.home / "quarantine" / deposit.deposit_id / "00001").write_bytes(b"other bytes")
    assert examine_deposit(archive, deposit.deposit_id) == Examination()


def test_an_export_without_media_starts_nothing(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("no process is needed")

    monkeypatch.setattr(examining, "Examiner", never)
    given = hand_in(tmp_path / "words")
    record = import_consent(archive, given.consent)
    deposit = receive(archive, record.record_id, [given.export])
    assert examine_deposit(archive, deposit.deposit_id).facts == ()


def test_nothing_that_names_a_file_is_noted_and_nothing_can_be_read_on_the_disk(archive: Archive, deposit: Deposit) -> None:
    examine_deposit(archive, deposit.deposit_id)
    note = archive.quarantine.kept(deposit.deposit_id, NOTE)
    assert note is not None
    assert b"2025-05" not in note
    assert json.loads(note)["facts"]
    room = archive.settings.home / "quarantine" / deposit.deposit_id
    stored = b"".join(path.read_bytes() for path in room.iterdir())
    assert b"fmt/199" not in stored
    assert b"ftyp" not in stored
