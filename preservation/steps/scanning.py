"""The step that has a malware scanner look at what waits in quarantine, before anything of it is unpacked for good."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from preservation.errors import DepositUnusable, Refused, SettingsWrong
from preservation.model.deposit import Deposit, DepositState
from preservation.model.malware import NO_SCANNER, ScanOutcome, ScanReport, Verdict
from preservation.stages.intake.clamd import UNEXPECTED, Answer, Clamd
from preservation.stages.intake.malware import (
    CLEAN,
    UNREADABLE,
    Handed,
    Part,
    Scan,
    ask_again,
    judge,
    report_of,
    scanner_of,
    still_found,
)
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.scan_parts import handed_in
from preservation.stages.intake.zip_members import UNREADABLE as RAISED_BY_ZIPS
from preservation.steps.receiving import require_extraction, source_of
from preservation.steps.rejecting import reject
from preservation.steps.shelf import saying_disk
from preservation.steps.staged import is_built, wipe_unbuilt
from preservation.wiring import Archive

Progress = Callable[[int, int], None]  # bytes scanned so far, bytes to scan in all as far as is known
NOTE = "scan"
CHUNK = 256 * 1024
SHOWN = 5  # findings in a message; the report has all
NOTE_EVERY = 256 * 1024 * 1024  # bytes scanned between two notes: what a killed run has to scan again


def scan_deposit(
    archive: Archive,
    deposit_id: str,
    progress: Progress = lambda _done, _total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> ScanReport | None:
    """Have everything that waits under a deposit scanned; the report, which is also kept beside it. Goes on where it was cut off.

    None if nothing waits any more. What was built of a report is not asked about again. Raises Refused: malware-found (the deposit
    stays where it is), scan-required, or what the gate says; DepositUnusable for bytes that are not what was received.
    """
    deposit = archive.catalogue.deposits.get(deposit_id)
    try:
        with archive.holding(deposit.account_ref), saying_disk("scanning for malware"):
            if deposit.state is not DepositState.received or not archive.quarantine.holds(deposit_id):
                return None
            if is_built(archive, deposit):
                return scan_of(archive, deposit_id)
            require_extraction(archive, deposit)
            report = _scan(archive, deposit, progress, sleep)
    except DepositUnusable as refusal:
        reject(archive, deposit_id, refusal.code)  # as packaging would: it can never be taken in
        raise
    _require_allowed(archive, deposit_id, report)
    return report


def scan_of(archive: Archive, deposit_id: str) -> ScanReport | None:
    """The report on a deposit that waits; None if it was not scanned to the end, or waits no more."""
    return _note(archive, deposit_id).report


@dataclass(slots=True)
class _Note:
    """What is kept in quarantine: the verdicts so far, under which version and limit, and the report once there is one."""

    version: str = ""
    limit: int = 0
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    report: ScanReport | None = None

    def stored(self) -> bytes:
        """As JSON."""
        report = self.report.model_dump(mode="json") if self.report else None
        verdicts = {place: [each.outcome, each.signature, each.code] for place, each in self.verdicts.items()}
        return json.dumps({"version": self.version, "limit": self.limit, "verdicts": verdicts, "report": report}).encode()

    def reusable(self, version: str, limit: int) -> dict[str, Verdict]:
        """Verdicts that the same scanner with the same signatures need not give again."""
        if (self.version, self.limit) != (version, limit):
            return {}
        return {place: each for place, each in self.verdicts.items() if each.outcome in {ScanOutcome.clean, ScanOutcome.too_big}}


def _note(archive: Archive, deposit_id: str) -> _Note:
    """What is kept; nothing, if it cannot be read: then everything is scanned again."""
    try:
        kept: dict[str, Any] = json.loads(archive.quarantine.kept(deposit_id, NOTE) or b"{}")
        verdicts = {place: Verdict(ScanOutcome(how), what, why) for place, (how, what, why) in kept.get("verdicts", {}).items()}
        report = ScanReport.model_validate(kept["report"]) if kept.get("report") else None
        return _Note(kept.get("version", ""), kept.get("limit", 0), verdicts, report)
    except (ValueError, TypeError, AttributeError, ValidationError):
        return _Note()


def _scan(archive: Archive, deposit: Deposit, progress: Progress, sleep: Callable[[float], None]) -> ScanReport:
    deposit_id = deposit.deposit_id
    before = _note(archive, deposit_id)
    if before.report and before.report.outcome is ScanOutcome.clean:
        return before.report
    files = archive.quarantine.files(deposit_id)
    if not archive.settings.clamd:
        unasked = {str(number): Verdict(ScanOutcome.not_scanned, code=NO_SCANNER) for number in range(1, len(files) + 1)}
        return _keep(archive, deposit_id, before, _Note(verdicts=unasked), 0)
    exports = [source_of(file) for file in files if file.role == "export"]
    media = [source_of(file) for file in files if file.role != "export"]
    with Openings([*exports, *media]) as openings:
        handed = handed_in(exports, media, archive.policy.intake, openings)
        return _Run(archive, deposit, progress, sleep, before, handed).report()


class _Run:
    """One scan of one deposit."""

    def __init__(
        self,
        archive: Archive,
        deposit: Deposit,
        progress: Progress,
        sleep: Callable[[float], None],
        before: _Note,
        handed: list[Handed],
    ) -> None:
        self._archive, self._deposit, self._progress, self._sleep = archive, deposit, progress, sleep
        self._deposit_id = deposit.deposit_id
        self._policy = archive.policy.malware
        self._clamd = _clamd(archive)
        self._before, self._handed = before, handed
        self._done, self._noted = 0, 0
        self._total = sum(_expected(file, self._policy.max_file) for file in handed)

    def report(self) -> ScanReport:
        """Ask about everything, noting from time to time how far it is."""
        version, code = self._who()
        scan = Scan(self._ask, self._policy.max_file, self._before.reusable(version, self._policy.max_file), lost=code)
        note = _Note(version, self._policy.max_file)
        for part, verdict in scan.verdicts(self._handed):
            note.verdicts[part.position] = verdict
            self._tell(part)
            if self._done - self._noted >= NOTE_EVERY:
                self._noted = self._done
                so_far = _Note(version, note.limit, still_found(self._before.verdicts, note.verdicts))
                self._archive.quarantine.keep(self._deposit_id, NOTE, so_far.stored())
        left_alone = sum(file.left_alone for file in self._handed)
        return _keep(self._archive, self._deposit_id, self._before, note, left_alone)

    def _who(self) -> tuple[str, str]:
        """What the scanner says of itself, and a code if it is none or says nothing."""
        answers: list[Answer] = []

        def ask() -> Verdict:
            answers.append(self._clamd.version())
            return CLEAN if scanner_of(answers[-1]) else Verdict(ScanOutcome.not_scanned, code=answers[-1].problem or UNEXPECTED)

        code = ask_again(ask, self._policy.attempts, self._sleep).code
        return ("", code) if code else (answers[-1].text, "")

    def _tell(self, part: Part) -> None:
        self._done += part.size
        self._total = max(self._total, self._done)
        self._progress(self._done, self._total)

    def _ask(self, part: Part) -> Verdict:
        require_extraction(self._archive, self._deposit)  # a large deposit takes hours, in which a creator may withdraw
        return ask_again(lambda: self._ask_once(part), self._policy.attempts, self._sleep)

    def _ask_once(self, part: Part) -> Verdict:
        try:
            with part.open() as stream:
                return judge(self._clamd.scan(iter(lambda: stream.read(CHUNK), b"")), self._policy.max_file)
        except RAISED_BY_ZIPS:
            return Verdict(ScanOutcome.not_scanned, code=UNREADABLE)


def _expected(file: Handed, limit: int) -> int:
    """Bytes that will be sent for one file, if nothing is found in it."""
    return file.whole.size + (0 if file.fits(limit) else sum(member.size for member in file.members))


def _clamd(archive: Archive) -> Clamd:
    clamd = Clamd(archive.settings.clamd, archive.policy.malware.timeout)
    if not clamd.on_this_machine and not archive.policy.malware.allow_remote:
        raise SettingsWrong(
            "clamd-remote",
            "the setting `clamd` names another machine, and what waits would travel there unencrypted",
            remedy="use a clamd on this machine, or set malware.allow_remote = true in policy.toml knowing what it means",
        )
    return clamd


def _keep(archive: Archive, deposit_id: str, before: _Note, note: _Note, left_alone: int) -> ScanReport:
    """Make the report and keep it, with what a run before found and this one could not look at."""
    note.verdicts = still_found(before.verdicts, note.verdicts)
    note.report = report_of(note.verdicts, scanner_of(Answer(note.version)), left_alone, archive.now())
    archive.quarantine.keep(deposit_id, NOTE, note.stored())
    return note.report


def _require_allowed(archive: Archive, deposit_id: str, report: ScanReport) -> None:
    """Refuse what must not go on. A version number that was planned for it is given back, so that another deposit may take it."""
    required = archive.policy.malware.required and report.outcome is ScanOutcome.not_scanned
    if report.outcome is not ScanOutcome.found and not required:
        return
    with archive.holding(archive.catalogue.deposits.get(deposit_id).account_ref, alone=True), saying_disk("wiping staging"):
        wipe_unbuilt(archive, deposit_id)
        archive.catalogue.deposits.release_version(deposit_id)
    if required:
        codes = ", ".join(f"{count} {code}" for code, count in report.why.items())
        raise Refused(
            "scan-required",
            f"the policy requires a malware scan, and deposit {deposit_id} was not scanned: {codes}",
            remedy="start clamd and name its socket in the setting `clamd`, then run the accession again; the deposit waits",
            for_creator="We could not check your files for malware just now. They wait, and we will try again.",
        )
    listed = "; ".join(report.found[:SHOWN]) + (f"; {len(report.found) - SHOWN} more" if len(report.found) > SHOWN else "")
    raise Refused(
        "malware-found",
        f"{report.scanner or 'an earlier scan'} found malware in deposit {deposit_id}: {listed}",
        remedy="the deposit waits untouched in quarantine: if it is a false alarm, renew the scanner's signatures and run the accession "
        f"again; else: keepsake reject {deposit_id} --because malware",
        for_creator="A scanner took something in your files for malware. An archivist will look at it and tell you.",
    )
