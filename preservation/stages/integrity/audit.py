"""Looking at one site: every object of every package is read and digested, and everything else there is named as foreign.

An audit holds a site's reader and the catalogue's pen for findings. It cannot write to a site.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from preservation.catalogue.holdings import Holdings, Package
from preservation.catalogue.looking import Looking
from preservation.errors import Refused, StoreUnavailable
from preservation.formats.digests import fixity_of_bytes
from preservation.model.clearance import Act, Gatekeeper
from preservation.model.fixity import Depth, Finding, Outcome
from preservation.stages.integrity.expectation import Expected, expected_at
from preservation.storage.fixity_check import check_fixity
from preservation.storage.site import Site

Progress = Callable[[int], None]  # bytes of the object that was looked at


@dataclass(frozen=True, slots=True)
class SiteAudit:
    """What an audit found at one site: how many of each outcome, and every finding that is not `intact`."""

    site: str
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether everything was looked at and is as it should be."""
        return set(self.counts) <= {Outcome.intact.value}


@dataclass
class _Tally:
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, counts: dict[str, int], found: Iterable[Finding]) -> None:
        for outcome, count in counts.items():
            self.counts[outcome] = self.counts.get(outcome, 0) + count
        self.findings.extend(finding for finding in found if finding.outcome is not Outcome.intact)


def audit_site(
    run_id: str,
    site: Site,
    root_files: Mapping[str, bytes],
    holdings: Holdings,
    looking: Looking,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
    progress: Progress = lambda _bytes: None,
) -> SiteAudit:
    """Look at everything a site holds. `root_files` are the storage root's own files, by key.

    Raises StoreUnavailable if the site does not answer at all. One that stops answering, or consent that no longer allows
    looking, leaves objects `not_looked_at`.
    """
    require_answer(site)
    tally = _Tally()
    known = set(root_files)
    for package in holdings.packages():
        looks, keys = look_at_package(package, site, holdings, gatekeeper, now, progress)
        known |= keys
        tally.add(looking.record_looks(run_id, site.name, package.package_id, looks, now()), looks)
        remember(looks, site.name, holdings)
    odd = [*(look_at_root(site, root_files, now()) if in_use(site.name, holdings) else ()), *_foreign(site, known, now())]
    tally.add(looking.record_looks(run_id, site.name, "site", odd, now()), odd)
    return SiteAudit(site.name, dict(sorted(tally.counts.items())), tuple(tally.findings))


def require_answer(site: Site) -> None:
    """Ask for the first key of a site; raises StoreUnavailable at once, instead of object by object."""
    next(iter(site.reader.list("")), None)


def in_use(site: str, holdings: Holdings) -> bool:
    """Whether anything that is held ought to lie at this site."""
    return any(holdings.placed(package.package_id, site) for package in holdings.packages() if package.state == "held")


def look_at_root(site: Site, root_files: Mapping[str, bytes], at: datetime) -> list[Finding]:
    """The storage root's own files: declarations, and plain words for a stranger."""
    return [check_fixity(site.reader, site.name, "", key, fixity_of_bytes(data), at) for key, data in root_files.items()]


def look_at_package(
    package: Package,
    site: Site,
    holdings: Holdings,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
    progress: Progress = lambda _bytes: None,
) -> tuple[list[Finding], set[str]]:
    """Read every object of one package at one site: the findings, and the keys that may lie there."""
    if package.state != "held":
        return [], set()
    expectation = expected_at(package.package_id, site.name, holdings)
    keys = {expected.key for expected in expectation.objects} | expectation.tolerated
    try:
        gatekeeper.clear(Act.verify_fixity, package.package_id).require(Act.verify_fixity, package.package_id, now())
    except Refused as refusal:
        return [not_looked_at(expected, site.name, now(), refusal.code) for expected in expectation.objects], keys
    looks: list[Finding] = []
    for expected in expectation.objects:
        if looks and looks[-1].outcome is Outcome.not_looked_at:  # the site stopped answering: the rest would wait in vain
            looks.append(not_looked_at(expected, site.name, now(), looks[-1].note))
            continue
        looks.append(check_fixity(site.reader, site.name, expected.package_id, expected.key, expected.fixity, now()))
        progress(expected.fixity.size)
    return looks, keys


def remember(looks: list[Finding], site: str, holdings: Holdings) -> None:
    """Move `last_read_at` where bytes were read and are right; mark what is damaged. Could-not-look changes nothing."""
    for look in looks:
        expected = expected_path(look)
        if expected is None:
            continue
        if look.outcome is Outcome.intact and look.depth is Depth.read:
            holdings.record_read_back(look.package_id, expected, site, look.at)
        elif look.outcome in {Outcome.mismatched, Outcome.missing, Outcome.unreadable}:
            holdings.record_damaged(look.package_id, expected, site)


def expected_path(look: Finding) -> str | None:
    """The path below the package's root; None for the root's own files."""
    path = look.key.split(f"{look.package_id}/", 1)[-1]
    return path if path.startswith("v") else None


def _foreign(site: Site, known: set[str], at: datetime) -> Iterator[Finding]:
    """What the site lists and the catalogue does not expect: stray writes, or erasures that leaked."""
    try:
        for stored in site.reader.list(""):
            if stored.key not in known:
                yield _odd(site.name, stored.key, Outcome.foreign, at, "not in the catalogue")
        for leftover in site.reader.leftovers(""):
            yield _odd(site.name, leftover.key, Outcome.foreign, at, leftover.kind)
    except StoreUnavailable as failure:
        yield _odd(site.name, "", Outcome.not_looked_at, at, failure.code)


def _odd(site: str, key: str, outcome: Outcome, at: datetime, note: str) -> Finding:
    return Finding(site=site, package_id="", key=key, outcome=outcome, depth=Depth.listed, at=at, note=note)


def not_looked_at(expected: Expected, site: str, at: datetime, code: str) -> Finding:
    """The finding for an object nobody could look at, with a code that says why."""
    return Finding(
        site=site,
        package_id=expected.package_id,
        key=expected.key,
        outcome=Outcome.not_looked_at,
        depth=Depth.listed,
        at=at,
        note=code,
    )
