"""`keepsake backup` beside a service at work; disaster; restored, held, confirmed, and finished by the service. Long."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from preservation.model.deposit import DepositState
from tests.promises.backups import disaster
from tests.service.running import Up, deposits, up

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
SIX = 6


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def backups_until_one_has_both(service: Up, to: Path, vault: Path) -> dict[str, Any]:
    """Made one after another while accessions go on, until some of the deposits are held and some wait."""
    while True:
        made: dict[str, Any] = told(service.command("backup", "--to", str(to), "--keys-to", str(vault), "--json"))
        assert made["problems"] == []
        assert made["waiting"], "all was over before a backup was made in the midst of it"
        if made["waiting"] < SIX:
            return made


def test_a_backup_made_beside_the_service_is_restored_and_what_waited_is_finished(tmp_path: Path) -> None:
    """From another process, in the midst of accessions. After the disaster nothing is done while the archive is held."""
    home, ids = deposits(tmp_path, SIX)
    to, vault = tmp_path / "backups", tmp_path / "vault"
    with up(home) as service:
        runs = service.submit(ids)
        service.wait_for_one_at_work(runs)
        made = backups_until_one_has_both(service, to, vault)
        service.kill_everything()
        disaster(home)
        shutil.rmtree(home.data / "prefect")
        assert told(service.command("backup", "verify", made["folder"], "--keys-from", str(vault), "--json"))["well"]
        restored = told(service.command("backup", "restore", made["folder"], "--keys-from", str(vault), "--json"))
        assert restored["waiting"] == made["waiting"]
        service.start()
        with home.opened() as archive:
            waiting = [each.deposit_id for each in archive.catalogue.deposits.list() if each.state is DepositState.received]
        (refused,) = service.wait_for_all(service.submit(waiting[:1]))
        assert (refused["state_name"], "archive-held" in str(refused["state"])) == ("Failed", True)
        assert told(service.command("health", "--json"), 1)["facts"]["held"]
        told(service.command("backup", "confirm", "--withdrawn-since", "none", "--json"))
        assert {run["state_name"] for run in service.wait_for_all(service.submit(waiting))} == {"Completed"}
        assert service.stop() == 0
    with home.opened() as archive:
        assert archive.catalogue.verify_ledger() == []
        assert [each.deposit_id for each in archive.catalogue.deposits.list() if each.state is DepositState.received] == []
        assert len(archive.catalogue.holdings.packages()) == SIX
    audited = json.loads(service.command("audit", "--json").stdout)
    outcomes = {outcome for site in audited["sites"] for outcome in site["counts"]}
    assert outcomes <= {"intact", "foreign"}, (
        "what was packaged after the backup and lies at the sites is foreign, and nothing is lost"
    )
