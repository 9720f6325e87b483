"""Accession: a deposit that waits in quarantine becomes a version of its account's package, held and read back at every site."""

from prefect import flow
from pydantic import BaseModel, Field

from flows import reports
from flows.desk import archive, procedure, step
from flows.summaries import AccessionReport
from preservation.errors import ArchiveError
from preservation.model.identifiers import PATTERN
from preservation.model.malware import ScanReport, said
from preservation.model.media_facts import Examination
from preservation.stages.replication.copy import CopyReport
from preservation.steps import accession as steps
from preservation.steps.accession import Accession, Closing
from preservation.steps.examining import examine_deposit
from preservation.steps.scanning import scan_deposit


class AccessionRequest(BaseModel):
    """Which deposit to bring into the holdings."""

    deposit: str = Field(pattern=PATTERN, description="The deposit id that `keepsake receive` printed", title="Deposit")


@step(name="scan for malware", task_run_name="scan deposit {deposit_id}")
def scan(deposit_id: str) -> ScanReport | None:
    """Have everything that waits looked at by ClamAV, if one is configured; None where nothing waits any more."""
    return scan_deposit(archive(), deposit_id, reports.bar("scan"))


@step(name="identify and decode the media", task_run_name="examine the media of {deposit_id}")
def examine(deposit_id: str) -> Examination:
    """Identify every medium (PRONOM) and decode all of it. Findings are reported and refuse nothing."""
    return examine_deposit(archive(), deposit_id, reports.bar("examine"))


@step(name="package the deposit", task_run_name="package deposit {deposit_id}")
def package(deposit_id: str) -> Accession:
    """Ask consent, read the export in quarantine, build the version in staging."""
    return steps.package_deposit(archive(), deposit_id, reports.bar("package"))


@step(name="copy to a site", task_run_name="copy to {site} and read back")
def copy(accession: Accession, site: str) -> CopyReport:
    """Put every file at one site and read every file back."""
    return steps.copy_to_site(archive(), accession, site, reports.progress(accession, site))


@step(name="commit the version", task_run_name="commit version {accession.number}")
def commit(accession: Accession, late: dict[str, str]) -> list[str]:
    """Write into the ledger that the version exists."""
    return steps.commit(archive(), accession, late)


@step(name="advance a site's inventory", task_run_name="advance the inventory at {site}")
def advance(accession: Accession, site: str) -> int | None:
    """Move one site's root inventory to the new version."""
    return steps.advance(archive(), accession, site)


@step(name="close the accession")
def close(accession: Accession) -> Closing:
    """Wipe what is no longer needed: quarantine, staging."""
    return steps.close(archive(), accession)


@flow(name="accession", flow_run_name="accession of deposit {request.deposit}")
@procedure
def accession(request: AccessionRequest) -> AccessionReport:
    """Bring a deposit into the holdings.

    Asks the creator's consent for every item, scans and examines what was handed in, packages it, copies the package to every
    site and reads every copy back, and commits the version once enough sites hold it. Safe to run again: it goes on where it
    stopped.

    Args:
        request: Which deposit.
    """
    scanned = scan(request.deposit)
    examined = examine(request.deposit)
    packaged = package(request.deposit)
    copies = {site: copy.start(packaged, site) for site in sorted(archive().sites)}
    outcomes = {site: outcome() for site, outcome in copies.items()}
    late = {site: outcome.code for site, outcome in outcomes.items() if isinstance(outcome, ArchiveError)}
    advances = {site: advance.start(packaged, site) for site in commit(packaged, late) if site in archive().sites}
    late |= {site: outcome.code for site, started in advances.items() if isinstance(outcome := started(), ArchiveError)}
    report = _report(packaged, close(packaged), late, said(scanned), examined)
    reports.accession_report(report)
    return report


def _report(packaged: Accession, closing: Closing, late: dict[str, str], malware: str, examined: Examination) -> AccessionReport:
    return AccessionReport(
        deposit_id=packaged.deposit_id,
        package_id=packaged.package_id,
        version=packaged.number,
        items=packaged.items,
        refused=packaged.refused,
        files=packaged.files,
        bytes=packaged.bytes,
        complete_sites=list(closing.complete_sites),
        waiting=dict.fromkeys(closing.waiting_sites, "not-copied") | late,
        malware=malware,
        media=examined.counts(),
        examined_in=examined.seconds,
    )
