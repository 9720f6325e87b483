"""Erasing one package at one site: every object, version, delete marker and unfinished upload, read back as absent.

Acts only on a withdrawal that stands in the catalogue. A site that is down stays owed; running again goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from preservation.catalogue.erasing import Erasing
from preservation.errors import Refused, ShelfConflict
from preservation.formats.ocfl import package_root
from preservation.killpoints import KillPoint, reach
from preservation.storage.site import Site


def erase_at(package_id: str, site: Site, erasing: Erasing, now: Callable[[], datetime]) -> int:
    """Erase a withdrawn package at one site; how many objects went, earlier runs included.

    Raises Refused without a withdrawal, StoreUnavailable while the site does not answer, ShelfConflict if something is still
    there afterwards.
    """
    _require_withdrawn(package_id, site.name, erasing)
    keys = sorted(set(_keys(package_id, site)))
    erasing.expect_deletions(package_id, site.name, keys)
    for key in keys:
        erasing.record_deleted(package_id, site.name, key, site.eraser.erase(key))
        reach(KillPoint.OBJECT_ERASED)
    _require_empty(package_id, site)
    objects = erasing.close_erasure(package_id, site.name, now())
    reach(KillPoint.SITE_ERASED)
    return objects


def _keys(package_id: str, site: Site) -> Iterator[str]:
    prefix = package_root(package_id) + "/"
    for stored in site.reader.list(prefix):
        yield stored.key
    for leftover in site.reader.leftovers(prefix):
        yield leftover.key


def _require_withdrawn(package_id: str, site: str, erasing: Erasing) -> None:
    if site not in {erasure.site for erasure in erasing.erasures(package_id)}:
        raise Refused(
            "no-withdrawal",
            f"no withdrawal of package {package_id} at site {site} is on record",
            remedy="record the creator's withdrawal first: keepsake withdraw",
        )


def _require_empty(package_id: str, site: Site) -> None:
    left = len(set(_keys(package_id, site)))
    if left:
        raise ShelfConflict(
            "not-erased",
            f"{left} objects of package {package_id} are still at site {site.name} after they were erased",
            remedy="look for an object lock or a missing right to delete versions there; the withdrawal stays open until it is empty",
        )
