"""The identity store: whose account a reference stands for, and the consent documents. A file of its own, under a key of its own.

Handles are looked up by HMAC and kept encrypted (Fernet: AES-128-CBC with HMAC-SHA256); so are the documents. Without the key,
which lies in the key store, the file tells how many records there are and nothing more.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken

from preservation.catalogue.secret_file import SecretFile
from preservation.errors import Refused, SettingsWrong
from preservation.model.identifiers import keyed_digest

WHAT = "identity store"
_metadata = sa.MetaData()
_accounts = sa.Table(
    "accounts",
    _metadata,
    sa.Column("account_ref", sa.String(26), primary_key=True),
    sa.Column("recognised_by", sa.String(64), nullable=False, unique=True),  # keyed digest of platform and handle
    sa.Column("handle", sa.LargeBinary, nullable=False),
)
_documents = sa.Table(
    "documents",
    _metadata,
    sa.Column("record_id", sa.String(26), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
_people = sa.Table(
    "people",
    _metadata,
    sa.Column("record_id", sa.String(26), primary_key=True),
    sa.Column("identity", sa.LargeBinary, nullable=False),
)


class IdentityStore:
    """Handles, people and consent documents, all encrypted."""

    def __init__(self, path: Path, key: bytes, *, reading_only: bool = False) -> None:
        """`key`: 32 bytes, from the key store. `reading_only` is for a copy that stays as it is."""
        self._cipher = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"identity cipher" + key).digest()))
        self._lookup = hashlib.sha256(b"identity lookup" + key).digest()
        self._file = SecretFile(path, _metadata, WHAT, reading_only=reading_only)

    def record_account(self, account_ref: str, platform: str, handle: str) -> None:
        """Remember whose account a reference stands for. One handle has one reference, for good."""
        self.record_accounts([(account_ref, platform, handle)])

    def record_accounts(self, accounts: Iterable[tuple[str, str, str]]) -> None:
        """The same for several: (reference, platform, handle) each, all of them or none."""
        with self._file.writing() as connection:
            for account_ref, platform, handle in accounts:
                self._record(connection, account_ref, platform, handle)

    def _record(self, connection: sa.Connection, account_ref: str, platform: str, handle: str) -> None:
        digest = self._digest(platform, handle)
        known = connection.execute(sa.select(_accounts).where(_accounts.c.recognised_by == digest)).first()
        taken = connection.execute(sa.select(_accounts).where(_accounts.c.account_ref == account_ref)).first()
        if known is None and taken is None:
            row = {"account_ref": account_ref, "recognised_by": digest, "handle": self._seal(handle)}
            connection.execute(_accounts.insert().values(**row))
        elif known is None or known.account_ref != account_ref:
            raise _taken(account_ref, known.account_ref if known else None)

    def recognises(self, account_ref: str, platform: str, handle: str) -> bool:
        """Whether this handle is the one the reference stands for. Handles compare without case and a leading @."""
        with self._file.reading() as connection:
            found = connection.scalar(sa.select(_accounts.c.recognised_by).where(_accounts.c.account_ref == account_ref))
        return found is not None and found == self._digest(platform, handle)

    def record_document(self, record_id: str, revision: int, document: bytes, *, replace: bool = False) -> None:
        """Keep a revision's exact bytes. `replace` only for a revision the catalogue never heard of (a step that was cut off)."""
        with self._file.writing() as connection:
            key = (_documents.c.record_id == record_id, _documents.c.revision == revision)
            known = connection.scalar(sa.select(_documents.c.document).where(*key))
            if known is not None and self._open(known) == document:
                return
            if known is not None and not replace:
                raise Refused(
                    "consent-never-edited",
                    f"revision {revision} of consent record {record_id} is recorded already, with other words",
                    remedy="a change of consent is a new revision: raise the number and name the predecessor's sha256",
                )
            connection.execute(_documents.delete().where(*key))
            row = {"record_id": record_id, "revision": revision, "document": self._cipher.encrypt(document)}
            connection.execute(_documents.insert().values(**row))

    def document(self, record_id: str, revision: int) -> bytes | None:
        """A revision's exact bytes."""
        key = (_documents.c.record_id == record_id, _documents.c.revision == revision)
        with self._file.reading() as connection:
            found = connection.scalar(sa.select(_documents.c.document).where(*key))
        return self._open(found) if found is not None else None

    def record_people(self, record_id: str, identity: bytes) -> None:
        """Keep who signed (names, contact), as one sealed document."""
        with self._file.writing() as connection:
            connection.execute(_people.delete().where(_people.c.record_id == record_id))
            connection.execute(_people.insert().values(record_id=record_id, identity=self._cipher.encrypt(identity)))

    def forget(self, account_refs: list[str], record_id: str) -> None:
        """Remove the handles of these accounts and who signed. The consent documents stay as evidence; they name nobody."""
        with self._file.writing() as connection:
            connection.execute(_accounts.delete().where(_accounts.c.account_ref.in_(account_refs)))
            connection.execute(_people.delete().where(_people.c.record_id == record_id))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _digest(self, platform: str, handle: str) -> str:
        return keyed_digest(self._lookup, platform, handle.strip().lstrip("@").casefold())

    def _open(self, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed)
        except InvalidToken:
            raise SettingsWrong(
                "identity-key",
                "the identity store was written under another key than the key store holds, or it is damaged",
                remedy="restore the identity store and the key store from the same backup",
            ) from None

    def _seal(self, words: str) -> bytes:
        return self._cipher.encrypt(words.encode())


def _taken(account_ref: str, known: str | None) -> Refused:
    if known is None:
        return Refused(
            "account-reference-taken",
            f"account reference {account_ref} stands for another account already",
            remedy="give this account a reference of its own in the consent document",
        )
    return Refused(
        "account-reference-taken",
        f"the account meant by reference {account_ref} has the reference {known} already",
        remedy=f"use the reference {known} for this account in the consent document",
    )
