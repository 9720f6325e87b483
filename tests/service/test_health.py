"""What counts as well, and what the page and the command say of it."""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.notes import leave_notes, read_notes
from preservation.cli.commands import app
from preservation.cli.service.health import Health, sizes
from preservation.cli.service.judging import (
    AUDIT_DUE,
    BACKUP_DUE,
    LOOK_OLD,
    BackupFact,
    DepositFact,
    DiskFact,
    Facts,
    SiteFact,
    WorkerFact,
    aged,
    judged,
)
from preservation.cli.service.page import page, readable_bytes, serve_page
from preservation.errors import SettingsWrong
from preservation.settings import Settings
from tests import archives
from tests.archives import CAPTION, HANDLE, Home, hand_in
from tests.service.running import free_port, until

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WELL = Facts(
    looked_at=NOW,
    server_answers=True,
    worker=WorkerFact(alive=True, limit=4, since=NOW, running=1, waiting=2),
    sites={"alpha": SiteFact(answers=True, looked_at=NOW)},
    notes={"audit alpha": {"at": NOW.isoformat(), "result": "PASS"}},
    deposits=DepositFact(waiting=1, packages=3, oldest=NOW),
    disk=DiskFact(free=50 * 1024**3, total=100 * 1024**3),
    databases={"prefect": 7_000_000},
)
LATE = (NOW - AUDIT_DUE - timedelta(hours=1)).isoformat()


def test_all_is_well() -> None:
    assert judged(WELL).well


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"worker": None}, "service-down"),
        ({"server_answers": False}, "server-silent"),
        ({"worker": WorkerFact(alive=False, limit=4)}, "worker-gone"),
        ({"held": True}, "archive-held"),
        ({"waiting_for_a_person": 1}, "runs-given-up"),
        ({"archive_refuses": "catalogue-unavailable"}, "catalogue-unavailable"),
        ({"sites": {"alpha": SiteFact(answers=False, why="directory-absent", looked_at=NOW)}}, "site-silent"),
        ({"notes": {"audit alpha": {"at": NOW.isoformat(), "result": "FAIL"}}}, "audit-failed"),
        ({"notes": {"audit alpha": {"at": NOW.isoformat(), "result": "NOT LOOKED AT"}}}, "audit-failed"),
        ({"notes": {"audit alpha": {"at": LATE, "result": "PASS"}}}, "audit-overdue"),
        ({"disk": DiskFact(free=1024**3, total=10 * 1024**3)}, "disk-low"),
        ({"backup": BackupFact(at=NOW - BACKUP_DUE - timedelta(hours=1))}, "backup-overdue"),
        ({"notes": {}, "worker": WorkerFact(alive=True, limit=4, since=NOW - AUDIT_DUE - timedelta(hours=1))}, "audit-overdue"),
    ],
)
def test_what_is_not_well_is_named(change: dict[str, Any], code: str) -> None:
    report = judged(WELL.model_copy(update=change))
    assert [problem.code for problem in report.problems] == [code]
    assert escape(report.problems[0].what).replace("&#x27;", "&#39;") in page(report)


def test_what_is_not_wrong_but_to_be_known_is_a_remark() -> None:
    report = judged(WELL.model_copy(update={"one_disk": True, "notes": {}}))
    assert report.well
    assert len(report.remarks) == 3  # one disk, no backup, never audited


def test_an_old_look_is_never_shown_as_well() -> None:
    """Whatever looks hangs or died: what it saw last is not how things are."""
    report = judged(WELL)
    assert aged(report, NOW + LOOK_OLD) == report
    old = aged(report, NOW + 2 * LOOK_OLD)
    assert (old.well, [problem.code for problem in old.problems]) == (False, ["look-old"])
    assert "10 minutes old" in page(old)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    told = page(judged(WELL))
    assert "All is well" in told
    for word in ("src=", "href=", "@import", "url(", "http:", "https:"):
        assert word not in told


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_the_page_answers_200_when_well_and_503_when_not() -> None:
    port, reports = free_port(), [judged(WELL), judged(WELL.model_copy(update={"server_answers": False}))]
    with serve_page(port, lambda _: reports[0]):
        assert asked(port, "/")[0] == asked(port, "/health.json")[0] == 200
        reports.pop(0)
        status, told = asked(port, "/health.json")
        assert (status, json.loads(told)["problems"][0]["code"]) == (503, "server-silent")
        assert asked(port, "/")[0] == 503
        assert asked(port, "/etc/passwd")[0] == 404
        with pytest.raises(SettingsWrong) as taken, serve_page(port, lambda _: reports[0]):
            pass
        assert taken.value.code == "port-taken"


class Silent:
    """A server that is not there."""

    def answers(self, timeout: float = 5.0) -> bool:
        return False

    def count(self, *states: str) -> int:
        raise AssertionError("a silent server is not asked")

    def last_heartbeat(self) -> datetime | None:
        raise AssertionError("a silent server is not asked")


def test_a_look_finds_sites_deposits_and_databases_and_no_content(home: Home, tmp_path: Path) -> None:
    with home.opened() as archive:
        archives.a_deposit(archive, hand_in(tmp_path / "in"))
        settings = archive.settings
        (home.data / "sites" / "beta").rename(home.data / "sites" / "gone")
        facts = Health(settings, Silent(), None, lambda: None).look(datetime.now(UTC)).facts
    assert {name: site.answers for name, site in facts.sites.items()} == {"alpha": True, "beta": False, "gamma": True}
    assert facts.deposits is not None
    assert (facts.deposits.waiting, facts.deposits.packages) == (1, 0)
    assert {"catalogue", "identity", "keys"} <= facts.databases.keys()
    told = facts.model_dump_json() + page(judged(facts))
    assert [word for word in (HANDLE, CAPTION, str(tmp_path)) if word in told] == []


class Breaks(Silent):
    """One that fails the first time in a way nobody thought of."""

    def __init__(self) -> None:
        self.asked = 0

    def answers(self, timeout: float = 5.0) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError(CAPTION)
        return False


def test_a_look_that_fails_is_not_the_last_one(home: Home) -> None:
    health = Health(Settings(home=home.data, configs=home.configs), breaks := Breaks(), None, lambda: None)
    with health.looking():
        until(lambda: breaks.asked > 2, 60)


def test_an_audit_leaves_its_result_for_the_page(home: Home) -> None:
    with home.opened() as archive:
        archives.audit()
        notes = read_notes(archive.settings.home)
    assert {notes[f"audit {name}"]["result"] for name in ("alpha", "beta", "gamma")} == {"PASS"}


def test_notes_are_kept_beside_one_another_and_a_damaged_file_is_no_obstacle(tmp_path: Path) -> None:
    leave_notes(tmp_path, {"one": {"result": "PASS"}}, NOW)
    leave_notes(tmp_path, {"two": {"forgotten": 3}}, NOW)
    assert read_notes(tmp_path).keys() == {"one", "two"}
    (tmp_path / "prefect" / "notes.json").write_text(json.dumps({"one": {"at": NOW.isoformat()}, "two": 2, "three": {"at": "?"}}))
    assert read_notes(tmp_path).keys() == {"one"}
    (tmp_path / "prefect" / "notes.json").write_text("{")
    assert read_notes(tmp_path) == {}


def test_the_command_says_that_the_service_is_down(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPSAKE_SERVER_PORT", str(free_port()))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    before = dict(os.environ)
    words = ["--home", str(home.data), "--configs", str(home.configs), "health"]
    try:
        result = CliRunner().invoke(app, [*words, "--json"])
        assert result.exit_code == 1
        assert [problem["code"] for problem in json.loads(result.output)["problems"]] == ["service-down"]
        assert "keepsake up is not running" in CliRunner().invoke(app, words).output
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_sizes_are_told_as_people_read_them(tmp_path: Path) -> None:
    assert [readable_bytes(count) for count in (0, 1023, 1024, 150 * 1024, 5 * 1024**3)] == [
        "0 bytes", "1023 bytes", "1.0 KiB", "150 KiB", "5.0 GiB",
    ]  # fmt: skip
    assert sizes(tmp_path) == {}


def test_the_note_of_a_backup_is_understood(home: Home) -> None:
    """As `keepsake backup` writes it."""
    with home.opened() as archive:
        (home.data / "backup.json").write_text(json.dumps({"made_at": NOW.isoformat(), "folder": "/somewhere"}))
        facts = Health(archive.settings, Silent(), None, lambda: None).look(NOW).facts
    assert facts.backup is not None
    assert facts.backup.at == NOW
    assert "somewhere" not in facts.model_dump_json()
