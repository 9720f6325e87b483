"""Housekeeping: Prefect forgets finished runs after a while, so that its database stays as large as it is. The ledger keeps all.

What hangs on a run goes with it: its states and task runs at once, its logs soon after. Artifacts and events that are left over
are removed by Prefect's own daily cleaning, which `keepsake up` turns on.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, Field

from flows import attendance, reports
from flows.desk import archive, procedure, step
from flows.notes import leave_notes

PAGE = 200  # runs asked for at once


class HousekeepingRequest(BaseModel):
    """How long finished runs are kept."""

    keep_days: int = Field(default=90, ge=1, description="Finished runs are forgotten after this many days", title="Days to keep")


class HousekeepingSummary(BaseModel):
    """What was forgotten."""

    before: datetime
    forgotten: int


@step(name="forget old runs")
def forget(before: datetime) -> int:
    """Have Prefect forget every run that ended before a moment; how many."""
    return forget_runs(before)


@flow(name="housekeeping", flow_run_name="housekeeping, {request.keep_days} days are kept")
@procedure
def housekeeping(request: HousekeepingRequest) -> HousekeepingSummary:
    """Have Prefect forget runs that ended long ago.

    Reports and logs of those runs go too. What happened stays in the archive's ledger.

    Args:
        request: How long finished runs are kept.
    """
    now = archive().now()
    before = now - timedelta(days=request.keep_days)
    summary = HousekeepingSummary(before=before, forgotten=forget(before))
    leave_notes(archive().settings.home, {"housekeeping": {"forgotten": summary.forgotten}}, now)
    reports.housekeeping_report(summary.before, summary.forgotten)
    return summary


def forget_runs(before: datetime) -> int:
    """Delete the finished runs of the server at hand that ended before a moment, and their locks; how many were deleted."""
    gone = 0
    home = archive().settings.home
    with get_client(sync_client=True) as client:
        for run in _ended(client, before):
            try:
                client.delete_flow_run(run.id)
            except ObjectNotFound:  # somebody else was quicker
                continue
            attendance.forget(home, str(run.id))
            gone += 1
    return gone


def _ended(client: Any, before: datetime) -> Iterator[FlowRun]:
    """Page by page from the oldest; whoever deletes what is given here gets the next page."""
    ended = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime(before_=before),
    )
    while page := client.read_flow_runs(flow_run_filter=ended, sort=FlowRunSort.END_TIME_DESC, limit=PAGE):
        yield from page
