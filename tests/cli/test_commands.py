"""The commands as an archivist uses them: what they print, what they return, how they refuse."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import desk
from preservation.cli.commands import ORDER, app
from tests.archives import CAPTION, HANDLE, HandIn, Home, hand_in, make_home

COMMANDS = ["consent import", "consent show", "consent transition", "ledger verify", "ledger show"]
COMMANDS += ["backup verify", "backup restore", "backup confirm"]
COMMANDS += [name for name in ORDER if name not in {"consent", "ledger"}]
NOBODY = "a" * 26

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@pytest.fixture
def given(tmp_path: Path) -> HandIn:
    given = hand_in(tmp_path / "handed-in")
    (tmp_path / "consent.json").write_bytes(given.consent)
    return given


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `keepsake` in this process on the archive of this test, at a terminal of 80 columns."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(home.data / "prefect"))
    desk._opened.cache_clear()

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    yield run
    desk._opened.cache_clear()


@pytest.fixture
def held(run: Run, given: HandIn, tmp_path: Path) -> dict[str, str]:
    """Consent, hand-in and accession through the commands themselves; the ids."""
    record = _json(run("consent", "import", tmp_path / "consent.json", "--json"))["record_id"]
    deposit = _json(run("receive", given.export, "--consent", record, "--media", given.media, "--json"))["deposit_id"]
    report = _json(run("accession", deposit, "--json"))
    return {"record": record, "deposit": deposit, "package": report["package_id"]}


def _json(result: Result, exit_code: int = 0) -> Any:
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def _warc(home: Home, site: str) -> Path:
    return max((home.data / "sites" / site).rglob("*.warc"), key=lambda path: path.stat().st_size)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.chmod(0o644)
    path.write_bytes(content)


# -- help -------------------------------------------------------------------------------------------------------------


def test_help_shows_the_commands_in_the_order_of_the_work(run: Run) -> None:
    shown = run("--help").stdout
    places = [shown.index(f"│ {name} ") for name in ORDER]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(run: Run, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Usage: keepsake {command}" in " ".join(result.stdout.split())


def test_every_command_is_tested_for_its_help() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names | {"consent", "ledger", "backup"} == set(ORDER)


# -- the life of a deposit --------------------------------------------------------------------------------------------


def test_a_new_archive_says_that_it_holds_nothing(run: Run) -> None:
    assert "keepsake consent import" in run("list").stdout
    assert "none yet" in run("status").stdout
    assert _json(run("ledger", "verify", "--json")) == {"entries": 0, "newest_digest": None, "problems": []}


def test_inspecting_tells_what_is_there_and_changes_nothing(run: Run, given: HandIn, home: Home) -> None:
    report = _json(run("inspect", given.export, "--media", given.media, "--json"))
    assert (report["platform"], report["account"]["handle"], len(report["posts"])) == ("tiktok", HANDLE, 6)
    assert "6, 2025-05-01 to 2025-05-06" in run("inspect", given.export).stdout
    assert not home.data.exists() or not (home.data / "catalogue.sqlite").exists()


def test_a_deposit_is_taken_in_listed_and_given_back(run: Run, held: dict[str, str], tmp_path: Path) -> None:
    listed = run("list").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["consent", held["record"]],
        ["deposit", held["deposit"]],
        ["package", held["package"]],
    ]
    for arguments in ((), (held["package"],)):
        assert held["package"] in run("status", *arguments).stdout, "an id is there to be copied, at 80 columns, too"
    (package,) = _json(run("status", "--json"))["packages"]
    assert package["copies"] == {"alpha": "v1", "beta": "v1", "gamma": "v1"}
    assert _json(run("status", held["package"], "--json")) == package
    shown = _json(run("consent", "show", held["record"], "--json"))
    assert shown["state"] == "active"
    opened = _json(run("open", held["package"], "--to", tmp_path / "opened", "--json"))
    assert opened["posts"] == 6
    assert CAPTION in (tmp_path / "opened" / "index.html").read_text("utf-8")


def test_each_step_names_the_next_one(run: Run, given: HandIn, tmp_path: Path) -> None:
    record = run("consent", "import", tmp_path / "consent.json").stdout.split()[2].rstrip(",")
    received = run("receive", given.export, "--consent", record, "--media", given.media)
    assert "Next: keepsake accession " in received.stdout
    deposit = received.stdout.split()[-1]
    assert "is committed" in run("accession", deposit).stdout
    assert "active" in run("consent", "show", record).stdout


def test_nothing_the_commands_print_names_a_person_unless_asked(run: Run, held: dict[str, str]) -> None:
    for command in (["status"], ["list"], ["ledger", "show"], ["consent", "show", held["record"]], ["audit"]):
        printed = run(*command).output + run(*command, "--json").output
        assert HANDLE not in printed
        assert CAPTION not in printed


def test_the_ledger_is_shown_whole_and_by_subject(run: Run, held: dict[str, str]) -> None:
    whole, some = _json(run("ledger", "show", "--json")), _json(run("ledger", "show", held["package"], "--json"))
    assert [e for e in whole if e["subject"] == held["package"]] == some
    assert len(run("ledger", "show").stdout.splitlines()) == len(whole), "an entry is a line"


def test_a_withdrawal_asks_first_and_then_leaves_nothing(run: Run, held: dict[str, str], home: Home) -> None:
    asked = run("withdraw", held["record"])
    assert asked.exit_code == 1
    assert _warc(home, "alpha").exists()
    gone = _json(run("withdraw", held["record"], "--yes", "--json"))
    assert len(gone["tombstones"]) == 1
    assert not list((home.data / "sites").rglob("*.warc"))
    assert "tombstone" in run("withdraw", held["record"], "--yes").stdout, "asking again is no error"
    assert _json(run("open", held["package"], "--to", home.data / "again", "--json"), 1)["error"]["code"] == "nothing-held"
    assert run("verify", home.data / "sites" / "alpha").exit_code == 0


def test_a_consent_moves_between_states_by_a_command(run: Run, held: dict[str, str]) -> None:
    moved = run("consent", "transition", held["record"], "suspended", "--by", "archivist", "--reason", "dispute", "--json")
    if moved.exit_code == 2:
        pytest.fail(moved.output)
    assert _json(run("consent", "show", held["record"], "--json"))["state"] == _json(moved)["state"] == "suspended"
    assert run("consent", "transition", held["record"], "withdrawn", "--by", "creator").exit_code == 2


# -- findings ---------------------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_found_by_audit_and_verify_and_mended_by_repair(run: Run, held: dict[str, str], home: Home) -> None:
    before = _warc(home, "beta").read_bytes()
    _flip(_warc(home, "beta"))
    audited = run("audit")
    assert audited.exit_code == 1
    assert "FAIL  beta: " in audited.stdout
    assert "keepsake repair" in audited.stdout
    assert _json(run("audit", "--site", "alpha", "--json"))["well"] is True
    verified = run("verify", home.data / "sites" / "beta")
    assert verified.exit_code == 1
    assert "digest-mismatch" in verified.stdout
    assert run("verify", home.data / "sites" / "alpha").exit_code == 0
    repaired = run("repair", "--package", held["package"])
    assert repaired.exit_code == 0
    assert "1 mended" in repaired.stdout
    assert _warc(home, "beta").read_bytes() == before
    assert run("audit").exit_code == 0


def test_verify_tells_programs_what_and_where(run: Run, held: dict[str, str], home: Home) -> None:
    _flip(_warc(home, "beta"))
    checked = _json(run("verify", home.data / "sites" / "beta", "--json"), 1)
    problems = [found for what, problems in checked.items() if what.startswith("OCFL object") for found in problems]
    assert {problem["rule"] for problem in problems} == {"digest-mismatch"}
    assert {Path(problem["place"]).name for problem in problems} == {_warc(home, "beta").name}


def test_a_changed_ledger_is_found_though_an_entry_can_no_longer_be_read(run: Run, held: dict[str, str], home: Home) -> None:
    with closing(sqlite3.connect(home.data / "catalogue.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET event = 'nothing happened' WHERE seq = 2")
    desk._opened.cache_clear()
    verified = run("ledger", "verify")
    assert verified.exit_code == 1
    assert "FAIL  entry 2: digest" in verified.stdout
    assert _json(run("ledger", "show", "--json"), 1)["error"]["code"] == "ledger-damaged"
    assert run("status").exit_code == 0


def test_a_ledger_that_lost_its_end_is_found_by_the_noted_digest(run: Run, held: dict[str, str], home: Home) -> None:
    noted = _json(run("ledger", "verify", "--json"))["newest_digest"]
    assert run("ledger", "verify", "--noted", noted).exit_code == 0
    with closing(sqlite3.connect(home.data / "catalogue.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_delete")
        connection.execute("DELETE FROM ledger WHERE digest = ?", (noted,))
    assert run("ledger", "verify").exit_code == 0, "a chain alone cannot know"
    assert "noted digest" in run("ledger", "verify", "--noted", noted).stdout


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["status", NOBODY], "no-such-package"),
        (["consent", "show", NOBODY], "no-such-consent"),
        (["accession", NOBODY], "no-such-deposit"),
        (["open", NOBODY, "--to", "nowhere"], "nothing-held"),
        (["audit", "--site", "atlantis"], "no-such-site"),
        (["withdraw", NOBODY, "--yes"], "no-such-consent"),
        (["verify", "/"], "nothing-to-verify"),
    ],
)
def test_a_refusal_is_a_sentence_a_code_and_what_to_do(run: Run, command: list[str], code: str) -> None:
    said = run(*command)
    assert said.exit_code == 1
    assert f"[{code}]" in said.stderr
    assert "What to do  " in said.stderr
    assert said.stdout == ""
    told = _json(run(*command, "--json"), 1)["error"]
    assert told["code"] == code
    assert all(told[field] for field in ("message", "remedy", "for_creator"))


@pytest.mark.parametrize(
    "command",
    [
        ["accession", "not-an-id"],
        ["repair", "--package", "not-an-id"],
        ["receive"],
        ["inspect", "/no/such/file"],
        ["fly"],
        ["verify"],
    ],
)
def test_wrong_use_is_told_from_a_refusal(run: Run, command: list[str]) -> None:
    assert run(*command).exit_code == 2


def test_settings_that_cannot_be_used_are_a_refusal_and_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    (home.configs / "sites.toml").write_text("")
    said = run("list")
    assert said.exit_code == 1
    assert "[[site]]" in said.stderr, "brackets are words here, not markup"
    monkeypatch.setenv("KEEPSAKE_SERVER_PORT", "many")
    said = run("list")
    assert said.exit_code == 1
    assert "[config-value]" in said.stderr


def test_an_export_of_nothing_is_refused_and_nothing_is_kept(run: Run, given: HandIn, tmp_path: Path, home: Home) -> None:
    record = _json(run("consent", "import", tmp_path / "consent.json", "--json"))["record_id"]
    (tmp_path / "words.zip").write_bytes(b"no zip at all")
    refused = _json(run("receive", tmp_path / "words.zip", "--consent", record, "--json"), 1)["error"]
    assert refused["code"]
    assert "words.zip" not in json.dumps(refused)
    assert [path for path in (home.data / "quarantine").iterdir() if path.is_dir()] == []
    assert run("inspect", tmp_path / "words.zip").exit_code == 1
