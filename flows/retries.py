"""What is tried again, how often and when: one table. Only a store that does not answer is worth another try."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from preservation.errors import StoreUnavailable

DELAYS = [10, 60]  # seconds; the store wrapper has tried for some seconds before each of these


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed step may go well when simply done again."""
    return isinstance(state.result(raise_on_failure=False), StoreUnavailable)


TRANSIENT: dict[str, Any] = {
    "retries": len(DELAYS),
    "retry_delay_seconds": DELAYS,
    "retry_condition_fn": is_transient,
    "persist_result": False,
}
