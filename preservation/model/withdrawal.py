"""A withdrawal's words: what goes, the proof that it went, and what stays."""

from pydantic import AwareDatetime

from preservation.model.base import Word
from preservation.model.identifiers import PackageId, RecordId


class DeletionReceipt(Word):
    """One object's bytes are gone from one site and were read back as absent."""

    site: str
    key: str
    removed: int  # objects, versions, markers and uploads
    at: AwareDatetime


class Erasure(Word):
    """What a package owes at one site, or has done there."""

    package_id: PackageId
    site: str
    state: str
    opened_at: AwareDatetime
    done_at: AwareDatetime | None = None
    objects: int = 0


class Tombstone(Word):
    """What stays of a package: opaque ids, months, counts. Nothing says whose it was or what it held."""

    package_id: PackageId
    record_id: RecordId
    accession_month: str
    withdrawn_at: AwareDatetime
    erased_at: AwareDatetime
    reason: str
    objects: int
    sites: tuple[str, ...]
