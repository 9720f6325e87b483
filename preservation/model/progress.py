"""How far a long step is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # bytes done, bytes in all


class Adding:
    """Adds up bytes, and tells `progress` each time."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def __call__(self, count: int) -> None:
        """So many bytes more."""
        self._done += count
        self._progress(self._done, self._total)
