"""Consent, hand-ins and withdrawals that cross each other: nothing is said that is not so, nothing is left, nobody is blocked."""

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from preservation.errors import DepositUnusable, Refused, StoreUnavailable
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Role, State
from preservation.model.deposit import Deposit, DepositState
from preservation.settings import load_settings
from preservation.steps.consenting import change_state, import_consent, require_record
from preservation.steps.receiving import receive
from preservation.wiring import Archive, open_archive
from tests import archives, consent_samples
from tests.archives import HANDLE, HandIn, Home, consent_bytes, files_below, hand_in, objects_at, rows, run_apart
from tests.faults import flip_bit

Make = Callable[..., Archive]
HIDDEN = {"WhoCanView": "Only me"}


def secrets_named(archive: Archive, prefix: str) -> list[str]:
    """The names in the key store that begin so."""
    with closing(sqlite3.connect(archive.settings.home / "keys" / "keys.sqlite")) as keys:
        return sorted(name for (name,) in keys.execute("SELECT name FROM secrets") if name.startswith(prefix))


def waiting(archive: Archive) -> tuple[list[str], list[str]]:
    """What is left of hand-ins: files in rooms of quarantine, and the rooms' keys."""
    rooms = [path for path in files_below(archive.settings.home / "quarantine") if "/" in path]
    return rooms, secrets_named(archive, "quarantine/")


def home_of(archive: Archive) -> Home:
    return Home(archive.settings.home, archive.settings.configs)


def another_consent(number: int = 2) -> bytes:
    """A consent about the same account, in a record of its own."""
    document = json.loads(consent_bytes())
    document["record"]["record_id"] = consent_samples.record_id(HANDLE, f"consent {number}")
    return json.dumps(document).encode()


def handed_in(archive: Archive, record: ConsentRecord, given: HandIn) -> Deposit:
    return receive(archive, record.record_id, [given.export], given.media)


# -- consent documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"access": {"level": "closed"}}, {"valid_from": "2024-01-01T00:00:00Z"}])
def test_other_terms_under_a_known_consent_are_refused(make_archive: Make, change: dict[str, Any]) -> None:
    """They are not taken for a revision, and not passed over in silence: whoever imports them believes that they hold."""
    archive = make_archive()
    first = import_consent(archive, consent_bytes())
    document = json.loads(consent_bytes())
    document["record"] |= change
    with pytest.raises(Refused, match="consent-never-edited"):
        import_consent(archive, json.dumps(document).encode())
    assert require_record(archive, first.record_id) == first


def test_the_same_consent_again_tells_what_is_in_force(make_archive: Make) -> None:
    """Once it is withdrawn, importing its document again says so, and wakes nothing."""
    archive = make_archive()
    first = import_consent(archive, consent_bytes())
    assert import_consent(archive, consent_bytes()) == first
    withdrawn = change_state(archive, first.record_id, State.withdrawn, Role.creator)
    assert import_consent(archive, consent_bytes()) == withdrawn
    assert require_record(archive, first.record_id).state is State.withdrawn


def test_an_import_refused_at_its_second_account_leaves_nothing(make_archive: Make) -> None:
    """The second handle stands for somebody else's reference already: the first is not kept either."""
    archive = make_archive()
    import_consent(archive, consent_bytes("bo.fx"))
    before = rows(archive.settings.home / "identity.sqlite")
    document, other = json.loads(consent_bytes()), json.loads(consent_bytes("bo.fx"))["record"]["accounts"][0]
    ref = consent_samples.account_ref("someone")
    document["record"]["accounts"].append(other | {"account_ref": ref})
    document["identity"]["accounts"].append({"account_ref": ref, "platform": "tiktok", "handle": "bo.fx"})
    with pytest.raises(Refused, match="account-reference-taken"):
        import_consent(archive, json.dumps(document).encode())
    assert rows(archive.settings.home / "identity.sqlite") == before
    assert not archive.identity.recognises(consent_samples.account_ref(), "tiktok", HANDLE)


def test_a_refused_consent_takes_what_waits_along(make_archive: Make, tmp_path: Path) -> None:
    """No withdrawal can follow a refusal, so nothing else would ever wipe it."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2, consent={"state": "submitted"}))
    assert waiting(archive) != ([], [])
    change_state(archive, deposit.record_id, State.refused, Role.creator)
    assert waiting(archive) == ([], [])
    assert archive.catalogue.deposits.get(deposit.deposit_id).state is DepositState.refused


# -- one account, one package, one record ------------------------------------------------------------------------------------


def test_an_account_that_is_held_is_not_added_to_under_another_consent(make_archive: Make, tmp_path: Path) -> None:
    """Else a withdrawal of the one would leave, or take, what came under the other."""
    archive = make_archive()
    held = archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2)))
    other = import_consent(archive, another_consent())
    with pytest.raises(Refused, match="account-under-another-consent"):
        handed_in(archive, other, hand_in(tmp_path / "more", posts=3))
    assert waiting(archive) == ([], [])
    assert [each.number for each in archive.catalogue.holdings.versions(held.package_id)] == [1]


def test_of_two_hand_ins_under_two_consents_only_the_first_is_packaged(make_archive: Make, tmp_path: Path) -> None:
    """Both were received before there was a package: the question is asked again."""
    archive = make_archive()
    first = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    second = handed_in(archive, import_consent(archive, another_consent()), hand_in(tmp_path / "more", posts=3))
    assert archives.accession(first).version == 1
    shelf = objects_at(archive.sites["alpha"])
    with pytest.raises(Refused, match="account-under-another-consent"):
        archives.accession(second)
    assert objects_at(archive.sites["alpha"]) == shelf
    assert len(archive.catalogue.holdings.packages()) == 1


def test_withdrawing_one_of_two_consents_keeps_the_handle_the_other_speaks_of(make_archive: Make, tmp_path: Path) -> None:
    """The other's next hand-in is recognised still; with the last consent the handle goes."""
    archive = make_archive()
    first = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.accession(first)
    archives.withdraw(archive, import_consent(archive, another_consent()).record_id)
    assert archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "more", posts=3))).version == 2
    archives.withdraw(archive, first.record_id)
    assert not archive.identity.recognises(first.account_ref, "tiktok", HANDLE)


def test_who_withdrew_and_consents_again_gets_a_new_package_that_nothing_ties_to_the_old(
    make_archive: Make, tmp_path: Path
) -> None:
    """Same account, same reference, same bytes: another package, and no row of the old one names the account any more."""
    archive, given = make_archive(), hand_in(tmp_path / "in", posts=2)
    first = archives.a_deposit(archive, given)
    old = archives.accession(first).package_id
    archives.withdraw(archive, first.record_id)
    left = [row for found in rows(archive.settings.home / "catalogue.sqlite").values() for row in found]
    assert any(old in row for row in left)
    assert not any(first.account_ref in row for row in left)
    again = handed_in(archive, import_consent(archive, another_consent()), given)
    assert again.account_ref == first.account_ref
    report = archives.accession(again)
    assert report.package_id != old
    assert report.version == 1
    assert not any(old in key for site in archive.sites.values() for key in objects_at(site))
    assert archives.audit().well


# -- deposits that end otherwise ---------------------------------------------------------------------------------------------


def test_a_deposit_refused_after_its_version_was_planned_blocks_nobody(make_archive: Make, tmp_path: Path) -> None:
    """Damaged while it waited: its number is free again, the same bytes handed in once more come in under it."""
    archive = make_archive()
    given = hand_in(tmp_path / "in", posts=2)
    spoilt = archives.a_deposit(archive, given)
    flip_bit(archive.settings.home / "quarantine" / spoilt.deposit_id / "00001")
    with pytest.raises(DepositUnusable, match="quarantine-damaged"):
        archives.accession(spoilt)
    again = archives.a_deposit(archive, given)
    assert again.deposit_id != spoilt.deposit_id
    assert archives.accession(again).version == 1
    with pytest.raises(Refused, match="deposit-closed"):
        archives.accession(spoilt)


def test_what_consent_left_out_is_told_again(make_archive: Make, tmp_path: Path) -> None:
    """The second run packages nothing and knows it all the same."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=4, fields={1: HIDDEN, 2: HIDDEN}))
    report = archives.accession(deposit)
    assert (report.items, sum(report.refused.values())) == (2, 2)
    again = archives.accession(deposit)
    assert again.malware == "malware: nothing waits to be scanned"  # nor to be examined: that stands in the package by now
    of_one_run = {"malware", "media", "examined_in"}
    assert again.model_dump(exclude=of_one_run) == report.model_dump(exclude=of_one_run)


def test_consent_that_lets_nothing_in_makes_no_version_and_the_deposit_waits(make_archive: Make, tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2, fields={0: HIDDEN, 1: HIDDEN}))
    with pytest.raises(Refused, match="nothing-let-in"):
        archives.accession(deposit)
    assert archive.quarantine.holds(deposit.deposit_id)
    assert archive.catalogue.deposits.get(deposit.deposit_id).state is DepositState.received
    assert all(objects_at(site) == {} for site in archive.sites.values())
    assert files_below(archive.settings.home / "staging") == []
    better = archives.a_deposit(archive, hand_in(tmp_path / "better", posts=2))
    assert archives.accession(better).version == 1  # what waits stands in nobody's way


# -- withdrawals that cross something else -----------------------------------------------------------------------------------


def test_a_hand_in_that_died_is_gone_after_the_withdrawal(make_archive: Make, tmp_path: Path) -> None:
    """Killed with its bytes in quarantine and no row anywhere that speaks of them."""
    archive, given = make_archive(), hand_in(tmp_path / "in", posts=2)
    record = import_consent(archive, given.consent)
    ended = run_apart(home_of(archive), lambda child: handed_in(child, record, given), kill_at="received-bytes")
    assert ended == -signal.SIGKILL
    assert all(waiting(archive))
    assert archives.withdraw(archive, record.record_id).still_open == {}
    assert waiting(archive) == ([], [])


class Elsewhere:
    """Another process with the archive open, which works when it is told to, while this one goes on."""

    def __init__(self, home: Home, work: Callable[[Archive], object]) -> None:
        (self._told, self._tell), (ready, self._ready) = os.pipe(), os.pipe()
        self._code: int | None = None
        self._thread = Thread(target=self._run, args=(home, work))
        self._thread.start()
        os.read(ready, 1)

    def _run(self, home: Home, work: Callable[[Archive], object]) -> None:
        self._code = run_apart(home, lambda archive: self._wait_and(work, archive))

    def _wait_and(self, work: Callable[[Archive], object], archive: Archive) -> None:
        os.write(self._ready, b".")
        os.read(self._told, 1)
        work(archive)

    def begin(self, patience: float = 0.6) -> None:
        """Let it begin; go on when it is done, or has had time to come to a lock."""
        os.write(self._tell, b".")
        self._thread.join(patience)

    def ended(self) -> int | None:
        """Wait for its end; its exit code."""
        self._thread.join(30)
        return self._code


class HappensAtLook:
    """A clock; at the `nth` look something happens."""

    def __init__(self, nth: int, happens: Callable[[], object]) -> None:
        self._nth, self._happens, self.looks = nth, happens, 0

    def __call__(self) -> datetime:
        self.looks += 1
        if self.looks == self._nth:
            self._happens()
        return datetime.now(UTC)


def receive_timed(clock: HappensAtLook, record: ConsentRecord, given: HandIn) -> str:
    """Receive in an archive with that clock; the refusal's code, if it is one."""
    timed = open_archive(load_settings(), clock)
    try:
        handed_in(timed, record, given)
    except Refused as refusal:
        return refusal.code
    finally:
        timed.close()
    return ""


def test_a_withdrawal_in_another_process_leaves_nothing_of_a_hand_in_wherever_it_falls(
    make_archive: Make, tmp_path: Path
) -> None:
    """At each look at the clock in turn the creator withdraws elsewhere: the hand-in is refused, or ends first and is wiped."""
    given = hand_in(tmp_path / "in", posts=2)
    counted = HappensAtLook(0, lambda: None)
    receive_timed(counted, import_consent(make_archive("counted"), given.consent), given)
    assert counted.looks > 2
    refused = []
    for nth in range(1, counted.looks + 1):
        archive = make_archive(f"at-{nth}")
        record = import_consent(archive, given.consent)
        creator = Elsewhere(home_of(archive), lambda child: archives.withdraw(child, record.record_id))  # noqa: B023
        refused.append(receive_timed(HappensAtLook(nth, creator.begin), record, given))
        assert creator.ended() == 0
        assert waiting(archive) == ([], []), f"look {nth} of {counted.looks}"
        assert DepositState.received not in {each.state for each in archive.catalogue.deposits.list()}
        with pytest.raises(Refused):  # the handle is forgotten, or the consent asked first
            handed_in(archive, record, given)
    assert "consent-refuses" in refused


def test_a_withdrawal_waits_for_a_packaging_and_then_takes_all_of_it(make_archive: Make, tmp_path: Path) -> None:
    """Another process packages; the creator withdraws while it does: no staging, no secret, no bytes are left."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    packing = Elsewhere(home_of(archive), lambda child: archives.accession(deposit))
    packing.begin(patience=0.0)
    until = time.monotonic() + 10
    while files_below(archive.settings.home / "staging") == [] and time.monotonic() < until:
        time.sleep(0.002)
    archives.withdraw(archive, deposit.record_id)
    packing.ended()
    summary = archives.withdraw(archive, deposit.record_id)
    assert (summary.still_open, files_below(archive.settings.home / "staging"), waiting(archive)) == ({}, [], ([], []))
    assert secrets_named(archive, "package/") == []
    packages = [package.package_id for package in archive.catalogue.holdings.packages()]
    assert not any(each in key for each in packages for site in archive.sites.values() for key in objects_at(site))


def test_a_staging_folder_that_cannot_be_wiped_stops_the_withdrawal_and_is_said(
    make_archive: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tombstone says that all is gone while it is not; once the disk lets go, the same command ends it."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in", posts=2))
    archives.die_at("files-expected", archive, deposit)
    staging = archive.settings.home / "staging"
    staged, really = files_below(staging), shutil.rmtree

    def held_fast(path: Path, *words: Any, **more: Any) -> None:
        if Path(path).is_relative_to(staging):
            if not more.get("ignore_errors"):
                raise PermissionError(1, "Operation not permitted")
        else:
            really(path, *words, **more)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", held_fast)
        with pytest.raises(StoreUnavailable, match="wiping staging") as refused:
            archives.withdraw(archive, deposit.record_id)
    assert refused.value.code == "disk"
    assert archive.catalogue.erasing.tombstones() == []
    assert files_below(staging) == staged != []
    summary = archives.withdraw(archive, deposit.record_id)
    assert (summary.still_open, len(summary.tombstones), files_below(staging)) == ({}, 1, [])
