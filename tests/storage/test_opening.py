"""From settings to a store, or to a refusal that names what is lacking."""

from pathlib import Path

import pytest

from preservation.errors import SettingsWrong
from preservation.model.policy import SiteConfig, SiteKind
from preservation.storage.opening import Credentials, open_store
from tests.conformance.object_store import KEY, SMALL, content, put

KEYS = Credentials("public-half", "secret-half", "secret-token")


def test_a_directory_and_its_prefix_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    store = open_store(SiteConfig(name="here", kind=SiteKind.directory, path=tmp_path, prefix="below/"), None)
    put(store, KEY, SMALL)
    assert (tmp_path / "below" / KEY).read_bytes() == SMALL


def test_a_bucket_becomes_a_store_with_its_prefix(moto_endpoint: str) -> None:
    config = SiteConfig(name="there", kind=SiteKind.s3, endpoint=moto_endpoint, bucket="opened", prefix="below")
    store = open_store(config, Credentials("testing", "testing"))
    store._client.create_bucket(Bucket="opened")  # type: ignore[attr-defined]
    put(store, KEY, SMALL)
    assert content(store, KEY) == SMALL
    whole = open_store(config.model_copy(update={"prefix": ""}), Credentials("testing", "testing"))
    assert [found.key for found in whole.list("")] == [f"below/{KEY}"]


@pytest.mark.parametrize(
    ("config", "lacking"),
    [
        (SiteConfig(name="here", kind=SiteKind.directory), "path"),
        (SiteConfig(name="there", kind=SiteKind.s3), "bucket"),
        (SiteConfig(name="there", kind=SiteKind.s3, bucket="b", credentials="COLD"), "COLD_SECRET_ACCESS_KEY"),
        (SiteConfig(name="there", kind=SiteKind.s3, bucket="b", endpoint="no address"), "client-unusable"),
    ],
)
def test_what_a_site_lacks_is_named(config: SiteConfig, lacking: str) -> None:
    with pytest.raises(SettingsWrong, match=lacking):
        open_store(config, None)


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "public-half" in repr(KEYS)
    assert "secret-" not in repr(KEYS)
