"""The rows behind packages, versions and copies: how they are written, a bounded number at a time, and read back."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from preservation.catalogue.tables import files, items, packages, placements, unit_items, units, versions
from preservation.errors import Refused, ShelfConflict
from preservation.model.base import Word
from preservation.model.fixity import Fixity
from preservation.model.item import ItemFacts
from preservation.model.package import StagedVersion, StoredFile, Version

T = TypeVar("T")
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


def version_of(connection: sa.Connection, package_id: str, number: int) -> Version:
    """One version; raises ShelfConflict if there is none of that number."""
    row = connection.execute(sa.select(versions).where(versions.c.package_id == package_id, versions.c.number == number)).first()
    if row is None:
        raise ShelfConflict(
            "no-such-version", f"package {package_id} has no version {number}", remedy="list its versions with: keepsake status"
        )
    return as_version(row)


def as_version(row: Any) -> Version:
    """A row as a version."""
    return Version(**{name: row._mapping[name] for name in Version.model_fields})


def require_held(connection: sa.Connection, package_id: str) -> None:
    """Raise Refused unless the package is held."""
    if connection.scalar(sa.select(packages.c.state).where(packages.c.package_id == package_id)) != "held":
        raise Refused(
            "nothing-held", f"package {package_id} was withdrawn", remedy="nothing: what is withdrawn is not brought in any more"
        )


def expect_copies(connection: sa.Connection, package_id: str, number: int, sites: Iterable[str]) -> None:
    """A row for every file of a version, and of those before it, at each of the sites that has none."""
    for site in sites:
        there = sa.exists().where(
            placements.c.package_id == package_id, placements.c.path == files.c.path, placements.c.site == site
        )
        values = (files.c.package_id, files.c.path, sa.literal(site), sa.literal("expected"))
        wanted = sa.select(*values).where(files.c.package_id == package_id, files.c.version <= number, ~there)
        connection.execute(placements.insert().from_select(["package_id", "path", "site", "state"], wanted))


# What the gate decides from, asked file by file: made once, because putting a query together costs more than asking it.
PACKAGE_OF_UNIT = sa.select(units.c.package_id).where(units.c.unit_id == sa.bindparam("subject"))
PACKAGE = sa.select(packages).where(packages.c.package_id == sa.bindparam("package"))
ITEMS_OF_UNIT = (
    sa.select(items, packages.c.account_ref)
    .join(packages, packages.c.package_id == items.c.package_id)
    .join(unit_items, unit_items.c.item_id == items.c.item_id)
    .where(items.c.package_id == sa.bindparam("package"), unit_items.c.unit_id == sa.bindparam("subject"))
    .order_by(items.c.item_id)
)

_OF_FILE = (files.c.package_id == placements.c.package_id) & (files.c.path == placements.c.path)
BYTES_HELD = (
    sa.select(sa.func.coalesce(sa.func.sum(files.c.size), 0))
    .join(placements, _OF_FILE)
    .where(files.c.package_id == sa.bindparam("package"), files.c.version == sa.bindparam("number"))
    .where(placements.c.site == sa.bindparam("site"), placements.c.state == "held")
)


def sites_of(connection: sa.Connection, package_id: str, number: int) -> list[str]:
    """The sites a version was planned for."""
    query = sa.select(placements.c.site).join(files, _OF_FILE).where(files.c.package_id == package_id, files.c.version <= number)
    return list(connection.scalars(query.distinct().order_by(placements.c.site)))


def complete_sites(connection: sa.Connection, package_id: str, number: int) -> list[str]:
    """Sites that hold as many files as there are, of this version and those before it."""
    of_version = (files.c.package_id == package_id, files.c.version <= number)
    there_are = connection.scalar(sa.select(sa.func.count()).select_from(files).where(*of_version))
    held = sa.select(placements.c.site).join(files, _OF_FILE).where(*of_version, placements.c.state == "held")
    whole = held.group_by(placements.c.site).having(sa.func.count() == there_are)
    return list(connection.scalars(whole.order_by(placements.c.site)))


def missing(package_id: str, number: int, site: str) -> sa.Select[Any]:
    """The files of a version, and of those before it, not yet read back at one site."""
    return (
        sa.select(files)
        .join(placements, _OF_FILE)
        .where(files.c.package_id == package_id, files.c.version <= number)
        .where(placements.c.site == site, placements.c.state != "held")
    )


def missing_after(package_id: str, number: int, site: str, path: str) -> sa.Select[Any]:
    """A page of them, by path, beginning after one."""
    return missing(package_id, number, site).where(files.c.path > path).order_by(files.c.path).limit(ROWS)


def write_files(connection: sa.Connection, staged: StagedVersion) -> None:
    """Rows of the files of a version."""
    for some in _pages(staged.files):
        connection.execute(files.insert(), [_file_row(staged, file) for file in some])


def write_units(connection: sa.Connection, staged: StagedVersion) -> None:
    """Rows of the units of a version, and of which items they hold."""
    for some in _pages(staged.units):
        rows = [{"unit_id": unit.unit_id, "kind": unit.kind, "path": unit.path} for unit in some]
        of_version = {"package_id": staged.package_id, "version": staged.number}
        connection.execute(units.insert(), [row | of_version for row in rows])
    held = ((unit.unit_id, item_id) for unit in staged.units for item_id in unit.item_ids)
    for pairs in _pages(held):
        connection.execute(unit_items.insert(), [{"unit_id": unit_id, "item_id": item_id} for unit_id, item_id in pairs])


def write_items(connection: sa.Connection, package_id: str, held: Iterable[HeldItem]) -> None:
    """Rows of these items, in place of what was known of them."""
    for some in _pages(held):
        ids = [item.facts.item_id for item in some]
        connection.execute(items.delete().where(items.c.package_id == package_id, items.c.item_id.in_(ids)))
        connection.execute(items.insert(), [_item_row(package_id, item) for item in some])


def _pages(values: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while page := list(islice(remaining, ROWS)):
        yield page


def _item_row(package_id: str, item: HeldItem) -> dict[str, Any]:
    facts = {name: getattr(item.facts, name) for name in ("item_id", "section", "visibility", "origin", "scope_revision")}
    return facts | {"package_id": package_id, "version": item.version, "fingerprint": item.fingerprint, "status": item.status}


def held_item(row: Any) -> HeldItem:
    """A row as an item."""
    names = ("item_id", "account_ref", "section", "visibility", "origin", "scope_revision")
    facts = ItemFacts(**{name: row._mapping[name] for name in names})
    return HeldItem(facts=facts, version=row.version, fingerprint=row.fingerprint, status=row.status)


def _file_row(staged: StagedVersion, file: StoredFile) -> dict[str, Any]:
    return {
        "package_id": staged.package_id,
        "path": file.path,
        "version": staged.number,
        "unit_id": file.unit_id,
        "size": file.fixity.size,
        "sha256": file.fixity.sha256,
        "sha512": file.fixity.sha512,
    }


def stored_file(row: Any) -> StoredFile:
    """A row as a file."""
    return StoredFile(path=row.path, unit_id=row.unit_id, fixity=Fixity(size=row.size, sha256=row.sha256, sha512=row.sha512))
