"""The promises of `preservation.storage.store`, as one suite that every object store must pass.

A new store needs one class: inherit `ObjectStoreSuite` and give it a fixture `store` that yields an empty one.
"""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from preservation.errors import Refused, ShelfConflict
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.store import CHUNK, ObjectMissing, Opener, Store

KEY = "abc/def/v1/content/data/units/one.warc"
ROOT_INVENTORY = "abc/def/inventory.json"
SMALL = b"a small unit"
LARGE = bytes(range(256)) * (11 * 4096 + 3)  # 11 MiB and a little: three parts where the part is 5 MiB
FORBIDDEN_KEYS = [
    "",
    "/a",
    "a//b",
    "a/",
    "../a",
    "a/../b",
    "a/./b",
    "a b",
    "a\nb",
    "ä",
    "a\\b",
    "a~b",
    ".keepsake-tmp/a",
    "a" * 256,
    "a/" * 600 + "a",
]


def opener(data: bytes) -> Opener:
    """Bytes as the source of a put."""
    return lambda: io.BytesIO(data)


def put(store: Store, key: str, data: bytes) -> bool:
    """Put bytes that are what they should be."""
    return store.put_once(key, opener(data), fixity_of_bytes(data))


def content(store: Store, key: str, start: int = 0, length: int | None = None) -> bytes:
    """What an object holds."""
    with store.read(key, start, length) as chunks:
        return b"".join(chunks)


def keys(store: Store, prefix: str = "") -> list[str]:
    """What a store lists."""
    return [found.key for found in store.list(prefix)]


@contextmanager
def breaking(data: bytes) -> Iterator[BinaryIO]:
    """A source that fails on our side after its first bytes."""

    class Breaking(io.BytesIO):
        def read(self, amount: int | None = -1, /) -> bytes:
            if self.tell() >= len(data):
                raise ConnectionResetError
            return super().read(amount)

    yield Breaking(data)


class ObjectStoreSuite:
    """Inherit, and give a fixture `store`."""

    atomic_put_once = True  # whether one of several writers at the same moment wins; a site may have no such promise
    keys_to_list = 1003  # more than one page of S3 holds
    atomic_parts = True  # the same where the object came in parts

    @pytest.mark.parametrize("data", [b"", SMALL, b"x" * CHUNK, LARGE], ids=["empty", "small", "one-chunk", "parts"])
    def test_what_was_put_is_given_back(self, store: Store, data: bytes) -> None:
        """Every byte, and the size, whatever the size."""
        assert put(store, KEY, data) is True
        assert content(store, KEY) == data
        assert store.stat(KEY).size == len(data)
        assert store.stat(KEY).key == KEY
        assert not list(store.leftovers(""))

    def test_chunks_are_small(self, store: Store) -> None:
        """Memory stays flat: no chunk is larger than CHUNK and none is empty."""
        put(store, KEY, LARGE)
        with store.read(KEY) as chunks:
            sizes = [len(chunk) for chunk in chunks]
        assert max(sizes) <= CHUNK
        assert min(sizes) > 0

    @pytest.mark.parametrize(("start", "length"), [(0, 5), (2, None), (2, 5), (0, 0), (8, 400), (12, None), (400, 3), (0, 12)])
    def test_a_part_of_an_object_is_that_part(self, store: Store, start: int, length: int | None) -> None:
        """As a slice: beyond the end there is nothing."""
        put(store, KEY, SMALL)
        assert content(store, KEY, start, length) == SMALL[start:][:length]

    def test_a_part_of_an_empty_object_is_empty(self, store: Store) -> None:
        put(store, KEY, b"")
        assert content(store, KEY, 0, 10) == b""
        assert content(store, KEY, 3) == b""

    def test_reading_may_stop_early(self, store: Store) -> None:
        """Leaving a stream before its end is no error and breaks nothing."""
        put(store, KEY, LARGE)
        with store.read(KEY) as chunks:
            first = next(chunks)
        assert LARGE.startswith(first)
        assert content(store, KEY, 0, 3) == LARGE[:3]

    @pytest.mark.parametrize("call", ["stat", "read", "read-part", "read-nothing"])
    def test_a_missing_object_is_missing(self, store: Store, call: str) -> None:
        calls: dict[str, Callable[[], object]] = {
            "stat": lambda: store.stat(KEY),
            "read": lambda: content(store, KEY),
            "read-part": lambda: content(store, KEY, 2, 2),
            "read-nothing": lambda: content(store, KEY, 0, 0),
        }
        put(store, KEY + ".other", SMALL)
        with pytest.raises(ObjectMissing):
            calls[call]()

    def test_a_folder_and_a_path_below_an_object_are_no_objects(self, store: Store) -> None:
        put(store, "abc/def", SMALL)
        for key in ("abc", "abc/def/ghi"):
            with pytest.raises(ObjectMissing):
                store.stat(key)

    def test_putting_equal_bytes_again_is_no_deed(self, store: Store) -> None:
        put(store, KEY, SMALL)
        assert put(store, KEY, SMALL) is False
        assert content(store, KEY) == SMALL
        assert not list(store.leftovers(""))

    @pytest.mark.parametrize("first", [SMALL, LARGE], ids=["small", "parts"])
    @pytest.mark.parametrize("change", ["longer", "same-size"])
    def test_other_bytes_are_refused_and_nothing_is_written(self, store: Store, first: bytes, change: str) -> None:
        second = first + b"!" if change == "longer" else b"!" + first[1:]
        put(store, KEY, first)
        with pytest.raises(ShelfConflict) as refused:
            put(store, KEY, second)
        assert refused.value.code == "different-bytes"
        assert content(store, KEY) == first
        assert not list(store.leftovers(""))

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
    @pytest.mark.parametrize("change", ["longer", "shorter", "flipped"])
    def test_a_source_that_changed_is_refused_and_nothing_is_kept(self, store: Store, data: bytes, change: str) -> None:
        changed = {"longer": data + b"!", "shorter": data[:-1], "flipped": data[:-1] + bytes([data[-1] ^ 1])}[change]
        with pytest.raises(ShelfConflict) as refused:
            store.put_once(KEY, opener(changed), fixity_of_bytes(data))
        assert refused.value.code == "staged-bytes-changed"
        assert keys(store) == []
        assert not list(store.leftovers(""))

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
    def test_a_source_that_breaks_leaves_nothing(self, store: Store, data: bytes) -> None:
        """It says that our side failed, and neither an object nor an unfinished upload stays."""
        with pytest.raises(Exception, match="source-unreadable"):
            store.put_once(KEY, lambda: breaking(data), fixity_of_bytes(data + data))
        assert keys(store) == []
        assert not list(store.leftovers(""))

    def test_a_listing_is_in_byte_order_and_by_prefix(self, store: Store) -> None:
        """`a-b` comes before `a/b` and `a.b` before `a/b`: order is that of the whole keys, not of folders."""
        wanted = ["a-b", "a.b", "a/b.c/d", "a/b/c", "a0", "aB/c", "ab", "b/=c", "b/A", "b/_"]
        for key in reversed(wanted):
            put(store, key, key.encode())
        assert keys(store) == wanted
        assert keys(store, "a/") == ["a/b.c/d", "a/b/c"]
        assert keys(store, "a/b") == ["a/b.c/d", "a/b/c"]
        assert keys(store, "a/b/") == ["a/b/c"]
        assert keys(store, "b") == ["b/=c", "b/A", "b/_"]
        assert keys(store, "c") == []
        assert [found.size for found in store.list("a/")] == [7, 5]

    def test_a_long_listing_is_whole(self, store: Store) -> None:
        """However many pages it takes."""
        wanted = [f"many/{number:04}" for number in range(self.keys_to_list)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: put(store, key, b"."), wanted))
        assert keys(store, "many/") == wanted

    @pytest.mark.parametrize("key", FORBIDDEN_KEYS)
    def test_a_key_that_is_no_plain_path_is_refused(self, store: Store, key: str) -> None:
        """By every call, before anything is done."""
        data = fixity_of_bytes(SMALL)
        calls: list[Callable[[], object]] = [
            lambda: store.stat(key),
            lambda: content(store, key),
            lambda: put(store, key, SMALL),
            lambda: store.replace(key, opener(SMALL), data),
            lambda: store.erase(key),
            lambda: store.advance(f"{key}/inventory.json", SMALL, expected=None),
        ]
        for call in calls:
            with pytest.raises(Refused):
                call()
        assert keys(store) == []

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a b", "a//"])
    def test_a_prefix_that_is_no_beginning_of_a_key_is_refused(self, store: Store, prefix: str) -> None:
        with pytest.raises(Refused):
            keys(store, prefix)
        with pytest.raises(Refused):
            list(store.leftovers(prefix))

    @pytest.mark.parametrize("name", ["inventory.json", "inventory.json.sha512", "0=ocfl_object_1.1"])
    def test_a_root_inventory_moves_forward_only_from_what_is_expected(self, store: Store, name: str) -> None:
        key = f"abc/def/{name}"
        assert store.advance(key, b"one", expected=None) is True
        assert store.advance(key, b"one", expected=None) is False
        assert store.advance(key, b"two", expected=b"one") is True
        assert store.advance(key, b"two", expected=b"one") is False
        assert content(store, key) == b"two"

    @pytest.mark.parametrize("expected", [None, b"other"])
    def test_a_root_inventory_somebody_moved_is_left_alone(self, store: Store, expected: bytes | None) -> None:
        store.advance(ROOT_INVENTORY, b"one", expected=None)
        with pytest.raises(ShelfConflict) as refused:
            store.advance(ROOT_INVENTORY, b"two", expected=expected)
        assert refused.value.code == "inventory-moved"
        assert content(store, ROOT_INVENTORY) == b"one"

    def test_a_root_inventory_that_vanished_is_not_made_again(self, store: Store) -> None:
        with pytest.raises(ShelfConflict):
            store.advance(ROOT_INVENTORY, b"two", expected=b"one")
        assert keys(store) == []

    @pytest.mark.parametrize(
        "key", [KEY, "inventory.json", "abc/v1/inventory.json", "abc/v0012/inventory.json.sha512", "abc/inventory.jsonl"]
    )
    def test_nothing_but_a_root_inventory_is_advanced(self, store: Store, key: str) -> None:
        """A version's own inventory is put once, and moves no more than content does."""
        with pytest.raises(Refused):
            store.advance(key, b"one", expected=None)
        assert keys(store) == []

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
    def test_replacing_overwrites_with_the_proved_bytes(self, store: Store, data: bytes) -> None:
        put(store, KEY, b"damaged")
        store.replace(KEY, opener(data), fixity_of_bytes(data))
        assert content(store, KEY) == data

    def test_replacing_puts_back_what_is_gone(self, store: Store) -> None:
        store.replace(KEY, opener(SMALL), fixity_of_bytes(SMALL))
        assert content(store, KEY) == SMALL

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
    def test_replacing_from_a_source_that_changed_leaves_what_was_there(self, store: Store, data: bytes) -> None:
        put(store, KEY, b"damaged")
        with pytest.raises(ShelfConflict):
            store.replace(KEY, opener(b"!" + data[1:]), fixity_of_bytes(data))
        assert content(store, KEY) == b"damaged"
        assert not list(store.leftovers(""))

    def test_erasing_removes_exactly_one_key(self, store: Store) -> None:
        for key in (KEY, KEY + ".sha512", "abc/def/v1/other"):
            put(store, key, SMALL)
        assert store.erase(KEY) == 1
        assert keys(store) == [KEY + ".sha512", "abc/def/v1/other"]
        with pytest.raises(ObjectMissing):
            store.stat(KEY)

    def test_erasing_what_is_not_there_is_no_error(self, store: Store) -> None:
        assert store.erase(KEY) == 0
        put(store, KEY, SMALL)
        store.erase(KEY)
        assert store.erase(KEY) == 0
        assert store.erase("abc/def") == 0

    def test_what_was_erased_can_be_put_again(self, store: Store) -> None:
        put(store, KEY, SMALL)
        store.erase(KEY)
        assert put(store, KEY, LARGE) is True
        assert content(store, KEY) == LARGE

    @pytest.mark.parametrize("size", [100, 6 * 1024 * 1024], ids=["small", "parts"])
    def test_of_eight_writers_one_wins(self, store: Store, size: int) -> None:
        """Eight threads put different bytes under one key: one is told it wrote, all others that the key holds other bytes."""
        if not (self.atomic_put_once if size < CHUNK else self.atomic_parts):
            pytest.skip("this site does not keep If-None-Match atomic; reading back finds what was lost")
        start = threading.Barrier(8)

        def contend(number: int) -> str:
            start.wait()
            try:
                return "won" if put(store, KEY, bytes([number]) * size) else "same"
            except ShelfConflict as refused:
                return refused.code

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(contend, range(8)))
        assert sorted(outcomes) == ["different-bytes"] * 7 + ["won"]
        assert content(store, KEY) == bytes([outcomes.index("won")]) * size
        assert keys(store) == [KEY]

    def test_of_eight_writers_of_equal_bytes_none_fails(self, store: Store) -> None:
        """The same version copied by two runs at once: all are content."""
        start = threading.Barrier(8)

        def contend(_number: int) -> bool:
            start.wait()
            return put(store, KEY, SMALL)

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(contend, range(8)))
        assert any(outcomes)
        assert content(store, KEY) == SMALL

    def test_of_two_advances_from_one_state_one_wins(self, store: Store) -> None:
        """Compare and swap: nobody's step is overwritten unseen."""
        if not self.atomic_put_once:
            pytest.skip("this site does not keep conditions atomic")
        store.advance(ROOT_INVENTORY, b"start", expected=None)
        start = threading.Barrier(4)

        def contend(number: int) -> str:
            start.wait()
            try:
                return "won" if store.advance(ROOT_INVENTORY, bytes([number]), expected=b"start") else "same"
            except ShelfConflict as refused:
                return refused.code

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(contend, range(4)))
        assert sorted(outcomes) == ["inventory-moved"] * 3 + ["won"]
        assert content(store, ROOT_INVENTORY) == bytes([outcomes.index("won")])
