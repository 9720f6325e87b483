"""A deposit: what was handed in, and when. The SIP of OAIS."""

from enum import StrEnum

from pydantic import AwareDatetime

from preservation.model.base import Word
from preservation.model.identifiers import AccountRef, DepositId, PackageId, RecordId


class DepositState(StrEnum):
    """Where a deposit is on its way into the holdings."""

    received = "received"  # bytes wait in quarantine
    accessioned = "accessioned"  # its version is committed; quarantine is wiped
    refused = "refused"  # quarantine is wiped
    withdrawn = "withdrawn"


class Deposit(Word):
    """One hand-in. `received_at` is recorded once and is the only date of ours inside a package."""

    deposit_id: DepositId
    record_id: RecordId
    account_ref: AccountRef
    received_at: AwareDatetime
    state: DepositState
    package_id: PackageId | None = None
    version: int | None = None
    bytes_received: int = 0
    files_received: int = 0
