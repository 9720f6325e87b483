"""Turning a deposit away: its bytes in quarantine are wiped, and the ledger says why."""

from preservation.errors import Refused
from preservation.model.deposit import Deposit, DepositState
from preservation.steps.shelf import saying_disk
from preservation.steps.staged import is_built, wipe_unbuilt
from preservation.wiring import Archive


def reject(archive: Archive, deposit_id: str, because: str) -> Deposit:
    """Refuse a deposit that waits, under a code, and wipe what waits. Doing it again finishes what was cut short.

    Raises Refused if it is through already, or if its version is on the way to the sites.
    """
    account_ref = archive.catalogue.deposits.get(deposit_id).account_ref
    with archive.holding(account_ref, alone=True), saying_disk("wiping quarantine and staging"):
        deposit = archive.catalogue.deposits.get(deposit_id)
        if deposit.state in {DepositState.accessioned, DepositState.withdrawn}:
            raise Refused(
                "deposit-closed",
                f"deposit {deposit_id} was {deposit.state}",
                remedy="nothing of it waits; what is held is erased only when the creator withdraws",
            )
        if is_built(archive, deposit):
            raise Refused(
                "deposit-under-way",
                f"version {deposit.version} of deposit {deposit_id} is built and on its way to the sites",
                remedy=f"finish it: keepsake accession {deposit_id}; what is held is erased only when the creator withdraws",
            )
        wipe_unbuilt(archive, deposit_id)
        archive.catalogue.deposits.refuse(deposit_id, because, archive.now())
        archive.quarantine.wipe(deposit_id)
    return archive.catalogue.deposits.get(deposit_id)
