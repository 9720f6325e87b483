"""The steps of a withdrawal: the creator's decision is recorded, then everything goes, site by site, and a tombstone stays."""

import shutil

from preservation.errors import Refused
from preservation.killpoints import KillPoint, reach
from preservation.model.base import Word
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Role, State
from preservation.model.deposit import DepositState
from preservation.model.withdrawal import Tombstone
from preservation.stages.withdrawal.erase import erase_at
from preservation.steps.accession import secret_name
from preservation.steps.consenting import change_state, require_record
from preservation.wiring import Archive


class WithdrawalPlan(Word):
    """Everything that a withdrawal will erase: packages, and the sites that hold any of each."""

    record_id: str
    packages: tuple[str, ...]
    sites: dict[str, tuple[str, ...]]
    waiting_deposits: tuple[str, ...]
    objects: int
    bytes: int


def plan_withdrawal(archive: Archive, record_id: str) -> WithdrawalPlan:
    """What would go. Touches nothing."""
    require_record(archive, record_id)
    holdings = archive.catalogue.holdings
    packages = [p.package_id for p in holdings.packages(record_id) if p.state != "erased"]
    files = [file for package_id in packages for file in holdings.files(package_id)]
    waiting = [d.deposit_id for d in archive.catalogue.deposits.list(record_id) if d.state is DepositState.received]
    return WithdrawalPlan(
        record_id=record_id,
        packages=tuple(packages),
        sites={package_id: tuple(_sites_of(archive, package_id)) for package_id in packages},
        waiting_deposits=tuple(waiting),
        objects=len(files),
        bytes=sum(file.fixity.size for file in files),
    )


def record_withdrawal(archive: Archive, record_id: str, role: Role) -> ConsentRecord:
    """From the moment this returns, every act under the record is refused. Only the creator's side may do it."""
    record = change_state(archive, record_id, State.withdrawn, role)
    reach(KillPoint.WITHDRAWAL_RECORDED)
    return record


def begin_erasure(archive: Archive, record_id: str) -> WithdrawalPlan:
    """Rows for every package and site; quarantine, staging and the packages' secrets go at once. Acts only on a recorded withdrawal."""
    record = require_record(archive, record_id)
    if record.state is not State.withdrawn:
        raise Refused(
            "not-withdrawn",
            f"consent record {record_id} is {record.state}, not withdrawn",
            remedy="nothing is erased without the creator's withdrawal: keepsake withdraw",
        )
    plan = plan_withdrawal(archive, record_id)
    for package_id in plan.packages:
        archive.catalogue.erasing.open_erasures(package_id, list(plan.sites[package_id]), archive.now())
    reach(KillPoint.ERASURES_EXPECTED)
    for deposit in archive.catalogue.deposits.list(record_id):
        archive.quarantine.wipe(deposit.deposit_id)
        if deposit.state is DepositState.received:
            archive.catalogue.deposits.refuse(deposit.deposit_id, "withdrawn", archive.now())
    for package_id in plan.packages:
        _shred(archive, package_id)
    return plan


def erase(archive: Archive, package_id: str, site: str) -> int:
    """Erase one package at one site and read back that it is gone; how many objects went. Done already: a no-op."""
    done = {erasure.site for erasure in archive.catalogue.erasing.erasures(package_id) if erasure.state == "done"}
    if site in done:
        return 0
    if site not in archive.sites:
        raise Refused(
            "site-not-configured",
            f"package {package_id} lies at site {site}, which is no longer configured",
            remedy="put the site back into sites.toml until its erasure is done",
        )
    with archive.holding(package_id, alone=True):
        return erase_at(package_id, archive.sites[site], archive.catalogue.erasing, archive.now)


def close_withdrawal(archive: Archive, record_id: str) -> list[Tombstone]:
    """A tombstone for every package that is gone everywhere; the identity goes when the last one is. Open sites stay owed."""
    stones = []
    accounts = [p.account_ref for p in archive.catalogue.holdings.packages(record_id)]
    for package in archive.catalogue.holdings.packages(record_id):
        owed = [e for e in archive.catalogue.erasing.erasures(package.package_id) if e.state != "done"]
        if not owed and package.state != "held":
            stones.append(archive.catalogue.erasing.close_package(package.package_id, "withdrawn by the creator", archive.now()))
            reach(KillPoint.TOMBSTONE_WRITTEN)
    if len(stones) == len(accounts):
        archive.identity.forget([*accounts, *_accounts_of(archive, record_id)], record_id)
    return stones


def _accounts_of(archive: Archive, record_id: str) -> list[str]:
    return [account.account_ref for account in require_record(archive, record_id).accounts]


def _sites_of(archive: Archive, package_id: str) -> list[str]:
    """Every site that was ever to hold any of it, whether or not it is configured still, and every site there is."""
    versions = archive.catalogue.holdings.versions(package_id)
    planned = {site for v in versions for site in archive.catalogue.holdings.sites_of(package_id, v.number)}
    return sorted(planned | set(archive.sites))


def _shred(archive: Archive, package_id: str) -> None:
    package = archive.catalogue.holdings.package(package_id)
    with archive.holding(package.account_ref, alone=True):  # a packaging under way ends first: the gate refuses its next item
        shutil.rmtree(archive.staging(package_id), ignore_errors=True)
        archive.keys.shred(secret_name(package.account_ref))
        archive.catalogue.erasing.record_shredded(package_id, archive.now())  # once, though a run died between the two
    reach(KillPoint.SECRETS_SHREDDED)
