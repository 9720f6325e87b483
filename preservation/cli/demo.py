"""`keepsake demo`: the whole life of a sample deposit on the embedded default, through the real procedures, told as it goes."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.rule import Rule

from preservation import sample
from preservation.cli.running import archive, out, run_flow
from preservation.errors import Refused, StoreUnavailable
from preservation.model.consent_words import Role
from preservation.wiring import Archive

MARK = ".keepsake-demo"
BUCKET = "gamma"

SITES = """\
# Written by `keepsake demo`: two directories, and a bucket of an S3 server on this machine.
[[site]]
name = "alpha"
kind = "directory"
path = "sites/alpha"

[[site]]
name = "beta"
kind = "directory"
path = "sites/beta"

[[site]]
name = "gamma"
kind = "s3"
endpoint = "{endpoint}"
bucket = "gamma"
"""


def run_demo(to: Path, *, keep: bool) -> bool:
    """Run it below `to`; whether everything came out as it must."""
    began = time.monotonic()
    home = _fresh(to)
    with _s3_server(home) as endpoint:
        _settle(home, endpoint)
        story = _Story(home)
        package_id, record_id = story.takes_in()
        well = story.loses_and_mends(package_id) and story.gives_back(package_id)
        if not keep:
            well = story.forgets(record_id, package_id) and well
        well = story.accounts_for_itself() and well
    _where_to_look(home, time.monotonic() - began, keep=keep)
    return well


class _Story:
    """The parts of the demo, in order. Each tells what it does and returns whether it came out well."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._archive: Archive = archive()

    def takes_in(self) -> tuple[str, str]:
        """Consent, inspection, receiving, accession: the package's id and the consent record's."""
        from flows.accession import AccessionRequest
        from flows.accession import accession as flow
        from preservation.steps.consenting import import_consent
        from preservation.steps.inspecting import inspect
        from preservation.steps.receiving import receive

        _chapter("1  A creator consents, and hands in an export and the files beside it")
        record = import_consent(self._archive, sample.CONSENT.read_bytes())
        _tell(f"consent record {record.record_id}, {record.state}: posts seen by everyone or friends; nothing private")
        report = inspect([sample.EXPORT], sample.MEDIA, self._archive.policy.intake, self._archive.now())[0]
        left = sum(section.decision == "never" for section in report.sections)
        media = [medium for post in report.posts for medium in post.media]
        _tell(f"the export names {len(report.posts)} posts and {len(media)} media, and holds none of them: only links that died")
        _tell(
            f"{sum(m.held is not None for m in media)} media were handed in beside it; {left} parts of the export never come in"
        )
        deposit = receive(self._archive, record.record_id, [sample.EXPORT], sample.MEDIA)
        _tell(
            f"deposit {deposit.deposit_id} waits in quarantine: {deposit.files_received} files, {deposit.bytes_received:,} bytes"
        )

        _chapter("2  An archivist brings it in: scan, examine, package, copy to three sites, read back, commit")
        _tell("(Prefect's embedded server starts for this; it takes some seconds)")
        done = self._run(flow, AccessionRequest(deposit=deposit.deposit_id))
        _tell(f"{done.malware}; media identified and decoded: {', '.join(f'{n} {what}' for what, n in done.media.items())}")
        _tell(f"version {done.version} of package {done.package_id}: {done.items} items in {done.files} files")
        _tell(f"left out by consent: {', '.join(f'{count} × {why}' for why, count in done.refused.items())}")
        _tell(f"every file read back at {', '.join(done.complete_sites)}; committed in the ledger; quarantine wiped")
        return done.package_id, record.record_id

    def loses_and_mends(self, package_id: str) -> bool:
        """A bit flips at one site; an audit finds it; a repair mends it."""
        from flows.audit import AuditRequest
        from flows.audit import audit as audit_flow
        from flows.repair import RepairRequest
        from flows.repair import repair as repair_flow

        _chapter("3  A bit flips on the disk of site beta")
        victim = _largest(self._home / "sites" / "beta")
        _flip_bit(victim)
        _tell(f"flipped one bit of {victim.relative_to(self._home)}")
        found = self._run(audit_flow, AuditRequest())
        damaged = [finding for site in found.sites for finding in site.findings]
        looked = sum(sum(site.counts.values()) for site in found.sites)
        _tell(f"audit: {looked} copies read byte for byte, {len(damaged)} damaged: {damaged[0].site}, {damaged[0].outcome}")
        mended = self._run(repair_flow, RepairRequest(package=package_id))
        _tell(f"repair: mended from {mended.packages[0].sources[0]}, which was proved intact in the same run, and read back")
        again = self._run(audit_flow, AuditRequest())
        _tell(f"audit again: {'everything intact' if again.well else 'STILL DAMAGED'}")
        return len(damaged) == 1 and mended.well and again.well

    def gives_back(self, package_id: str) -> bool:
        """The package is checked by the standards alone, and opened for the creator."""
        from preservation.steps.opening import open_package
        from preservation.steps.verifying import verify

        _chapter("4  A stranger checks the shelf, and the creator gets a usable copy")
        checked = verify(self._home / "sites" / "alpha")
        problems = sum(len(each) for each in checked.values())
        _tell(f"site alpha by the standards alone (OCFL, BagIt, WARC): {len(checked)} things checked, {problems} problems")
        opened = open_package(self._archive, package_id, self._home / "opened")
        same = _identical(self._home / "opened", sample.MEDIA)
        _tell(f"opened: {opened.posts} posts, {opened.files} files; {same} media byte-identical to what was handed in")
        return problems == 0 and same > 0

    def forgets(self, record_id: str, package_id: str) -> bool:
        """The creator takes everything back."""
        from flows.withdrawal import WithdrawalRequest
        from flows.withdrawal import withdrawal as flow
        from preservation.steps.opening import open_package
        from preservation.steps.withdrawing import record_withdrawal

        _chapter("5  The creator takes everything back")
        record_withdrawal(self._archive, record_id, Role.creator)
        gone = self._run(flow, WithdrawalRequest(record=record_id))
        for place, objects in gone.erased.items():
            _tell(f"erased {place.rsplit(' @ ', 1)[-1]}: {objects} objects, read back as absent")
        try:
            open_package(self._archive, package_id, self._home / "again")
            return False
        except Refused as refusal:
            _tell(f"opening it now is refused: {refusal.code}; a tombstone stays, naming nobody")
        return not gone.still_open and len(gone.tombstones) == 1

    def accounts_for_itself(self) -> bool:
        """The ledger holds."""
        problems, entries = self._archive.catalogue.verify_ledger(), self._archive.catalogue.ledger_entries()
        _tell(f"ledger: {len(entries)} signed entries, {'the chain holds' if not problems else 'BROKEN'}")
        return not problems

    def _run(self, flow: Any, request: Any) -> Any:
        return run_flow(flow, request, quiet=True, with_prefect=True)


def _fresh(to: Path) -> Path:
    """An empty folder; one that is not an earlier demo's is never touched."""
    if to.exists() and any(to.iterdir()) and not (to / MARK).exists():
        raise Refused("not-a-demo", f"{to} is there and is not an earlier demo", remedy="name another folder after --to")
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    (to / MARK).touch()
    return to.resolve()


def _settle(home: Path, endpoint: str) -> None:
    (home / "configs").mkdir()
    (home / "configs" / "sites.toml").write_text(SITES.format(endpoint=endpoint))
    os.environ.pop("PREFECT_API_URL", None)
    os.environ |= {
        "KEEPSAKE_HOME": str(home),
        "KEEPSAKE_CONFIGS": str(home / "configs"),
        "PREFECT_HOME": str(home / "prefect"),
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
    }
    httpx.put(f"{endpoint}/{BUCKET}").raise_for_status()


@contextmanager
def _s3_server(home: Path) -> Iterator[str]:
    """moto's server as the third site's provider: speaks S3, and forgets everything when it ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "s3.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield _await(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()
            server.wait()


def _await(endpoint: str, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx.get(endpoint, timeout=2)
            return endpoint
        except httpx.HTTPError:
            time.sleep(0.1)
    raise StoreUnavailable(
        "demo-site", "the demo's S3 server did not start", remedy="install the demo's parts: pip install 'keepsake[demo]'"
    )


def _largest(site: Path) -> Path:
    return max((path for path in site.rglob("*.warc") if path.is_file()), key=lambda path: path.stat().st_size)


def _flip_bit(path: Path) -> None:
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0b100]))


def _identical(opened: Path, handed_in: Path) -> int:
    given = {hashlib.sha256(path.read_bytes()).digest() for path in handed_in.iterdir()}
    return sum(
        hashlib.sha256(path.read_bytes()).digest() in given for path in opened.rglob("posts/*/*") if path.suffix != ".json"
    )


def _chapter(title: str) -> None:
    out.print()
    out.print(Rule(f"[bold]{title}[/]", align="left", style="dim"))


def _tell(sentence: str) -> None:
    out.print(f"  {sentence}", soft_wrap=True)


def _where_to_look(home: Path, seconds: float, *, keep: bool) -> None:
    shown = os.path.relpath(home)
    command = "keepsake" if shutil.which("keepsake") else os.path.relpath(sys.argv[0])
    _chapter(f"Where to look  ({seconds:.0f} seconds)")
    _tell(f"the creator's copy       {shown}/opened/index.html")
    if keep:
        _tell(f"the shelf                {shown}/sites/alpha   (begin with README.txt)")
    else:
        _tell(f"the shelf is empty now   {shown}/sites/alpha   ({command} demo --keep stops before the withdrawal)")
    _tell(f"every event              {command} --home {shown} --configs {shown}/configs ledger show")
    _tell(f"the runs and reports     {command} --home {shown} --configs {shown}/configs up   then the Flow Runs page")
    _tell(f"on your own export       {command} inspect YOUR-EXPORT.zip")
