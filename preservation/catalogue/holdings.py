"""Packages, versions and copies: what ought to be where, and how far each version has come.

The rows for every file x site exist before the first byte is put, so what is missing is a query, never a guess.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa

from preservation.catalogue.database import Database
from preservation.catalogue.holding_rows import (
    BYTES_HELD,
    ITEMS_OF_UNIT,
    PACKAGE,
    PACKAGE_OF_UNIT,
    HeldItem,
    Package,
    as_version,
    complete_sites,
    expect_copies,
    held_item,
    missing,
    missing_after,
    require_held,
    sites_of,
    stored_file,
    version_of,
    write_files,
    write_items,
    write_units,
)
from preservation.catalogue.ledger import Ledger
from preservation.catalogue.tables import deposits, files, heads, items, packages, placements, versions
from preservation.errors import Refused
from preservation.model.deposit import DepositState
from preservation.model.events import Event
from preservation.model.item import ItemFacts
from preservation.model.package import StagedVersion, StoredFile, Version, VersionState

__all__ = ["HeldItem", "Holdings", "Package"]


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

        A site that lacks earlier versions gets rows for their files too: a copy is whole or none. `held` is read as it is written.
        `left_out`: how many items consent kept out, by reason.
        """
        with self._database.writing() as connection:
            if version_of(connection, staged.package_id, staged.number).state is not VersionState.planned:
                return
            write_files(connection, staged)
            write_units(connection, staged)
            write_items(connection, staged.package_id, held)
            expect_copies(connection, staged.package_id, staged.number, sites)
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
            expect_copies(connection, package_id, number, sites)

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
        return list(self.each_missing_copy(package_id, number, site))

    def each_missing_copy(self, package_id: str, number: int, site: str) -> Iterator[StoredFile]:
        """The same one by one, looked up a page at a time: what is recorded meanwhile of files already given changes nothing."""
        after: str | None = ""
        while after is not None:
            with self._database.reading() as connection:
                page = [stored_file(row) for row in connection.execute(missing_after(package_id, number, site, after))]
            after = page[-1].path if page else None
            yield from page

    def count_missing(self, package_id: str, number: int, site: str) -> int:
        """How many files `missing_copies` would name."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(missing(package_id, number, site).subquery())) or 0

    def bytes_held(self, package_id: str, number: int, site: str) -> int:
        """The size of those files of one version that have been read back at one site."""
        with self._database.reading() as connection:
            return connection.scalar(BYTES_HELD, {"package": package_id, "number": number, "site": site}) or 0

    def sites_of(self, package_id: str, number: int) -> list[str]:
        """The sites a version was planned for."""
        with self._database.reading() as connection:
            return sites_of(connection, package_id, number)

    def complete_sites(self, package_id: str, number: int) -> list[str]:
        """The sites at which every file of a version, and of those before it, has been read back."""
        with self._database.reading() as connection:
            return complete_sites(connection, package_id, number)

    def commit_version(self, package_id: str, number: int, required_sites: int, at: datetime) -> bool:
        """The commit: the ledger says that the version exists. False while fewer than `required_sites` hold all of it."""
        with self._database.writing() as connection:
            version = version_of(connection, package_id, number)
            if version.state is VersionState.committed:
                return True
            require_held(connection, package_id)
            complete = complete_sites(connection, package_id, number)
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
            return [as_version(row) for row in connection.execute(query)]

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
            return [stored_file(row) for row in connection.execute(query)]

    def placed(self, package_id: str, site: str) -> dict[str, str]:
        """What ought to be at a site: path to state (`expected`, `held`, `damaged`)."""
        query = sa.select(placements).where(placements.c.package_id == package_id, placements.c.site == site)
        with self._database.reading() as connection:
            return {row.path: row.state for row in connection.execute(query)}

    def holds(self, package_id: str, path: str, site: str) -> bool:
        """Whether one file was read back at one site and nothing bad was found of it since."""
        query = sa.select(placements.c.state).where(
            placements.c.package_id == package_id, placements.c.path == path, placements.c.site == site
        )
        with self._database.reading() as connection:
            return connection.scalar(query) == "held"

    def oldest_read(self, package_id: str) -> dict[str, str | None]:
        """By site, the moment since which every file has been read; None if one was never read."""
        query = sa.select(placements.c.site, placements.c.last_read_at).where(placements.c.package_id == package_id)
        oldest: dict[str, str | None] = {}
        with self._database.reading() as connection:
            for site, at in connection.execute(query):
                known = oldest.get(site, at)
                oldest[site] = None if at is None or known is None else min(at, known)
        return oldest

    def weight(self, package_id: str, number: int | None = None) -> tuple[int, int]:
        """How many files one version has, or all of them, and their bytes."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(files.c.size), 0)).where(files.c.package_id == package_id)
        if number is not None:
            query = query.where(files.c.version == number)
        with self._database.reading() as connection:
            count, size = connection.execute(query).one()
        return int(count), int(size)

    def items_by_status(self, package_id: str) -> dict[str, int]:
        """How many items a package has, by status."""
        query = sa.select(items.c.status, sa.func.count()).where(items.c.package_id == package_id).group_by(items.c.status)
        with self._database.reading() as connection:
            return {str(status): int(count) for status, count in connection.execute(query)}

    def items(self, package_id: str) -> dict[str, HeldItem]:
        """The items of a package, by id."""
        with self._database.reading() as connection:
            query = sa.select(items, packages.c.account_ref).join(packages).where(items.c.package_id == package_id)
            return {row.item_id: held_item(row) for row in connection.execute(query)}

    def facts_of(self, subject: str) -> tuple[Package, tuple[ItemFacts, ...]] | None:
        """What the gate decides about a package or a unit from: whose it is, and the facts of a unit's items."""
        with self._database.reading() as connection:
            package_id = connection.scalar(PACKAGE_OF_UNIT, {"subject": subject}) or subject
            row = connection.execute(PACKAGE, {"package": package_id}).first()
            held = connection.execute(ITEMS_OF_UNIT, {"package": package_id, "subject": subject}) if row else ()
            facts = tuple(held_item(item).facts for item in held)
        return (Package(**row._mapping), facts) if row else None
