"""`keepsake backup` as an archivist uses it: made, checked, put back, confirmed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import desk
from preservation.cli.commands import app
from tests.promises.backups import Life, a_life, disaster

Run = Callable[..., Result]


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return a_life(tmp_path)


@pytest.fixture
def run(life: Life, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `keepsake` in this process on the archive of this test."""
    for name, value in life.home.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(life.home.data / "prefect"))

    def run(*arguments: object) -> Result:
        desk._opened.cache_clear()
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    yield run
    desk._opened.cache_clear()


def told(result: Result, exit_code: int = 0) -> Any:
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def test_the_whole_way_by_commands(run: Run, life: Life, tmp_path: Path) -> None:
    """Backup, disaster, verify, restore, refused while held, confirm with one withdrawal, work again."""
    made = told(run("backup", "--to", tmp_path / "backups", "--keys-to", tmp_path / "vault", "--json"))
    folder, vault = made["folder"], tmp_path / "vault"
    assert (made["waiting"], made["problems"]) == (1, [])
    disaster(life.home)
    assert told(run("backup", "verify", folder, "--keys-from", vault, "--json"))["well"]
    assert not (life.home.data / "keys").exists(), "checking opens no archive"
    assert told(run("backup", "restore", folder, "--json"), 1)["error"]["code"] == "backup-keys-apart"
    assert told(run("backup", "restore", folder, "--keys-from", vault, "--json"))["backup"] == made["name"]
    assert told(run("backup", "restore", folder, "--keys-from", vault, "--json"), 1)["error"]["code"] == "archive-in-the-way"
    assert told(run("ledger", "verify", "--noted", made["ledger_newest"], "--json"))["problems"] == []
    assert told(run("open", life.package, "--to", tmp_path / "out", "--json"), 1)["error"]["code"] == "archive-held"
    assert run("audit").exit_code == 0
    (tmp_path / "since.txt").write_text(f"{life.record}\n")
    confirmed = told(run("backup", "confirm", "--withdrawn-since", tmp_path / "since.txt", "--json"))
    assert (confirmed["to_erase"], confirmed["still_open"]) == ([life.record], {})
    assert told(run("accession", life.waiting, "--json"))["version"] == 1
    assert told(run("open", life.package, "--to", tmp_path / "out", "--json"), 1)["error"]["code"] == "nothing-held"
    assert told(run("backup", "confirm", "--withdrawn-since", "none", "--json"), 1)["error"]["code"] == "not-held"


def test_the_words_for_people(run: Run, life: Life, tmp_path: Path) -> None:
    shown = " ".join(run("backup", "--to", life.home.data / "backups").stdout.split())
    assert "whoever has this folder can read everything" in shown
    assert "lies within the data directory" in shown
    (older,) = (life.home.data / "backups").iterdir()
    older.rename(older.with_name("keepsake-backup-20200101T000000Z"))  # else the next may be of the same second
    run("withdraw", life.waiting_record, "--yes")
    again = run("backup", "--to", life.home.data / "backups")
    assert "Destroy keepsake-backup-20200101T000000Z: 1 consents were withdrawn since" in again.stdout
    folder = max((life.home.data / "backups").iterdir())
    assert "PASS" in run("backup", "verify", folder).stdout
    (folder / "identity.sqlite").write_bytes(b"")
    failed = run("backup", "verify", folder)
    assert failed.exit_code == 1
    assert "FAIL  identity.sqlite: digest" in failed.stdout
    assert run("backup").exit_code == 2
    for command in ("verify", "restore", "confirm"):
        assert f"keepsake backup {command}" in " ".join(run("backup", command, "--help").stdout.split())
