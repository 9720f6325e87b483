"""What every flow needs at hand: the wired archive of this process, and steps that are Prefect tasks when a flow run is under way.

A flow called through Prefect runs its steps as tasks. The same flow's plain function (`accession.fn`) runs the same steps as
plain calls, which is how `keepsake` works without a server (docs/decisions/0003-plain-flows.md).
"""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, wraps
from typing import Any, Generic, ParamSpec, TypeVar, cast

from prefect import task
from prefect.context import FlowRunContext
from prefect.states import Failed

from flows.attendance import attended
from flows.retries import TRANSIENT
from preservation.errors import ArchiveError
from preservation.settings import Settings, load_settings
from preservation.wiring import Archive, open_archive

P = ParamSpec("P")
R = TypeVar("R")


class Unexpected(ArchiveError):
    """A fault in the program. Says where, never with which values: an unforeseen error may quote anything."""


def archive() -> Archive:
    """The archive that this process's settings describe, opened once."""
    return _opened(load_settings())


@cache
def _opened(settings: Settings) -> Archive:
    return open_archive(settings)


def under_prefect() -> bool:
    """Whether a flow run is under way in this context."""
    return FlowRunContext.get() is not None


def ended(summary: R, problem: str) -> R:
    """How a flow ends: with its summary; and as Failed, for whoever looks at the list of runs, if there is a problem to tell."""
    return cast(R, Failed(message=problem, data=summary)) if problem and under_prefect() else summary


class Step(Generic[P, R]):
    """One step of a procedure: called, it is done; started, it is done while the procedure goes on."""

    def __init__(self, work: Callable[P, R], options: dict[str, Any]) -> None:
        self._work = work
        self._task = task(**options)(work)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it now."""
        return self._task(*args, **kwargs) if under_prefect() else self._work(*args, **kwargs)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Callable[[], R | ArchiveError]:
        """Begin it; the returned function waits and gives the result, or the refusal as a value."""
        submit: Any = self._task.submit if under_prefect() else partial(_threads().submit, self._work)
        waiting = submit(*args, **kwargs)
        return lambda: _outcome(waiting)


def step(**options: Any) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step; `options` are Prefect's task options. Only what is transient is tried again."""

    def made(work: Callable[P, R]) -> Step[P, R]:
        return Step(discreet(work), {**TRANSIENT, **options})

    return made


def discreet(work: Callable[P, R]) -> Callable[P, R]:
    """Let refusals pass; turn anything unforeseen into its type and place, so that no content reaches a log or Prefect."""

    @wraps(work)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except ArchiveError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever was not foreseen may quote content
            where = traceback.extract_tb(fault.__traceback__)[-1]
            place = f"{where.filename.rsplit('/', 2)[-2]}/{where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
            unexpected = Unexpected(
                "internal-fault",
                f"{type(fault).__name__} at {place}",
                remedy="this is a fault in the program: report this line; the step may safely be run again",
            )
        raise unexpected

    return wrapped


def procedure(work: Callable[P, R]) -> Callable[P, R]:
    """What every flow's body is wrapped in: discreet, and attended, so that a run whose process died can be told from one at work."""
    quiet = discreet(work)

    @wraps(work)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            return quiet(*args, **kwargs)
        with attended(load_settings().home, str(context.flow_run.id)):
            return quiet(*args, **kwargs)

    return wrapped


def _outcome(waiting: Any) -> Any:
    try:
        return waiting.result()
    except ArchiveError as refusal:
        return refusal


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="step")
