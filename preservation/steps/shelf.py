"""Reading from the shelf: a file of a package from whichever site gives the right bytes."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from preservation.errors import ArchiveError, StoreUnavailable
from preservation.formats.ocfl import package_root
from preservation.model.fixity import Fixity
from preservation.model.package import StoredFile
from preservation.storage.site import Site


def fetch(sites: Iterable[Site], package_id: str, file: StoredFile, target: IO[bytes]) -> str:
    """Write a file's bytes to `target` (seekable) from the first site that has them intact; that site's name.

    Every byte is digested on the way. Raises StoreUnavailable if no site gives the right bytes now.
    """
    key = f"{package_root(package_id)}/{file.path}"
    tried = []
    for site in sites:
        try:
            target.seek(0)
            target.truncate()
            if _stream(site, key, file.fixity, target):
                target.seek(0)
                return site.name
            tried.append(f"{site.name}: other bytes")
        except ArchiveError as failure:
            tried.append(f"{site.name}: {failure.code}")
    raise StoreUnavailable(
        "no-intact-copy",
        f"no site gives {key} intact now ({'; '.join(tried)})",
        remedy="bring a site back, or look and mend with: keepsake audit, keepsake repair",
    )


def _stream(site: Site, key: str, fixity: Fixity, target: IO[bytes]) -> bool:
    digest, size = hashlib.sha512(), 0
    with site.reader.read(key) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return (size, digest.hexdigest()) == (fixity.size, fixity.sha512)


@contextmanager
def saying_disk(what: str) -> Iterator[None]:
    """Turn a refusal of this machine's disk into one that says what to do. Nothing half-written counts as done."""
    try:
        yield
    except ArchiveError:
        raise
    except OSError as failure:
        raise StoreUnavailable(
            "disk",
            f"this machine's disk refused while {what}: {failure.strerror or type(failure).__name__}",
            remedy="make room on the disk that holds the data directory, then run the same command again; it goes on where it stopped",
        ) from None
