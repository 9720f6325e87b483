"""`keepsake reject`: turn away a deposit that waits."""

import re
from typing import Annotated

import typer

from preservation.cli.options import Deposit, Json
from preservation.cli.running import archive, err, out, refusals, show_json, wrong_use
from preservation.model.identifiers import PATTERN

CODE = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


def reject(
    deposit: Deposit,
    because: Annotated[str, typer.Option(help="Why, as a code for the ledger: malware, not-an-export…", metavar="CODE")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a waiting deposit away: its bytes are wiped, and the ledger says why."""
    from preservation.steps.rejecting import reject as reject_deposit

    if not re.fullmatch(PATTERN, deposit):
        wrong_use("DEPOSIT is an id of 26 lower-case letters and digits")
    if not re.fullmatch(CODE, because) or len(because) > 60:
        wrong_use("--because is a code: lower-case words joined by hyphens, nothing that names a person")
    with refusals(as_json):
        if not yes:
            err.print(f"This wipes what waits of deposit {deposit}; the creator would have to hand it in again.")
            typer.confirm("Wipe it?", abort=True, err=True)
        rejected = reject_deposit(archive(), deposit, because)
        show_json(rejected) if as_json else out.print(f"Deposit {rejected.deposit_id} is {rejected.state}; nothing of it waits.")
