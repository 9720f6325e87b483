"""Audit: every copy at every site is read and compared with what was packaged. Looks only; mending is `repair`."""

from collections.abc import Iterator
from typing import Any

from prefect import flow
from pydantic import BaseModel, Field

from flows import reports
from flows.desk import archive, ended, procedure, step
from flows.notes import leave_notes
from flows.summaries import AuditSummary
from preservation.errors import ArchiveError, SettingsWrong
from preservation.steps import integrity as steps
from preservation.steps.integrity import AuditReport


class AuditRequest(BaseModel):
    """Which sites to look at."""

    site: str = Field(default="all", description="A site's name, or `all`", title="Site")


@step(name="audit a site", task_run_name="read everything at {site}")
def look(run_id: str, site: str) -> AuditReport:
    """Read and digest every object of one site; name what is foreign."""
    return steps.audit(archive(), run_id, site, reports.audit_progress(archive(), site))


@flow(name="audit", flow_run_name="audit of {request.site}")
@procedure
def audit(request: AuditRequest) -> AuditSummary:
    """Read every copy and compare it with what was packaged.

    Writes findings and changes nothing on the shelf. Depth: read, which is every byte.

    Args:
        request: Which sites.
    """
    run_id = steps.new_run()
    looks = {site: look.start(run_id, site) for site in chosen(request.site, list(archive().sites))}
    outcomes = {site: outcome() for site, outcome in looks.items()}
    summary = AuditSummary(
        run_id=run_id,
        sites=[outcome for outcome in outcomes.values() if isinstance(outcome, AuditReport)],
        not_looked_at={site: outcome.code for site, outcome in outcomes.items() if isinstance(outcome, ArchiveError)},
    )
    reports.audit_report(summary)
    leave_notes(archive().settings.home, dict(_notes(summary)), archive().now())
    return ended(summary, "" if summary.well else "not everything is intact, or not everything was looked at: see the report")


def _notes(summary: AuditSummary) -> Iterator[tuple[str, dict[str, Any]]]:
    """For the health page: site by site, how the newest look went."""
    for each in summary.sites:
        yield f"audit {each.site}", {"result": "PASS" if each.well else "FAIL", "counts": each.counts, "run": summary.run_id}
    for site, why in summary.not_looked_at.items():
        yield f"audit {site}", {"result": "NOT LOOKED AT", "why": why, "run": summary.run_id}


def chosen(name: str, sites: list[str]) -> list[str]:
    """The sites meant by a name; raises SettingsWrong for one there is not."""
    if name == "all":
        return sorted(sites)
    if name not in sites:
        raise SettingsWrong("no-such-site", f"there is no site {name!r}", remedy=f"name one of: all, {', '.join(sorted(sites))}")
    return [name]
