"""Repair: what is damaged is replaced by a copy proved intact in the same run, and read back."""

from prefect import flow
from pydantic import BaseModel, Field

from flows import reports
from flows.desk import archive, ended, procedure, step
from flows.summaries import RepairSummary
from preservation.errors import ArchiveError
from preservation.model.fixity import Finding
from preservation.steps import integrity as steps
from preservation.steps.integrity import MendReport


class RepairRequest(BaseModel):
    """Which package to mend."""

    package: str = Field(
        default="all", pattern=r"^(all|[a-z2-7]{26})$", description="A package id, or `all` that are held", title="Package"
    )


@step(name="mend a package", task_run_name="mend package {package_id}")
def mend(run_id: str, package_id: str) -> MendReport:
    """Read every copy of one package; replace what is damaged; read that back."""
    return steps.repair(archive(), run_id, package_id)


@step(name="mend a storage root", task_run_name="mend the root of {site}")
def mend_root(site: str) -> list[Finding]:
    """Write again what is damaged of a site's own files."""
    return steps.repair_root(archive(), site)


@flow(name="repair", flow_run_name="repair of {request.package}")
@procedure
def repair(request: RepairRequest) -> RepairSummary:
    """Replace damaged copies by copies proved intact in this run.

    Foreign objects are left alone. What no intact copy is left of is reported as beyond repair.

    Args:
        request: Which package.
    """
    run_id = steps.new_run()
    packages = steps.held_packages(archive()) if request.package == "all" else [request.package]
    outcomes = {package_id: mend.start(run_id, package_id)() for package_id in packages}
    roots = {site: mend_root.start(site)() for site in sorted(archive().sites)}
    summary = RepairSummary(
        run_id=run_id,
        packages=[outcome for outcome in outcomes.values() if isinstance(outcome, MendReport)],
        roots=[finding for outcome in roots.values() if isinstance(outcome, list) for finding in outcome],
        refused={
            what: outcome.code for what, outcome in [*outcomes.items(), *roots.items()] if isinstance(outcome, ArchiveError)
        },
    )
    reports.repair_report(summary)
    return ended(summary, "" if summary.well else "something is still damaged, or was not looked at: see the report")
