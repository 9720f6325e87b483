"""No handle, caption, file name or link gets out of quarantine and the packages: not into a log, a catalogue, a key or Prefect.

The searches are by bytes, over every file; each begins by finding the words where they belong, so that they can find them.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.accession import AccessionRequest
from flows.accession import accession as accession_flow
from flows.audit import AuditRequest
from flows.audit import audit as audit_flow
from flows.desk import Unexpected
from flows.repair import RepairRequest
from flows.repair import repair as repair_flow
from preservation import sample
from preservation.cli.commands import app
from preservation.errors import Refused
from preservation.sample import CANARIES, NEVER_TAKEN_IN
from preservation.sample.story import STORY
from preservation.steps.examining import examine_deposit
from preservation.steps.rejecting import reject
from preservation.steps.scanning import scan_deposit
from preservation.wiring import Archive
from tests import archives
from tests.archives import CAPTION, HANDLE, Home, hand_in, make_home, replace_store
from tests.clamd import fake_clamd, saying
from tests.faults import Passing, flip_bit
from tests.formats import media_samples

CAPTIONS = tuple(line for told in STORY for line in told.title.splitlines() if len(line) >= 12)
WORDS = (*CANARIES, *CAPTIONS, "Runa", *(name for told in STORY for name in told.media_names))
SEALED_PLACES = ("/content/data/units/", "/content/data/description/")


def files_with(folder: Path, words: Iterable[str]) -> dict[str, list[str]]:
    """Files below a folder whose bytes or names hold any of the words."""
    wanted = [(word, word.encode()) for word in words]
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        data, name = path.read_bytes(), path.relative_to(folder).as_posix()
        if hits := [word for word, spelt in wanted if spelt in data or word in name]:
            found[name] = hits
    return found


def outside_packages(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: hits for name, hits in found.items() if not any(place in f"/{name}" for place in SEALED_PLACES)}


class Life:
    """The sample deposit's whole life at the command line, failures included; everything that was printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home: Home = make_home(folder / "archive", own_unit_from=1_048_576)
        self.printed = ""
        self.stages: dict[str, dict[str, list[str]]] = {}

    def run(self, *words: object, code: int = 0) -> None:
        where = ["--home", str(self.home.data), "--configs", str(self.home.configs)]
        result = CliRunner().invoke(app, [*where, *map(str, words)])
        assert result.exit_code == code, result.output
        self.printed += result.output + "".join(str(result.exception or ""))

    def look(self, stage: str) -> None:
        self.stages[stage] = files_with(self.home.data, WORDS)

    def live(self) -> None:
        record = archives.consent_record_id(sample.CONSENT.read_bytes())
        self.run("consent", "import", sample.CONSENT)
        for name in (f"{sample.HANDLE} quiet-heron selvedge.zip", "tove.spinner.fx.json"):
            (self.folder / name).write_bytes(f"blue-kettle-1947 {sample.HANDLE}".encode())
            self.run("receive", self.folder / name, "--consent", record, code=1)
            self.run("receive", self.folder / name, "--consent", record, "--json", code=1)
        self.run("receive", sample.EXPORT, "--consent", record, "--media", sample.MEDIA)
        self.look("received")
        with self.home.opened() as archive:
            deposit = archive.catalogue.deposits.list()[0].deposit_id
        self.run("accession", deposit)
        flip_bit(sorted((self.home.data / "sites" / "beta").rglob("*.warc"))[0])
        (self.home.data / "sites" / "beta" / "stray").write_text("stray")
        for words, code in ((("audit",), 1), (("audit", "--json"), 1), (("repair",), 0), (("status",), 0), (("list",), 0)):
            self.run(*words, code=code)
        for words in (("ledger", "show"), ("ledger", "verify"), ("consent", "show", record), ("status", "--json")):
            self.run(*words)
        self.look("held")
        self.run("withdraw", record, "--yes")
        self.look("withdrawn")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    before = dict(os.environ)
    lived = Life(tmp_path_factory.mktemp("life"))
    lived.live()
    yield lived
    os.environ.clear()
    os.environ.update(before)


def test_while_it_waits_nothing_tells_what_it_is(life: Life) -> None:
    """Quarantine included: it is encrypted. Names of handed-in files are content too."""
    assert life.stages["received"] == {}


def test_while_it_is_held_only_the_packages_tell(life: Life) -> None:
    """At the sites within units and description, and nowhere else in the data directory."""
    held = life.stages["held"]
    assert len(held) >= 3 * 3  # the search finds them where they belong, at three sites
    assert outside_packages(held) == {}


def test_what_must_never_come_in_is_not_even_in_the_packages(life: Life) -> None:
    """Other people's words and names, and the creator's own addresses."""
    for stage, found in life.stages.items():
        assert [hit for hits in found.values() for hit in hits if hit in NEVER_TAKEN_IN] == [], stage


def test_after_the_withdrawal_no_word_is_left(life: Life) -> None:
    assert life.stages["withdrawn"] == {}


def test_nothing_that_was_printed_quotes_content(life: Life) -> None:
    """Refusals of files whose very names are content included."""
    assert "What to do" in life.printed
    names = {f"{sample.HANDLE} quiet-heron selvedge.zip", "tove.spinner.fx.json"}
    assert [word for word in (*WORDS, *names) if word in life.printed] == []


def test_no_key_at_a_site_says_anything(life: Life) -> None:
    """Paths are of opaque ids and fixed words alone."""
    home = make_home(life.folder / "keys")
    with home.opened() as archive:
        archives.accession(archives.a_deposit(archive, hand_in(life.folder / "in")))
        keys = [key for site in archive.sites.values() for key in archives.objects_at(site)]
    assert len(keys) > 60
    assert not any(word in key for key in keys for word in (HANDLE, "2025", "kite", "tiktok"))


@pytest.mark.parametrize("point", ["note-kept:1", "medium-examined:3", "note-kept:2", "item-written:3", "unit-staged:1"])
def test_a_run_that_was_killed_leaves_no_word_outside_the_package_it_was_building(
    make_archive: Callable[..., Archive], tmp_path: Path, point: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Notes of the scan and of what was examined, and of the units that are finished, lie about; a decoder dies beside them."""
    archive = make_archive()
    given = hand_in(tmp_path / "in")
    film = sorted(given.media.iterdir())[1]
    film.write_bytes(media_samples.film())
    archives.die_at(point, archive, archives.a_deposit(archive, given))
    words = (HANDLE, CAPTION, "tiktokv.com", "2025-05-0", "TikTok_Data", "ftypisom")
    home = archive.settings.home
    found = files_with(home, words)
    assert outside_packages(found) == {}
    assert bool(found) == point.startswith(("item", "unit")), "they are found where they belong"
    notes = b"".join(path.read_bytes() for path in (home / "staging").rglob("*.finished.jsonl"))
    assert sha256(film.read_bytes()).hexdigest().encode() not in notes
    assert [word for word in words if word in "".join(capfd.readouterr())] == []


def test_what_is_rejected_leaves_no_word(make_archive: Callable[..., Archive], tmp_path: Path) -> None:
    """Found by a scanner after it was examined, and turned away."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    examine_deposit(archive, deposit.deposit_id)
    with fake_clamd() as scanner, pytest.MonkeyPatch.context() as settings:
        settings.setenv("KEEPSAKE_CLAMD", scanner.address)
        scanner.behaviours = [saying(b"stream: Eicar-Test-Signature FOUND\0")]
        with archives.Home(archive.settings.home, archive.settings.configs).opened() as now:
            with pytest.raises(Refused, match="malware-found") as refusal:
                scan_deposit(now, deposit.deposit_id, sleep=lambda _seconds: None)
            reject(now, deposit.deposit_id, "malware")
    words = (HANDLE, CAPTION, "tiktokv.com", "2025-05-0", "TikTok_Data", "ftypisom")
    assert files_with(archive.settings.home, (*words, "Eicar")) == {}
    assert not any(word in _everything_told(refusal.value) for word in words)


class Quotes(Passing):
    """A library that fails with a message full of content, as any may."""

    def before(self, call: str, key: str) -> None:
        if call == "put_once":
            raise ValueError(f"could not store '{CAPTION}' of {HANDLE} from https://video.tiktokv.com/secret")


def test_an_unforeseen_error_is_told_by_kind_and_place_alone(make_archive: Callable[..., Archive], tmp_path: Path) -> None:
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    for site in archive.sites:
        replace_store(archive, site, Quotes)
    with pytest.raises(Exception) as failure:
        archives.accession(deposit)
    told = _everything_told(failure.value)
    assert CAPTION not in told
    assert HANDLE not in told


def _everything_told(error: BaseException | None) -> str:
    """An exception's words, its causes' and those it came after."""
    told = ""
    while error is not None:
        told += f"{error!r} {error} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


def everything_in(database: Path) -> bytes:
    """The file, its write-ahead log, and every value of every table."""
    data = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    with closing(sqlite3.connect(database)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            data += repr(connection.execute(f'SELECT * FROM "{table}"').fetchall()).encode()
    return data


@pytest.mark.prefect
def test_prefect_learns_ids_and_counts_alone(
    make_archive: Callable[..., Archive], tmp_path: Path, prefect_database: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Through a real server: parameters, run names, logs, states, artifacts, of runs that go well and runs that break."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    for site in archive.sites:
        replace_store(archive, site, Quotes)
    with pytest.raises(Exception) as failure:
        accession_flow(AccessionRequest(deposit=deposit.deposit_id))
    assert not isinstance(failure.value, ValueError)
    for name, site in list(archive.sites.items()):
        archive.sites[name] = type(site).of(name, site.putter.store)  # type: ignore[attr-defined]
    report: Any = accession_flow(AccessionRequest(deposit=deposit.deposit_id))
    assert report.items == 6
    flip_bit(sorted((archive.settings.home / "sites" / "beta").rglob("*.warc"))[0])
    found = audit_flow(AuditRequest(), return_state=True)
    assert found.is_failed()  # so that it is seen on the Runs page
    assert not found.result(raise_on_failure=False).well  # type: ignore[union-attr]
    assert repair_flow(RepairRequest()).well
    recorded = everything_in(prefect_database)
    assert deposit.deposit_id.encode() in recorded  # the runs are there
    assert b"accession-report" in recorded
    out, err = capfd.readouterr()
    words = [HANDLE, CAPTION, "tiktokv.com", "2025-05-01-10-00-00", "TikTok_Data", str(tmp_path / "in")]
    assert [word for word in words if word.encode() in recorded] == []
    assert [word for word in words[:5] if word in out + err] == []


def test_the_message_of_a_fault_names_a_line() -> None:
    """So that it can be mended all the same."""
    from flows.desk import discreet

    def fails() -> None:
        raise ValueError(CAPTION)

    with pytest.raises(Unexpected, match=r"ValueError at promises/test_no_content_leaks.py:\d+"):
        discreet(fails)()
