"""The list of withdrawn consent records that is kept apart from the stores, so that restoring them from a backup undoes nothing.

One opaque id a line. It lies in the data directory (`withdrawn.txt`), and a second time wherever `withdrawals_file` says, which
should be another disk.
"""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from preservation.errors import Refused, StoreUnavailable
from preservation.model.identifiers import PATTERN
from preservation.settings import Settings

LIST = "withdrawn.txt"


def note_withdrawals(settings: Settings, record_ids: Iterable[str]) -> None:
    """Add what is new to both lists. The one kept elsewhere may be out of reach: `require_noted` says so, later."""
    wanted = list(record_ids)
    _add(settings.home / LIST, wanted)
    with suppress(OSError):
        _copy_out(settings)


def require_noted(settings: Settings) -> None:
    """Bring the list kept elsewhere up to date; raises StoreUnavailable if that cannot be done now."""
    try:
        _copy_out(settings)
    except OSError as failure:
        raise StoreUnavailable(
            "withdrawals-file",
            f"the list of withdrawals kept elsewhere cannot be written: {failure.strerror or type(failure).__name__}",
            remedy="bring its disk back or correct KEEPSAKE_WITHDRAWALS_FILE, then run it again; what was withdrawn is erased all the same",
        ) from None


def read_list(path: Path) -> tuple[str, ...]:
    """The ids on a list, in its order, each once; raises Refused if it is none. Empty lines are welcome."""
    try:
        lines = [line.strip() for line in path.read_text("ascii").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise _no_list("cannot be read as text") from None
    wrong = [number for number, line in enumerate(lines, start=1) if line and not re.fullmatch(PATTERN, line)]
    if wrong:
        raise _no_list(f"has something else than a consent record's id in line {wrong[0]}")
    return tuple(dict.fromkeys(line for line in lines if line))


def _no_list(why: str) -> Refused:
    return Refused(
        "withdrawals-list-wrong",
        f"the list of withdrawals {why}",
        remedy="one consent record id a line, nothing else; for none at all write: --withdrawn-since none",
    )


def _copy_out(settings: Settings) -> None:
    own = settings.home / LIST
    if settings.withdrawals_file is not None and own.exists():
        _add(settings.withdrawals_file, read_list(own))


def _add(path: Path, record_ids: Sequence[str]) -> None:
    """Append the ids that are not there, on the disk before this returns. A line that a power cut left half is ended first."""
    there = path.read_text("ascii", errors="replace") if path.exists() else ""
    known = set(there.split())
    new = [record_id for record_id in dict.fromkeys(record_ids) if record_id not in known]
    if not new:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as target:
        target.write("" if there.endswith("\n") or not there else "\n")
        target.writelines(f"{record_id}\n" for record_id in new)
        target.flush()
        os.fsync(target.fileno())
