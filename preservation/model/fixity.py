"""Digests, findings and how deep a look went. Findings are values: a damaged copy is never an exception."""

from enum import StrEnum

from pydantic import AwareDatetime
from pydantic.dataclasses import dataclass

from preservation.model.base import Word
from preservation.model.identifiers import Sha256, Sha512


class Depth(StrEnum):
    """How deep a look went, shallow to deep. Only `read` is evidence, and only `read` moves `last_read_at`."""

    listed = "listed"
    sized = "sized"
    attested = "attested"  # the provider computed a checksum over what it stores
    read = "read"  # we read the bytes and digested them


@dataclass(frozen=True, slots=True)  # not a pydantic model: a version may have tens of thousands
class Fixity:
    """What the bytes of one stored file must be. Made at packaging; never follows the data."""

    size: int
    sha256: Sha256
    sha512: Sha512


class Outcome(StrEnum):
    """What a look found. `not_looked_at` is never counted as well."""

    intact = "intact"
    mismatched = "mismatched"  # read to the end, other bytes
    missing = "missing"  # the site says it has no such object
    unreadable = "unreadable"  # the site has it and does not give it
    foreign = "foreign"  # the site has it and the catalogue does not expect it
    not_looked_at = "not_looked_at"  # the site did not answer, or the budget ran out


MENDABLE = frozenset({Outcome.mismatched, Outcome.missing, Outcome.unreadable})  # what an intact copy can replace


class Finding(Word):
    """One look at one object of one site. `expected` and `found` hold digests and sizes, never content."""

    site: str
    package_id: str
    key: str
    outcome: Outcome
    depth: Depth
    at: AwareDatetime
    expected: str = ""
    found: str = ""
    note: str = ""
