"""Packages, versions and copies: what ought to be where, and how far each version has come.

The rows for every file x site exist before the first byte is put, so what is missing is a query, never a guess.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from preservation.catalogue.database import Database
from preservation.catalogue.ledger import Ledger
from preservation.catalogue.tables import deposits, files, heads, items, packages, placements, unit_items, units, versions
from preservation.errors import Refused, ShelfConflict
from preservation.model.base import Word
from preservation.model.deposit import DepositState
from preservation.model.events import Event
from preservation.model.fixity import Fixity
from preservation.model.item import ItemFacts
from preservation.model.package import StagedVersion, StoredFile, Version, VersionState

ROWS = 500  # in one statement: databases bound the number of values


class HeldItem(Word):
    """An item as the catalogue knows it: the gate's facts, and how to recognise it unchanged."""

    facts: ItemFacts
    version: int
    fingerprint: str  # keyed: tells nothing without the package secret
    status: str


class Package(Word):
    """A package as the catalogue knows it."""

    package_id: str
    account_ref: str
    record_id: str
    state: str
    opened_at: datetime


class Holdings:
    """Writes down each step of a version on its way onto the shelf."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    # -- packages and versions ------------------------------------------------------------------------------------

    def open_package(self, package_id: str, account_ref: str, record_id: str, at: datetime) -> None:
        """Make the package's row, once."""
        with self._database.writing() as connection:
            if connection.execute(sa.select(packages).where(packages.c.package_id == package_id)).first():
                return
            connection.execute(
                packages.insert().values(
                    package_id=package_id, account_ref=account_ref, record_id=record_id, state="held", opened_at=at.isoformat()
                )
            )
            self._ledger.append(connection, at, Event.package_opened, package_id, record=record_id)

    def plan_version(self, package_id: str, deposit_id: str, at: datetime) -> int:
        """The version number this deposit becomes: the same on every call. One unfinished version at a time."""
        with self._database.writing() as connection:
            mine = connection.scalar(sa.select(versions.c.number).where(versions.c.deposit_id == deposit_id))
            if mine is not None:
                return int(mine)
            last = connection.execute(
                sa.select(versions).where(versions.c.package_id == package_id).order_by(versions.c.number.desc()).limit(1)
            ).first()
            if last is not None and last.state != VersionState.committed:
                raise Refused(
                    "version-unfinished",
                    f"version {last.number} of package {package_id}, from deposit {last.deposit_id}, is not committed yet",
                    remedy=f"finish it first: keepsake accession {last.deposit_id}",
                )
            number = last.number + 1 if last else 1
            connection.execute(
                versions.insert().values(package_id=package_id, number=number, deposit_id=deposit_id, state=VersionState.planned)
            )
            connection.execute(
                deposits.update().where(deposits.c.deposit_id == deposit_id).values(package_id=package_id, version=number)
            )
            self._ledger.append(connection, at, Event.version_planned, package_id, version=number, deposit=deposit_id)
            return number

    def record_staged(
        self, staged: StagedVersion, held: Iterable[HeldItem], sites: Iterable[str], left_out: Mapping[str, int] | None = None
    ) -> None:
        """Write down what the staged version holds, and a row for every file x site, before anything is put. Once.

        A site that lacks earlier versions gets rows for their files too: a copy is whole or none. `left_out`: how many items
        consent kept out, by reason.
        """
        with self._database.writing() as connection:
            if _version(connection, staged.package_id, staged.number).state is not VersionState.planned:
                return
            connection.execute(files.insert(), [_file_row(staged, file) for file in staged.files])
            for unit in staged.units:
                row = {"unit_id": unit.unit_id, "kind": unit.kind, "path": unit.path}
                connection.execute(units.insert().values(**row, package_id=staged.package_id, version=staged.number))
                if unit.item_ids:
                    connection.execute(
                        unit_items.insert(), [{"unit_id": unit.unit_id, "item_id": each} for each in unit.item_ids]
                    )
            _write_items(connection, staged.package_id, list(held))
            _expect_copies(connection, staged.package_id, staged.number, sites)
            connection.execute(
                versions.update()
                .where(versions.c.package_id == staged.package_id, versions.c.number == staged.number)
                .values(
                    state=VersionState.staged,
                    inventory_sha512=staged.inventory_sha512,
                    left_out=json.dumps(dict(left_out or {}), sort_keys=True),
                )
            )

    def expect_copies(self, package_id: str, number: int, sites: Iterable[str]) -> None:
        """Rows for the files of a version, and of those before it, at sites that came into use since it was staged."""
        with self._database.writing() as connection:
            _expect_copies(connection, package_id, number, sites)

    def left_out(self, package_id: str, number: int) -> dict[str, int]:
        """How many items consent kept out of a version, by reason."""
        query = sa.select(versions.c.left_out).where(versions.c.package_id == package_id, versions.c.number == number)
        with self._database.reading() as connection:
            return dict(json.loads(connection.scalar(query) or "{}"))

    def record_read_back(self, package_id: str, path: str, site: str, at: datetime) -> None:
        """One file's bytes were read at one site and are what they must be."""
        with self._database.writing() as connection:
            connection.execute(
                placements.update()
                .where(placements.c.package_id == package_id, placements.c.path == path, placements.c.site == site)
                .values(state="held", last_read_at=at.isoformat())
            )

    def record_damaged(self, package_id: str, path: str, site: str) -> None:
        """One file at one site is not what it must be. `last_read_at` stays: a bad read is no evidence of health."""
        with self._database.writing() as connection:
            connection.execute(
                placements.update()
                .where(placements.c.package_id == package_id, placements.c.path == path, placements.c.site == site)
                .where(placements.c.state == "held")  # what never was here is expected still, not damaged
                .values(state="damaged")
            )

    def missing_copies(self, package_id: str, number: int, site: str) -> list[StoredFile]:
        """The files of a version, and of those before it, not yet read back at one site, by path."""
        query = (
            sa.select(files)
            .join(placements, (placements.c.package_id == files.c.package_id) & (placements.c.path == files.c.path))
            .where(files.c.package_id == package_id, files.c.version <= number)
            .where(placements.c.site == site, placements.c.state != "held")
            .order_by(files.c.path)
        )
        with self._database.reading() as connection:
            return [_stored_file(row) for row in connection.execute(query)]

    def sites_of(self, package_id: str, number: int) -> list[str]:
        """The sites a version was planned for."""
        with self._database.reading() as connection:
            return _sites(connection, package_id, number)

    def complete_sites(self, package_id: str, number: int) -> list[str]:
        """The sites at which every file of a version, and of those before it, has been read back."""
        with self._database.reading() as connection:
            return _complete_sites(connection, package_id, number)

    def commit_version(self, package_id: str, number: int, required_sites: int, at: datetime) -> bool:
        """The commit: the ledger says that the version exists. False while fewer than `required_sites` hold all of it."""
        with self._database.writing() as connection:
            version = _version(connection, package_id, number)
            if version.state is VersionState.committed:
                return True
            _require_held(connection, package_id)
            complete = _complete_sites(connection, package_id, number)
            if version.state is not VersionState.staged or len(complete) < required_sites:
                return False
            key = (versions.c.package_id == package_id, versions.c.number == number)
            connection.execute(versions.update().where(*key).values(state=VersionState.committed))
            connection.execute(
                deposits.update().where(deposits.c.deposit_id == version.deposit_id).values(state=DepositState.accessioned)
            )
            self._ledger.append(
                connection,
                at,
                Event.version_committed,
                package_id,
                version=number,
                inventory_sha512=version.inventory_sha512,
                sites=complete,
            )
            return True

    def record_advanced(self, package_id: str, site: str, number: int, at: datetime) -> None:
        """A site's root inventory now stands at `number` and was read back."""
        with self._database.writing() as connection:
            key = (heads.c.package_id == package_id, heads.c.site == site)
            row = connection.execute(sa.select(heads).where(*key)).first()
            if row is not None and row.number >= number:
                return
            if row is None:
                connection.execute(heads.insert().values(package_id=package_id, site=site, number=number))
            else:
                connection.execute(heads.update().where(*key).values(number=number))
            self._ledger.append(connection, at, Event.root_advanced, package_id, site=site, version=number)

    def record_replica_completed(self, package_id: str, number: int, site: str, at: datetime) -> None:
        """Every file of a version was read back at one site."""
        with self._database.writing() as connection:
            self._ledger.append_once(connection, at, Event.replica_completed, package_id, version=number, site=site)

    # -- questions ------------------------------------------------------------------------------------------------

    def package(self, package_id: str) -> Package:
        """The package; raises Refused if there is none of that id."""
        found = self._find(package_id)
        if found is None:
            raise Refused("no-such-package", f"there is no package {package_id}", remedy="list the packages with: keepsake list")
        return found

    def known(self, package_id: str) -> bool:
        """Whether there is a package of that id."""
        return self._find(package_id) is not None

    def _find(self, package_id: str) -> Package | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(packages).where(packages.c.package_id == package_id)).first()
        return Package(**row._mapping) if row else None

    def of_account(self, account_ref: str) -> Package | None:
        """The package of an account, unless it was erased."""
        query = sa.select(packages).where(packages.c.account_ref == account_ref, packages.c.state != "erased")
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return Package(**row._mapping) if row else None

    def packages(self, record_id: str | None = None) -> list[Package]:
        """Packages, oldest first, of one consent record if named."""
        query = sa.select(packages).order_by(packages.c.opened_at, packages.c.package_id)
        if record_id is not None:
            query = query.where(packages.c.record_id == record_id)
        with self._database.reading() as connection:
            return [Package(**row._mapping) for row in connection.execute(query)]

    def versions(self, package_id: str) -> list[Version]:
        """The versions of a package, oldest first."""
        query = sa.select(versions).where(versions.c.package_id == package_id).order_by(versions.c.number)
        with self._database.reading() as connection:
            return [_as_version(row) for row in connection.execute(query)]

    def head(self, package_id: str) -> Version | None:
        """The newest committed version."""
        committed = [v for v in self.versions(package_id) if v.state is VersionState.committed]
        return committed[-1] if committed else None

    def advanced_to(self, package_id: str) -> dict[str, int]:
        """The version each site's root inventory stands at, by site."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(heads).where(heads.c.package_id == package_id))
            return {row.site: row.number for row in rows}

    def files(self, package_id: str, number: int | None = None) -> list[StoredFile]:
        """The files of one version, or of all of them, by path."""
        query = sa.select(files).where(files.c.package_id == package_id).order_by(files.c.path)
        if number is not None:
            query = query.where(files.c.version == number)
        with self._database.reading() as connection:
            return [_stored_file(row) for row in connection.execute(query)]

    def placed(self, package_id: str, site: str) -> dict[str, str]:
        """What ought to be at a site: path to state (`expected`, `held`, `damaged`)."""
        query = sa.select(placements).where(placements.c.package_id == package_id, placements.c.site == site)
        with self._database.reading() as connection:
            return {row.path: row.state for row in connection.execute(query)}

    def oldest_read(self, package_id: str) -> dict[str, str | None]:
        """By site, the moment since which every file has been read; None if one was never read."""
        query = sa.select(placements.c.site, placements.c.last_read_at).where(placements.c.package_id == package_id)
        oldest: dict[str, str | None] = {}
        with self._database.reading() as connection:
            for site, at in connection.execute(query):
                known = oldest.get(site, at)
                oldest[site] = None if at is None or known is None else min(at, known)
        return oldest

    def items(self, package_id: str) -> dict[str, HeldItem]:
        """The items of a package, by id."""
        with self._database.reading() as connection:
            query = sa.select(items, packages.c.account_ref).join(packages).where(items.c.package_id == package_id)
            return {row.item_id: _held_item(row) for row in connection.execute(query)}

    def facts_of(self, subject: str) -> tuple[Package, tuple[ItemFacts, ...]] | None:
        """What the gate decides about a package or a unit from: whose it is, and the facts of a unit's items."""
        with self._database.reading() as connection:
            package_id = connection.scalar(sa.select(units.c.package_id).where(units.c.unit_id == subject)) or subject
            row = connection.execute(sa.select(packages).where(packages.c.package_id == package_id)).first()
            held = (
                sa.select(items, packages.c.account_ref)
                .join(packages, packages.c.package_id == items.c.package_id)
                .join(unit_items, unit_items.c.item_id == items.c.item_id)
                .where(items.c.package_id == package_id, unit_items.c.unit_id == subject)
                .order_by(items.c.item_id)
            )
            facts = tuple(_held_item(item).facts for item in connection.execute(held)) if row else ()
        return (Package(**row._mapping), facts) if row else None


def _version(connection: sa.Connection, package_id: str, number: int) -> Version:
    row = connection.execute(sa.select(versions).where(versions.c.package_id == package_id, versions.c.number == number)).first()
    if row is None:
        raise ShelfConflict(
            "no-such-version", f"package {package_id} has no version {number}", remedy="list its versions with: keepsake status"
        )
    return _as_version(row)


def _as_version(row: Any) -> Version:
    return Version(**{name: row._mapping[name] for name in Version.model_fields})


def _require_held(connection: sa.Connection, package_id: str) -> None:
    if connection.scalar(sa.select(packages.c.state).where(packages.c.package_id == package_id)) != "held":
        raise Refused(
            "nothing-held", f"package {package_id} was withdrawn", remedy="nothing: what is withdrawn is not brought in any more"
        )


def _expect_copies(connection: sa.Connection, package_id: str, number: int, sites: Iterable[str]) -> None:
    wanted = sa.select(files.c.path).where(files.c.package_id == package_id, files.c.version <= number)
    paths = list(connection.scalars(wanted))
    for site in sites:
        known = sa.select(placements.c.path).where(placements.c.package_id == package_id, placements.c.site == site)
        new = sorted(set(paths) - set(connection.scalars(known)))
        if new:
            rows = [{"package_id": package_id, "path": path, "site": site, "state": "expected"} for path in new]
            connection.execute(placements.insert(), rows)


_OF_FILE = (files.c.package_id == placements.c.package_id) & (files.c.path == placements.c.path)


def _sites(connection: sa.Connection, package_id: str, number: int) -> list[str]:
    query = sa.select(placements.c.site).join(files, _OF_FILE).where(files.c.package_id == package_id, files.c.version <= number)
    return list(connection.scalars(query.distinct().order_by(placements.c.site)))


def _complete_sites(connection: sa.Connection, package_id: str, number: int) -> list[str]:
    """Sites that hold as many files as there are, of this version and those before it."""
    of_version = (files.c.package_id == package_id, files.c.version <= number)
    there_are = connection.scalar(sa.select(sa.func.count()).select_from(files).where(*of_version))
    held = sa.select(placements.c.site).join(files, _OF_FILE).where(*of_version, placements.c.state == "held")
    whole = held.group_by(placements.c.site).having(sa.func.count() == there_are)
    return list(connection.scalars(whole.order_by(placements.c.site)))


def _write_items(connection: sa.Connection, package_id: str, held: list[HeldItem]) -> None:
    """Rows of these items, in place of what was known of them."""
    for start in range(0, len(held), ROWS):
        some = held[start : start + ROWS]
        ids = [item.facts.item_id for item in some]
        connection.execute(items.delete().where(items.c.package_id == package_id, items.c.item_id.in_(ids)))
        connection.execute(items.insert(), [_item_row(package_id, item) for item in some])


def _item_row(package_id: str, item: HeldItem) -> dict[str, Any]:
    facts = {name: getattr(item.facts, name) for name in ("item_id", "section", "visibility", "origin", "scope_revision")}
    return facts | {"package_id": package_id, "version": item.version, "fingerprint": item.fingerprint, "status": item.status}


def _held_item(row: Any) -> HeldItem:
    names = ("item_id", "account_ref", "section", "visibility", "origin", "scope_revision")
    facts = ItemFacts(**{name: row._mapping[name] for name in names})
    return HeldItem(facts=facts, version=row.version, fingerprint=row.fingerprint, status=row.status)


def _file_row(staged: StagedVersion, file: StoredFile) -> dict[str, Any]:
    return {
        "package_id": staged.package_id,
        "path": file.path,
        "version": staged.number,
        "unit_id": file.unit_id,
        **file.fixity.model_dump(),
    }


def _stored_file(row: Any) -> StoredFile:
    return StoredFile(path=row.path, unit_id=row.unit_id, fixity=Fixity(size=row.size, sha256=row.sha256, sha512=row.sha512))
