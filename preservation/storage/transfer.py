"""Moving bytes between here and the sites, and believing nothing but what is read back."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from preservation.killpoints import KillPoint, reach
from preservation.model.fixity import Finding, Fixity
from preservation.storage.fixity_check import check_fixity
from preservation.storage.sources import ChunkStream, proved
from preservation.storage.store import CHUNK, Opener, Putter, Reader, Replacer


def put_and_read_back(
    putter: Putter, reader: Reader, site: str, package_id: str, key: str, source: Opener, fixity: Fixity, at: datetime
) -> Finding:
    """Put once, then read the whole object back; what was read decides. Raises what `put_once` raises."""
    putter.put_once(key, source, fixity)
    reach(KillPoint.FILE_PUT)
    finding = check_fixity(reader, site, package_id, key, fixity, at)
    reach(KillPoint.FILE_READ_BACK)
    return finding


def copy_proved(source: Reader, source_key: str, replacer: Replacer, key: str, fixity: Fixity) -> None:
    """Overwrite a damaged object with the bytes another site holds. Whoever calls this reads the result back.

    The source is digested again while it streams, whatever was found of it before: if it is not `fixity` to the last byte,
    ShelfConflict("source-not-intact") is raised and nothing is kept at the target. Raises what `read` and `replace` raise.
    """
    replacer.replace(key, object_at(source, source_key, fixity), fixity)


def object_at(reader: Reader, key: str, fixity: Fixity) -> Opener:
    """An object of a site as the source of a put, proved on the way."""

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        with reader.read(key) as chunks:
            yield io.BufferedReader(ChunkStream(proved(chunks, fixity, code="source-not-intact")), CHUNK)

    return opened


def file_at(path: Path) -> Opener:
    """A file of this machine as the source of a put."""
    return lambda: path.open("rb")
