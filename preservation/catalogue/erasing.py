"""Withdrawals: rows for every package x site before the first erasure, receipts, and the tombstone that stays."""

from datetime import datetime

import sqlalchemy as sa

from preservation.catalogue.database import Database
from preservation.catalogue.ledger import Ledger
from preservation.catalogue.tables import (
    deposits,
    erasures,
    files,
    findings,
    heads,
    items,
    packages,
    placements,
    receipts,
    tombstones,
    unit_items,
    units,
    versions,
)
from preservation.model.deposit import DepositState
from preservation.model.events import Event
from preservation.model.package import VersionState
from preservation.model.withdrawal import DeletionReceipt, Erasure, Tombstone


class Erasing:
    """Writes down a withdrawal from the decision to the tombstone."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def open_erasures(self, package_id: str, sites: list[str], at: datetime) -> None:
        """From here on the package owes an erasure at each site. Once."""
        with self._database.writing() as connection:
            known = set(connection.scalars(sa.select(erasures.c.site).where(erasures.c.package_id == package_id)))
            new = [site for site in sites if site not in known]
            for site in new:
                row = {"package_id": package_id, "site": site, "state": "open", "opened_at": at.isoformat()}
                connection.execute(erasures.insert().values(**row))
            connection.execute(
                packages.update().where(packages.c.package_id == package_id, packages.c.state == "held").values(state="withdrawn")
            )
            if new:
                self._ledger.append(connection, at, Event.withdrawal, package_id, sites=new)

    def expect_deletions(self, package_id: str, site: str, keys: list[str]) -> None:
        """A row for each object about to be erased at a site, so that a receipt survives whatever happens next."""
        here = (receipts.c.package_id == package_id, receipts.c.site == site)
        with self._database.writing() as connection:
            known = set(connection.scalars(sa.select(receipts.c.key).where(*here)))
            rows = [{"package_id": package_id, "site": site, "key": key, "removed": 0} for key in keys if key not in known]
            if rows:
                connection.execute(receipts.insert(), rows)

    def record_deleted(self, package_id: str, site: str, key: str, removed: int) -> None:
        """How many things (object, versions, markers, uploads) the site removed for one key."""
        here = (receipts.c.package_id == package_id, receipts.c.site == site, receipts.c.key == key)
        with self._database.writing() as connection:
            connection.execute(receipts.update().where(*here).values(removed=receipts.c.removed + removed))

    def close_erasure(self, package_id: str, site: str, at: datetime) -> int:
        """Every object was read back as absent at one site: date the receipts; how many there are. Once."""
        here = (receipts.c.package_id == package_id, receipts.c.site == site)
        with self._database.writing() as connection:
            dated = connection.execute(receipts.update().where(*here, receipts.c.at.is_(None)).values(at=at.isoformat()))
            count = connection.scalar(sa.select(sa.func.count()).select_from(receipts).where(*here)) or 0
            owed = (erasures.c.package_id == package_id, erasures.c.site == site)
            closing = erasures.update().where(*owed, erasures.c.state == "open")
            closed = connection.execute(closing.values(state="done", done_at=at.isoformat()))
            connection.execute(erasures.update().where(*owed).values(objects=count))
            if closed.rowcount or dated.rowcount:
                self._ledger.append(connection, at, Event.deletion, package_id, site=site, objects=count)
            return int(count)

    def receipts(self, package_id: str) -> list[DeletionReceipt]:
        """The receipts of a package's objects, by site and key; those still owed have none."""
        query = sa.select(receipts).where(receipts.c.package_id == package_id, receipts.c.at.is_not(None))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(receipts.c.site, receipts.c.key))
            return [DeletionReceipt(**{name: row._mapping[name] for name in DeletionReceipt.model_fields}) for row in rows]

    def erasures(self, package_id: str | None = None) -> list[Erasure]:
        """Erasures, open and done, by package and site."""
        query = sa.select(erasures).order_by(erasures.c.package_id, erasures.c.site)
        if package_id is not None:
            query = query.where(erasures.c.package_id == package_id)
        with self._database.reading() as connection:
            return [Erasure(**row._mapping) for row in connection.execute(query)]

    def record_shredded(self, package_id: str, at: datetime) -> None:
        """The package's secret is gone and was read back as gone."""
        with self._database.writing() as connection:
            self._ledger.append_once(connection, at, Event.secrets_shredded, package_id)

    def close_package(self, package_id: str, reason: str, at: datetime) -> Tombstone:
        """Everything known of the package goes; a tombstone stays. Once."""
        with self._database.writing() as connection:
            standing = connection.execute(sa.select(tombstones).where(tombstones.c.package_id == package_id)).first()
            if standing is not None:
                return _tombstone(standing._mapping)
            stone = _tombstone_of(connection, package_id, reason, at)
            _forget(connection, package_id)
            row = stone.model_dump() | {
                "withdrawn_at": stone.withdrawn_at.isoformat(),
                "erased_at": stone.erased_at.isoformat(),
                "sites": ",".join(stone.sites),
            }
            connection.execute(tombstones.insert().values(**row))
            self._ledger.append(connection, at, Event.deaccession, package_id, objects=stone.objects, sites=list(stone.sites))
            return stone

    def tombstones(self) -> list[Tombstone]:
        """All tombstones, by package."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(tombstones).order_by(tombstones.c.package_id))
            return [_tombstone(row._mapping) for row in rows]


def _tombstone_of(connection: sa.Connection, package_id: str, reason: str, at: datetime) -> Tombstone:
    package = connection.execute(sa.select(packages).where(packages.c.package_id == package_id)).one()
    erased = connection.execute(sa.select(erasures).where(erasures.c.package_id == package_id).order_by(erasures.c.site)).all()
    return Tombstone(
        package_id=package_id,
        record_id=package.record_id,
        accession_month=package.opened_at[:7],
        withdrawn_at=datetime.fromisoformat(min(row.opened_at for row in erased)),
        erased_at=at,
        reason=reason,
        objects=sum(row.objects for row in erased),
        sites=tuple(row.site for row in erased),
    )


def _forget(connection: sa.Connection, package_id: str) -> None:
    """Rows that tell what the package held, children first. The package's own row, versions and receipts stay as bare ids."""
    in_package = sa.select(units.c.unit_id).where(units.c.package_id == package_id)
    connection.execute(unit_items.delete().where(unit_items.c.unit_id.in_(in_package)))
    for table in (units, items, placements, heads, files, findings):
        connection.execute(table.delete().where(table.c.package_id == package_id))
    connection.execute(versions.update().where(versions.c.package_id == package_id).values(state=VersionState.erased))
    gone = {"account_ref": package_id}  # an account that comes back begins anew; nothing ties it to this
    connection.execute(deposits.update().where(deposits.c.package_id == package_id).values(state=DepositState.withdrawn, **gone))
    connection.execute(packages.update().where(packages.c.package_id == package_id).values(state="erased", **gone))


def _tombstone(row: sa.RowMapping) -> Tombstone:
    return Tombstone(**dict(row) | {"sites": tuple(row["sites"].split(","))})
