"""What copies of the stores say, and whether they agree with one another. Reads only: not a byte of a copy changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from preservation.catalogue import ledger
from preservation.catalogue.answering import answering
from preservation.catalogue.identity import IdentityStore
from preservation.catalogue.keys import KeyStore
from preservation.catalogue.secret_file import untouched
from preservation.catalogue.tables import consents, deposits
from preservation.catalogue.tables import ledger as entries
from preservation.errors import Refused, SettingsWrong
from preservation.model.backup import BackupProblem, LedgerHead
from preservation.model.base import Word
from preservation.model.consent_words import State
from preservation.model.deposit import DepositState

SIGNING = "ledger-signing"  # names of secrets in the key store
IDENTITY = "identity"


class CatalogueFacts(Word):
    """What a catalogue's copy says."""

    tables: str
    ledger: LedgerHead
    waiting: tuple[str, ...]
    withdrawn: tuple[str, ...]


def public_key(signing_key: bytes) -> bytes:
    """The public half of the ledger's signing key, raw."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).public_key().public_bytes_raw()


def signed(signing_key: bytes, data: bytes) -> str:
    """An Ed25519 signature, hex."""
    return Ed25519PrivateKey.from_private_bytes(signing_key).sign(data).hex()


def catalogue_facts(catalogue: Path, key: bytes) -> CatalogueFacts:
    """The ledger's head, which deposits wait and which consents are withdrawn. `key`: the ledger's public key."""
    with _reading(catalogue) as connection:
        count, newest = ledger.newest(connection)
        signature = connection.scalar(sa.select(entries.c.signature).where(entries.c.digest == newest))
        return CatalogueFacts(
            tables=connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "",
            ledger=LedgerHead(entries=count, newest=newest, signature=signature, public_key=key.hex()),
            waiting=tuple(_waiting(connection)),
            withdrawn=tuple(row.record_id for row in _in_force(connection) if row.state == State.withdrawn),
        )


def prove_catalogue(catalogue: Path, key: bytes) -> Iterator[BackupProblem]:
    """Whether the database is whole and its ledger's chain and signatures hold. `key`: the ledger's public key."""
    whole = True
    for problem in _integrity(catalogue):
        whole = False
        yield problem
    if whole:
        with _reading(catalogue) as connection:
            for broken in ledger.verify(connection, Ed25519PublicKey.from_public_bytes(key)):
                yield BackupProblem(place=f"ledger entry {broken.seq}", rule=f"ledger-{broken.rule}", message=broken.message)


def prove_together(catalogue: Path, identity: Path, keys: Path, holds: Callable[[str], bool]) -> Iterator[BackupProblem]:
    """Whether the three are of one moment: every consent in force has its words, every deposit that waits its key and bytes.

    `holds` says whether bytes of a deposit are there.
    """
    broken = [*_integrity(identity), *_integrity(keys)]
    yield from broken
    if not broken:
        store = KeyStore(keys, reading_only=True)
        try:
            yield from _words(catalogue, identity, store)
            with _reading(catalogue) as connection:
                yield from _bytes(_waiting(connection), store, holds)
        finally:
            store.close()


def _words(catalogue: Path, identity: Path, keys: KeyStore) -> Iterator[BackupProblem]:
    try:
        words = IdentityStore(identity, keys.get(IDENTITY), reading_only=True)
    except Refused:
        yield BackupProblem(place="keys.sqlite", rule="identity-key", message="the key store lacks the identity store's key")
        return
    try:
        with _reading(catalogue) as connection:
            for row in _in_force(connection):
                document = words.document(row.record_id, row.revision)
                if document is None or sha256(document).hexdigest() != row.sha256:
                    said = f"the words of revision {row.revision} are not the ones in force"
                    yield BackupProblem(place=f"consent {row.record_id}", rule="consent-words", message=said)
    except SettingsWrong as wrong:
        yield BackupProblem(place="identity.sqlite", rule=wrong.code, message=wrong.message)
    finally:
        words.close()


def _bytes(waiting: list[str], keys: KeyStore, holds: Callable[[str], bool]) -> Iterator[BackupProblem]:
    for deposit_id in waiting:
        if not keys.has(f"quarantine/{deposit_id}"):
            continue  # it was being wiped at that moment: its next run says so, as after a power cut
        if not holds(deposit_id):
            yield BackupProblem(
                place=f"deposit {deposit_id}", rule="waiting-bytes", message="it waits, and its bytes are not there"
            )


def _integrity(path: Path) -> Iterator[BackupProblem]:
    """SQLite's own check of structure, and of what refers to what."""
    try:
        with _reading(path) as connection:
            bad = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() != ["ok"]
            bad = bad or connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None
    except SettingsWrong:
        bad = True
    if bad:
        yield BackupProblem(place=path.name, rule="database-damaged", message="SQLite's own check finds it damaged")


def _waiting(connection: sa.Connection) -> list[str]:
    query = sa.select(deposits.c.deposit_id).where(deposits.c.state == DepositState.received)
    return list(connection.scalars(query.order_by(deposits.c.deposit_id)))


def _in_force(connection: sa.Connection) -> Iterator[sa.Row[tuple[str, int, str, str]]]:
    """The newest revision of each record, by id."""
    newest = sa.select(consents.c.record_id, sa.func.max(consents.c.revision).label("revision")).group_by(consents.c.record_id)
    last = newest.subquery()
    both = (consents.c.record_id == last.c.record_id) & (consents.c.revision == last.c.revision)
    columns = (consents.c.record_id, consents.c.revision, consents.c.state, consents.c.sha256)
    yield from connection.execute(sa.select(*columns).join(last, both).order_by(consents.c.record_id))


@contextmanager
def _reading(path: Path) -> Iterator[sa.Connection]:
    engine = sa.create_engine(untouched(path), hide_parameters=True)
    try:
        with answering(path.stem), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
