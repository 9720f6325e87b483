"""Every place where a procedure may die, by name, so that tests can kill it there and prove that doing it again is safe.

A stage calls `reach(KillPoint.X)` between two effects that must not be torn apart. In production this does nothing. When
the environment variable KEEPSAKE_KILL_AT names the point, the process kills itself with SIGKILL: no `finally`, no `atexit`,
no flush. `tests/promises` runs the whole list.
"""

import os
import signal
from enum import StrEnum

VARIABLE = "KEEPSAKE_KILL_AT"


class KillPoint(StrEnum):
    """Named after what has just been done."""

    RECEIVED_BYTES = "received-bytes"  # bytes lie in quarantine, no deposit row yet
    DEPOSIT_RECORDED = "deposit-recorded"
    NOTE_KEPT = "note-kept"  # what a scan or an examination found so far lies in quarantine
    MEDIUM_EXAMINED = "medium-examined"  # found, not yet noted
    VERSION_PLANNED = "version-planned"  # number and ids fixed in the catalogue, nothing staged
    ITEM_WRITTEN = "item-written"  # into a unit that has no name yet
    UNIT_STAGED = "unit-staged"  # after each unit file
    VERSION_STAGED = "version-staged"  # the tree is whole on disk, not yet recorded
    FILES_EXPECTED = "files-expected"  # rows for every file x site exist, no put yet
    FILE_PUT = "file-put"  # bytes at a site, not yet read back
    FILE_READ_BACK = "file-read-back"
    SITE_COMPLETE = "site-complete"
    VERSION_COMMITTED = "version-committed"  # in the ledger; no root inventory advanced
    INVENTORY_ADVANCED = "inventory-advanced"  # inventory.json of one site, its sidecar not yet
    SITE_ADVANCED = "site-advanced"
    QUARANTINE_WIPED = "quarantine-wiped"
    STAGING_WIPED = "staging-wiped"
    COPY_REPLACED = "copy-replaced"  # repair wrote, not yet read back
    WITHDRAWAL_RECORDED = "withdrawal-recorded"  # every act is refused from here on, nothing erased
    ERASURES_EXPECTED = "erasures-expected"  # rows for every site exist
    OBJECT_ERASED = "object-erased"
    SITE_ERASED = "site-erased"
    SECRETS_SHREDDED = "secrets-shredded"
    TOMBSTONE_WRITTEN = "tombstone-written"


def reach(point: KillPoint) -> None:
    """Die here if a test asked for it. `name` kills at the first pass, `name:3` at the third."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, nth = wanted.partition(":")
    if name != point.value:
        return
    _passes[point] = _passes.get(point, 0) + 1
    if _passes[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)


_passes: dict[KillPoint, int] = {}
