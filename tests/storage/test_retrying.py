"""What is tried again, and what is not."""

import pytest

from preservation.errors import ShelfConflict, StoreUnavailable
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.memory import MemoryStore
from preservation.storage.retrying import RetryingStore
from preservation.storage.store import ObjectMissing, ObjectUnreadable, StoredObject
from tests.conformance.object_store import KEY, SMALL, content, keys, opener, put
from tests.faults import CutsReads, Down, FailsOnce, Passing, down


def retrying(store: Passing, slept: list[float] | None = None) -> RetryingStore:
    """Two more tries, after one and two seconds that nobody waits."""
    pauses: list[float] = [] if slept is None else slept
    return RetryingStore(store, delays=(1, 2), sleep=pauses.append, jitter=lambda: 1.0)


@pytest.mark.parametrize("call", ["stat", "read", "list", "leftovers", "put_once", "advance", "replace", "erase"])
def test_a_site_that_answers_the_third_time_has_answered(call: str) -> None:
    inner = MemoryStore()
    put(inner, KEY, SMALL)
    store = retrying(FailsOnce(inner, call, times=2))
    outcomes = {
        "stat": lambda: store.stat(KEY).size == len(SMALL),
        "read": lambda: content(store, KEY) == SMALL,
        "list": lambda: keys(store) == [KEY],
        "leftovers": lambda: list(store.leftovers("")) == [],
        "put_once": lambda: put(store, "new", SMALL),
        "advance": lambda: store.advance("a/inventory.json", b"1", expected=None),
        "replace": lambda: replaced(store) == SMALL,
        "erase": lambda: store.erase(KEY) == 1,
    }
    assert outcomes[call]()


def replaced(store: RetryingStore) -> bytes:
    """What a key holds after replacing."""
    store.replace("new", opener(SMALL), fixity_of_bytes(SMALL))
    return content(store, "new")


def test_a_site_that_stays_down_is_given_up_after_a_bounded_number_of_tries() -> None:
    slept: list[float] = []
    inner = Down(MemoryStore())
    with pytest.raises(StoreUnavailable):
        retrying(inner, slept).stat(KEY)
    assert inner.calls == {"stat": 3}
    assert slept == [1, 2]
    with pytest.raises(StoreUnavailable):
        list(retrying(inner).list(""))
    assert inner.calls["list"] == 3


def test_pauses_are_spread_but_never_less_than_half() -> None:
    slept: list[float] = []
    store = RetryingStore(FailsOnce(MemoryStore(), times=1), delays=(8,), sleep=slept.append, jitter=lambda: 0.0)
    list(store.list(""))
    assert slept == [4]


def test_no_other_refusal_is_tried_again() -> None:
    """Missing, conflicting and unreadable mean the same the second time."""
    inner = Passing(MemoryStore())
    store = retrying(inner)
    put(store, KEY, SMALL)
    inner.calls.clear()
    with pytest.raises(ObjectMissing):
        store.stat("missing")
    with pytest.raises(ShelfConflict):
        put(store, KEY, b"other")
    with pytest.raises(ObjectUnreadable):
        content(retrying(CutsReads(inner)), KEY)
    assert inner.calls == {"stat": 1, "put_once": 1, "read": 1}


def test_a_listing_that_breaks_is_whole_and_without_repetition() -> None:
    class BreaksAfterTwo(Passing):
        def list(self, prefix: str):  # type: ignore[no-untyped-def]
            self.calls["list"] = self.calls.get("list", 0) + 1
            for number, found in enumerate(self.store.list(prefix)):
                if number == 2 and self.calls["list"] == 1:
                    raise down()
                yield StoredObject(key=found.key, size=found.size)

    inner = MemoryStore()
    for key in "abcde":
        put(inner, key, SMALL)
    assert keys(retrying(BreaksAfterTwo(inner))) == list("abcde")


def test_a_put_begins_anew_from_its_opener() -> None:
    """The second try opens the source again instead of going on where the first one stopped."""
    opened: list[int] = []

    class LosesAnswer(Passing):
        def put_once(self, key, source, fixity):  # type: ignore[no-untyped-def]
            with source() as stream:
                stream.read(3)
            if len(opened) == 1:
                raise down()
            return self.store.put_once(key, source, fixity)

    def source():  # type: ignore[no-untyped-def]
        opened.append(1)
        return opener(SMALL)()

    inner = MemoryStore()
    assert retrying(LosesAnswer(inner)).put_once(KEY, source, fixity_of_bytes(SMALL)) is True
    assert content(inner, KEY) == SMALL
