"""Preservation events, named after PREMIS event types where there is one (id.loc.gov/vocabulary/preservation/eventType)."""

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from preservation.model.base import Word


class Event(StrEnum):
    """What the ledger records."""

    consent_recorded = "consent recorded"
    deposit_received = "deposit received"
    deposit_refused = "deposit refused"
    package_opened = "package opened"
    version_planned = "version planned"
    replica_completed = "replica completed"  # every file of a version read back at one site
    version_committed = "version committed"
    root_advanced = "root advanced"
    quarantine_wiped = "quarantine wiped"
    fixity_check = "fixity check"
    replication = "replication"  # a repaired copy
    withdrawal = "withdrawal"
    deletion = "deletion"
    secrets_shredded = "secrets shredded"
    archive_restored = "archive restored"  # from a backup, and the withdrawals since then confirmed
    deaccession = "deaccession"  # everything gone; the tombstone stands


class LedgerEntry(Word):
    """One event as recorded."""

    seq: int
    at: AwareDatetime
    event: Event
    subject: str
    detail: dict[str, Any]
    digest: str


class LedgerProblem(Word):
    """One place where the ledger's chain does not hold."""

    seq: int
    rule: str
    message: str
