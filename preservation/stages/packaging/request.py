"""What packaging is handed: everything it needs to know, and nothing it would have to look up."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from preservation.model.clearance import Gatekeeper
from preservation.model.deposit import Deposit
from preservation.model.export import Medium, Member, Note, Post, SectionReport, ThirdPartySection
from preservation.model.identifiers import ItemId, PackageId
from preservation.model.item import Origin
from preservation.model.malware import ScanReport
from preservation.model.media_facts import MediaFacts
from preservation.model.package import StoredFile
from preservation.model.policy import PackagingPolicy
from preservation.stages.packaging.earlier import EarlierRows

Opener = Callable[[], AbstractContextManager[BinaryIO]]
Row = Mapping[str, Any]  # one line of items.jsonl
Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class HeldMedium:
    """Bytes of one medium of a post. `index` is its place in `Post.media`; `medium.held` says what the bytes must be.

    `facts`: what was found when the medium was examined, if it was.
    """

    index: int
    medium: Medium
    open: Opener
    origin: Origin = Origin.creator_export
    facts: MediaFacts | None = None


@dataclass(frozen=True, slots=True)
class PackagedItem:
    """One item that consent lets in. `with_location`: the creator ticked the places of posts (section `location_post`)."""

    item_id: ItemId
    post: Post
    held: tuple[HeldMedium, ...] = ()
    with_location: bool = False


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """The consent record under which this is packaged: the document, and how to name it."""

    record_id: str
    revision: int
    sha256: str
    document: bytes


@dataclass(frozen=True, slots=True)
class ReceivedFacts:
    """What the reader said of the export as a whole. Nothing of other people's is in here: sections are counts and names."""

    platform: str
    generation: str | None = None
    format: str | None = None
    exported_at: datetime | None = None
    members: Sequence[Member] = ()
    sections: Sequence[SectionReport] = ()
    third_party_sections: Sequence[ThirdPartySection] = ()
    notes: Sequence[Note] = ()
    scan: ScanReport | None = None  # as noted when it was made: packaging never asks a scanner


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The newest committed version: its inventory's bytes, the rows of its items.jsonl, and every file of the object so far."""

    inventory: bytes
    items: EarlierRows
    files: Sequence[StoredFile]


@dataclass(frozen=True, slots=True)
class AssemblyRequest:
    """One version to be built. Equal requests give equal bytes; `gate` and `now` only decide whether it is built at all.

    `gate.clear(Act.package, item_id)` is asked as each item's turn comes, because a clearance lives a minute and a large deposit
    takes longer. `account` holds the profile fields that consent lets in.
    """

    package_id: PackageId
    secret: bytes
    number: int
    deposit: Deposit
    items: Sequence[PackagedItem]
    gate: Gatekeeper
    now: Callable[[], datetime]
    received: ReceivedFacts
    consent: ConsentFacts
    policy: PackagingPolicy = field(default_factory=PackagingPolicy)
    account: Mapping[str, Any] = field(default_factory=dict)
    previous: PreviousVersion | None = None
