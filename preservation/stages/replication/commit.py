"""Phase two: the commit, and each site's root inventory after it.

A version exists from the moment the ledger says so, which is when enough sites hold every file, read back. The root
inventory of each complete site is then moved forward, compare-and-swap: a `vN` without a root that names it is uncommitted.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from preservation.catalogue.holdings import Holdings
from preservation.errors import Refused, ShelfConflict
from preservation.formats import ocfl
from preservation.formats.digests import fixity_of_bytes
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act, Gatekeeper
from preservation.model.package import VersionState
from preservation.storage.site import Site
from preservation.storage.store import ObjectMissing, Reader


def commit_version(
    package_id: str,
    number: int,
    required_sites: int,
    late: Mapping[str, str],
    holdings: Holdings,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
) -> list[str]:
    """Ask the gate once more and commit; the sites that hold the version. Raises Refused while there are too few.

    `late`: why a site has no copy yet, by name; for the message.
    """
    gatekeeper.clear(Act.replicate, package_id).require(Act.replicate, package_id, now())
    if not holdings.commit_version(package_id, number, required_sites, now()):
        complete = holdings.complete_sites(package_id, number)
        why = ", ".join(f"{site}: {code}" for site, code in sorted(late.items())) or "none failed in this run"
        raise Refused(
            "too-few-copies",
            f"version {number} of package {package_id} is read back at {len(complete)} sites, the policy asks for {required_sites} ({why})",
            remedy="bring the other sites back and run the accession again: what is already copied is not copied again",
        )
    reach(KillPoint.VERSION_COMMITTED)
    return holdings.complete_sites(package_id, number)


def advance_root(package_id: str, site: Site, holdings: Holdings, now: Callable[[], datetime]) -> int | None:
    """Move one site's root inventory to the newest committed version that the site holds with all versions before it.

    Returns that version's number, or None if the site holds none yet.
    """
    target = _advanceable(package_id, site.name, holdings)
    if target is None:
        return None
    if holdings.advanced_to(package_id).get(site.name, 0) < target:
        root = ocfl.package_root(package_id)
        inventory = _read(site.reader, f"{root}/v{target}/inventory.json")
        _require_inventory(package_id, target, inventory, holdings)
        known = {version.inventory_sha512 for version in holdings.versions(package_id)}
        _swap_root(site, root, inventory, known)
        holdings.record_advanced(package_id, site.name, target, now())
    reach(KillPoint.SITE_ADVANCED)
    return target


def _swap_root(site: Site, root: str, inventory: bytes, known: set[str | None]) -> None:
    """The declaration, the inventory, its sidecar, in this order; each may have been written already by a run that died."""
    for key, data in ocfl.object_root_files().items():
        if _read_if_there(site.reader, f"{root}/{key}") != data:
            site.advancer.advance(f"{root}/{key}", data, expected=None)
    standing = _read_if_there(site.reader, f"{root}/inventory.json")
    _require_known(standing, known, f"{site.name}: {root}")
    site.advancer.advance(f"{root}/inventory.json", inventory, expected=standing)
    reach(KillPoint.INVENTORY_ADVANCED)
    sidecar = ocfl.sidecar(inventory)
    standing_sidecar = _read_if_there(site.reader, f"{root}/inventory.json.sha512")
    if standing_sidecar != sidecar:
        site.advancer.advance(f"{root}/inventory.json.sha512", sidecar, expected=standing_sidecar)
    if _read(site.reader, f"{root}/inventory.json") != inventory:
        raise ShelfConflict(
            "root-not-advanced",
            f"{site.name}: {root}/inventory.json does not read back as written",
            remedy="have the site's storage checked, then run the accession again",
        )


def _require_inventory(package_id: str, number: int, inventory: bytes, holdings: Holdings) -> None:
    """What becomes the root was read back when it was copied; it is proved once more, now that everything will hang on it."""
    recorded = next(v.inventory_sha512 for v in holdings.versions(package_id) if v.number == number)
    if fixity_of_bytes(inventory).sha512 != recorded:
        raise ShelfConflict(
            "inventory-damaged",
            f"v{number}/inventory.json of package {package_id} does not read back as packaged",
            remedy="look and mend with: keepsake audit, keepsake repair; then run the accession again",
        )


def _require_known(standing: bytes | None, known: set[str | None], where: str) -> None:
    if standing is not None and fixity_of_bytes(standing).sha512 not in known:
        raise ShelfConflict(
            "root-unknown",
            f"{where}/inventory.json is none of this package's inventories",
            remedy="run an audit of this site and repair it, then run the accession again",
        )


def _advanceable(package_id: str, site: str, holdings: Holdings) -> int | None:
    target = None
    for version in holdings.versions(package_id):
        if version.state is not VersionState.committed or site not in holdings.complete_sites(package_id, version.number):
            break
        target = version.number
    return target


def _read(reader: Reader, key: str) -> bytes:
    with reader.read(key) as chunks:
        return b"".join(chunks)


def _read_if_there(reader: Reader, key: str) -> bytes | None:
    try:
        return _read(reader, key)
    except ObjectMissing:
        return None
