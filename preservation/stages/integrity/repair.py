"""Mending: a damaged copy is replaced by one proved intact in the same run, and read back. What cannot be mended is said.

Foreign objects are left alone: erasing is another program with another credential.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from preservation.catalogue.holdings import Holdings, Package
from preservation.catalogue.looking import Looking
from preservation.errors import ArchiveError
from preservation.formats.digests import fixity_of_bytes
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act, Gatekeeper
from preservation.model.fixity import MENDABLE, Finding, Outcome
from preservation.stages.integrity.audit import expected_path, look_at_package, look_at_root, not_looked_at, remember
from preservation.stages.integrity.expectation import Expected, expected_at
from preservation.storage.fixity_check import check_fixity
from preservation.storage.site import Site
from preservation.storage.transfer import copy_proved


@dataclass(frozen=True, slots=True)
class Mending:
    """One damaged copy and the place to mend it from; no source if no intact copy was found in this run."""

    damaged: Finding
    source_site: str | None
    source_key: str | None


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a run mended of one package, and what it could not."""

    package_id: str
    looked_at: int
    not_looked_at: int
    mended: tuple[Mending, ...]
    beyond_repair: tuple[Finding, ...]


def plan_repair(looks: Sequence[Finding], fixities: Mapping[tuple[str, str], str]) -> list[Mending]:
    """Pair every damaged copy with an intact copy of the same bytes. Pure: touches nothing.

    `fixities`: (site, key) to the SHA-512 the bytes there must have.
    """
    intact = {fixities[look.site, look.key]: look for look in looks if look.outcome is Outcome.intact}
    plan = []
    for look in looks:
        if look.outcome in MENDABLE:
            source = intact.get(fixities[look.site, look.key])
            plan.append(Mending(look, source.site if source else None, source.key if source else None))
    return plan


def repair_package(
    run_id: str,
    package: Package,
    sites: Mapping[str, Site],
    holdings: Holdings,
    looking: Looking,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
) -> RepairReport:
    """Read every copy of a package anywhere, and mend what is damaged from what was just proved intact."""
    looks: list[Finding] = []
    expected: dict[tuple[str, str], Expected] = {}
    for site in sites.values():
        found = _look(package, site, holdings, gatekeeper, now)
        looking.record_looks(run_id, site.name, package.package_id, found, now())
        remember(found, site.name, holdings)  # a run that died after mending left a copy that is well and marked as damaged
        looks.extend(found)
        objects = expected_at(package.package_id, site.name, holdings).objects
        expected.update({(site.name, each.key): each for each in objects})
    plan = plan_repair(looks, {place: each.fixity.sha512 for place, each in expected.items()})
    mended, beyond = [], []
    for mending in plan:
        wanted = expected[mending.damaged.site, mending.damaged.key]
        hindrance = _carry_out(mending, wanted, sites, gatekeeper, now)
        if hindrance is None:
            _record(run_id, mending, holdings, looking, now())
            mended.append(mending)
        else:
            beyond.append(mending.damaged.model_copy(update={"note": hindrance}))
    unseen = sum(look.outcome is Outcome.not_looked_at for look in looks)
    return RepairReport(package.package_id, len(looks) - unseen, unseen, tuple(mended), tuple(beyond))


def _look(package: Package, site: Site, holdings: Holdings, gatekeeper: Gatekeeper, now: Callable[[], datetime]) -> list[Finding]:
    """What is found at one site; a site that cannot be used leaves everything there `not_looked_at`, and the others go on."""
    try:
        return look_at_package(package, site, holdings, gatekeeper, now)[0]
    except ArchiveError as refusal:
        objects = expected_at(package.package_id, site.name, holdings).objects
        return [not_looked_at(expected, site.name, now(), refusal.code) for expected in objects]


def mend_root(site: Site, root_files: Mapping[str, bytes], now: Callable[[], datetime]) -> list[Finding]:
    """Write again those of a storage root's own files that are damaged or missing; what was found of them."""
    damaged = [look for look in look_at_root(site, root_files, now()) if look.outcome in MENDABLE]
    for look in damaged:
        data = root_files[look.key]
        site.replacer.replace(look.key, partial(io.BytesIO, data), fixity_of_bytes(data))
    return damaged


def _carry_out(
    mending: Mending, wanted: Expected, sites: Mapping[str, Site], gatekeeper: Gatekeeper, now: Callable[[], datetime]
) -> str | None:
    """Mend one copy. None if it now reads back intact, else a code that says what hindered."""
    if mending.source_site is None or mending.source_key is None:
        return "no-intact-copy"
    subject = wanted.unit_id or wanted.package_id
    target = sites[mending.damaged.site]
    try:
        gatekeeper.clear(Act.repair, subject).require(Act.repair, subject, now())
        copy_proved(sites[mending.source_site].reader, mending.source_key, target.replacer, wanted.key, wanted.fixity)
    except ArchiveError as refusal:
        return refusal.code
    reach(KillPoint.COPY_REPLACED)
    again = check_fixity(target.reader, target.name, wanted.package_id, wanted.key, wanted.fixity, now())
    return None if again.outcome is Outcome.intact else "read-back-differs"


def _record(run_id: str, mending: Mending, holdings: Holdings, looking: Looking, at: datetime) -> None:
    looking.record_mended(run_id, mending.damaged, mending.source_site or "", at)
    path = expected_path(mending.damaged)
    if path is not None:
        holdings.record_read_back(mending.damaged.package_id, path, mending.damaged.site, at)
