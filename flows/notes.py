"""Small notes that a run leaves in the data directory for whoever asks how the service is. The truth is in the ledger.

`notes.json`: what → {"at": ISO moment, …counts and codes}. Imports nothing of Prefect.
"""

import fcntl
import json
from datetime import datetime
from pathlib import Path
from typing import Any

NAME = "notes.json"


def leave_notes(home: Path, notes: dict[str, dict[str, Any]], at: datetime) -> None:
    """Write or replace notes, all at once. `home` is the data directory; ids, counts, codes only. Raises OSError."""
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "notes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read_notes(home) | {what: {"at": at.isoformat(), **told} for what, told in notes.items()}
        fresh = folder / f"{NAME}.new"
        fresh.write_text(json.dumps(found, indent=1, sort_keys=True))
        fresh.replace(folder / NAME)


def read_notes(home: Path) -> dict[str, dict[str, Any]]:
    """All notes; none if there are none or they cannot be read."""
    try:
        found = json.loads((home / "prefect" / NAME).read_text())
    except (OSError, ValueError):
        return {}
    return {what: note for what, note in found.items() if _is_note(note)} if isinstance(found, dict) else {}


def _is_note(note: Any) -> bool:
    try:
        return datetime.fromisoformat(note["at"]).tzinfo is not None
    except (TypeError, KeyError, ValueError):
        return False
