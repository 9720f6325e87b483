"""The commands themselves: parse, call, show."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from preservation.cli.backups import backup
from preservation.cli.consents import consent
from preservation.cli.ledgers import ledger
from preservation.cli.options import Deposit, Json, Package, Record
from preservation.cli.rejecting import reject
from preservation.cli.running import archive, counting, err, leave, out, refusals, run_flow, show_json, wrong_use
from preservation.cli.service.commands import health
from preservation.cli.tables import counts_table, findings_table, inspect_tables, package_table, status_tables
from preservation.model.consent_words import Role
from preservation.model.fixity import MENDABLE
from preservation.model.identifiers import PATTERN

ORDER = (
    "demo", "up", "health", "inspect", "consent", "receive", "accession", "reject", "status", "list", "verify", "audit",
    "repair", "open", "withdraw", "ledger", "backup",
)  # fmt: skip


class InOrder(TyperGroup):
    """Help shows the commands in the order of the archive's work."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        """The names, by `ORDER`; one that is not in it comes last."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="keepsake",
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a traceback with local variables would quote content
    help="Preserve what creators made: consent, packaging, verified copies, repair, withdrawal.",
)


@app.callback()
def at_home(
    home: Annotated[Path | None, typer.Option(help="The data directory (KEEPSAKE_HOME).", show_default=False)] = None,
    configs: Annotated[
        Path | None, typer.Option(help="The folder of policy.toml and sites.toml (KEEPSAKE_CONFIGS).", show_default=False)
    ] = None,
) -> None:
    """Options that stand before the command."""
    if home is not None:
        os.environ["KEEPSAKE_HOME"] = str(home.resolve())
    if configs is not None:
        os.environ["KEEPSAKE_CONFIGS"] = str(configs.resolve())
    from preservation.cli.service.supervisor import use_running_server

    with refusals():
        use_running_server()


@app.command()
def demo(
    to: Annotated[Path, typer.Option(help="Where to work; wiped first if it holds an earlier demo.")] = Path("var/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Stop before the withdrawal, so that the shelf can be looked at.")] = False,
) -> None:
    """The whole life of a sample deposit on the embedded default, then where to look."""
    from preservation.cli.demo import run_demo

    with refusals():
        leave(run_demo(to, keep=keep))


@app.command()
def up() -> None:
    """Start Prefect's server and UI and the procedures, until Ctrl-C."""
    from preservation.cli.service.supervisor import serve
    from preservation.settings import load_settings

    with refusals():
        serve(load_settings())


@app.command()
def inspect(
    exports: Annotated[
        list[Path], typer.Argument(help="The export, or its parts.", exists=True, dir_okay=False, metavar="EXPORT…")
    ],
    media: Annotated[Path | None, typer.Option(help="A folder of files handed in beside the export.", file_okay=False)] = None,
    as_json: Json = False,
) -> None:
    """Read an export and say what it holds. Changes nothing."""
    from preservation.settings import load_settings
    from preservation.stages.intake.report_json import write_reports
    from preservation.steps.inspecting import inspect as read_exports
    from preservation.wiring import clock

    with refusals(as_json):
        with counting("reading the export", quiet=as_json) as progress:
            reports = read_exports(exports, media, load_settings().policy().intake, clock(), progress)
        if as_json:
            write_reports(reports, sys.stdout.write)
        else:
            for table in (table for report in reports for table in inspect_tables(report)):
                out.print(table, "")
        leave(not any(report.errors for report in reports))


@app.command()
def receive(
    exports: Annotated[list[Path], typer.Argument(help="The export, or its parts.", metavar="EXPORT…")],
    consent_record: Annotated[str, typer.Option("--consent", help="The consent record it is handed in under.", metavar="RECORD")],
    media: Annotated[Path | None, typer.Option(help="A folder of files handed in beside the export.")] = None,
    as_json: Json = False,
) -> None:
    """Take a hand-in into quarantine. Prints the deposit id."""
    from preservation.steps.receiving import receive as receive_deposit

    with refusals(as_json):
        with counting("into quarantine, encrypted", quiet=as_json) as told:
            deposit = receive_deposit(archive(), consent_record, exports, media, told or (lambda _done, _all: None))
        if as_json:
            show_json(deposit)
            return
        out.print(
            f"Deposit [bold]{deposit.deposit_id}[/]: {deposit.files_received} files, {deposit.bytes_received:,} bytes, {deposit.state}."
        )
        out.print(f"Next: keepsake accession {deposit.deposit_id}")


@app.command()
def accession(deposit: Deposit, as_json: Json = False) -> None:
    """Package a deposit, copy it to every site, read every copy back, commit."""
    from flows.accession import AccessionRequest
    from flows.accession import accession as flow

    _require_id(deposit, "DEPOSIT")
    with refusals(as_json):
        report = run_flow(flow, AccessionRequest(deposit=deposit), quiet=as_json)
        if as_json:
            show_json(report)
            return
        out.print(
            counts_table(
                f"Version {report.version} of package {report.package_id} is committed",
                {
                    "items": report.items,
                    "left out by consent": ", ".join(f"{count} {reason}" for reason, count in report.refused.items()) or "none",
                    "files": f"{report.files}, {report.bytes:,} bytes",
                    "read back at": ", ".join(report.complete_sites),
                    "still waiting": ", ".join(f"{site} ({why})" for site, why in report.waiting.items()) or "none",
                    "malware": report.malware.removeprefix("malware: "),
                    "media": ", ".join(f"{n} {condition.replace('_', ' ')}" for condition, n in report.media.items()) or "none",
                },
            )
        )


@app.command()
def status(
    package: Annotated[str | None, typer.Argument(help="A package id; else the whole archive.")] = None, as_json: Json = False
) -> None:
    """How the archive, or one package, stands."""
    from preservation.steps.overview import overview, package_overview

    with refusals(as_json):
        if package is not None:
            one = package_overview(archive(), package)
            show_json(one) if as_json else out.print(package_table(one))
            return
        seen = overview(archive())
        if as_json:
            show_json(seen)
        else:
            for table in status_tables(seen):
                out.print(table, "")


@app.command("list")
def list_holdings(as_json: Json = False) -> None:
    """Consent records, deposits and packages, by id."""
    with refusals(as_json):
        opened = archive()
        records, deposits = opened.catalogue.deposits.consent_records(), opened.catalogue.deposits.list()
        packages = opened.catalogue.holdings.packages()
        if as_json:
            show_json({"consents": records, "deposits": deposits, "packages": packages})
            return
        if not records:
            out.print("Nothing yet. Begin with: keepsake consent import FILE")
        for record in records:
            out.print(f"consent  {record.record_id}  revision {record.revision}  {record.state}", soft_wrap=True)
        for deposit in deposits:
            received, package_id = f"{deposit.received_at:%Y-%m-%d %H:%M}", deposit.package_id or ""
            out.print(f"deposit  {deposit.deposit_id}  {received}  {deposit.state}  {package_id}".rstrip(), soft_wrap=True)
        for package in packages:
            opened_at = f"{package.opened_at:%Y-%m-%d %H:%M}"
            out.print(f"package  {package.package_id}  {opened_at}  {package.state}", soft_wrap=True)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A WARC, bag, OCFL object or storage root.", exists=True)], as_json: Json = False
) -> None:
    """Check what lies on a disk by the standards alone: no catalogue, no keys."""
    from preservation.steps.verifying import verify as verify_path

    with refusals(as_json):
        checked = verify_path(path)
        if as_json:
            show_json(checked)
        else:
            for what, problems in checked.items():
                out.print(f"{'[bold red]FAIL[/]' if problems else 'PASS'}  {escape(what)}", soft_wrap=True)
                for problem in problems:
                    out.print(f"      {problem}", soft_wrap=True, markup=False)
        leave(not any(checked.values()))


@app.command()
def audit(site: Annotated[str, typer.Option(help="One site, or all.")] = "all", as_json: Json = False) -> None:
    """Read every copy and compare it with what was packaged. Changes nothing on the shelf."""
    from flows.audit import AuditRequest
    from flows.audit import audit as flow

    with refusals(as_json):
        summary = run_flow(flow, AuditRequest(site=site), quiet=as_json)
        if as_json:
            show_json({**summary.model_dump(mode="json"), "well": summary.well})
        else:
            for each in summary.sites:
                counts = ", ".join(f"{count} {outcome}" for outcome, count in each.counts.items()) or "nothing held"
                out.print(f"{'PASS' if each.well else '[bold red]FAIL[/]'}  {each.site}: {counts}  [dim](depth: read)[/]")
            for name, why in summary.not_looked_at.items():
                out.print(f"[bold red]NOT LOOKED AT[/]  {name}: {why}")
            findings = [finding for each in summary.sites for finding in each.findings]
            if findings:
                out.print(findings_table(findings, "Findings"))
                if any(finding.outcome in MENDABLE for finding in findings):
                    out.print("Mend with: keepsake repair")
        leave(summary.well)


@app.command()
def repair(package: Annotated[str, typer.Option(help="One package id, or all.")] = "all", as_json: Json = False) -> None:
    """Replace damaged copies by copies proved intact in the same run."""
    from flows.repair import RepairRequest
    from flows.repair import repair as flow

    if package != "all":
        _require_id(package, "--package")
    with refusals(as_json):
        summary = run_flow(flow, RepairRequest(package=package), quiet=as_json)
        if as_json:
            show_json({**summary.model_dump(mode="json"), "well": summary.well})
        else:
            for each in summary.packages:
                for finding, source in zip(each.mended, each.sources, strict=True):
                    out.print(
                        f"mended  {finding.site}  {finding.key}  ({finding.outcome}; from {source}, read back)", soft_wrap=True
                    )
                for finding in each.beyond_repair:
                    out.print(f"[bold red]beyond repair[/]  {finding.site}  {finding.key}  ({finding.outcome})", soft_wrap=True)
            for finding in summary.roots:
                out.print(f"written again  {finding.site}  {finding.key}  ({finding.outcome})", soft_wrap=True)
            for name, why in summary.refused.items():
                out.print(f"[bold red]refused[/]  {name}: {why}")
            looked, unseen = (sum(getattr(each, what) for each in summary.packages) for what in ("looked_at", "not_looked_at"))
            mended = sum(len(each.mended) for each in summary.packages)
            out.print(f"{looked} copies read, {mended} mended" + (f", {unseen} not looked at." if unseen else "."))
        leave(summary.well)


@app.command("open")
def open_package(
    package: Package, to: Annotated[Path, typer.Option(help="A new folder.", metavar="DIR")], as_json: Json = False
) -> None:
    """Lay a package out as plain files and a site that opens from a folder."""
    from preservation.steps.opening import open_package as open_it

    with refusals(as_json):
        opened = open_it(archive(), package, to)
        if as_json:
            show_json(opened)
        else:
            out.print(f"{opened.posts} posts, {opened.files} files, {opened.bytes:,} bytes; {opened.missing} media not kept.")
            out.print(f"Look at {to / 'index.html'}")


@app.command()
def withdraw(
    record_id: Record,
    by: Annotated[Role, typer.Option(help="Who decided: creator, guardian or estate.")] = Role.creator,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """The creator takes everything back: erase it at every site and read back that it is gone."""
    from flows.withdrawal import WithdrawalRequest
    from flows.withdrawal import withdrawal as flow
    from preservation.steps.withdrawing import plan_withdrawal, record_withdrawal

    with refusals(as_json):
        opened = archive()
        plan = plan_withdrawal(opened, record_id)
        if not yes:
            err.print(
                f"This erases {len(plan.packages)} packages ({plan.objects} objects, {plan.bytes:,} bytes) at every site, for good."
            )
            typer.confirm("Has the creator asked for this?", abort=True, err=True)
        record_withdrawal(opened, record_id, by)
        summary = run_flow(flow, WithdrawalRequest(record=record_id), quiet=as_json)
        if as_json:
            show_json(summary)
        else:
            for place, objects in summary.erased.items():
                out.print(f"erased  {place}: {objects} objects, read back as absent")
            for place, why in summary.still_open.items():
                out.print(f"[bold red]still open[/]  {place}: {why}; run this again when the site is back")
            for stone in summary.tombstones:
                out.print(f"tombstone  {stone.package_id}")
        leave(not summary.still_open)


app.command()(reject)
app.command()(health)
app.add_typer(consent, name="consent")
app.add_typer(ledger, name="ledger")
app.add_typer(backup, name="backup")


def _require_id(value: str, name: str) -> None:
    if not re.fullmatch(PATTERN, value):
        wrong_use(f"{name} is an id of 26 lower-case letters and digits")


def main() -> None:
    """The console script."""
    app()
