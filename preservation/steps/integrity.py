"""The steps of looking and of mending. They share words and nothing else: an audit cannot mend."""

import secrets
from collections.abc import Callable
from contextlib import suppress

from preservation.errors import ArchiveError
from preservation.model.base import Word
from preservation.model.clearance import Act
from preservation.model.fixity import Finding
from preservation.model.identifiers import encode_id
from preservation.stages.integrity.audit import SiteAudit, audit_site, in_use
from preservation.stages.integrity.repair import RepairReport, mend_root, repair_package
from preservation.stages.packaging.description import storage_root_files
from preservation.stages.replication.commit import advance_root
from preservation.wiring import Archive


class AuditReport(Word):
    """What one site holds well and what not."""

    run_id: str
    site: str
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    well: bool


class MendReport(Word):
    """What a run mended of one package, by site and key, and what it could not."""

    run_id: str
    package_id: str
    looked_at: int
    not_looked_at: int
    mended: tuple[Finding, ...]
    sources: tuple[str, ...]
    beyond_repair: tuple[Finding, ...]


def new_run() -> str:
    """An id under which one audit's or repair's findings are kept together."""
    return encode_id(secrets.token_bytes(16))


def audit(archive: Archive, run_id: str, site: str, progress: Callable[[int], None] = lambda _bytes: None) -> AuditReport:
    """Read everything at one site. Writes findings; changes nothing at the site."""
    found: SiteAudit = audit_site(
        run_id,
        archive.sites[site],
        storage_root_files(archive.policy.packaging),
        archive.catalogue.holdings,
        archive.catalogue.looking,
        archive.gatekeeper,
        archive.now,
        progress,
    )
    return AuditReport(run_id=run_id, site=site, counts=found.counts, findings=found.findings, well=found.well)


def bytes_to_read(archive: Archive, site: str) -> int:
    """How many bytes an audit of a site will read, for the progress bar."""
    holdings = archive.catalogue.holdings
    held = [package.package_id for package in holdings.packages() if package.state == "held"]
    return sum(
        file.fixity.size
        for package_id in held
        for file in holdings.files(package_id)
        if file.path in holdings.placed(package_id, site)
    )


def repair(archive: Archive, run_id: str, package_id: str) -> MendReport:
    """Mend one package everywhere from copies proved intact in this run; root inventories that lag behind are moved on."""
    package = archive.catalogue.holdings.package(package_id)
    with archive.holding(package.account_ref):
        _advance(archive, package_id)
        done: RepairReport = repair_package(
            run_id,
            package,
            archive.sites,
            archive.catalogue.holdings,
            archive.catalogue.looking,
            archive.gatekeeper,
            archive.now,
        )
        _advance(archive, package_id)
    return MendReport(
        run_id=run_id,
        package_id=package_id,
        looked_at=done.looked_at,
        not_looked_at=done.not_looked_at,
        mended=tuple(each.damaged for each in done.mended),
        sources=tuple(each.source_site or "" for each in done.mended),
        beyond_repair=done.beyond_repair,
    )


def _advance(archive: Archive, package_id: str) -> None:
    """Where a site holds more than its root inventory says (a run died, or a copy was mended), move it on if that goes well."""
    for site in archive.sites.values():
        with suppress(ArchiveError):  # what hinders it shows as a finding in the look that follows
            archive.gatekeeper.clear(Act.repair, package_id).require(Act.repair, package_id, archive.now())
            advance_root(package_id, site, archive.catalogue.holdings, archive.now)


def repair_root(archive: Archive, site: str) -> list[Finding]:
    """Write again what is damaged of a site's own files, if the site is in use; what was found."""
    if not in_use(site, archive.catalogue.holdings):
        return []
    return mend_root(archive.sites[site], storage_root_files(archive.policy.packaging), archive.now)


def held_packages(archive: Archive) -> list[str]:
    """The packages that are held, oldest first."""
    return [package.package_id for package in archive.catalogue.holdings.packages() if package.state == "held"]
