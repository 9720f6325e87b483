"""Prepare a site's root: the declarations and the plain words that let a stranger read what lies below."""

import io
from collections.abc import Mapping

from preservation.formats.digests import fixity_of_bytes
from preservation.storage.site import Site
from preservation.storage.store import ObjectMissing


def prepare_root(site: Site, files: Mapping[str, bytes]) -> int:
    """Put what is not there; how many files were put. `files` come from the packaging stage, by key.

    What is there stays, even if a later release words it otherwise: it explains the packages as well as it did.
    """
    return sum(_put_if_absent(site, key, data) for key, data in files.items())


def _put_if_absent(site: Site, key: str, data: bytes) -> bool:
    try:
        site.reader.stat(key)
    except ObjectMissing:
        return site.putter.put_once(key, lambda: io.BytesIO(data), fixity_of_bytes(data))
    return False
