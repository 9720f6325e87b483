"""Prepare a site's root: the declaration and the plain words that let a stranger read what lies below."""

import hashlib
import io
from collections.abc import Mapping

from preservation.model.fixity import Fixity
from preservation.storage.site import Site


def prepare_root(site: Site, files: Mapping[str, bytes]) -> int:
    """Put what is not there; how many files were put. `files` come from the packaging stage, by key."""
    return sum(site.putter.put_once(key, lambda data=data: io.BytesIO(data), _fixity(data)) for key, data in files.items())  # type: ignore[misc]


def _fixity(data: bytes) -> Fixity:
    return Fixity(size=len(data), sha256=hashlib.sha256(data).hexdigest(), sha512=hashlib.sha512(data).hexdigest())
