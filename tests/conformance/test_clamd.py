"""A real clamd, with signatures of our own, held to what the client and the rules take for granted of it."""

import io
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from preservation.errors import Refused
from preservation.model.malware import ScanOutcome, Verdict
from preservation.model.policy import MIB
from preservation.stages.intake.clamd import Clamd
from preservation.stages.intake.malware import CLEAN, TOO_BIG, judge, scanner_of
from preservation.steps.consenting import import_consent
from preservation.steps.receiving import receive
from preservation.steps.scanning import scan_deposit
from tests import archives
from tests.archives import hand_in, make_home
from tests.clamd import EICAR, MADE_AT, RealClamd, installed, real_clamd, write_database

pytestmark = pytest.mark.long

DEBIANS = 25 * MIB
FOUND = Verdict(ScanOutcome.found, signature="Eicar-Test-Body.UNOFFICIAL")


@pytest.fixture(scope="module")
def server() -> Iterator[RealClamd]:
    """Configured as Debian does."""
    if not installed():
        pytest.skip("clamd is not installed (apt-get install clamav-daemon)")
    with real_clamd() as running:
        yield running


@pytest.fixture
def alerting() -> Iterator[RealClamd]:
    """One that says when it does not look."""
    if not installed():
        pytest.skip("clamd is not installed (apt-get install clamav-daemon)")
    with real_clamd(AlertExceedsMax="yes", MaxFileSize="1M", StreamMaxLength="100M") as running:
        yield running


def scan(server: RealClamd, data: bytes, limit: int = DEBIANS) -> Verdict:
    chunks = (data[at : at + MIB] for at in range(0, len(data), MIB))
    return judge(Clamd(server.address, 60).scan(chunks), limit)


def noise(size: int) -> bytes:
    return os.urandom(size)


def packed(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def test_it_answers_and_tells_its_signatures_and_their_date(server: RealClamd) -> None:
    clamd = Clamd(server.address, 60)
    assert clamd.ping()
    scanner = scanner_of(clamd.version())
    assert scanner is not None
    assert scanner.name.startswith("ClamAV ")
    assert scanner.signatures == "27500"
    assert scanner.signatures_at is not None
    told = scanner.signatures_at.replace(tzinfo=None)
    assert told in {datetime.fromtimestamp(MADE_AT), datetime.fromtimestamp(MADE_AT, UTC).replace(tzinfo=None)}  # noqa: DTZ006 - clamd tells its own local time


@pytest.mark.parametrize("data", [b"", b"x", bytes(MIB), bytes(5 * MIB + 3)], ids=["empty", "one byte", "1 MiB", "5 MiB"])
def test_what_is_harmless_is_clean(server: RealClamd, data: bytes) -> None:
    assert scan(server, data) == CLEAN


@pytest.mark.parametrize(
    "data",
    [EICAR, b"before" * 1000 + EICAR + b"after" * 1000, packed(a=b"a", b=EICAR), packed(a=packed(b=packed(c=EICAR)))],
    ids=["raw", "within", "in a zip", "in zips in zips"],
)
def test_malware_is_found(server: RealClamd, data: bytes) -> None:
    assert scan(server, data) == FOUND


def test_over_its_stream_limit_it_hangs_up_and_that_is_too_big(server: RealClamd) -> None:
    """Many times, because what the sender sees of it depends on who is faster."""
    assert {scan(server, bytes(40 * MIB)) for _ in range(10)} == {TOO_BIG}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"large": bytes(26 * MIB) + EICAR}, "a member over MaxFileSize is cut there"),
        ({**{f"m{n}": bytes(20 * MIB) for n in range(6)}, "last": EICAR}, "over MaxScanSize the rest is left out"),
        ({**{f"m{n}": b"%d" % n for n in range(10_010)}, "last": EICAR}, "over MaxFiles too"),
    ],
    ids=["large", "much", "many"],
)
def test_it_says_ok_to_an_archive_that_it_has_not_looked_through(server: RealClamd, members: dict[str, bytes], why: str) -> None:
    """Why an OK for an archive is believed only if all that it unpacks to is little: here is malware, and it says OK."""
    hidden = packed(**members)
    assert len(hidden) < MIB
    assert scan(server, hidden) == CLEAN, why


def test_told_to_alert_it_says_of_most_things_that_it_has_not_looked(alerting: RealClamd) -> None:
    assert scan(alerting, bytes(2 * MIB), limit=100 * MIB) == TOO_BIG
    assert scan(alerting, EICAR) == FOUND
    assert scan(alerting, packed(large=bytes(2 * MIB) + EICAR), limit=100 * MIB) == CLEAN, "but not of a member it has cut"


def test_over_its_file_limit_an_ok_is_not_believed(server: RealClamd) -> None:
    """Without the alert it would be a plain OK."""
    with real_clamd(MaxFileSize="1M", StreamMaxLength="100M") as silent:
        said = Clamd(silent.address, 60).scan([noise(3 * MIB)])
        assert said.text == "stream: OK"
        assert judge(said, MIB) == TOO_BIG


# -- a deposit --------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_an_archive(server: RealClamd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """`in_an_archive(**members)`: hands in an archive with those members, and scans it with Debian's limits."""
    monkeypatch.setenv("KEEPSAKE_CLAMD", server.address)
    with make_home(tmp_path / "archive").opened() as archive:

        def scanned(**members: bytes) -> Any:
            given = hand_in(tmp_path / "in")
            with zipfile.ZipFile(given.export, "a") as export:
                for name, data in members.items():
                    export.writestr(name, data)
            record = import_consent(archive, given.consent)
            deposit = receive(archive, record.record_id, [given.export])
            return scan_deposit(archive, deposit.deposit_id)

        yield scanned


def test_an_archive_larger_than_clamd_takes_is_scanned_by_its_members(in_an_archive: Callable[..., Any]) -> None:
    report = in_an_archive(one=noise(10 * MIB), two=noise(20 * MIB), three=noise(26 * MIB))
    assert report.counts == {ScanOutcome.too_big: 1, ScanOutcome.clean: 3}
    assert report.scanner.startswith("ClamAV ")


def test_malware_in_an_archive_larger_than_clamd_takes_is_found(in_an_archive: Callable[..., Any]) -> None:
    with pytest.raises(Refused, match=r"file 1, member 4: Eicar-Test-Body\.UNOFFICIAL"):
        in_an_archive(one=noise(20 * MIB), two=noise(20 * MIB), three=EICAR)


def test_a_clamd_that_is_started_anew_meanwhile_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is down when it is asked first, and comes back with newer signatures."""
    if not installed():
        pytest.skip("clamd is not installed (apt-get install clamav-daemon)")
    with real_clamd() as running:
        running.stop()
        monkeypatch.setenv("KEEPSAKE_CLAMD", running.address)
        home = make_home(tmp_path / "archive")
        with home.opened() as archive:
            deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
            write_database(running.folder / "db", version=27501)
            waits: list[float] = []

            def sleep(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    running.start()

            report = scan_deposit(archive, deposit.deposit_id, sleep=sleep)
            assert report is not None
            assert (report.outcome, report.signatures, waits) == (ScanOutcome.clean, "27501", [1, 4])


def test_reloading_its_signatures_makes_nothing_clean_that_is_not(server: RealClamd) -> None:
    """Twenty reloads under load: every answer is the right one or none."""
    process = server._process
    assert process is not None
    stop = threading.Event()

    def reload() -> None:
        for version in range(27502, 27522):
            write_database(server.folder / "db", version=version)
            os.kill(process.pid, signal.SIGUSR2)
            time.sleep(0.05)
        stop.set()

    reloading = threading.Thread(target=reload)
    reloading.start()
    answers = set()
    while not stop.is_set():
        answers.add(scan(server, packed(a=noise(100_000), b=EICAR)).outcome)
    reloading.join()
    write_database(server.folder / "db")
    os.kill(process.pid, signal.SIGUSR2)
    assert answers <= {ScanOutcome.found, ScanOutcome.not_scanned}
    assert ScanOutcome.found in answers
