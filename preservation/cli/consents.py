"""`keepsake consent`: record and show what creators agreed to."""

from pathlib import Path
from typing import Annotated

import typer

from preservation.cli.options import Json, Record
from preservation.cli.running import archive, out, refusals, show_json, wrong_use
from preservation.cli.tables import counts_table
from preservation.model.consent_words import Role, State

consent = typer.Typer(no_args_is_help=True, help="Record and show what creators agreed to.")


@consent.command("import")
def consent_import(
    document: Annotated[Path, typer.Argument(help="The consent document (JSON).", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Record a consent from a document, until creators sign on the web page."""
    from preservation.steps.consenting import import_consent

    with refusals(as_json):
        record = import_consent(archive(), document.read_bytes())
        if as_json:
            show_json({"record_id": record.record_id, "revision": record.revision, "state": record.state})
        else:
            out.print(f"Consent record [bold]{record.record_id}[/], revision {record.revision}, {record.state}.")


@consent.command("show")
def consent_show(record_id: Record, as_json: Json = False) -> None:
    """Show the revision in force. It names nobody."""
    from preservation.steps.consenting import require_record

    with refusals(as_json):
        record = require_record(archive(), record_id)
        if as_json:
            show_json(record)
            return
        taken = sorted(decision.section for decision in record.sections if record.section_in(decision.section))
        out.print(
            counts_table(
                f"Consent record {record.record_id}",
                {
                    "revision": record.revision,
                    "state": record.state,
                    "accounts": ", ".join(account.platform for account in record.accounts),
                    "purposes granted": ", ".join(purpose.purpose for purpose in record.purposes if purpose.granted),
                    "sections ticked": ", ".join(taken) or "the usual ones",
                    "access": record.access.level,
                    "valid": f"{record.valid_from:%Y-%m-%d} to {record.valid_until or 'withdrawn'}",
                    "sha256": record.sha256(),
                },
            )
        )


@consent.command("transition")
def consent_transition(
    record_id: Record,
    state: Annotated[State, typer.Argument(help="The state to move to.")],
    by: Annotated[Role, typer.Option(help="Who decided this.")],
    reason: Annotated[str | None, typer.Option(help="A reason, as a code; required of staff.")] = None,
    as_json: Json = False,
) -> None:
    """Move a record to another state: a new revision. Withdrawing has a command of its own."""
    from preservation.steps.consenting import change_state

    if state is State.withdrawn:
        wrong_use("use `keepsake withdraw`, which also erases")
    with refusals(as_json):
        record = change_state(archive(), record_id, state, by, reason)
        if as_json:
            show_json({"record_id": record.record_id, "revision": record.revision, "state": record.state})
        else:
            out.print(f"Consent record [bold]{record.record_id}[/], revision {record.revision}, now {record.state}.")
