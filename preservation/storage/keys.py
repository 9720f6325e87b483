"""What a key may be. Checked before every call, so that no key from an inventory we did not write can leave a site's root."""

import re

from preservation.errors import Refused

SCRATCH = ".keepsake-tmp"  # where a directory site keeps unfinished uploads; no key begins with it at any site
LONGEST_KEY = 1024  # bytes; the limit of S3
LONGEST_SEGMENT = 255  # bytes; the limit of common file systems

_ALLOWED = re.compile(r"[A-Za-z0-9._=/-]*")
_ADVANCEABLE = {"inventory.json", "inventory.json.sha512", "0=ocfl_object_1.1"}
_VERSION_FOLDER = re.compile(r"v0*[1-9][0-9]*")
_FOR_CREATOR = "One of our storage sites was asked for something it may not do, so it did nothing. A person will look at it."


def check_key(key: str) -> str:
    """The key itself; raises Refused("key-not-allowed") if it could mean another place than a path below the site's root."""
    segments = key.split("/")
    sound = (
        _ALLOWED.fullmatch(key)
        and len(key) <= LONGEST_KEY
        and segments[0] != SCRATCH
        and all(segment not in {"", ".", ".."} and len(segment) <= LONGEST_SEGMENT for segment in segments)
    )
    if not sound:
        raise _not_allowed(key)
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself: a beginning of a key, which may be empty or end in the middle of a segment."""
    if not _ALLOWED.fullmatch(prefix) or prefix.startswith("/") or ".." in prefix.split("/") or "//" in prefix:
        raise _not_allowed(prefix)
    return prefix


def check_advanceable(key: str) -> str:
    """The key itself; raises Refused("not-a-root-inventory") unless it is a package's inventory, its sidecar or declaration.

    `v1/inventory.json` is a version's own copy, which is put once and never moves.
    """
    check_key(key)
    *folders, name = key.split("/")
    if name in _ADVANCEABLE and folders and not _VERSION_FOLDER.fullmatch(folders[-1]):
        return key
    raise Refused(
        "not-a-root-inventory",
        "asked to advance a key that is no package's root inventory, sidecar or declaration",
        remedy="put other files once; only a package's root inventory moves forward",
        for_creator=_FOR_CREATOR,
    )


def _not_allowed(key: str) -> Refused:
    return Refused(
        "key-not-allowed",
        f"a key of {len(key)} characters leaves the alphabet [A-Za-z0-9._=/-], is too long or is no path below the site's root",
        remedy="look where the key came from: an inventory with such a path was not written by this archive",
        for_creator=_FOR_CREATOR,
    )
