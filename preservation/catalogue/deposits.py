"""Consent states and deposits, as the catalogue knows them: opaque ids, states and digests."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from preservation.catalogue.database import Database
from preservation.catalogue.ledger import Ledger
from preservation.catalogue.tables import consents, deposits, versions
from preservation.errors import Refused
from preservation.model.base import Word
from preservation.model.deposit import Deposit, DepositState
from preservation.model.events import Event
from preservation.model.package import VersionState


class ConsentInForce(Word):
    """The newest revision of a record, by digest. The words themselves are in the identity store."""

    record_id: str
    revision: int
    state: str
    sha256: str


class Deposits:
    """Records consent revisions and what is handed in under them."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def record_consent(self, consent: ConsentInForce, previous_sha256: str | None, at: datetime) -> None:
        """Add a revision. The same again is a no-op; a revision that does not follow the one in force is refused."""
        with self._database.writing() as connection:
            latest = _in_force(connection, consent.record_id)
            if latest == consent:
                return
            follows = (latest.sha256, latest.revision + 1) if latest else (None, 1)
            if (previous_sha256, consent.revision) != follows:
                raise Refused(
                    "consent-revision-out-of-order",
                    f"revision {consent.revision} of consent record {consent.record_id} does not follow the revision in force",
                    remedy="show the record in force (keepsake consent show) and make the change on it",
                )
            connection.execute(consents.insert().values(**consent.model_dump(), previous_sha256=previous_sha256))
            self._ledger.append(
                connection,
                at,
                Event.consent_recorded,
                consent.record_id,
                revision=consent.revision,
                state=consent.state,
                sha256=consent.sha256,
            )

    def consent_in_force(self, record_id: str) -> ConsentInForce | None:
        """The newest revision of a record; None if there is no such record."""
        with self._database.reading() as connection:
            return _in_force(connection, record_id)

    def consent_records(self) -> list[ConsentInForce]:
        """The newest revision of every record, by id."""
        with self._database.reading() as connection:
            ids = connection.scalars(sa.select(consents.c.record_id).distinct().order_by(consents.c.record_id)).all()
            return [found for record_id in ids if (found := _in_force(connection, record_id))]

    def record_received(self, deposit: Deposit, recognised_by: str, at: datetime) -> Deposit:
        """Add a deposit, or return the waiting one that brought the very same bytes under the same record."""
        with self._database.writing() as connection:
            same = connection.execute(
                sa.select(deposits).where(
                    deposits.c.recognised_by == recognised_by,
                    deposits.c.record_id == deposit.record_id,
                    deposits.c.state.in_([DepositState.received, DepositState.accessioned]),
                )
            ).first()
            if same:
                return _deposit(same)
            row = deposit.model_dump() | {"received_at": deposit.received_at.isoformat(), "recognised_by": recognised_by}
            connection.execute(deposits.insert().values(**row))
            self._ledger.append(
                connection,
                at,
                Event.deposit_received,
                deposit.deposit_id,
                record=deposit.record_id,
                bytes=deposit.bytes_received,
                files=deposit.files_received,
            )
            return deposit

    def get(self, deposit_id: str) -> Deposit:
        """The deposit; raises Refused if there is none of that id."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(deposits).where(deposits.c.deposit_id == deposit_id)).first()
        if row is None:
            raise Refused("no-such-deposit", f"there is no deposit {deposit_id}", remedy="list the deposits with: keepsake list")
        return _deposit(row)

    def list(self, record_id: str | None = None) -> list[Deposit]:
        """Deposits, oldest first, of one consent record if named."""
        query = sa.select(deposits).order_by(deposits.c.received_at, deposits.c.deposit_id)
        if record_id is not None:
            query = query.where(deposits.c.record_id == record_id)
        with self._database.reading() as connection:
            return [_deposit(row) for row in connection.execute(query)]

    def refuse(self, deposit_id: str, code: str, at: datetime) -> None:
        """Close a deposit that cannot be taken in."""
        with self._database.writing() as connection:
            changed = connection.execute(
                deposits.update()
                .where(deposits.c.deposit_id == deposit_id, deposits.c.state == DepositState.received)
                .values(state=DepositState.refused, refusal=code)
            )
            if changed.rowcount:
                _drop_planned_version(connection, deposit_id)
                self._ledger.append(connection, at, Event.deposit_refused, deposit_id, code=code)

    def release_version(self, deposit_id: str) -> None:
        """Give back the version number planned for a deposit that goes on waiting, so that another may take it."""
        with self._database.writing() as connection:
            _drop_planned_version(connection, deposit_id)

    def record_quarantine_wiped(self, deposit_id: str, at: datetime) -> None:
        """Note that the received bytes and their key are gone."""
        with self._database.writing() as connection:
            self._ledger.append_once(connection, at, Event.quarantine_wiped, deposit_id)


def _drop_planned_version(connection: sa.Connection, deposit_id: str) -> None:
    """A version that was only planned goes with its deposit, else no other deposit could ever take its number."""
    planned = (versions.c.deposit_id == deposit_id, versions.c.state == VersionState.planned)
    if connection.execute(versions.delete().where(*planned)).rowcount:
        nothing = {"package_id": None, "version": None}
        connection.execute(deposits.update().where(deposits.c.deposit_id == deposit_id).values(**nothing))


# Made once: a deposit asks item by item, and putting a query together costs more than asking it.
_NEWEST = (
    sa.select(consents.c.record_id, consents.c.revision, consents.c.state, consents.c.sha256)
    .where(consents.c.record_id == sa.bindparam("record"))
    .order_by(consents.c.revision.desc())
    .limit(1)
)


def _in_force(connection: sa.Connection, record_id: str) -> ConsentInForce | None:
    row = connection.execute(_NEWEST, {"record": record_id}).first()
    return ConsentInForce(record_id=row.record_id, revision=row.revision, state=row.state, sha256=row.sha256) if row else None


def _deposit(row: Any) -> Deposit:
    fields = {name: getattr(row, name) for name in Deposit.model_fields}
    return Deposit(**fields | {"received_at": datetime.fromisoformat(row.received_at)})
