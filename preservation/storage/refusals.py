"""The refusals that every store says in the same words. Keys are opaque on the shelf, so a message may hold one."""

from preservation.errors import SettingsWrong, ShelfConflict, StoreUnavailable
from preservation.model.fixity import Fixity
from preservation.storage.sources import describe
from preservation.storage.store import ObjectMissing, ObjectUnreadable


def missing(site: str, key: str) -> ObjectMissing:
    """The site answers, and has no such object."""
    return ObjectMissing(
        "object-missing", f"site {site} has no object {key}", remedy="audit the package and repair it from another site"
    )


def different_bytes(site: str, key: str, fixity: Fixity) -> ShelfConflict:
    """The refusal to overwrite: the site has the key with other bytes."""
    return ShelfConflict(
        "different-bytes",
        f"site {site} already holds other bytes under {key} than {describe(fixity)}; nothing was written",
        remedy="audit the package at this site, find out who wrote there, and repair or withdraw by hand",
    )


def inventory_moved(site: str, key: str) -> ShelfConflict:
    """The refusal to advance from a state that is not the expected one."""
    return ShelfConflict(
        "inventory-moved",
        f"site {site} holds neither the expected nor the new bytes under {key}; nothing was written",
        remedy="rebuild the state of this package from the ledger and the sites before advancing it again",
    )


def cut_off(site: str, key: str, expected: int, found: int) -> ObjectUnreadable:
    """The bytes ended before the end of the object."""
    return ObjectUnreadable(
        "incomplete",
        f"site {site} gave {found} of {expected} bytes of {key}, then nothing more",
        remedy="read again; if it stays so, repair the object from another site",
    )


def unreadable(site: str, key: str, why: str, *, code: str = "unreadable") -> ObjectUnreadable:
    """The site has the object and cannot give its bytes."""
    return ObjectUnreadable(
        code, f"site {site} cannot give {key}: {why}", remedy="audit the package at this site and repair it from another"
    )


def in_the_way(site: str, key: str) -> ShelfConflict:
    """Something that is no folder lies where a key needs one, or the other way round."""
    return ShelfConflict(
        "key-in-the-way",
        f"site {site} holds a link, a file or a folder where {key} needs something else; nothing was written",
        remedy="look who wrote there; move it out of the site by hand",
    )


def full(site: str) -> StoreUnavailable:
    """No room."""
    return StoreUnavailable(
        "disk-full",
        f"site {site} has no room left, or its quota is used up",
        remedy="make room or raise the quota; then run again",
    )


def not_reachable(site: str, why: str, *, code: str = "site-unavailable") -> StoreUnavailable:
    """The site does not answer now."""
    return StoreUnavailable(
        code, f"site {site} does not answer as it should: {why}", remedy="nothing is lost; run again when the site answers"
    )


def refused_by_site(site: str, why: str, remedy: str, *, code: str) -> SettingsWrong:
    """The site answers, and the operator's settings are why it says no."""
    return SettingsWrong(code, f"site {site} refuses: {why}", remedy=remedy)
