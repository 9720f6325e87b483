"""Whatever is wrong with a hand-in, a disk or a site: a clear sentence and a remedy, exit 1, nothing half-done, and then it goes well.

Through the command line, as an archivist meets it.
"""

import io
import json
import os
import resource
import shutil
import signal
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from preservation.cli import main as cli_main  # noqa: F401  (what the console script calls)
from preservation.cli.commands import app
from preservation.storage.retrying import RetryingStore
from tests import archives, consent_samples
from tests.archives import HANDLE, HandIn, Home, fingerprint_of_everything, hand_in, make_home, packed
from tests.faults import flip_bit
from tests.stages.intake.building import document as export_document

RECORD = consent_samples.record_id()
ARCHIVED_NAME = "user_data_tiktok.json"


@dataclass
class Desk:
    """An archivist at a terminal: a home, a runner, and what a creator handed in."""

    home: Home
    given: HandIn
    folder: Path

    def run(self, *words: object) -> Result:
        return CliRunner().invoke(app, ["--home", str(self.home.data), "--configs", str(self.home.configs), *map(str, words)])

    def receive(self, *exports: Path, record: str = RECORD) -> Result:
        return self.run("receive", *(exports or (self.given.export,)), "--consent", record, "--media", self.given.media)

    def state(self) -> dict[str, Any]:
        with self.home.opened() as archive:
            return fingerprint_of_everything(archive)

    def deposit_id(self) -> str:
        with self.home.opened() as archive:
            return archive.catalogue.deposits.list()[0].deposit_id

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a consent on record. The environment that commands leave behind goes with the test."""
    before = dict(os.environ)
    monkeypatch.setitem(RetryingStore.__init__.__kwdefaults__, "delays", ())  # the waits are tested where they are made
    home, given = make_home(tmp_path / "archive"), hand_in(tmp_path / "in")
    at = Desk(home, given, tmp_path)
    imported = at.run("consent", "import", at.write("consent.json", given.consent))
    assert imported.exit_code == 0, imported.output
    yield at
    os.environ.clear()
    os.environ.update(before)


def refused(result: Result, code: str) -> None:
    """One sentence with the code, one with a remedy, exit 1, no traceback."""
    assert result.exit_code == 1, result.output
    assert f"[{code}]" in result.stderr, result.output
    assert "What to do" in result.stderr
    assert "Traceback" not in result.output
    assert HANDLE not in result.output


def bomb() -> bytes:
    """A data file of many megabytes that packs to almost nothing."""
    return packed(b'{"Post": "' + b" " * (64 * 1024 * 1024) + b'"}')


def encrypted() -> bytes:
    """A ZIP whose member says that it is encrypted, in both of its headers."""
    data = bytearray(packed(b"{}"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", struct.unpack("<H", data[at : at + 2])[0] | 1)
    return bytes(data)


def as_zip(value: Any) -> bytes:
    return packed(json.dumps(value).encode())


UNUSABLE: dict[str, Callable[[bytes], bytes]] = {
    "nothing at all": lambda whole: b"",
    "not an archive": lambda whole: b"this is a letter, not an export\n" * 40,
    "a cut download": lambda whole: whole[: len(whole) // 2],
    "a ZIP without members": lambda whole: _empty_zip(),
    "an encrypted archive": lambda whole: encrypted(),
    "a bomb": lambda whole: bomb(),
    "no JSON": lambda whole: packed(b"{ this is not JSON"),
    "another JSON": lambda whole: as_zip({"hello": "world"}),
    "a layout of the future": lambda whole: as_zip({"Creations": {"Works": [{"When": "2031-01-01", "Film": "x"}]}, "v": 9}),
    "no handle": lambda whole: as_zip(export_document([], handle=None)),
    "a flipped byte": lambda whole: whole[:60] + bytes([whole[60] ^ 0xFF]) + whole[61:],
}


def _empty_zip() -> bytes:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


@pytest.mark.parametrize("wrong", UNUSABLE)
def test_what_cannot_be_read_is_refused_and_leaves_nothing_behind(desk: Desk, wrong: str) -> None:
    """And the right file goes in afterwards."""
    before = desk.state()
    spoilt = desk.write("TikTok_Data_1759138201.zip", UNUSABLE[wrong](desk.given.export.read_bytes()))
    result = desk.receive(spoilt)
    assert result.exit_code == 1, result.output
    assert "What to do" in result.stderr
    assert "Traceback" not in result.output
    assert "internal-fault" not in result.output
    after = desk.state()
    assert {k: v for k, v in after.items() if k != "secrets"} == {k: v for k, v in before.items() if k != "secrets"}
    assert not any(name.startswith("quarantine/") for name in after["secrets"])
    assert desk.receive().exit_code == 0


def test_an_account_the_consent_is_not_about_is_refused(desk: Desk) -> None:
    before = desk.state()
    other = hand_in(desk.folder / "other", handle="bo.fx")
    refused(desk.receive(other.export), "another-account")
    assert desk.state() == before
    assert desk.receive().exit_code == 0


def test_two_accounts_at_once_are_refused(desk: Desk) -> None:
    other = hand_in(desk.folder / "other", handle="bo.fx")
    refused(desk.receive(desk.given.export, other.export), "several-accounts")
    assert desk.state()["waiting"] == []


def test_a_record_there_is_not(desk: Desk) -> None:
    before = desk.state()
    refused(desk.receive(record="a" * 26), "no-such-consent")
    assert desk.state() == before


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda consent: b"not JSON", "consent-document-unreadable"),
        (lambda consent: consent.replace(b'"record_id"', b'"record"'), "consent-document-wrong"),
        (lambda consent: consent.replace(b'"jurisdictions": ["EU", "NL"]', b'"jurisdictions": 7'), "consent-document-wrong"),
    ],
)
def test_a_consent_document_that_is_wrong_is_refused(desk: Desk, spoil: Callable[[bytes], bytes], code: str) -> None:
    before = desk.state()
    refused(desk.run("consent", "import", desk.write("wrong.json", spoil(desk.given.consent))), code)
    assert desk.state() == before


@pytest.mark.parametrize("words", [("accession", "a" * 26), ("open", "a" * 26, "--to", "nowhere"), ("status", "a" * 26)])
def test_what_does_not_exist_is_said_to(desk: Desk, words: tuple[str, ...]) -> None:
    before = desk.state()
    result = desk.run(*words)
    assert result.exit_code == 1, result.output
    assert "What to do" in result.stderr
    assert desk.state() == before


@pytest.mark.parametrize(
    "words",
    [
        ("receive",),
        ("accession",),
        ("accession", "no id"),
        ("nonsense",),
        ("audit", "--depth-of", "3"),
        ("repair", "--package", "x"),
    ],
)
def test_wrong_use_ends_with_two(desk: Desk, words: tuple[str, ...]) -> None:
    before = desk.state()
    result = desk.run(*words)
    assert result.exit_code == 2, result.output
    assert desk.state() == before


def test_a_refusal_in_json_is_json(desk: Desk) -> None:
    """For programs: one object on the standard output, with code, message and remedy."""
    result = desk.run("receive", desk.write("a.zip", b"no archive"), "--consent", RECORD, "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert {"code", "message", "remedy", "for_creator"} <= error.keys()
    assert all(error.values())
    assert desk.run("accession", "a" * 26, "--json").exit_code == 1
    assert json.loads(desk.run("accession", "a" * 26, "--json").stdout)["error"]["code"] == "no-such-deposit"


@contextmanager
def smallest_files_only(largest: int) -> Iterator[None]:
    """No file may grow beyond `largest` bytes: what a full disk looks like to a program."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def grown(desk: Desk, size: int) -> None:
    """The first film of the hand-in becomes large."""
    first = sorted(desk.given.media.iterdir())[0]
    first.write_bytes(archives.medium(0) + os.urandom(size))


def test_a_disk_that_is_full_while_receiving_keeps_nothing(desk: Desk) -> None:
    grown(desk, 3 * 1024 * 1024)
    before = desk.state()
    with smallest_files_only(2 * 1024 * 1024):
        refused(desk.receive(), "quarantine-disk")
    after = desk.state()
    assert (after["waiting"], after["catalogue"]) == ([], before["catalogue"])
    assert desk.receive().exit_code == 0


def test_a_disk_that_is_full_while_packaging_is_said_and_the_next_run_goes_well(desk: Desk) -> None:
    """Half a unit is never taken for a whole one."""
    grown(desk, 3 * 1024 * 1024)
    assert desk.receive().exit_code == 0
    with smallest_files_only(2 * 1024 * 1024):
        refused(desk.run("accession", desk.deposit_id()), "disk")
    assert all(objects == {} for objects in desk.state()["sites"].values())
    assert desk.run("accession", desk.deposit_id()).exit_code == 0
    assert desk.run("audit").exit_code == 0


def test_a_site_that_is_gone_is_down_and_not_empty(desk: Desk) -> None:
    """Its directory is not there (an unmounted disk): nothing is made in its place; when it is back the same command ends it."""
    desk.receive()
    site, away = desk.home.data / "sites" / "gamma", desk.folder / "away"
    site.rename(away)
    refused(desk.run("accession", desk.deposit_id()), "too-few-copies")
    assert not site.exists()
    away.rename(site)
    assert desk.run("accession", desk.deposit_id()).exit_code == 0
    site.rename(away)
    audited = desk.run("audit", "--json")
    assert (audited.exit_code, json.loads(audited.stdout)["well"]) == (1, False)
    assert not site.exists()
    away.rename(site)
    assert desk.run("audit").exit_code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere, so there is no directory it cannot use")
def test_a_data_directory_that_cannot_be_written_is_said_by_permission(desk: Desk) -> None:
    closed = desk.folder / "closed"
    closed.mkdir(mode=0o500)
    refused(CliRunner().invoke(app, ["--home", str(closed / "home"), "status"]), "data-directory")


def test_a_data_directory_that_cannot_be_one_is_said(desk: Desk) -> None:
    """A file stands where the folder should be."""
    in_the_way = desk.write("a-file", b"")
    result = CliRunner().invoke(app, ["--home", str(in_the_way), "--configs", str(desk.home.configs), "status"])
    assert result.exit_code == 1, result.output
    assert "What to do" in result.stderr


def test_configuration_that_is_wrong_is_said_with_the_place(desk: Desk) -> None:
    """And nothing is done under half a configuration."""
    sites = desk.home.configs / "sites.toml"
    good = sites.read_text()
    for wrong, code in (
        ("[[site]", "config-syntax"),
        ("", "sites"),
        (good + good, "sites"),
        (good.replace("directory", "tape"), "config-value"),
    ):
        sites.write_text(wrong)
        refused(desk.run("status"), code)
    sites.write_text(good)
    assert desk.run("status").exit_code == 0


def test_a_deposit_that_is_damaged_while_it_waits_is_not_packaged(desk: Desk) -> None:
    """The digests taken on receiving decide. Nothing reaches a site, and the creator's file can be handed in again."""
    desk.receive()
    waiting = sorted(path for path in (desk.home.data / "quarantine").rglob("0*") if path.is_file())
    flip_bit(waiting[0])
    result = desk.run("accession", desk.deposit_id())
    assert result.exit_code == 1, result.output
    assert all(objects == {} for objects in desk.state()["sites"].values())
    assert desk.receive().exit_code == 0


def test_opening_into_a_folder_that_is_not_empty_touches_nothing(desk: Desk) -> None:
    desk.receive()
    desk.run("accession", desk.deposit_id())
    with desk.home.opened() as archive:
        package_id = archive.catalogue.holdings.packages()[0].package_id
    folder = desk.folder / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    refused(desk.run("open", package_id, "--to", folder), "folder-not-empty")
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
    shutil.rmtree(folder)
    assert desk.run("open", package_id, "--to", folder).exit_code == 0
