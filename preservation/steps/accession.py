"""The steps that bring a deposit into the holdings, in the order the accession flow takes them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from preservation.errors import Refused, SettingsWrong, ShelfConflict
from preservation.formats.digests import fixity_of_file
from preservation.killpoints import KillPoint, reach
from preservation.model.base import Word
from preservation.model.deposit import Deposit, DepositState
from preservation.model.identifiers import derive_id
from preservation.model.package import StoredFile, Version, VersionState
from preservation.model.policy import Sealing
from preservation.stages.packaging.assemble import assemble
from preservation.stages.packaging.description import storage_root_files
from preservation.stages.packaging.finished import beside
from preservation.stages.packaging.request import Progress as Packed
from preservation.stages.replication.commit import advance_root, commit_version
from preservation.stages.replication.copy import CopyReport, copy_version
from preservation.stages.replication.moving import Progress
from preservation.stages.replication.storage_root import prepare_root
from preservation.steps.reading import Reading, read_for_packaging
from preservation.steps.receiving import require_extraction, require_own_package
from preservation.steps.shelf import saying_disk
from preservation.steps.staged import suspected, wipe_staging
from preservation.wiring import Archive


class Accession(Word):
    """Where an accession stands: opaque ids and counts, fit for a report."""

    deposit_id: str
    package_id: str
    account_ref: str
    number: int
    files: int
    bytes: int
    items: int
    refused: dict[str, int] = {}  # items consent left out, by reason


@dataclass(frozen=True, slots=True)
class Closing:
    """How an accession ended."""

    complete_sites: tuple[str, ...]
    waiting_sites: tuple[str, ...]


def secret_name(account_ref: str) -> str:
    """Under which name the key store keeps a package's secret."""
    return f"package/{account_ref}"


def package_deposit(archive: Archive, deposit_id: str, progress: Packed = lambda _done, _all: None) -> Accession:
    """Ask the gate, read the deposit and build its version in staging; rows for every file and site are made. Once.

    `progress` hears of the bytes packaged and how many there are in all, once that is known: after reading.
    Raises Refused (consent, policy), DepositUnusable (then the deposit is refused and quarantine wiped), StoreUnavailable.
    """
    deposit = archive.catalogue.deposits.get(deposit_id)
    require_sites(archive)
    with archive.holding(deposit.account_ref, alone=True), saying_disk("packaging"):
        planned = _plan(archive, deposit)
        _drop_damaged(archive, planned)
        if planned.state is VersionState.planned:
            _build(archive, deposit, planned, progress)
        elif planned.state is VersionState.staged:
            _rebuild_if_lost(archive, deposit, planned, progress)
        beside(_folder(archive, planned)).unlink(missing_ok=True)  # only now: until here a killed run goes on from it
        archive.catalogue.holdings.expect_copies(planned.package_id, planned.number, sorted(archive.sites))
    return _standing(archive, deposit, planned)


def copy_to_site(archive: Archive, accession: Accession, site: str, progress: Progress = lambda _bytes: None) -> CopyReport:
    """Phase one at one site: put what it lacks, read everything back."""
    target = archive.sites[site]
    prepare_root(target, storage_root_files(archive.policy.packaging))
    with archive.holding(accession.account_ref), _suspecting(archive, accession):
        return copy_version(
            accession.package_id,
            accession.number,
            target,
            archive.staging(accession.package_id),
            [other for other in archive.sites.values() if other.name != site],
            archive.catalogue.holdings,
            archive.gatekeeper,
            archive.now,
            progress,
        )


@contextmanager
def _suspecting(archive: Archive, accession: Accession) -> Iterator[None]:
    """If a staged file turns out to be damaged, leave a mark, by which the next run looks at all of them. This one goes on: other
    sites may be reading them.
    """
    try:
        yield
    except ShelfConflict as refusal:
        if refusal.code == "staged-bytes-changed":
            suspected(archive.staging(accession.package_id) / f"v{accession.number}").touch()
        raise


def commit(archive: Archive, accession: Accession, late: Mapping[str, str]) -> list[str]:
    """The commit; the sites that hold all of the version. `late`: why a site has no copy yet."""
    return commit_version(
        accession.package_id,
        accession.number,
        archive.policy.copies.required_sites,
        late,
        archive.catalogue.holdings,
        archive.gatekeeper,
        archive.now,
    )


def advance(archive: Archive, accession: Accession, site: str) -> int | None:
    """Phase two at one site: its root inventory moves forward."""
    with archive.holding(accession.account_ref):
        return advance_root(accession.package_id, archive.sites[site], archive.catalogue.holdings, archive.now)


def close(archive: Archive, accession: Accession) -> Closing:
    """Wipe quarantine; wipe what is staged of every version that all its sites hold. A late site goes on from staging."""
    holdings = archive.catalogue.holdings
    with archive.holding(accession.account_ref, alone=True), saying_disk("closing the accession"):
        archive.quarantine.wipe(accession.deposit_id)
        archive.catalogue.deposits.record_quarantine_wiped(accession.deposit_id, archive.now())
        reach(KillPoint.QUARANTINE_WIPED)
        for version in holdings.versions(accession.package_id):
            if version.state is VersionState.committed and not _late_sites(archive, accession.package_id, version.number):
                wipe_staging(archive.staging(accession.package_id) / f"v{version.number}")
        reach(KillPoint.STAGING_WIPED)
        late = _late_sites(archive, accession.package_id, accession.number)
        return Closing(tuple(holdings.complete_sites(accession.package_id, accession.number)), tuple(late))


def _late_sites(archive: Archive, package_id: str, number: int) -> list[str]:
    """The sites in use that were to hold a version and do not hold all of it yet."""
    holdings = archive.catalogue.holdings
    complete = set(holdings.complete_sites(package_id, number))
    return [site for site in holdings.sites_of(package_id, number) if site in archive.sites and site not in complete]


def require_sites(archive: Archive) -> None:
    """Refuse what the policy does not allow: too few sites, or unsealed bytes leaving this machine."""
    policy = archive.policy
    if len(archive.sites) < policy.copies.required_sites:
        raise SettingsWrong(
            "too-few-sites",
            f"the policy asks for {policy.copies.required_sites} copies and {len(archive.sites)} sites are configured",
            remedy="add sites to sites.toml, or lower copies.required_sites in policy.toml",
        )
    remote = sorted(site.name for site in archive.sites.values() if not site.on_this_machine)
    if policy.packaging.sealing is Sealing.none and remote and not policy.copies.allow_remote_unsealed:
        raise Refused(
            "remote-unsealed",
            f"units are not sealed, and these sites are not on this machine: {', '.join(remote)}",
            remedy="use sites on this machine, or set copies.allow_remote_unsealed = true in policy.toml knowing what it means",
        )


def _plan(archive: Archive, deposit: Deposit) -> Version:
    """The version this deposit becomes. A deposit that is closed is not begun again."""
    if deposit.state in {DepositState.refused, DepositState.withdrawn}:
        raise Refused(
            "deposit-closed",
            f"deposit {deposit.deposit_id} was {deposit.state}",
            remedy="a new hand-in is a new deposit: keepsake receive",
        )
    if deposit.version is not None:
        return _planned(archive, deposit.package_id or "", deposit.version)
    holdings = archive.catalogue.holdings
    known = holdings.of_account(deposit.account_ref)
    require_own_package(known, deposit.record_id)
    require_extraction(archive, deposit)
    # only now: a secret that was shredded must not be drawn again for a deposit that is refused
    secret = archive.keys.get_or_make(secret_name(deposit.account_ref))
    package_id = derive_id(secret, "package", "")
    holdings.open_package(package_id, deposit.account_ref, deposit.record_id, archive.now())
    number = holdings.plan_version(package_id, deposit.deposit_id, archive.now())
    reach(KillPoint.VERSION_PLANNED)
    return _planned(archive, package_id, number)


def _planned(archive: Archive, package_id: str, number: int) -> Version:
    return next(version for version in archive.catalogue.holdings.versions(package_id) if version.number == number)


def _folder(archive: Archive, planned: Version) -> Path:
    return archive.staging(planned.package_id) / f"v{planned.number}"


def _build(archive: Archive, deposit: Deposit, planned: Version, progress: Packed) -> None:
    with _reading(archive, deposit, planned) as reading:
        staged = assemble(reading.request, archive.settings.home / "staging", progress)
        held = reading.held_items(_folder(archive, planned))
        archive.catalogue.holdings.record_staged(staged, held, sorted(archive.sites), reading.refused)
    reach(KillPoint.FILES_EXPECTED)


def _reading(archive: Archive, deposit: Deposit, planned: Version) -> AbstractContextManager[Reading]:
    return read_for_packaging(archive, deposit, planned, archive.keys.get(secret_name(deposit.account_ref)))


def _drop_damaged(archive: Archive, planned: Version) -> None:
    """Where a copy found a staged file to be damaged: remove every one that is. It is made again from quarantine, or, once the
    version is committed, comes from another site.
    """
    mark = suspected(_folder(archive, planned))
    if not mark.exists():
        return
    for file in archive.catalogue.holdings.files(planned.package_id, planned.number):
        path = archive.staging(planned.package_id) / file.path
        if path.is_file() and fixity_of_file(path) != file.fixity:
            path.unlink()
    mark.unlink()


def _rebuild_if_lost(archive: Archive, deposit: Deposit, planned: Version, progress: Packed) -> None:
    """Staged files that are gone or cut before the commit are made again from quarantine, and must be the very bytes on record."""
    recorded = archive.catalogue.holdings.files(planned.package_id, planned.number)
    if all(_lies_there(archive.staging(planned.package_id), file) for file in recorded):
        return
    with _reading(archive, deposit, planned) as reading:
        staged = assemble(reading.request, archive.settings.home / "staging", progress)
    if {file.path: file.fixity for file in staged.files} != {file.path: file.fixity for file in recorded}:
        raise ShelfConflict(
            "staging-differs",
            f"version {planned.number} of package {planned.package_id} was staged, lost, and does not come out the same again",
            remedy="consent, policy or program changed since it was begun: bring back what it was begun under, and run it again",
        )


def _lies_there(staging: Path, file: StoredFile) -> bool:
    path = staging / file.path
    return path.is_file() and path.stat().st_size == file.fixity.size


def _standing(archive: Archive, deposit: Deposit, planned: Version) -> Accession:
    holdings = archive.catalogue.holdings
    files, size = holdings.weight(planned.package_id, planned.number)
    return Accession(
        deposit_id=deposit.deposit_id,
        package_id=planned.package_id,
        account_ref=deposit.account_ref,
        number=planned.number,
        files=files,
        bytes=size,
        items=sum(holdings.items_by_status(planned.package_id).values()),
        refused=holdings.left_out(planned.package_id, planned.number),
    )
