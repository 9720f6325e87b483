"""What only a directory can promise, and what only a directory can suffer."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from preservation.errors import ShelfConflict, StoreUnavailable
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.local import LocalStore
from preservation.storage.store import ObjectMissing, ObjectUnreadable
from tests.conformance.object_store import KEY, SMALL, content, keys, opener, put

# Run in a process of its own: argument 1 is the site, argument 2 what befalls the put.
SCRIPT = """
import io, os, resource, signal, sys
from pathlib import Path
from preservation.errors import ArchiveError
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.local import LocalStore

DATA = b"x" * 5_000_000

class Deadly(io.BytesIO):
    def read(self, amount=-1):
        if self.tell() > 2_000_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(amount)

source = Deadly if sys.argv[2] == "killed" else io.BytesIO
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))
try:
    LocalStore(Path(sys.argv[1])).put_once("a/b", lambda: source(DATA), fixity_of_bytes(DATA))
except ArchiveError as error:
    print(type(error).__name__, error.code, bool(error.remedy))
"""


def run(site: Path, what: str) -> "subprocess.CompletedProcess[str]":
    """Put five megabytes in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(site), what], capture_output=True, text=True, timeout=60, check=False
    )


def files_below(site: Path) -> list[str]:
    """Every file of a site but the lock."""
    return sorted(str(path.relative_to(site)) for path in site.rglob("*") if path.is_file() and path.name != "lock")


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit of the kernel on the file's size stands for the full disk; both end in a failing write."""
    done = run(tmp_path, "full")
    assert done.stdout.split() == ["StoreUnavailable", "disk-full", "True"], done.stderr
    assert files_below(tmp_path) == []


def test_a_put_killed_midway_leaves_no_object_and_the_next_put_clears_up(tmp_path: Path) -> None:
    """SIGKILL: no handler runs. What was written is listed as an unfinished upload, and goes when the key is put again."""
    assert run(tmp_path, "killed").returncode == -signal.SIGKILL
    store = LocalStore(tmp_path)
    assert keys(store) == []
    with pytest.raises(ObjectMissing):
        store.stat("a/b")
    assert [(left.key, left.kind) for left in store.leftovers("a/")] == [("a/b", "upload")]
    assert list(store.leftovers("b")) == []
    assert put(store, "a/b", SMALL) is True
    assert files_below(tmp_path) == ["a/b"]


def test_erasing_a_key_removes_its_unfinished_uploads(tmp_path: Path) -> None:
    run(tmp_path, "killed")
    store = LocalStore(tmp_path)
    assert store.erase("a/b") == 1
    assert not list(store.leftovers(""))
    assert files_below(tmp_path) == []


def test_a_running_upload_is_not_taken_for_an_abandoned_one(tmp_path: Path) -> None:
    """A second put of the same key, while the first still runs, must not pull the file from under it."""
    store = LocalStore(tmp_path)

    class Nested:
        """While this source is read, another put of the same key runs from beginning to end."""

        def __init__(self) -> None:
            self.outcome: bool | None = None
            self.rest = [SMALL, b""]

        def read(self, _amount: int = -1) -> bytes:
            if self.outcome is None:
                self.outcome = put(store, KEY, SMALL)
            return self.rest.pop(0)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    nested = Nested()
    assert store.put_once(KEY, lambda: nested, fixity_of_bytes(SMALL)) is False  # type: ignore[arg-type, return-value]
    assert nested.outcome is True
    assert files_below(tmp_path) == [KEY]


def test_a_site_whose_directory_is_gone_is_unavailable_never_empty(tmp_path: Path) -> None:
    """An unmounted disk must not look like a site where everything is missing, nor be filled again."""
    store = LocalStore(tmp_path / "unmounted")
    for call in (lambda: store.stat(KEY), lambda: keys(store), lambda: put(store, KEY, SMALL), lambda: store.erase(KEY)):
        with pytest.raises(StoreUnavailable) as refused:
            call()
        assert refused.value.code == "directory-absent"
    assert not (tmp_path / "unmounted").exists()


def test_a_symbolic_link_to_a_file_is_not_followed(tmp_path: Path) -> None:
    outside, site = tmp_path / "outside", tmp_path / "site"
    outside.write_bytes(SMALL)
    site.mkdir()
    (site / "linked").symlink_to(outside)
    store = LocalStore(site)
    for call in (lambda: store.stat("linked"), lambda: content(store, "linked")):
        with pytest.raises(ObjectUnreadable):
            call()
    with pytest.raises(ShelfConflict):
        put(store, "linked", SMALL)
    assert keys(store) == ["linked"], "an audit should see it"
    store.replace("linked", opener(b"new"), fixity_of_bytes(b"new"))
    assert content(store, "linked") == b"new"
    assert outside.read_bytes() == SMALL


def test_a_symbolic_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    outside, site = tmp_path / "outside", tmp_path / "site"
    outside.mkdir()
    (outside / "file").write_bytes(SMALL)
    site.mkdir()
    (site / "linked").symlink_to(outside)
    store = LocalStore(site)
    with pytest.raises(ObjectUnreadable):
        content(store, "linked/file")
    with pytest.raises(ShelfConflict):
        put(store, "linked/other", SMALL)
    with pytest.raises(ShelfConflict):
        store.erase("linked/file")
    assert keys(store, "linked/") == []
    assert files_below(outside) == ["file"]


def test_erasing_removes_folders_that_become_empty(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put(store, "a/b/c/one", SMALL)
    put(store, "a/two", SMALL)
    store.erase("a/b/c/one")
    assert sorted(os.listdir(tmp_path / "a")) == ["two"]
    store.erase("a/two")
    assert not (tmp_path / "a").exists()
    assert tmp_path.exists()


def test_a_file_that_shrinks_while_it_is_read_is_unreadable(tmp_path: Path) -> None:
    """Cut behind our back: the stream says so instead of just stopping."""
    store = LocalStore(tmp_path)
    put(store, KEY, b"x" * 3_000_000)
    with pytest.raises(ObjectUnreadable) as refused, store.read(KEY) as chunks:
        next(chunks)
        os.truncate(tmp_path / KEY, 2_000_000)
        list(chunks)
    assert refused.value.code == "incomplete"


def test_a_file_with_a_foreign_name_is_listed_and_cannot_be_mistaken_for_a_key(tmp_path: Path) -> None:
    (tmp_path / "two words").write_bytes(SMALL)
    (tmp_path / os.fsdecode(b"\xff")).write_bytes(SMALL)
    assert keys(LocalStore(tmp_path)) == ["%FF", "two%20words"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_is_the_operators_to_mend(tmp_path: Path) -> None:
    from preservation.errors import SettingsWrong

    tmp_path.chmod(0o500)
    with pytest.raises(SettingsWrong):
        put(LocalStore(tmp_path), KEY, SMALL)
