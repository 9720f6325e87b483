"""Every object store, held to the same suite."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from preservation.storage.local import LocalStore
from preservation.storage.memory import MemoryStore
from preservation.storage.opening import Credentials
from preservation.storage.retrying import RetryingStore
from preservation.storage.store import Store
from tests.conformance.object_store import ObjectStoreSuite
from tests.storage import servers, swift

ENDPOINT = "KEEPSAKE_TEST_S3_ENDPOINT"  # with _ACCESS_KEY_ID, _SECRET_ACCESS_KEY and, if buckets cannot be made there, _BUCKET


class TestMemory(ObjectStoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocal(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path)


class TestRetrying(ObjectStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return RetryingStore(LocalStore(tmp_path), delays=(0, 0), sleep=lambda _seconds: None)


class TestMoto(ObjectStoreSuite):
    atomic_parts = False  # measured on 5.2.5: it looks for the key and completes in two steps, so several may win

    @pytest.fixture
    def store(self, moto_endpoint: str) -> Iterator[Store]:
        with servers.bucket(moto_endpoint) as store:
            yield store


class TestMotoVersioned(ObjectStoreSuite):
    """A bucket that keeps versions: what was replaced or erased must not live on unseen."""

    atomic_parts = False
    keys_to_list = 20

    @pytest.fixture
    def store(self, moto_endpoint: str) -> Iterator[Store]:
        with servers.bucket(moto_endpoint, versioned=True) as store:
            yield store


@pytest.mark.long
class TestMiniStack(ObjectStoreSuite):
    @pytest.fixture
    def store(self, ministack_endpoint: str) -> Iterator[Store]:
        with servers.bucket(ministack_endpoint) as store:
            yield store


@pytest.mark.long
class TestSwift(ObjectStoreSuite):
    atomic_put_once = atomic_parts = False  # measured on 2.38.3: two or three of eight writers may win

    @pytest.fixture
    def store(self, swift_endpoint: str) -> Iterator[Store]:
        with servers.bucket(swift_endpoint, swift.SWIFT_TESTER) as store:
            yield store


class _NamedEndpoint(ObjectStoreSuite):
    """Whatever S3 the environment names."""

    atomic_put_once = os.environ.get(f"{ENDPOINT}_ATOMIC", "1") != "0"

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        keys = Credentials(os.environ[f"{ENDPOINT}_ACCESS_KEY_ID"], os.environ[f"{ENDPOINT}_SECRET_ACCESS_KEY"])
        with servers.bucket(os.environ[ENDPOINT], keys, name=os.environ.get(f"{ENDPOINT}_BUCKET")) as store:
            yield store


if ENDPOINT in os.environ:
    TestNamedEndpoint = _NamedEndpoint
else:

    @pytest.mark.skip(reason=f"no endpoint of your own named in {ENDPOINT}")
    def test_the_endpoint_that_the_environment_names() -> None: ...
