"""`keepsake health`: the health page's facts at the command line."""

from datetime import UTC, datetime

import httpx

from preservation.cli.options import Json
from preservation.cli.running import leave, out, refusals
from preservation.cli.service.api import Server
from preservation.cli.service.health import Health
from preservation.cli.service.judging import HealthReport, WorkerFact
from preservation.cli.service.supervisor import is_up, told
from preservation.settings import Settings, load_settings


def health(as_json: Json = False) -> None:
    """Whether the service is well: server, worker, sites, audits, disk, backup. Exit 1 if something should be seen to."""
    with refusals(as_json):
        report = _asked(load_settings())
        if as_json:
            out.print_json(report.model_dump_json())
        else:
            _show(report)
        leave(report.well)


def _asked(settings: Settings) -> HealthReport:
    """What the running service says of itself, wherever it answers; else what can be seen without it."""
    where = told(settings.home)
    try:
        if page := where.get("health"):
            return HealthReport.model_validate_json(httpx.get(f"{page}/health.json", timeout=30, trust_env=False).content)
    except (httpx.HTTPError, ValueError):
        pass
    server = Server(where.get("url") or f"http://127.0.0.1:{settings.server_port}/api")
    worker = WorkerFact(alive=False, limit=settings.worker_limit) if is_up(settings.home) else None
    return Health(settings, server, None, lambda: worker).latest(datetime.now(UTC))


def _show(report: HealthReport) -> None:
    facts = report.facts
    out.print("[bold green]All is well[/]" if report.well else "[bold red]Needs a look[/]")
    for problem in report.problems:
        out.print(f"  [red]{problem.what}[/]  [dim]\\[{problem.code}][/]", soft_wrap=True)
    if facts.worker is not None:
        out.print(f"Runs: {facts.worker.running} under way of at most {facts.worker.limit}, {facts.worker.waiting} scheduled")
    for name, site in facts.sites.items():
        note = facts.notes.get(f"audit {name}")
        audited = f"{note['result']}, {note['at'][:16].replace('T', ' ')} UTC" if note else "never"
        out.print(f"Site {name}: {'answers' if site.answers else site.why}; newest audit: {audited}", soft_wrap=True)
    if facts.deposits is not None:
        oldest = f", the oldest since {facts.deposits.oldest:%Y-%m-%d %H:%M} UTC" if facts.deposits.oldest else ""
        out.print(
            f"Packages held: {facts.deposits.packages}. Deposits in quarantine: {facts.deposits.waiting}{oldest}", soft_wrap=True
        )
    if facts.disk is not None:
        out.print(f"Free on this disk: {facts.disk.free // 1024**2:,} of {facts.disk.total // 1024**2:,} MiB")
    for remark in report.remarks:
        out.print(f"[dim]{remark}[/]", soft_wrap=True)
