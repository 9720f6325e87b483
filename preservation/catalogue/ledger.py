"""The ledger: every preservation event, each entry bound to the one before it and signed. Entries are added, never changed.

An entry's digest is SHA-256 over the canonical JSON of its fields and its predecessor's digest; the signature is Ed25519 over
that digest. A changed, removed or reordered entry breaks the chain, and a re-made chain lacks the signature. What a chain
cannot show is that its newest entries were cut off: compare the newest digest with one kept elsewhere (`keepsake ledger verify`
prints it, and compares with `--noted`).
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from preservation.catalogue.tables import ledger
from preservation.errors import ShelfConflict
from preservation.model.events import Event, LedgerEntry, LedgerProblem

GENESIS = "0" * 64


class Ledger:
    """Appends within the caller's transaction, so that an event and what it tells of are recorded together or not at all."""

    def __init__(self, signing_key: bytes) -> None:
        """`signing_key`: 32 bytes, an Ed25519 private key."""
        self._key = Ed25519PrivateKey.from_private_bytes(signing_key)

    def append(self, connection: sa.Connection, at: datetime, event: Event, subject: str, **detail: Any) -> LedgerEntry:
        """Add one entry. `detail` holds opaque ids, counts, digests, codes and site names, nothing that names or quotes."""
        last = connection.execute(sa.select(ledger.c.seq, ledger.c.digest).order_by(ledger.c.seq.desc()).limit(1)).first()
        seq, previous = (last.seq + 1, last.digest) if last else (1, GENESIS)
        fields = {"seq": seq, "at": at.isoformat(), "event": event.value, "subject": subject, "detail": _canonical(detail)}
        digest = _digest(fields, previous)
        signature = self._key.sign(bytes.fromhex(digest)).hex()
        connection.execute(ledger.insert().values(**fields, previous=previous, digest=digest, signature=signature))
        return LedgerEntry(seq=seq, at=at, event=event, subject=subject, detail=detail, digest=digest)

    def append_once(self, connection: sa.Connection, at: datetime, event: Event, subject: str, **detail: Any) -> None:
        """Add one entry, unless the very same event of that subject is there: for what can happen only once."""
        same = (ledger.c.subject == subject, ledger.c.event == event.value, ledger.c.detail == _canonical(detail))
        if connection.execute(sa.select(ledger.c.seq).where(*same).limit(1)).first() is None:
            self.append(connection, at, event, subject, **detail)

    def verify(self, connection: sa.Connection) -> Iterator[LedgerProblem]:
        """Every place where the chain does not hold, in order; none if it holds."""
        return verify(connection, self._key.public_key())


def verify(connection: sa.Connection, key: Ed25519PublicKey) -> Iterator[LedgerProblem]:
    """The same with the public key alone: for a copy of the ledger that lies apart from the keys."""
    expected_seq, previous = 1, GENESIS
    for row in connection.execute(sa.select(ledger).order_by(ledger.c.seq)):
        yield from _problems(row, expected_seq, previous)
        try:
            key.verify(bytes.fromhex(row.signature), bytes.fromhex(row.digest))
        except (InvalidSignature, ValueError, TypeError):
            yield LedgerProblem(seq=row.seq, rule="signature", message="the entry was not signed by this archive's key")
        expected_seq, previous = row.seq + 1, row.digest


def entries(connection: sa.Connection, subject: str | None = None) -> Iterator[LedgerEntry]:
    """The entries, oldest first, of one subject if named."""
    query = sa.select(ledger).order_by(ledger.c.seq)
    if subject is not None:
        query = query.where(ledger.c.subject == subject)
    for row in connection.execute(query):
        yield _entry(row)


def newest(connection: sa.Connection) -> tuple[int, str | None]:
    """How many entries there are, and the newest one's digest."""
    count = connection.scalar(sa.select(sa.func.count()).select_from(ledger)) or 0
    return int(count), connection.scalar(sa.select(ledger.c.digest).order_by(ledger.c.seq.desc()).limit(1))


def holds(connection: sa.Connection, digest: str) -> bool:
    """Whether an entry of that digest is in the ledger: one noted earlier and gone means that its end was cut off."""
    return connection.scalar(sa.select(ledger.c.seq).where(ledger.c.digest == digest)) is not None


def _entry(row: Any) -> LedgerEntry:
    try:
        at, event, detail = datetime.fromisoformat(row.at), Event(row.event), json.loads(row.detail)
        return LedgerEntry(seq=row.seq, at=at, event=event, subject=row.subject, detail=detail, digest=row.digest)
    except (ValueError, TypeError):
        raise ShelfConflict(
            "ledger-damaged",
            f"entry {row.seq} of the ledger cannot be read as an event",
            remedy="find out what was changed with: keepsake ledger verify; then restore the catalogue from its backup",
        ) from None


def _problems(row: Any, expected_seq: int, previous: str) -> Iterator[LedgerProblem]:
    if row.seq != expected_seq:
        yield LedgerProblem(seq=row.seq, rule="sequence", message=f"entry {expected_seq} is missing")
    if row.previous != previous:
        yield LedgerProblem(seq=row.seq, rule="chain", message="the entry does not follow the one before it")
    fields = {"seq": row.seq, "at": row.at, "event": row.event, "subject": row.subject, "detail": row.detail}
    if not _says(fields, row.previous, row.digest):
        yield LedgerProblem(seq=row.seq, rule="digest", message="the entry was changed after it was written")


def _says(fields: dict[str, Any], previous: str, digest: str) -> bool:
    try:
        return _digest(fields, previous) == digest
    except (TypeError, ValueError):  # a database may be made to hold bytes where text belongs
        return False


def _digest(fields: dict[str, Any], previous: str) -> str:
    return hashlib.sha256(_canonical({**fields, "previous": previous}).encode()).hexdigest()


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
