"""What every store of a site promises, one protocol per capability, so that each can have its own credential.

Looking, putting, advancing, replacing and erasing are separate powers: an audit is handed a `Reader` and cannot write; a
copy is handed a `Putter` and cannot overwrite; only repair holds a `Replacer`, only withdrawal an `Eraser`.

Promises, held by tests/conformance/object_store.py on every implementation:

* keys are the paths below a site's root, `/`-separated, of the characters `[A-Za-z0-9._=/-]`, listed in byte order;
* `put_once` with equal bytes is a no-op, with other bytes `ShelfConflict("different-bytes")` and nothing is written;
  a put that is cut off leaves no object under that key;
* a missing object is `ObjectMissing`, an object that cannot be read is `ObjectUnreadable`, and a site that does not answer is
  `StoreUnavailable`: never one for another. Only the last is worth retrying;
* nothing here believes a checksum that an uploader wrote: what was read is what counts.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from preservation.errors import ArchiveError
from preservation.model.base import Word
from preservation.model.fixity import Fixity

CHUNK = 1024 * 1024


class ObjectMissing(ArchiveError):
    """The site answers, and has no such object."""


class ObjectUnreadable(ArchiveError):
    """The site has the object and cannot give its bytes."""


class StoredObject(Word):
    """One object as a site lists it."""

    key: str
    size: int


class Leftover(Word):
    """Something of a key that a plain listing does not show: an older version, a delete marker, an unfinished upload."""

    key: str
    kind: str  # "version" | "delete-marker" | "upload"
    reference: str  # the site's own handle for it


Chunks = Iterator[bytes]
Opener = Callable[[], AbstractContextManager[BinaryIO]]  # opens the bytes to be put; may be called again for a retry


class Reader(Protocol):
    """The power to look."""

    def stat(self, key: str) -> StoredObject:
        """Size of an object; raises ObjectMissing, StoreUnavailable."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> AbstractContextManager[Chunks]:
        """Stream an object's bytes in chunks of at most CHUNK; raises ObjectMissing, ObjectUnreadable, StoreUnavailable.

        A stream that ends early raises ObjectUnreadable while it is consumed; it never just stops.
        """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`, in byte order of the keys, streamed."""

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """Older versions, delete markers and unfinished uploads below `prefix`; none where a site has no such thing."""


class Putter(Protocol):
    """The power to add what was not there."""

    def put_once(self, key: str, source: Opener, fixity: Fixity) -> bool:
        """Put the bytes under `key` unless they are there already; True if they were written now, False if equal bytes were there.

        The bytes are digested on the way; a source that does not match `fixity` raises ShelfConflict("staged-bytes-changed").
        """


class Advancer(Protocol):
    """The power to move a package's root inventory, and nothing else, forward."""

    def advance(self, key: str, data: bytes, *, expected: bytes | None) -> bool:
        """Compare and swap a small object: write `data` if the object now holds `expected` (None: is absent).

        Already `data`: False, nothing written. Anything else there: ShelfConflict("inventory-moved").
        Keys other than `…/inventory.json`, `…/inventory.json.sha512` and `…/0=ocfl_object_1.1` are refused.
        """


class Replacer(Protocol):
    """The power to overwrite a damaged object. Given to repair alone."""

    def replace(self, key: str, source: Opener, fixity: Fixity) -> None:
        """Put the bytes under `key` whatever is there now."""


class Eraser(Protocol):
    """The power to erase. Given to withdrawal alone."""

    def erase(self, key: str) -> int:
        """Remove the object, all its versions, delete markers and unfinished uploads; how many things were removed.

        Erasing what is not there is no error and returns 0.
        """


class Store(Reader, Putter, Advancer, Replacer, Eraser, Protocol):
    """All powers of one site in one object. Only `wiring` sees it whole; it hands out one power at a time."""
