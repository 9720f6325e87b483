"""`keepsake backup`: make, check and put back copies of what the sites do not hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from preservation.cli.options import Json
from preservation.cli.running import archive, err, leave, out, refusals, run_flow, show_json, wrong_use
from preservation.cli.service.supervisor import is_up
from preservation.cli.tables import counts_table
from preservation.errors import Refused
from preservation.model.backup import BackupMade, BackupProblem
from preservation.steps.backup_files import Progress as Told

backup = typer.Typer(invoke_without_command=True, help="Back up what the sites do not hold, and put it back.")
Folder = Annotated[Path, typer.Argument(help="A folder keepsake-backup-…", exists=True, file_okay=False, metavar="BACKUP")]
KeysFrom = Annotated[
    Path | None, typer.Option(help="Where the key store's part lies, if it was kept apart.", exists=True, file_okay=False)
]


@backup.callback()
def backup_make(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option(help="Where backups are kept; each is a new folder there.", metavar="DIR")] = None,
    keys_to: Annotated[Path | None, typer.Option(help="Where the key store's part is kept, apart.", metavar="DIR")] = None,
    as_json: Json = False,
) -> None:
    """Back up the three stores, what waits in quarantine and the configuration, of one moment, while all goes on."""
    if context.invoked_subcommand is not None:
        return
    if to is None:
        wrong_use("name the folder that backups are kept in: --to DIR")
    from preservation.steps.backing_up import back_up

    with refusals(as_json):
        opened = archive()
        with _bar("copying what waits", quiet=as_json) as progress:
            made = back_up(opened, to, keys_to, progress)
        if as_json:
            show_json(made)
        else:
            _show_made(made, inside=to.resolve().is_relative_to(opened.settings.home.resolve()))
        leave(not made.problems)


def _show_made(made: BackupMade, *, inside: bool) -> None:
    rows = {
        "folder": made.folder,
        "keys": made.keys_folder or "in the same folder",
        "files": f"{made.files}, {made.bytes:,} bytes",
        "deposits that wait": made.waiting,
        "ledger": f"{made.ledger_entries} entries; newest digest {made.ledger_newest}",
    }
    out.print(counts_table(f"Backup {made.name}", rows), soft_wrap=True)
    if made.keys_folder is None:
        out.print("[yellow]The keys lie with what they open: whoever has this folder can read everything. Better: --keys-to")
    if inside:
        out.print("[yellow]It lies within the data directory and would be lost with it. Name another disk: --to")
    if not made.withdrawals_noted:
        out.print("[yellow]The list of withdrawals kept elsewhere (KEEPSAKE_WITHDRAWALS_FILE) could not be written.")
    _show_problems(made.problems)
    for older in made.older:
        if older.withdrawn_since or older.over_age:
            age = ", due by its age" if older.over_age else ""
            out.print(
                f"[yellow]Destroy {older.name}[/]: {older.withdrawn_since} consents were withdrawn since{age}", soft_wrap=True
            )


@backup.command("verify")
def backup_verify(folder: Folder, keys_from: KeysFrom = None, as_json: Json = False) -> None:
    """Read all of a backup: digests, databases, the ledger's chain and signatures, the stores against one another."""
    from preservation.steps.backup_checking import check_backup

    with refusals(as_json):
        with _bar("reading", quiet=as_json) as progress:
            checked = check_backup(folder, keys_from, progress)
        if as_json:
            show_json({**checked.model_dump(mode="json"), "well": checked.well})
        else:
            _show_problems(checked.problems)
            said = f"{checked.name}: {checked.files} files, {checked.bytes:,} bytes, {checked.ledger_entries} ledger entries"
            out.print(f"{'PASS' if checked.well else '[bold red]FAIL[/]'}  {said}", soft_wrap=True)
            if not checked.keys_looked_at:
                out.print("[yellow]NOT LOOKED AT[/]  the keys, which were kept apart: --keys-from")
        leave(checked.well)


@backup.command("restore")
def backup_restore(
    folder: Folder,
    keys_from: KeysFrom = None,
    although_damaged: Annotated[
        bool, typer.Option("--although-damaged", help="Take what there is of a backup with problems.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup back into a data directory without stores. The archive is held until `keepsake backup confirm`."""
    from preservation.settings import load_settings
    from preservation.steps.restoring import restore_backup
    from preservation.wiring import clock

    with refusals(as_json):
        _require_stopped(load_settings().home)
        with _bar("copying", quiet=as_json) as progress:
            restored = restore_backup(
                load_settings(), folder, keys_from, clock(), although_damaged=although_damaged, progress=progress
            )
        if as_json:
            show_json(restored)
            return
        rows = {
            "made": f"{restored.made_at:%Y-%m-%d %H:%M} UTC",
            "deposits that wait": restored.waiting,
            "ledger": f"{restored.ledger_entries} entries; newest digest {restored.ledger_newest}",
        }
        out.print(counts_table(f"Restored from {restored.backup}", rows), soft_wrap=True)
        out.print("The archive is [bold]held[/]: what was withdrawn since then is back, and must go again before anything else.")
        out.print("Next: keepsake backup confirm --withdrawn-since FILE (the list of withdrawals kept elsewhere), or: none")


@backup.command("confirm")
def backup_confirm(
    withdrawn_since: Annotated[
        str, typer.Option(help="A list of withdrawn consent records, one id a line; or the word none.", metavar="FILE|none")
    ],
    as_json: Json = False,
) -> None:
    """After a restore: withdraw again what was withdrawn since the backup, then let the archive work."""
    from flows.withdrawal import WithdrawalRequest
    from flows.withdrawal import withdrawal as flow
    from preservation.steps.restoring import lift_hold, require_held, withdraw_again
    from preservation.steps.withdrawals import read_list

    with refusals(as_json):
        opened = archive()
        require_held(opened.settings)
        again = withdraw_again(opened, () if withdrawn_since == "none" else read_list(Path(withdrawn_since)))
        summaries = [run_flow(flow, WithdrawalRequest(record=record), quiet=as_json) for record in again.to_erase]
        lift_hold(opened, again)
        still_open = {place: why for summary in summaries for place, why in summary.still_open.items()}
        if as_json:
            show_json({**again.model_dump(mode="json"), "still_open": still_open})
        else:
            out.print(f"{len(again.to_erase)} consents withdrawn again and erased. The archive works.")
            for place, why in still_open.items():
                out.print(f"[bold red]still open[/]  {place}: {why}; run keepsake withdraw again when the site is back")
            if again.unknown:
                out.print(f"[yellow]{len(again.unknown)} of the list came after the backup: nothing of them was restored.")
                out.print("[yellow]What a site still holds of them, an audit calls foreign: keepsake audit")
        leave(not still_open)


def _require_stopped(home: Path) -> None:
    """The service's processes would go on with the stores that were moved away, and make new ones beside those put back."""
    if is_up(home):
        raise Refused(
            "service-runs", "keepsake up is running on this data directory", remedy="stop it, then run the same command again"
        )


def _show_problems(problems: tuple[BackupProblem, ...]) -> None:
    for problem in problems:
        out.print(f"[bold red]FAIL[/]  {escape(problem.place)}: {problem.rule}: {escape(problem.message)}", soft_wrap=True)


@contextmanager
def _bar(what: str, *, quiet: bool) -> Iterator[Told]:
    """On a terminal, a bar; its length is known with the first bytes."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
