"""What is held, in a form fit to be shown: opaque ids, states, counts."""

from collections.abc import Iterable

from pydantic import AwareDatetime

from preservation.model.base import Word
from preservation.model.package import VersionState
from preservation.steps.restoring import held
from preservation.wiring import Archive


class PackageOverview(Word):
    """One package at a glance."""

    package_id: str
    record_id: str
    state: str
    versions: int
    uncommitted: int
    items: int
    held: int  # items all of whose media are here
    bytes: int
    copies: dict[str, str]  # site: "vN", or how many files it still lacks
    all_read_since: str | None  # every copy of every file was read at this moment or later


class Overview(Word):
    """The whole archive at a glance."""

    consents: dict[str, int]  # state: records
    deposits: dict[str, int]  # state: deposits
    packages: tuple[PackageOverview, ...]
    open_erasures: tuple[str, ...]  # "package @ site"
    tombstones: int
    ledger_entries: int
    held_since: AwareDatetime | None  # restored then from a backup, and not confirmed: only audits and withdrawals are done


def overview(archive: Archive) -> Overview:
    """The archive as it stands now."""
    catalogue = archive.catalogue
    return Overview(
        consents=_tally(record.state for record in catalogue.deposits.consent_records()),
        deposits=_tally(deposit.state for deposit in catalogue.deposits.list()),
        packages=tuple(package_overview(archive, p.package_id) for p in catalogue.holdings.packages() if p.state != "erased"),
        open_erasures=tuple(f"{e.package_id} @ {e.site}" for e in catalogue.erasing.erasures() if e.state == "open"),
        tombstones=len(catalogue.erasing.tombstones()),
        ledger_entries=catalogue.ledger_newest()[0],
        held_since=restored.restored_at if (restored := held(archive.settings)) else None,
    )


def package_overview(archive: Archive, package_id: str) -> PackageOverview:
    """One package as it stands now."""
    holdings = archive.catalogue.holdings
    package, versions, items = holdings.package(package_id), holdings.versions(package_id), holdings.items_by_status(package_id)
    committed = [v for v in versions if v.state is VersionState.committed]
    read = list(holdings.oldest_read(package_id).values())
    return PackageOverview(
        package_id=package_id,
        record_id=package.record_id,
        state=package.state,
        versions=len(committed),
        uncommitted=len(versions) - len(committed),
        items=sum(items.values()),
        held=items.get("held", 0),
        bytes=holdings.weight(package_id)[1],
        copies=_copies(archive, package_id),
        all_read_since=min((at for at in read if at), default=None) if all(read) else None,
    )


def _copies(archive: Archive, package_id: str) -> dict[str, str]:
    holdings = archive.catalogue.holdings
    heads, states = holdings.advanced_to(package_id), {}
    for version in holdings.versions(package_id):
        for site in holdings.sites_of(package_id, version.number):
            lacking = holdings.count_missing(package_id, version.number, site)
            states[site] = f"{lacking} files to copy or mend" if lacking else f"v{heads.get(site, 0)}"
    return states


def _tally(states: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[str(state)] = counts.get(str(state), 0) + 1
    return dict(sorted(counts.items()))
