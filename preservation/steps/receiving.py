"""Receiving a deposit: bytes into quarantine, checked to be a readable export of an account that the consent is about."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from preservation.catalogue.holdings import Package
from preservation.errors import ArchiveError, DepositUnusable, Refused
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act
from preservation.model.consent import ConsentRecord
from preservation.model.deposit import Deposit, DepositState
from preservation.model.export import ExportReport
from preservation.model.identifiers import encode_id, keyed_digest
from preservation.model.progress import Adding
from preservation.stages.intake.quarantine import Incoming, Quarantined
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from preservation.steps.consenting import require_record
from preservation.steps.inspecting import media_files
from preservation.wiring import Archive

Progress = Callable[[int, int], None]  # bytes done, bytes in all


def receive(
    archive: Archive,
    record_id: str,
    exports: Sequence[Path],
    media: Path | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Deposit:
    """Take in what a creator hands in, under a consent record; the deposit. The same bytes again give the same deposit.

    `progress` hears of the bytes that are in quarantine and how many there are in all.
    Raises Refused (consent), DepositUnusable (what was handed in), StoreUnavailable (the disk); then nothing is kept.
    """
    record = require_record(archive, record_id)
    sweep(archive)
    deposit_id = encode_id(secrets.token_bytes(16))
    try:
        return _take_in(archive, record, deposit_id, exports, media_files(media), progress)
    except ArchiveError:
        archive.quarantine.wipe(deposit_id)
        raise


def _take_in(
    archive: Archive,
    record: ConsentRecord,
    deposit_id: str,
    exports: Sequence[Path],
    media: Sequence[Path],
    progress: Progress,
) -> Deposit:
    received_at = archive.now().replace(microsecond=0)
    with archive.quarantine.receiving(deposit_id) as incoming:
        _require_files(exports)
        tell = Adding(_size([*exports, *media]), progress)
        taken = [incoming.take("export", path, tell) for path in exports]
        account_ref = account_of(archive, record, read_one(archive, taken))
        _require_clearance(archive, record, deposit_id, account_ref)
        taken += [incoming.take("media", path, tell) for path in media]
        return _record(archive, record, deposit_id, account_ref, received_at, taken, incoming)


def _record(
    archive: Archive,
    record: ConsentRecord,
    deposit_id: str,
    account_ref: str,
    received_at: datetime,
    taken: Sequence[Quarantined],
    incoming: Incoming,
) -> Deposit:
    digests = incoming.close()
    reach(KillPoint.RECEIVED_BYTES)
    deposit = Deposit(
        deposit_id=deposit_id,
        record_id=record.record_id,
        account_ref=account_ref,
        received_at=received_at,
        state=DepositState.received,
        bytes_received=sum(file.size for file in taken),
        files_received=len(taken),
    )
    recognised_by = keyed_digest(archive.keys.get_or_make("recognise-deposits"), record.record_id, "\n".join(sorted(digests)))
    with archive.holding(account_ref):  # a withdrawal either sees this deposit or is seen by the gate
        _require_clearance(archive, record, deposit_id, account_ref)
        recorded = archive.catalogue.deposits.record_received(deposit, recognised_by, archive.now())
    reach(KillPoint.DEPOSIT_RECORDED)
    if recorded.deposit_id != deposit_id:
        archive.quarantine.wipe(deposit_id)
    return recorded


def _size(paths: Sequence[Path]) -> int:
    """In bytes, as far as can be seen beforehand: what cannot be read is found when its turn comes."""
    size = 0
    for path in paths:
        with suppress(OSError):
            size += path.stat().st_size
    return size


def read_one(archive: Archive, files: Sequence[Quarantined]) -> ExportReport:
    """Read what waits as the export of one account. Raises DepositUnusable if it is none, or of several."""
    exports = [source_of(file) for file in files if file.role == "export"]
    media = [source_of(file) for file in files if file.role == "media"]
    reports = read_exports(exports, media, archive.policy.intake)
    if len(reports) != 1:
        raise DepositUnusable(
            "several-accounts",
            f"what was handed in are exports of {len(reports)} accounts",
            remedy="hand in the exports of one account at a time",
        )
    if reports[0].errors:
        codes = ", ".join(sorted({error.code for error in reports[0].errors}))
        raise DepositUnusable(
            reports[0].errors[0].code,
            f"the export cannot be taken in: {codes}",
            remedy="look at it with: keepsake inspect; then download it again from the platform, if possible as JSON",
        )
    return reports[0]


def account_of(archive: Archive, record: ConsentRecord, report: ExportReport) -> str:
    """Which of the record's accounts the export is of. Raises Refused if it is none of them."""
    handle = report.account.handle
    for account in record.accounts:
        if handle and archive.identity.recognises(account.account_ref, report.platform, handle):
            return account.account_ref
    raise Refused(
        "another-account",
        f"the export is of an account that consent record {record.record_id} does not cover",
        remedy="hand in the export of the account the consent is about, or import a consent for this account",
        for_creator="This export is of another account than the one you gave consent for.",
    )


def _require_clearance(archive: Archive, record: ConsentRecord, deposit_id: str, account_ref: str) -> None:
    package = archive.catalogue.holdings.of_account(account_ref)
    require_own_package(package, record.record_id)
    clearance = archive.gatekeeper.clear_deposit(
        Act.receive, record.record_id, deposit_id, account_ref, follow_up=is_follow_up(archive, package)
    )
    clearance.require(Act.receive, deposit_id, archive.now())


def require_extraction(archive: Archive, deposit: Deposit) -> None:
    """Ask the gate whether what waits may be read now; raises Refused."""
    package = archive.catalogue.holdings.of_account(deposit.account_ref)
    archive.gatekeeper.clear_deposit(
        Act.extract, deposit.record_id, deposit.deposit_id, deposit.account_ref, follow_up=is_follow_up(archive, package)
    ).require(Act.extract, deposit.deposit_id, archive.now())


def is_follow_up(archive: Archive, package: Package | None) -> bool:
    """Whether something of the account is held already; a package that holds nothing yet does not count."""
    return package is not None and archive.catalogue.holdings.head(package.package_id) is not None


def require_own_package(package: Package | None, record_id: str) -> None:
    """An account has one package and a package one consent record: else a withdrawal could not say what to erase."""
    if package is not None and package.record_id != record_id:
        raise Refused(
            "account-under-another-consent",
            f"package {package.package_id} of this account is held under consent record {package.record_id}",
            remedy="hand it in under that record, or have it withdrawn first",
        )


def source_of(file: Quarantined) -> Source:
    """A quarantined file as the reader takes it, with the digest taken when it came in."""
    return Source(file.name, file.size, file.open, file.sha256)


def _require_files(paths: Sequence[Path]) -> None:
    if not paths or not all(path.is_file() for path in paths):
        raise DepositUnusable(
            "no-such-file", "an export named on the command line is not a file", remedy="name the file to hand in"
        )


def sweep(archive: Archive) -> list[str]:
    """Wipe what hand-ins that died left in quarantine. Which deposits wait is asked anew for each folder."""
    return archive.quarantine.sweep(lambda found: any(deposit.deposit_id == found for deposit in _waiting(archive)))


def _waiting(archive: Archive) -> list[Deposit]:
    return [deposit for deposit in archive.catalogue.deposits.list() if deposit.state is DepositState.received]
