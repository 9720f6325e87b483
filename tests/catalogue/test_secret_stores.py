"""The identity store and the key store: what they hold is found by who may, and gone when it must be."""

import multiprocessing
import stat
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from preservation.catalogue.identity import IdentityStore
from preservation.catalogue.keys import KeyStore
from preservation.errors import Refused, SettingsWrong
from tests.catalogue.samples import an_id

KEY = b"\x05" * 32
HANDLE = "quiet.heron.fx"
REF, OTHER = an_id("account"), an_id("other account")
RECORD = an_id("record")
DOCUMENT = b'{"words": "the creator agreed to this"}'


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "keys" / "keys.sqlite")
    yield store
    store.close()


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[IdentityStore]:
    store = IdentityStore(tmp_path / "identity.sqlite", KEY)
    yield store
    store.close()


def _bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_secret_is_made_once(keys: KeyStore) -> None:
    made = keys.get_or_make("package/one")
    assert made == keys.get_or_make("package/one") == keys.get("package/one")
    assert len(made) == 32
    assert made != keys.get_or_make("package/two")
    assert len(keys.get_or_make("short", 16)) == 16


def test_a_shredded_secret_is_in_no_byte_of_the_folder(keys: KeyStore, tmp_path: Path) -> None:
    kept = keys.get_or_make("kept")
    shredded = [keys.get_or_make(f"package/{number}") for number in range(50)]
    assert all(secret in _bytes_below(tmp_path) for secret in shredded)
    for number in range(50):
        keys.shred(f"package/{number}")
    assert not any(secret in _bytes_below(tmp_path) for secret in shredded)
    assert kept in _bytes_below(tmp_path)


def test_shredding_twice_is_no_error_and_the_secret_stays_gone(keys: KeyStore) -> None:
    keys.get_or_make("package/one")
    for _ in range(2):
        keys.shred("package/one")
    assert not keys.has("package/one")
    with pytest.raises(Refused, match="secret-gone"):
        keys.get("package/one")


def test_of_many_that_make_a_secret_at_once_all_get_the_same(keys: KeyStore) -> None:
    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(keys.get_or_make, ["same"] * 12))) == 1


def make_in_a_process(path: Path) -> bytes:
    """Open the key store, which nobody has made yet."""
    return KeyStore(path).get_or_make("same")


def test_processes_that_open_a_new_key_store_at_once_share_its_secrets(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert len(set(pool.map(make_in_a_process, [tmp_path / "new" / "keys.sqlite"] * 3))) == 1


def test_only_this_user_may_read_the_files(keys: KeyStore, identity: IdentityStore, tmp_path: Path) -> None:
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("keys/keys.sqlite", "identity.sqlite", "keys")]
    assert modes == [0o600, 0o600, 0o700]


def test_a_key_store_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SettingsWrong, match=r"key store.*catalogue-damaged"):
        KeyStore(tmp_path / "keys.sqlite")


# -- identity ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", [HANDLE, "@quiet.heron.fx", "Quiet.Heron.FX", " @QUIET.heron.fx "])
def test_case_and_an_at_sign_do_not_matter(identity: IdentityStore, spelled: str) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    assert identity.recognises(REF, "tiktok", spelled)
    identity.record_account(REF, "tiktok", spelled)


def test_another_handle_platform_or_reference_is_not_recognised(identity: IdentityStore) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    assert not identity.recognises(REF, "tiktok", "quiet.heron")
    assert not identity.recognises(REF, "instagram", HANDLE)
    assert not identity.recognises(OTHER, "tiktok", HANDLE)


def test_one_handle_has_one_reference(identity: IdentityStore) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    with pytest.raises(Refused, match="account-reference-taken") as refusal:
        identity.record_account(OTHER, "tiktok", "@" + HANDLE)
    assert REF in refusal.value.remedy
    assert not identity.recognises(OTHER, "tiktok", HANDLE)


def test_one_reference_has_one_handle(identity: IdentityStore) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    with pytest.raises(Refused, match="account-reference-taken") as refusal:
        identity.record_account(REF, "tiktok", "somebody.else.fx")
    assert "heron" not in str(refusal.value) + refusal.value.remedy
    assert identity.recognises(REF, "tiktok", HANDLE)


def test_the_file_names_nobody(identity: IdentityStore, tmp_path: Path) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    identity.record_people(RECORD, b"Ada of the harbour")
    identity.record_document(RECORD, 1, DOCUMENT)
    found = _bytes_below(tmp_path)
    for word in (HANDLE, "quiet", "harbour", "agreed", "tiktok"):
        assert word.encode() not in found


def test_what_is_forgotten_is_in_no_byte_of_the_file(identity: IdentityStore, tmp_path: Path) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    identity.record_account(OTHER, "tiktok", "stays.fx")
    identity.record_people(RECORD, b"Ada of the harbour")
    identity.record_document(RECORD, 1, DOCUMENT)
    rows = _sealed_rows(tmp_path / "identity.sqlite")
    identity.forget([REF], RECORD)
    found = _bytes_below(tmp_path)
    assert not any(row in found for row in rows)
    assert not identity.recognises(REF, "tiktok", HANDLE)
    assert identity.recognises(OTHER, "tiktok", "stays.fx")
    assert identity.document(RECORD, 1) == DOCUMENT, "the evidence of what was agreed stays; it names nobody"
    identity.forget([REF], RECORD)


def _sealed_rows(path: Path) -> list[bytes]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        accounts = connection.execute("SELECT handle, recognised_by FROM accounts WHERE account_ref = ?", (REF,)).fetchall()
        people = connection.execute("SELECT identity FROM people").fetchall()
    return [accounts[0][0], accounts[0][1].encode(), people[0][0]]


def test_a_wrong_key_reads_nothing_and_recognises_nobody(identity: IdentityStore, tmp_path: Path) -> None:
    identity.record_account(REF, "tiktok", HANDLE)
    identity.record_document(RECORD, 1, DOCUMENT)
    stranger = IdentityStore(tmp_path / "identity.sqlite", b"\x06" * 32)
    assert not stranger.recognises(REF, "tiktok", HANDLE)
    with pytest.raises(SettingsWrong, match="identity-key"):
        stranger.document(RECORD, 1)
    with pytest.raises(SettingsWrong, match="identity-key"):
        stranger.record_document(RECORD, 1, DOCUMENT)
    stranger.close()


def test_a_consent_document_is_never_edited(identity: IdentityStore) -> None:
    for _ in range(2):
        identity.record_document(RECORD, 1, DOCUMENT)
    with pytest.raises(Refused, match="consent-never-edited"):
        identity.record_document(RECORD, 1, b"other words")
    assert identity.document(RECORD, 1) == DOCUMENT
    assert identity.document(RECORD, 2) is None
    identity.record_document(RECORD, 1, b"other words", replace=True)
    assert identity.document(RECORD, 1) == b"other words"


def test_of_many_that_tie_a_handle_at_once_one_wins(identity: IdentityStore) -> None:
    def tie(number: int) -> bool:
        try:
            identity.record_account(an_id("account", number), "tiktok", HANDLE)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tie, range(8))) == 1
