"""Withdrawal: what the creator took back is erased at every site and read back as absent; a tombstone stays.

Flow input is never authority: the flow acts only on a withdrawal that is already recorded (`keepsake withdraw`).
"""

from prefect import flow
from pydantic import BaseModel, Field

from flows import reports
from flows.desk import archive, ended, procedure, step
from flows.summaries import WithdrawalSummary
from preservation.errors import ArchiveError
from preservation.model.identifiers import PATTERN
from preservation.model.withdrawal import Tombstone
from preservation.steps import withdrawing as steps
from preservation.steps.withdrawing import WithdrawalPlan


class WithdrawalRequest(BaseModel):
    """Whose withdrawal to carry out."""

    record: str = Field(pattern=PATTERN, description="The consent record that the creator has withdrawn", title="Consent record")


@step(name="begin the erasure")
def begin(record_id: str) -> WithdrawalPlan:
    """Check that the withdrawal is recorded, list what goes, shred the packages' secrets."""
    return steps.begin_erasure(archive(), record_id)


@step(name="erase at a site", task_run_name="erase at {site} and read back")
def erase(package_id: str, site: str) -> int:
    """Erase one package at one site and read back that it is gone."""
    return steps.erase(archive(), package_id, site)


@step(name="close the withdrawal")
def close(record_id: str) -> list[Tombstone]:
    """A tombstone for every package that is gone everywhere."""
    return steps.close_withdrawal(archive(), record_id)


@flow(name="withdrawal", flow_run_name="withdrawal of {request.record}")
@procedure
def withdrawal(request: WithdrawalRequest) -> WithdrawalSummary:
    """Erase everything held under a consent record that its creator has withdrawn.

    A site that is down stays open: run this again when it is back. Nothing is erased without a recorded withdrawal.

    Args:
        request: Which consent record.
    """
    plan = begin(request.record)
    erasures = {
        f"{package_id} @ {site}": erase.start(package_id, site) for package_id in plan.packages for site in plan.sites[package_id]
    }
    outcomes = {place: outcome() for place, outcome in erasures.items()}
    summary = WithdrawalSummary(
        record_id=request.record,
        erased={place: outcome for place, outcome in outcomes.items() if isinstance(outcome, int)},
        still_open={place: outcome.code for place, outcome in outcomes.items() if isinstance(outcome, ArchiveError)},
        tombstones=close(request.record),
    )
    reports.withdrawal_report(summary)
    return ended(summary, "some sites still owe their erasure: run this again when they are back" if summary.still_open else "")
