"""Arguments and options that several commands take."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Deposit = Annotated[str, typer.Argument(help="Deposit id, as `keepsake receive` printed it.", metavar="DEPOSIT")]
Record = Annotated[str, typer.Argument(help="Consent record id.", metavar="RECORD")]
Package = Annotated[str, typer.Argument(help="Package id.", metavar="PACKAGE")]
