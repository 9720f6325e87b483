"""A package and what it is made of. The AIP of OAIS: one OCFL object per account, a version per accession."""

from enum import StrEnum

from pydantic import AwareDatetime
from pydantic.dataclasses import dataclass

from preservation.model.base import Word
from preservation.model.fixity import Fixity
from preservation.model.identifiers import DepositId, ItemId, PackageId, Sha512, UnitId


class UnitKind(StrEnum):
    """What a unit, the smallest thing that can be erased alone, holds."""

    item = "item"  # one item of a megabyte or more
    bundle = "bundle"  # several small items
    description = "description"  # what describes the whole version


@dataclass(frozen=True, slots=True)  # not pydantic models: a version may have tens of thousands
class StoredFile:
    """One file of a version as it lies on the shelf. `path` is below the package's root, e.g. `v1/content/data/README.txt`."""

    path: str
    fixity: Fixity
    unit_id: UnitId | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its id, where it lies and which items it holds."""

    unit_id: UnitId
    kind: UnitKind
    path: str
    item_ids: tuple[ItemId, ...] = ()


class StagedVersion(Word):
    """A version, whole on this machine's disk and not yet anywhere else.

    `files` are the files new in this version, the version's own inventory and sidecar included, the package's root inventory not:
    that is `inventory`, whose bytes equal `v<N>/inventory.json` and which is advanced after the commit.
    """

    package_id: PackageId
    number: int
    deposit_id: DepositId
    received_at: AwareDatetime
    files: tuple[StoredFile, ...]
    units: tuple[Unit, ...]
    inventory_sha512: Sha512
    items: int
    media_held: int
    media_missing: int


class VersionState(StrEnum):
    """How far a version has come. Only a committed version is one."""

    planned = "planned"
    staged = "staged"
    committed = "committed"
    erased = "erased"


class Version(Word):
    """A version as the catalogue knows it."""

    package_id: PackageId
    number: int
    deposit_id: DepositId
    state: VersionState
    inventory_sha512: Sha512 | None = None
