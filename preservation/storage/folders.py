"""What a directory site needs of the file system: folders opened without following links, a lock, and errno in our words."""

import errno
import fcntl
import os
import stat as modes
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from preservation.storage.keys import SCRATCH
from preservation.storage.refusals import full, in_the_way, missing, not_reachable, refused_by_site, unreadable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_OTHER_KIND = {errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


@contextmanager
def opened_folder(path: Path, site: str) -> Iterator[int]:
    """The site's root, open. The operator may have named it through a link; below it no link is followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise not_reachable(site, "its directory is not there; is its disk mounted?", code="directory-absent") from None
    except OSError as error:
        raise refused_by_site(
            site,
            f"its directory cannot be opened ({_named(error)})",
            "look at the path and its permissions",
            code="directory-unusable",
        ) from error
    try:
        yield handle
    finally:
        os.close(handle)


def folder_below(root: int, segments: Sequence[str], *, make: bool = False, sync: bool = False) -> int:
    """Open the folder below `root`, made on the way if `make`. Raises OSError: ENOENT if it is not there, ELOOP for a link.

    `sync` makes every name on the way durable, those that another process made a moment ago included.
    """
    handle = os.dup(root)
    for segment in segments:
        try:
            below = _open_or_make(handle, segment) if make else _open(handle, segment)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def remove_empty_folders(root: int, key: str) -> None:
    """Remove the folders above a key as far as they are empty."""
    segments = key.split("/")[:-1]
    while segments:
        try:
            above = folder_below(root, segments[:-1])
            try:
                os.rmdir(segments[-1], dir_fd=above)
                os.fsync(above)
            finally:
                os.close(above)
        except FileNotFoundError:
            pass
        except OSError:
            return  # not empty
        segments.pop()


def listed_keys(root: int, prefix: str, *, skip: str = "") -> Iterator[tuple[str, int]]:
    """Every file below `root` whose key begins with `prefix`, with its size, in byte order of the keys."""
    yield from _below(root, "", prefix, skip)


@contextmanager
def locked(root: int) -> Iterator[None]:
    """Hold the site's lock: one at a time advances, replaces or erases. Puts need none, a link is atomic."""
    folder = folder_below(root, [SCRATCH], make=True)
    try:
        lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def translated_reading(site: str, key: str) -> Iterator[None]:
    """Say in our words what the file system said while reading."""
    try:
        yield
    except FileNotFoundError:
        raise missing(site, key) from None
    except OSError as error:
        raise unreadable(site, key, f"the file system says {_named(error)}") from error


@contextmanager
def translated_listing(site: str) -> Iterator[None]:
    """Say in our words what the file system said while listing: a listing that cannot be finished is no listing."""
    try:
        yield
    except OSError as error:
        raise not_reachable(site, f"its directory cannot be listed ({_named(error)})", code="disk-failing") from error


@contextmanager
def translated_writing(site: str, key: str) -> Iterator[None]:
    """Say in our words what the file system said while writing."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise full(site) from error
        if error.errno in _NOT_ALLOWED:
            remedy = "let the archive's user write there, on a file system that has hard links"
            raise refused_by_site(
                site, f"its directory cannot be written to ({_named(error)})", remedy, code="not-writable"
            ) from error
        if error.errno in _OTHER_KIND:
            raise in_the_way(site, key) from error
        raise not_reachable(site, f"the file system says {_named(error)}", code="disk-failing") from error


def _named(error: OSError) -> str:
    """`ENOSPC` rather than the message, which would hold a path."""
    return errno.errorcode.get(error.errno or 0, "an unknown error")


def _open(above: int, name: str) -> int:
    """Linux says ENOTDIR for a link as for a file. A file where a folder should be means: no such object; a link does not."""
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except NotADirectoryError:
        is_link = modes.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
        raise OSError(errno.ELOOP if is_link else errno.ENOENT, "not a folder") from None


def _open_or_make(above: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):  # another put made it
        os.mkdir(name, 0o755, dir_fd=above)
    return os.open(name, _FOLDER, dir_fd=above)


def _below(folder: int, path: str, prefix: str, skip: str) -> Iterator[tuple[str, int]]:
    """A folder sorts as `name/`, because that is how its keys begin: `a-b` comes before `a/b`."""
    with os.scandir(folder) as entries:
        found = sorted(
            (_spelled(entry.name) + "/" * entry.is_dir(follow_symlinks=False), entry.name)
            for entry in entries
            if entry.name != skip
        )
    for shown, name in found:
        key = path + shown
        if not shown.endswith("/"):
            if key.startswith(prefix):
                yield from _sized(folder, name, key)
        elif key.startswith(prefix) or prefix.startswith(key):
            yield from _in_folder(folder, name, key, prefix)


def _in_folder(above: int, name: str, path: str, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        folder = os.open(name, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        return  # erased meanwhile
    try:
        yield from _below(folder, path, prefix, skip="")
    finally:
        os.close(folder)


def _sized(folder: int, name: str, key: str) -> Iterator[tuple[str, int]]:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    yield key, 0 if modes.S_ISLNK(found.st_mode) else found.st_size


def _spelled(name: str) -> str:
    """A name outside the alphabet of keys percent-encoded: it cannot be taken for a key, and cannot break a report."""
    return urllib.parse.quote_from_bytes(os.fsencode(name), safe="._=-")
