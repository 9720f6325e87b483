"""The deployments: which procedures an archivist may run from Prefect's pages, and which run by themselves.

    python -m flows.schedule          write them to the server named by PREFECT_API_URL

Every start of `keepsake up` does so, under the same names: nothing is there twice, and what moved is found again. A schedule that
somebody paused on the page stays paused.
"""

import shlex
import sys
from typing import Any

from prefect import Flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel

from flows.accession import accession
from flows.audit import AuditRequest, audit
from flows.housekeeping import HousekeepingRequest, housekeeping
from flows.repair import RepairRequest, repair
from flows.withdrawal import withdrawal
from preservation.settings import Settings, load_settings

POOL = "keepsake"
NIGHTLY = ("nightly", "0 3 * * *")  # UTC
DAILY = ("daily", "0 5 * * *")  # UTC; after the audit


def register_all() -> None:
    """Make the work pool and write every deployment."""
    settings = load_settings()
    with get_client(sync_client=True) as client:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template), overwrite=True)
        for each in deployments(settings):
            each.schedules = [_as_it_stands(client, each, schedule) for schedule in each.schedules or []]
            each.apply()


def deployments(settings: Settings) -> list[RunnerDeployment]:
    """Every procedure as it is offered."""
    return [
        _offer(settings, accession, "archivist", "Bring a deposit into the holdings."),
        _offer(settings, audit, "nightly", "Read every copy at every site.", AuditRequest(), NIGHTLY, concurrency_limit=1),
        _offer(
            settings, repair, "archivist", "Mend damaged copies from copies proved intact in the same run.", RepairRequest(),
            concurrency_limit=1,
        ),
        _offer(settings, withdrawal, "archivist", "Carry out a withdrawal that is recorded."),
        _offer(
            settings, housekeeping, "daily", "Forget the runs of long ago. The ledger keeps what happened.",
            HousekeepingRequest(keep_days=settings.keep_runs_days), DAILY, concurrency_limit=1,
        ),
    ]  # fmt: skip


def _offer(
    settings: Settings,
    flow: Flow[..., Any],
    name: str,
    description: str,
    request: BaseModel | None = None,
    at: tuple[str, str] | None = None,
    **options: Any,
) -> RunnerDeployment:
    """A deployment by module path, so that it is found from a checkout and from an installed package alike."""
    made: RunnerDeployment = RunnerDeployment.from_flow(
        flow,
        name,
        description=description,
        tags=[flow.name],
        parameters={"request": request.model_dump()} if request else {},
        schedule=Cron(at[1], timezone="UTC", slug=at[0]) if at else None,
        work_pool_name=POOL,
        job_variables=_how(settings),
        entrypoint_type=EntrypointType.MODULE_PATH,
        **options,
    )
    return made


def _how(settings: Settings) -> dict[str, Any]:
    """How the worker starts a run: by the program that started us, bound to the worker, in a folder of its own."""
    folder = settings.home.resolve() / "prefect" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return {"command": shlex.join([sys.executable, "-m", "flows.bound", "run"]), "working_dir": str(folder)}


def _as_it_stands(client: Any, deployment: RunnerDeployment, schedule: Any) -> Any:
    """The schedule, active or not as it is on the server now."""
    try:
        there = client.read_deployment_by_name(f"{deployment.flow_name}/{deployment.name}").schedules
    except ObjectNotFound:
        return schedule
    active = next((each.active for each in there if each.slug == schedule.slug), True)
    return schedule.model_copy(update={"active": active})


if __name__ == "__main__":
    register_all()
