"""The steps of a withdrawal: the creator's decision is recorded, then everything goes, site by site, and a tombstone stays."""

from preservation.errors import Refused
from preservation.killpoints import KillPoint, reach
from preservation.model.base import Word
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Role, State
from preservation.model.deposit import DepositState
from preservation.model.withdrawal import Tombstone
from preservation.stages.withdrawal.erase import erase_at
from preservation.steps.accession import secret_name
from preservation.steps.consenting import change_state, require_record, wipe_waiting
from preservation.steps.receiving import sweep
from preservation.steps.shelf import saying_disk
from preservation.steps.staged import wipe_staging
from preservation.steps.withdrawals import note_withdrawals, require_noted
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


def record_withdrawal(archive: Archive, record_id: str, role: Role, reason: str | None = None) -> ConsentRecord:
    """From the moment this returns, every act under the record is refused. Only the creator's side may do it.

    It is also on the list that outlives a restored backup (`steps.withdrawals`).
    """
    record = change_state(archive, record_id, State.withdrawn, role, reason)
    with saying_disk("noting the withdrawal"):
        note_withdrawals(archive.settings, [record_id])
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
    _let_others_end(archive, record)
    plan = plan_withdrawal(archive, record_id)
    for package_id in plan.packages:
        archive.catalogue.erasing.open_erasures(package_id, list(plan.sites[package_id]), archive.now())
    reach(KillPoint.ERASURES_EXPECTED)
    with saying_disk("wiping quarantine"):
        wipe_waiting(archive, record_id, "withdrawn")
        sweep(archive)
    for package_id in plan.packages:
        _shred(archive, package_id)
    return plan


def _let_others_end(archive: Archive, record: ConsentRecord) -> None:
    """Wait for whatever works on these accounts; what begins from now on, the gate refuses. So the plan misses nothing."""
    for account in record.accounts:
        with archive.holding(account.account_ref, alone=True):
            pass


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
    with archive.holding(archive.catalogue.holdings.package(package_id).account_ref, alone=True):
        return erase_at(package_id, archive.sites[site], archive.catalogue.erasing, archive.now)


def close_withdrawal(archive: Archive, record_id: str) -> list[Tombstone]:
    """A tombstone for every package that is gone everywhere; the identity goes when the last one is. Open sites stay owed.

    Raises StoreUnavailable, after all of that, if the list of withdrawals kept elsewhere lacks this one.
    """
    packages = archive.catalogue.holdings.packages(record_id)
    stones = []
    for package in packages:
        owed = [e for e in archive.catalogue.erasing.erasures(package.package_id) if e.state != "done"]
        if not owed and package.state != "held":
            stones.append(archive.catalogue.erasing.close_package(package.package_id, "withdrawn by the creator", archive.now()))
            reach(KillPoint.TOMBSTONE_WRITTEN)
    if len(stones) == len(packages):
        archive.identity.forget(_accounts_of_nobody_else(archive, record_id), record_id)
    require_noted(archive.settings)
    return stones


def _accounts_of_nobody_else(archive: Archive, record_id: str) -> list[str]:
    """The record's accounts, less those that another consent still speaks of."""
    ended = {State.withdrawn, State.refused}
    others = [
        r.record_id for r in archive.catalogue.deposits.consent_records() if r.record_id != record_id and r.state not in ended
    ]
    kept = {account.account_ref for other in others for account in require_record(archive, other).accounts}
    return [account.account_ref for account in require_record(archive, record_id).accounts if account.account_ref not in kept]


def _sites_of(archive: Archive, package_id: str) -> list[str]:
    """Every site that was ever to hold any of it, whether or not it is configured still, and every site there is."""
    versions = archive.catalogue.holdings.versions(package_id)
    planned = {site for v in versions for site in archive.catalogue.holdings.sites_of(package_id, v.number)}
    return sorted(planned | set(archive.sites))


def _shred(archive: Archive, package_id: str) -> None:
    package = archive.catalogue.holdings.package(package_id)
    with (
        archive.holding(package.account_ref, alone=True),
        saying_disk("wiping staging"),
    ):  # a packaging under way ends first: the gate refuses its next item
        wipe_staging(archive.staging(package_id))
        archive.keys.shred(secret_name(package.account_ref))
        archive.catalogue.erasing.record_shredded(package_id, archive.now())  # once, though a run died between the two
    reach(KillPoint.SECRETS_SHREDDED)
