"""How a command meets the archive: settings, a flow run with or without Prefect, and refusals shown as sentences."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from preservation.errors import ArchiveError, Refused
from preservation.settings import load_settings
from preservation.wiring import Archive, open_archive

if TYPE_CHECKING:
    from prefect import Flow

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
FINDINGS = 1


def archive() -> Archive:
    """The archive that the environment describes."""
    return open_archive(load_settings())


def run_flow(flow: "Flow[..., Any]", request: BaseModel, *, quiet: bool, with_prefect: bool = False) -> Any:
    """Run a procedure: through Prefect if a server is known (`keepsake up`, or PREFECT_API_URL), else in this process alone."""
    with _bars(quiet):
        if with_prefect or os.environ.get("PREFECT_API_URL"):
            return _result(flow(request, return_state=True))
        return flow.fn(request)


def _result(state: Any) -> Any:
    """What a flow run came to. A run that ended as Failed still has its summary; one that was refused has its refusal."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


@contextmanager
def refusals(as_json: bool = False) -> Iterator[None]:
    """Show a refusal as what it is: a sentence, and what to do about it. Exit 1."""
    try:
        yield
    except ArchiveError as refusal:
        _show_refusal(refusal, as_json)
        raise typer.Exit(FINDINGS) from None


def _show_refusal(refusal: ArchiveError, as_json: bool) -> None:
    if as_json:
        fields = {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy, "for_creator": refusal.for_creator}
        out.print_json(json.dumps({"error": fields}))
        return
    err.print(f"[bold red]{_kind(refusal)}[/]  {escape(refusal.message)}  [dim]\\[{refusal.code}][/]", soft_wrap=True)
    err.print(f"[bold]What to do[/]  {escape(refusal.remedy)}", soft_wrap=True)


def _kind(refusal: ArchiveError) -> str:
    return "Refused" if isinstance(refusal, Refused) else "Not done"


def show_json(value: Any) -> None:
    """Print a value for programs."""
    out.print_json(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def leave(well: bool) -> None:
    """End with 1 if something was found."""
    if not well:
        raise typer.Exit(FINDINGS)


def wrong_use(sentence: str) -> NoReturn:
    """End with 2."""
    raise typer.BadParameter(sentence)


@contextmanager
def _bars(quiet: bool) -> Iterator[None]:
    """On a terminal: something that moves from the start, then a bar per site while bytes are copied and read."""
    from flows.reports import listen

    columns = (TextColumn("{task.description:<18}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bars:
        stop = listen(_listener(bars, bars.add_task("preparing", total=None)))
        try:
            yield
        finally:
            stop()


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """On a terminal: a bar of bytes read, of how many, with the time left; it moves as soon as the total is known."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    if quiet or not err.is_terminal:
        yield None
        return
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _listener(bars: Progress, preparing: TaskID) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def heard(what: str, done: int, total: int) -> None:
        bars.update(preparing, visible=False)
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    return heard
