"""Nothing is taken in, packaged, copied, committed, repaired or given out unless the consent in force allows it at that moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from preservation.errors import Refused
from preservation.model.consent_access import effective_access
from preservation.model.consent_words import Access, Role, State
from preservation.model.export import Visibility
from preservation.model.fixity import Outcome
from preservation.model.package import VersionState
from preservation.settings import load_settings
from preservation.steps.accession import package_deposit
from preservation.steps.consenting import change_state, import_consent
from preservation.steps.opening import open_package
from preservation.steps.receiving import receive
from preservation.wiring import Archive, open_archive
from tests import archives, consent_samples
from tests.archives import hand_in, objects_at, replace_store
from tests.faults import Passing, flip_bit

CLOSED = {
    State.suspended: (Role.archivist, "complaint"),
    State.expired: (Role.system, None),
    State.withdrawn: (Role.creator, None),
}
Make = Callable[..., Archive]


def close(archive: Archive, record_id: str, state: State) -> None:
    role, reason = CLOSED[state]
    change_state(archive, record_id, state, role, reason)


def nothing_on_the_shelf(archive: Archive) -> bool:
    return all(objects_at(site) == {} for site in archive.sites.values())


def test_nothing_is_received_without_a_record(make_archive: Make, tmp_path: Path) -> None:
    archive, given = make_archive(), hand_in(tmp_path / "in")
    with pytest.raises(Refused, match="no-such-consent"):
        receive(archive, consent_samples.record_id(), [given.export])
    assert archives.files_below(archive.settings.home / "quarantine") in ([], [".lock"])


@pytest.mark.parametrize("state", [State.draft, *CLOSED])
def test_nothing_is_received_while_consent_does_not_stand(make_archive: Make, tmp_path: Path, state: State) -> None:
    """Not before it is signed, not while it is suspended, not after its end. Nothing of the bytes stays."""
    archive = make_archive()
    given = hand_in(tmp_path / "in", consent={"state": "draft" if state is State.draft else "active"})
    record = import_consent(archive, given.consent)
    if state in CLOSED:
        close(archive, record.record_id, state)
    with pytest.raises(Refused, match="consent-refuses"):
        receive(archive, record.record_id, [given.export], given.media)
    assert archive.catalogue.deposits.list() == []
    assert [path for path in archives.files_below(archive.settings.home / "quarantine") if "/" in path] == []


@pytest.mark.parametrize("state", CLOSED)
def test_nothing_is_packaged_while_consent_does_not_stand(make_archive: Make, tmp_path: Path, state: State) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    close(archive, deposit.record_id, state)
    with pytest.raises(Refused, match="consent-refuses"):
        archives.accession(deposit)
    assert archives.files_below(archive.settings.home / "staging") == []
    assert nothing_on_the_shelf(archive)
    assert archive.catalogue.holdings.packages() == []


class Between(Passing):
    """Something happens elsewhere just before the `nth` call of one kind is passed on."""

    def __init__(self, store: Any, call: str, nth: int, happens: Callable[[], object]) -> None:
        super().__init__(store)
        self._call, self._nth, self._happens = call, nth, happens

    def before(self, call: str, key: str) -> None:
        if call == self._call and self.calls[call] == self._nth:
            self._happens()


@pytest.mark.parametrize("state", CLOSED)
def test_consent_that_ends_while_copying_stops_the_next_file(make_archive: Make, tmp_path: Path, state: State) -> None:
    """What is on its way is not called back, but no further file follows it at that site, and there is no version."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    store = replace_store(
        archive, "beta", lambda inner: Between(inner, "put_once", 8, lambda: close(archive, deposit.record_id, state))
    )
    with pytest.raises(Refused, match="consent-refuses"):
        archives.accession(deposit)
    assert store.calls["put_once"] == 8
    (package,) = archive.catalogue.holdings.packages()
    (version,) = archive.catalogue.holdings.versions(package.package_id)
    assert version.state is VersionState.staged
    assert "version committed" not in {entry.event.value for entry in archive.catalogue.ledger_entries()}
    assert not any(key.endswith(f"{package.package_id}/inventory.json") for key in objects_at(archive.sites["beta"]))


def test_consent_that_ends_after_the_last_copy_still_stops_the_commit(make_archive: Make, tmp_path: Path) -> None:
    """The gate is asked once more at the commit, when every site has every file."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    accession = package_deposit(archive, deposit.deposit_id)
    from preservation.steps.accession import commit, copy_to_site

    for site in archive.sites:
        copy_to_site(archive, accession, site)
    close(archive, deposit.record_id, State.withdrawn)
    with pytest.raises(Refused, match="consent-refuses"):
        commit(archive, accession, {})
    assert archive.catalogue.holdings.head(accession.package_id) is None


class Clock:
    """Time that passes by `step` at every look, and something that happens at the `nth`."""

    def __init__(self, step: timedelta = timedelta(0), nth: int = 0, happens: Callable[[], object] = lambda: None) -> None:
        self._step, self._nth, self._happens = step, nth, happens
        self._time, self.looks = datetime.now(UTC), 0

    def __call__(self) -> datetime:
        self.looks += 1
        if self.looks == self._nth:
            self._happens()
        self._time += self._step
        return self._time


def looks_while_packaging(folder: Path, make_archive: Make) -> int:
    """How often the clock is read while a deposit is packaged."""
    first = make_archive(folder.name)
    deposit = archives.a_deposit(first, hand_in(folder / "in"))
    clock = Clock()
    timed = open_archive(load_settings(), clock)
    package_deposit(timed, deposit.deposit_id)
    timed.close()
    return clock.looks


def test_a_withdrawal_while_packaging_stops_it_wherever_it_falls(make_archive: Make, tmp_path: Path) -> None:
    """At each look at the clock in turn, the creator withdraws: no version is ever recorded as staged, nothing is copied."""
    looks = looks_while_packaging(tmp_path / "counted", make_archive)
    assert looks > 12
    for nth in range(2, looks - 1, 4):
        archive = make_archive(f"at-{nth}")
        deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
        clock = Clock(nth=nth, happens=lambda: close(archive, deposit.record_id, State.withdrawn))  # noqa: B023
        timed = open_archive(load_settings(), clock)
        with pytest.raises(Refused, match="consent-refuses"):
            package_deposit(timed, deposit.deposit_id)
        timed.close()
        assert nothing_on_the_shelf(archive)
        packages = archive.catalogue.holdings.packages()
        assert all(v.state is VersionState.planned for p in packages for v in archive.catalogue.holdings.versions(p.package_id))


@pytest.mark.parametrize("state", [State.suspended, State.verified])
def test_a_deposit_survives_consent_that_rests_between_planning_and_packaging(
    make_archive: Make, tmp_path: Path, state: State
) -> None:
    """Its number is given, then consent rests: the run is refused, and when consent is back everything comes in, not an empty version."""
    archive = make_archive()
    given = hand_in(tmp_path / "in", consent={"state": "verified" if state is State.verified else "active"})
    deposit = archives.a_deposit(archive, given)
    if state is State.suspended:
        archives.die_at("version-planned", archive, deposit)
        close(archive, deposit.record_id, state)
    with pytest.raises(Refused, match="consent-refuses"):
        archives.accession(deposit)
    change_state(archive, deposit.record_id, State.active, Role.dpo if state is State.suspended else Role.archivist, "settled")
    assert archives.accession(deposit).items == 6


def test_a_clearance_older_than_a_minute_is_worth_nothing(make_archive: Make, tmp_path: Path) -> None:
    """The machine sleeps between asking and doing."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    slow = open_archive(load_settings(), Clock(step=timedelta(seconds=61)))
    with pytest.raises(Refused, match="clearance-stale"):
        package_deposit(slow, deposit.deposit_id)
    slow.close()
    assert nothing_on_the_shelf(archive)


def test_what_consent_leaves_out_is_nowhere_on_the_shelf(make_archive: Make, tmp_path: Path) -> None:
    """Private, friends-only and unknown posts: neither words nor media, at no site; the report counts them."""
    archive = make_archive()
    hidden = {
        1: {"WhoCanView": "Only me"},
        2: {"WhoCanView": "Friends"},
        3: {"WhoCanView": ""},
        4: {"WhoCanView": "Nobody knows"},
    }
    captions = {number: f"kept to herself {number}" for number in hidden}
    given = hand_in(tmp_path / "in", captions=captions, fields=hidden)
    report = archives.accession(archives.a_deposit(archive, given))
    assert (report.items, sum(report.refused.values())) == (2, 4)
    for path in (path for path in (archive.settings.home / "sites").rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert b"kept to herself" not in data
        assert not any(archives.medium(number) in data for number in hidden)
    shelf = b"".join(path.read_bytes() for path in (archive.settings.home / "sites" / "alpha").rglob("*.warc"))
    assert all(archives.medium(number) in shelf for number in (0, 5))


def test_care_goes_on_while_consent_rests_and_ends_with_a_withdrawal(make_archive: Make, tmp_path: Path) -> None:
    """Suspended: audit, repair and the creator's own copy still work, nothing else. Withdrawn: no look, no repair."""
    archive = make_archive()
    given = hand_in(tmp_path / "in")
    deposit = archives.a_deposit(archive, given)
    package_id = archives.accession(deposit).package_id
    close(archive, deposit.record_id, State.suspended)
    victim = sorted((archive.settings.home / "sites" / "beta").rglob("*.warc"))[0]
    flip_bit(victim)
    assert not archives.audit().well
    assert archives.repair().well
    assert archives.audit().well
    assert open_package(archive, package_id, tmp_path / "opened").posts == 6
    with pytest.raises(Refused, match="consent-refuses"):
        archives.a_deposit(archive, hand_in(tmp_path / "more", posts=7))

    close(archive, deposit.record_id, State.withdrawn)
    flip_bit(victim)
    damaged = victim.read_bytes()
    looks = [finding for site in archives.audit().sites for finding in site.findings]
    assert {finding.outcome for finding in looks} == {Outcome.not_looked_at}
    assert len(looks) == 3 * 20  # every object of the package, at every site
    archives.repair()
    assert victim.read_bytes() == damaged


def test_no_step_trusts_a_consent_whose_words_were_changed(make_archive: Make, tmp_path: Path) -> None:
    """The catalogue knows the digest of the revision in force; other words under it are not that consent."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    other = import_consent(make_archive("other"), archives.consent_bytes(valid_from="2024-01-01T00:00:00Z"))
    archive.identity.record_document(deposit.record_id, 1, other.canonical(), replace=True)
    with pytest.raises(Refused, match="consent-record-damaged"):
        package_deposit(archive, deposit.deposit_id)


def test_posts_whose_setting_the_export_does_not_give_come_in_by_the_creators_tick_alone_and_closed(
    make_archive: Make, tmp_path: Path
) -> None:
    """Exports of 2020 to 2022 never say who could see a post."""
    archive = make_archive()
    silent = {number: {"WhoCanView": ""} for number in range(6)}
    with pytest.raises(Refused, match="none of the 6 posts"):
        archives.accession(archives.a_deposit(archive, hand_in(tmp_path / "unticked", fields=silent)))
    ticked = [{"account_ref": consent_samples.account_ref("bee.fx"), "include_visibility": ["public", "unknown"]}]
    given = hand_in(tmp_path / "ticked", handle="bee.fx", fields=silent, consent={"scopes": ticked})
    report = archives.accession(archives.a_deposit(archive, given))
    held = archive.catalogue.holdings.items(report.package_id).values()
    assert {item.facts.visibility for item in held} == {Visibility.unknown}
    assert (report.items, len(held)) == (6, 6)
    record = archive.gatekeeper.record_in_force(archive.catalogue.deposits.get(report.deposit_id).record_id)
    assert {effective_access(record, item.facts, archive.now().date()) for item in held} == {Access.closed}
