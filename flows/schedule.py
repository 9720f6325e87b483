"""The deployments: which flows an archivist may run from the UI, and which run by themselves."""

from typing import Any

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron

from flows.accession import accession
from flows.audit import AuditRequest, audit
from flows.repair import RepairRequest, repair
from flows.withdrawal import withdrawal

NIGHTLY = "0 3 * * *"  # UTC


def _offer(flow: Flow[..., Any], name: str, **options: Any) -> RunnerDeployment:
    return RunnerDeployment.from_flow(flow, name, **options)


def serve_all() -> None:
    """Offer every procedure to the Prefect server named by PREFECT_API_URL, until told to stop."""
    serve(
        _offer(accession, "archivist", tags=["accession"], description="Bring a deposit into the holdings."),
        _offer(
            audit,
            "nightly",
            tags=["audit"],
            parameters={"request": AuditRequest().model_dump()},
            schedule=Cron(NIGHTLY, timezone="UTC"),
            concurrency_limit=1,
            description="Read every copy at every site.",
        ),
        _offer(
            repair,
            "archivist",
            tags=["repair"],
            parameters={"request": RepairRequest().model_dump()},
            concurrency_limit=1,
            description="Mend damaged copies from copies proved intact in the same run.",
        ),
        _offer(withdrawal, "archivist", tags=["withdrawal"], description="Carry out a withdrawal that is recorded."),
        pause_on_shutdown=False,
        print_starting_message=False,
    )


if __name__ == "__main__":
    serve_all()
