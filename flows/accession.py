"""Accession: a deposit that waits in quarantine becomes a version of its account's package, held and read back at every site."""

from prefect import flow
from pydantic import BaseModel, Field

from flows import reports
from flows.desk import archive, discreet, step
from flows.summaries import AccessionReport
from preservation.errors import ArchiveError
from preservation.model.identifiers import PATTERN
from preservation.stages.replication.copy import CopyReport
from preservation.steps import accession as steps
from preservation.steps.accession import Accession, Closing


class AccessionRequest(BaseModel):
    """Which deposit to bring into the holdings."""

    deposit: str = Field(pattern=PATTERN, description="The deposit id that `keepsake receive` printed", title="Deposit")


@step(name="package the deposit", task_run_name="package deposit {deposit_id}")
def package(deposit_id: str) -> Accession:
    """Ask consent, read the export in quarantine, build the version in staging."""
    return steps.package_deposit(archive(), deposit_id)


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
@discreet
def accession(request: AccessionRequest) -> AccessionReport:
    """Bring a deposit into the holdings.

    Asks the creator's consent for every item, packages the deposit, copies the package to every site and reads every copy back,
    and commits the version once enough sites hold it. Safe to run again: it goes on where it stopped.

    Args:
        request: Which deposit.
    """
    packaged = package(request.deposit)
    copies = {site: copy.start(packaged, site) for site in sorted(archive().sites)}
    outcomes = {site: outcome() for site, outcome in copies.items()}
    late = {site: outcome.code for site, outcome in outcomes.items() if isinstance(outcome, ArchiveError)}
    advances = {site: advance.start(packaged, site) for site in commit(packaged, late) if site in archive().sites}
    late |= {site: outcome.code for site, started in advances.items() if isinstance(outcome := started(), ArchiveError)}
    report = _report(packaged, close(packaged), late)
    reports.accession_report(report)
    return report


def _report(packaged: Accession, closing: Closing, late: dict[str, str]) -> AccessionReport:
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
    )
