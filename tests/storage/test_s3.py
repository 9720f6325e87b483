"""What a bucket does when the network, the site or another writer does not behave. A real server, and a proxy that breaks it."""

import io
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preservation.errors import SettingsWrong, ShelfConflict, StoreUnavailable
from preservation.formats.digests import fixity_of_bytes
from preservation.model.fixity import Outcome
from preservation.storage.fixity_check import check_fixity
from preservation.storage.retrying import RetryingStore
from preservation.storage.s3 import S3Store, client_config, connect
from preservation.storage.store import ObjectMissing, ObjectUnreadable
from tests.conformance.object_store import KEY, LARGE, ROOT_INVENTORY, SMALL, content, keys, opener, put
from tests.storage.proxy import Exchange, Fault, Proxy, proxy_to, self_signed
from tests.storage.servers import PART, TESTER, bucket, free_port

AT = datetime(2026, 1, 2, tzinfo=UTC)
NOT_IMPLEMENTED = b"<Error><Code>NotImplemented</Code><Message>no</Message></Error>"


@pytest.fixture
def proxy(moto_endpoint: str) -> Iterator[Proxy]:
    """A proxy in front of moto, doing nothing wrong yet."""
    with proxy_to(moto_endpoint) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: Proxy) -> Iterator[S3Store]:
    """An empty bucket behind the proxy."""
    with bucket(proxy.url, attempts=2) as store:
        yield store


def elsewhere(store: S3Store, endpoint: str, name: str | None = None, **more: object) -> S3Store:
    """The same bucket and prefix through another endpoint, or another bucket of that name."""
    client = connect("tested", endpoint, "us-east-1", TESTER, config=client_config(2))
    prefix = store._prefix  # a test may look
    return S3Store(client, name or store._bucket, site="tested", prefix=prefix, part_size=PART, **more)  # type: ignore[arg-type]


def answering(status: int, body: bytes = b"", *methods: str, containing: str = "") -> Fault:
    """A fault that answers without asking the server."""

    def fault(exchange: Exchange) -> None:
        if exchange.method in methods and containing in exchange.path:
            exchange.status, exchange.answer = status, body

    return fault


def dropping(header: str) -> Fault:
    """A fault that hides a header from the server, as if it did not know it."""

    def fault(exchange: Exchange) -> None:
        exchange.headers.pop(header, None)

    return fault


def test_a_site_that_refuses_connections_is_unavailable(store: S3Store) -> None:
    down = elsewhere(store, f"http://127.0.0.1:{free_port()}")
    for call in (lambda: down.stat(KEY), lambda: content(down, KEY), lambda: keys(down), lambda: put(down, KEY, SMALL)):
        with pytest.raises(StoreUnavailable):
            call()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_site_that_fails_is_unavailable_never_without_the_object(store: S3Store, proxy: Proxy, status: int) -> None:
    put(store, KEY, SMALL)
    proxy.before = answering(status, b"", "GET", "HEAD", "PUT")
    for call in (lambda: store.stat(KEY), lambda: content(store, KEY), lambda: put(store, "new", SMALL)):
        with pytest.raises(StoreUnavailable):
            call()
    assert check_fixity(store, "s", "a" * 26, KEY, fixity_of_bytes(SMALL), AT).outcome is Outcome.not_looked_at


def test_a_page_that_is_no_s3_answer_is_unavailable(store: S3Store, proxy: Proxy) -> None:
    """A proxy or a portal in between says 200 and means something else."""
    proxy.before = answering(200, b"<html>please log in", "GET")
    with pytest.raises(StoreUnavailable):
        keys(store)


@pytest.mark.parametrize("at", [0, 1, 1_500_000, len(LARGE) - 1])
def test_a_cut_download_is_unreadable_and_its_finding_too(store: S3Store, proxy: Proxy, at: int) -> None:
    """Wherever it is cut; and it is not taken for other bytes."""
    put(store, KEY, LARGE)

    def cut(exchange: Exchange) -> None:
        if exchange.method == "GET" and exchange.path.endswith(KEY):
            exchange.declared, exchange.answer = len(exchange.answer), exchange.answer[:at]

    proxy.after = cut
    with pytest.raises(ObjectUnreadable) as refused:
        content(store, KEY)
    assert refused.value.code == "incomplete"
    assert check_fixity(store, "s", "a" * 26, KEY, fixity_of_bytes(LARGE), AT).outcome is Outcome.unreadable


def test_a_bit_flipped_on_the_way_back_is_a_finding(store: S3Store, proxy: Proxy) -> None:
    """The SDK does not notice; our digests do."""
    put(store, KEY, LARGE)

    def flip(exchange: Exchange) -> None:
        if exchange.method == "GET":
            exchange.answer = exchange.answer[:-1] + bytes([exchange.answer[-1] ^ 1])

    proxy.after = flip
    assert check_fixity(store, "s", "a" * 26, KEY, fixity_of_bytes(LARGE), AT).outcome is Outcome.mismatched


def test_a_trickle_is_given_up(store: S3Store, proxy: Proxy) -> None:
    """A site that sends a little for ever never times out; the minimum rate ends it. The clock here runs an hour a look."""
    put(store, KEY, SMALL)
    hours = iter(range(0, 10**9, 3600))
    slow = elsewhere(store, proxy.url, clock=lambda: float(next(hours)))
    with pytest.raises(ObjectUnreadable) as refused:
        content(slow, KEY)
    assert refused.value.code == "too-slow"


def test_a_site_that_ignores_ranges_is_not_believed(store: S3Store, proxy: Proxy) -> None:
    """Else the beginning of the object would be taken for its middle."""
    put(store, KEY, SMALL)
    proxy.before = dropping("Range")
    with pytest.raises(ObjectUnreadable):
        content(store, KEY, 2, 3)


def test_a_missing_bucket_is_the_operators_to_mend_and_no_missing_object(store: S3Store, proxy: Proxy) -> None:
    """Otherwise a wrong name in the settings would make every object look lost."""
    wrong = elsewhere(store, proxy.url, name="no-such-bucket-here")
    for call in (lambda: wrong.stat(KEY), lambda: content(wrong, KEY), lambda: keys(wrong), lambda: put(wrong, KEY, SMALL)):
        with pytest.raises(SettingsWrong) as refused:
            call()
        assert refused.value.code == "no-such-bucket"


def test_an_object_in_a_cold_class_is_unreadable_until_it_is_restored(store: S3Store, proxy: Proxy) -> None:
    cold = S3Store(store._client, store._bucket, prefix=store._prefix, storage_class="GLACIER")
    put(cold, KEY, SMALL)
    assert proxy.seen[-1].headers.get("x-amz-storage-class") == "GLACIER"
    assert cold.stat(KEY).size == len(SMALL)
    with pytest.raises(ObjectUnreadable) as refused:
        content(cold, KEY)
    assert refused.value.code == "archived"


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
def test_a_put_whose_answer_was_lost_is_known_for_our_own(store: S3Store, proxy: Proxy, data: bytes) -> None:
    """The SDK tries again and is told that the key is taken; what lies there is read and is ours."""
    lost: list[str] = []

    def lose(exchange: Exchange) -> None:
        final = exchange.method == "PUT" if data is SMALL else exchange.method == "POST" and "uploadId=" in exchange.path
        if final and not lost:
            lost.append(exchange.path)
            exchange.hang_up = True

    proxy.after = lose
    put(RetryingStore(store, sleep=lambda _seconds: None), KEY, data)
    assert lost
    assert content(store, KEY) == data
    assert not list(store.leftovers(""))


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
def test_a_site_that_ignores_conditions_is_never_overwritten_knowingly(store: S3Store, proxy: Proxy, data: bytes) -> None:
    proxy.before = dropping("If-None-Match")
    assert put(store, KEY, data) is True
    assert put(store, KEY, data) is False
    with pytest.raises(ShelfConflict):
        put(store, KEY, data + b"!")
    assert content(store, KEY) == data


def test_a_rival_that_was_quicker_is_seen_before_an_upload_in_parts_is_completed(store: S3Store, proxy: Proxy) -> None:
    """Some sites ignore the condition when completing; so we look as late as we can."""
    proxy.before = dropping("If-None-Match")

    def rival(exchange: Exchange) -> None:
        if exchange.method == "PUT" and "partNumber=3" in exchange.path:
            proxy.after = lambda _exchange: None
            put(store, KEY, SMALL)

    proxy.after = rival
    with pytest.raises(ShelfConflict):
        put(store, KEY, LARGE)
    assert content(store, KEY) == SMALL
    assert not list(store.leftovers(""))


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "parts"])
def test_a_site_that_refuses_conditions_is_asked_without(store: S3Store, proxy: Proxy, data: bytes) -> None:
    def refuse(exchange: Exchange) -> None:
        if {"If-None-Match", "If-Match"} & exchange.headers.keys():
            exchange.status, exchange.answer = 501, NOT_IMPLEMENTED

    proxy.before = refuse
    assert put(store, KEY, data) is True
    assert content(store, KEY) == data
    assert store.advance(ROOT_INVENTORY, b"one", expected=None) is True
    assert store.advance(ROOT_INVENTORY, b"two", expected=b"one") is True
    with pytest.raises(ShelfConflict):
        store.advance(ROOT_INVENTORY, b"three", expected=b"one")
    assert content(store, ROOT_INVENTORY) == b"two"


def test_a_site_that_knows_etags_only_without_quotes_is_advanced(store: S3Store, proxy: Proxy) -> None:
    """As Ceph 16 and one provider's manual have it: a quoted ETag never matches."""

    def insist(exchange: Exchange) -> None:
        etag = exchange.headers.get("If-Match", "")
        if etag.startswith('"'):
            exchange.status, exchange.answer = 412, b"<Error><Code>PreconditionFailed</Code></Error>"
        elif etag:
            exchange.headers["If-Match"] = f'"{etag}"'

    proxy.before = insist
    store.advance(ROOT_INVENTORY, b"one", expected=None)
    assert store.advance(ROOT_INVENTORY, b"two", expected=b"one") is True
    assert content(store, ROOT_INVENTORY) == b"two"


def test_an_inventory_moved_between_our_look_and_our_step_is_not_overwritten(store: S3Store, proxy: Proxy) -> None:
    store.advance(ROOT_INVENTORY, b"one", expected=None)

    def rival(exchange: Exchange) -> None:
        if exchange.method == "GET" and exchange.path.endswith("inventory.json"):
            proxy.after = lambda _exchange: None
            store.advance(ROOT_INVENTORY, b"rival", expected=b"one")

    proxy.after = rival
    with pytest.raises(ShelfConflict):
        store.advance(ROOT_INVENTORY, b"two", expected=b"one")
    assert content(store, ROOT_INVENTORY) == b"rival"


def test_an_acknowledgement_without_an_etag_is_none(store: S3Store, proxy: Proxy) -> None:
    """200 with nothing in it may mean that nothing was stored."""
    proxy.before = answering(200, b"", "PUT")
    with pytest.raises(StoreUnavailable):
        put(store, KEY, SMALL)


def test_a_part_that_fails_for_good_leaves_no_unfinished_upload(store: S3Store, proxy: Proxy) -> None:
    proxy.before = answering(500, b"", "PUT", containing="partNumber=2")
    with pytest.raises(StoreUnavailable):
        put(store, KEY, LARGE)
    proxy.before = lambda _exchange: None
    assert keys(store) == []
    assert not list(store.leftovers(""))


KILLED = """
import io, os, signal, sys
from preservation.formats.digests import fixity_of_bytes
from preservation.storage.opening import Credentials
from preservation.storage.s3 import S3Store, connect
DATA = b"x" * 11_000_000
class Deadly(io.BytesIO):
    def read(self, amount=-1):
        if self.tell() > 8_000_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(amount)
url, bucket, prefix = sys.argv[1:]
client = connect("tested", url, "us-east-1", Credentials("testing", "testing"))
store = S3Store(client, bucket, prefix=prefix, part_size=5 * 1024 * 1024)
store.put_once("a/b", lambda: Deadly(DATA), fixity_of_bytes(DATA))
"""


def test_a_put_killed_midway_leaves_no_object_and_an_upload_that_erasing_removes(store: S3Store, proxy: Proxy) -> None:
    command = [sys.executable, "-c", KILLED, proxy.url, store._bucket, store._prefix]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    assert keys(store) == []
    assert [(left.key, left.kind) for left in store.leftovers("a/")] == [("a/b", "upload")]
    assert store.erase("a") == 0
    assert store.erase("a/b") == 1
    assert not list(store.leftovers(""))


def test_erasing_reaches_every_version_marker_and_upload_of_that_key_alone(proxy: Proxy) -> None:
    with bucket(proxy.url, versioned=True) as store:
        for data in (b"one", b"two"):
            store.replace(KEY, opener(data), fixity_of_bytes(data))
        put(store, KEY + ".sha512", SMALL)
        place = {"Bucket": store._bucket, "Key": store._prefix + KEY}
        store._client.delete_object(**place)  # type: ignore[arg-type]  # a marker, as a lifecycle rule would leave
        store._client.create_multipart_upload(**place)  # type: ignore[arg-type]
        assert sorted(left.kind for left in store.leftovers("")) == ["delete-marker", "upload", "version", "version"]
        assert store.erase(KEY) == 4
        assert not list(store.leftovers(""))
        assert keys(store) == [KEY + ".sha512"]


def test_a_site_that_cannot_list_versions_or_uploads_is_erased_all_the_same(store: S3Store, proxy: Proxy) -> None:
    def refuse(exchange: Exchange) -> None:
        if exchange.path.split("?")[-1].startswith(("versions", "uploads")) and exchange.method == "GET":
            exchange.status, exchange.answer = 501, NOT_IMPLEMENTED

    proxy.before = refuse
    put(store, KEY, SMALL)
    assert list(store.leftovers("")) == []
    assert store.erase(KEY) == 1
    with pytest.raises(ObjectMissing):
        store.stat(KEY)


def test_a_site_that_lists_out_of_order_is_refused(store: S3Store, proxy: Proxy) -> None:
    for key in ("one", "two"):
        put(store, key, SMALL)

    def swap(exchange: Exchange) -> None:
        exchange.answer = exchange.answer.replace(b"one<", b"zzz<")

    proxy.after = swap
    with pytest.raises(SettingsWrong):
        keys(store)


def test_no_upload_is_framed_or_trailed_and_every_body_is_signed(
    moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS the SDK's own default would let some sites store the framing as the object; over plain HTTP nobody sees it."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with proxy_to(moto_endpoint, certificate) as proxy, bucket(proxy.url) as store:
        put(store, KEY, SMALL)
        put(store, KEY + "2", LARGE)
        assert content(store, KEY + "2") == LARGE
        bodies = [each for each in proxy.seen if each.method == "PUT" and KEY in each.path]
    assert len(bodies) == 4, "one object and three parts"
    for sent in bodies:
        headers = {name.lower(): value for name, value in sent.headers.items()}
        assert len(headers["x-amz-content-sha256"]) == 64
        assert "content-md5" in headers
        assert not {"x-amz-trailer", "transfer-encoding", "content-encoding"} & headers.keys()


def test_a_site_with_a_certificate_nobody_vouches_for_is_not_talked_to(moto_endpoint: str, tmp_path: Path) -> None:
    with proxy_to(moto_endpoint, self_signed(tmp_path)) as proxy:
        client = connect("tested", proxy.url, "us-east-1", TESTER, config=client_config(1))
        with pytest.raises(StoreUnavailable, match="SSLError"):
            put(S3Store(client, "bucket"), KEY, SMALL)
        assert proxy.seen == []


def test_memory_stays_flat_however_large_the_object(store: S3Store, moto_endpoint: str) -> None:
    """Twelve parts' worth go up and come back, and no more than one is held, and the SDK's own buffers."""
    size = 60 * 1024 * 1024

    class Zeros(io.RawIOBase):
        left = size

        def read(self, amount: int = -1) -> bytes:
            count = min(amount, self.left)
            self.left -= count
            return bytes(count)

    fixity = fixity_of_bytes(bytes(size))
    direct = elsewhere(store, moto_endpoint)  # the proxy would hold whole bodies in this process
    tracemalloc.start()
    direct.put_once(KEY, Zeros, fixity)  # type: ignore[arg-type]
    with direct.read(KEY) as chunks:
        assert sum(len(chunk) for chunk in chunks) == size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * PART
