"""What lies on the shelf for one secret and one deposit, to the byte.

A change here changes what lies on every shelf: ids of what is held already, trees that others wrote their tools against, and the
digests by which a re-run recognises its own files. If it is meant, it belongs in docs/decisions/, and into these numbers; if it is
not, something that should be the same everywhere and for ever no longer is.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preservation.formats.digests import fixity_of_bytes
from preservation.formats.ocfl import package_root
from preservation.model.deposit import Deposit, DepositState
from preservation.steps.accession import package_deposit, secret_name
from preservation.wiring import Archive
from tests import archives
from tests.archives import files_below, hand_in

SECRET = bytes(range(32))
DEPOSIT = "golden" + "a" * 20
RECEIVED_AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
PACKAGE = "lywbcp4opufagjrwmwsqtou37e"
UNITS = {  # by sha256
    "l4gi2mmhfjm3laq2cyf7o737km.warc": "0a6bf22ee5bad9be283e29575719cb8abe51ec19bdee1c0fce38616df3a77964",
    "thx4jw3qxrqsg3uhrsyi2ielmu.warc": "a41ccbba90ee5698ab6a03b2b4a41ce04ed362c6230f497c0fa5e03e65116285",
}
INVENTORY = (
    "55b97bcddf221f3aa6ed9000a32575c4b267f061f1a3c60c9c58a8b5a1a4d64c"
    "9219171288432e7bc38f079c99ca3827b003e860db6a005e6de3cba1a6cc4fd6"
)

TREE = [
    "v1/content/bag-info.txt",
    "v1/content/bagit.txt",
    "v1/content/data/README.txt",
    "v1/content/data/description/account.json",
    "v1/content/data/description/consent.json",
    "v1/content/data/description/items.jsonl",
    "v1/content/data/description/observations.jsonl",
    "v1/content/data/description/received.jsonl",
    "v1/content/manifest-sha256.txt",
    "v1/content/manifest-sha512.txt",
    "v1/content/metadata/premis.xml",
    "v1/content/tagmanifest-sha256.txt",
    "v1/content/tagmanifest-sha512.txt",
    "v1/inventory.json",
    "v1/inventory.json.sha512",
]


def fixed(archive: Archive, deposit: Deposit) -> None:
    """Give the package's secret, the deposit's id and its moment values that are always the same."""
    name = secret_name(deposit.account_ref)
    with closing(sqlite3.connect(archive.settings.home / "keys" / "keys.sqlite")) as keys, keys:
        keys.execute("DELETE FROM secrets WHERE name = ?", (name,))
        keys.execute("INSERT INTO secrets VALUES (?, ?)", (name, SECRET))
        keys.execute("UPDATE secrets SET name = ? WHERE name = ?", (f"quarantine/{DEPOSIT}", f"quarantine/{deposit.deposit_id}"))
    with closing(sqlite3.connect(archive.settings.home / "catalogue.sqlite")) as catalogue, catalogue:
        catalogue.execute("UPDATE deposits SET deposit_id = ?, received_at = ?", (DEPOSIT, RECEIVED_AT.isoformat()))
    (archive.settings.home / "quarantine" / deposit.deposit_id).rename(archive.settings.home / "quarantine" / DEPOSIT)


@pytest.fixture
def staged(make_archive: Callable[..., Archive], tmp_path: Path) -> Path:
    """The folder of the staged package."""
    archive = make_archive()
    deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
    assert deposit.state is DepositState.received
    fixed(archive, deposit)
    packaged = package_deposit(archive, DEPOSIT)
    return archive.staging(packaged.package_id)


def test_ids_follow_from_the_secret_alone(staged: Path) -> None:
    """Package and units, from HMACs of what they stand for."""
    assert staged.name == PACKAGE
    assert package_root(PACKAGE) == f"{PACKAGE[:3]}/{PACKAGE[3:6]}/{PACKAGE[6:9]}/{PACKAGE}"
    assert {path.name for path in staged.glob("v1/content/data/units/*")} == UNITS.keys()


def test_units_are_the_same_as_ever(staged: Path) -> None:
    """A unit is packaged once; the same post must give the same bytes in ten years."""
    units = {path.name: fixity_of_bytes(path.read_bytes()).sha256 for path in staged.glob("v1/content/data/units/*")}
    assert units == UNITS


def test_the_tree_is_what_the_documents_draw(staged: Path) -> None:
    assert [path for path in files_below(staged) if "/units/" not in path] == TREE


def test_every_byte_is_the_same_as_ever(staged: Path) -> None:
    """The inventory's digest covers the digest of every other file, words of explanation included: those may be improved."""
    assert fixity_of_bytes((staged / "v1" / "inventory.json").read_bytes()).sha512 == INVENTORY
