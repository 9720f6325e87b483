"""`keepsake ledger`: show and check the record of every event."""

import json
from typing import Annotated

import typer

from preservation.cli.options import Json
from preservation.cli.running import archive, leave, out, refusals, show_json
from preservation.model.events import LedgerProblem

ledger = typer.Typer(no_args_is_help=True, help="The hash-chained, signed record of every event.")


@ledger.command("verify")
def ledger_verify(
    noted: Annotated[
        str | None, typer.Option(help="The newest digest you noted on an earlier day: it must still be there.", metavar="DIGEST")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every link and signature of the chain. Note the newest digest elsewhere: it proves that the end was not cut off."""
    with refusals(as_json):
        opened = archive()
        problems, (entries, newest) = opened.catalogue.verify_ledger(), opened.catalogue.ledger_newest()
        if noted is not None and not opened.catalogue.ledger_holds(noted):
            problems.append(LedgerProblem(seq=entries, rule="end", message="the noted digest is no longer in the ledger"))
        if as_json:
            show_json({"entries": entries, "newest_digest": newest, "problems": problems})
        else:
            for problem in problems:
                out.print(f"[bold red]FAIL[/]  entry {problem.seq}: {problem.rule}: {problem.message}")
            out.print(f"{'[bold red]FAIL[/]' if problems else 'PASS'}  {entries} entries; newest digest {newest}", soft_wrap=True)
        leave(not problems)


@ledger.command("show")
def ledger_show(
    subject: Annotated[str | None, typer.Argument(help="An id; else everything.")] = None, as_json: Json = False
) -> None:
    """The events, oldest first."""
    with refusals(as_json):
        entries = archive().catalogue.ledger_entries(subject)
        if as_json:
            show_json(entries)
            return
        for entry in entries:
            detail = json.dumps(entry.detail, ensure_ascii=False)
            out.print(
                f"{entry.seq:>5}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.event:<18}  {entry.subject}  {detail}",
                soft_wrap=True,
                markup=False,
            )
