"""What a strict checker reports: values, never exceptions, so that one look names everything that is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One broken rule. `place` is a byte offset or a path below the folder checked, `rule` a stable code."""

    place: str
    rule: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}{': ' if self.detail else ''}{self.detail}"
