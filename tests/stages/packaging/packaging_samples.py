"""Deposits to be packaged in tests: invented posts, a gate that says yes, and the version before as the catalogue would give it."""

import base64
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from preservation.formats.digests import fixity_of_file
from preservation.formats.ocfl import object_root_files, package_root, parse_inventory
from preservation.model.clearance import Act, Clearance
from preservation.model.deposit import Deposit, DepositState
from preservation.model.export import (
    Held,
    MediaKind,
    MediaStatus,
    Medium,
    Member,
    MemberFate,
    Post,
    PostKind,
    SectionReport,
    Visibility,
)
from preservation.model.package import StagedVersion, StoredFile
from preservation.model.policy import MIB, PackagingPolicy
from preservation.model.sections import Section
from preservation.stages.packaging.description import storage_root_files
from preservation.stages.packaging.earlier import EarlierRows
from preservation.stages.packaging.identity import identify, known_twins
from preservation.stages.packaging.request import (
    AssemblyRequest,
    ConsentFacts,
    HeldMedium,
    PackagedItem,
    PreviousVersion,
    ReceivedFacts,
)

SECRET = bytes(range(32))
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PACKAGE, RECORD, ACCOUNT = "p" * 26, "r" * 26, "a" * 26
SMALL = PackagingPolicy(own_unit_from=2000, bundle_up_to=MIB)
CANARIES = ("canary.handle", "canary caption", "2021-06-07", "canary_member.mp4", "canary words", "2021_06_07")
JPEG, MP4 = b"\xff\xd8\xff\xe0 jpeg", b"\x00\x00\x00\x18ftypmp42 mp4"


@dataclass
class Yes:
    """A gate that clears everything except `refused`, and remembers what it was asked."""

    refused: frozenset[str] = frozenset()
    at: datetime = NOW
    subject: Callable[[str], str] = str

    def clear(self, act: Act, subject: str) -> Clearance:
        wanted = "other" if subject in self.refused else subject
        clearance: Clearance = Clearance._issue(
            act=act, subject=wanted, record_id=RECORD, revision=1, record_sha256="0" * 64, at=self.at
        )
        return clearance


def medium(data: bytes, ref: str = "media/canary_member.mp4") -> Medium:
    """A medium whose bytes are here."""
    digest = hashlib.sha256(data).hexdigest()
    held = Held(locator=ref, size=len(data), sha256=digest)
    kind = MediaKind.image if data.startswith(b"\xff\xd8") else MediaKind.video
    return Medium(ref=ref, kind=kind, status=MediaStatus.in_archive, sha256=digest, size=len(data), held=held)


def link(ref: str = "https://cdn.example.org/canary_member.mp4") -> Medium:
    """A medium of which there is only a link."""
    return Medium(ref=ref, kind=MediaKind.video, status=MediaStatus.link_only)


def post(seconds: int, caption: str | None = "canary caption", media: Sequence[Medium] = (), **more: Any) -> Post:
    """A post of an invented afternoon."""
    at = datetime(2021, 6, 7, 15, 0, tzinfo=UTC) + timedelta(seconds=seconds)
    words = {"Date": "2021-06-07", "Text": "canary words", "Location": "Canary Islands"}
    fields = {"words": words, "pointer": f"/Post/{seconds}", "observations": {"likes": seconds}, "visibility_raw": None} | more
    return Post(
        created_at_utc=at, kind=PostKind.video, caption=caption, visibility=Visibility.public, media=tuple(media), **fields
    )


def sample_posts() -> tuple[dict[str, bytes], list[Post]]:
    """Bytes by digest, and posts: two large ones, some small, one with half its media, one with none."""
    blobs = [MP4 + bytes([n]) * 3000 for n in range(2)] + [JPEG + bytes([n]) * 50 for n in range(4)]
    posts = [post(n, media=[medium(data)]) for n, data in enumerate(blobs)]
    posts += [post(20, media=[medium(blobs[2]), link()]), post(21, media=[link()]), post(22, caption="só palavras 🧶")]
    return {hashlib.sha256(data).hexdigest(): data for data in blobs}, posts


def packaged(posts: Sequence[Post], blobs: dict[str, bytes], known: Iterable[dict[str, Any]] = ()) -> list[PackagedItem]:
    """Posts with their ids and the bytes that are here."""
    items = []
    for item_id, found in identify(posts, SECRET, known_twins(known)):
        held = [
            HeldMedium(index, one, lambda data=blobs[one.sha256]: io.BytesIO(data))
            for index, one in enumerate(found.media)
            if one.held and one.sha256
        ]
        items.append(PackagedItem(item_id, found, tuple(held)))
    return items


def request(
    items: Sequence[PackagedItem], number: int = 1, previous: PreviousVersion | None = None, **more: Any
) -> AssemblyRequest:
    """A version of the sample package."""
    deposit_id = base64.b32encode(bytes([number]) * 16).decode().rstrip("=").lower()
    received_at = NOW + timedelta(days=number)
    deposit = Deposit(
        deposit_id=deposit_id, record_id=RECORD, account_ref=ACCOUNT, received_at=received_at, state=DepositState.received
    )
    received = ReceivedFacts(
        platform="tiktok",
        members=[Member(path="canary.handle/data.json", size=9, fate=MemberFate.kept_in_part)],
        sections=[SectionReport(name="Direct Message", section=Section.direct_messages, decision="never", reason="r", records=3)],
    )
    consent = ConsentFacts(RECORD, 1, "0" * 64, b'{"creator":"canary.handle"}\n')
    fields: dict[str, Any] = {"gate": Yes(), "policy": SMALL, "account": {"handle": "canary.handle"}, "now": lambda: NOW}
    return AssemblyRequest(
        PACKAGE, SECRET, number, deposit, items, received=received, consent=consent, previous=previous, **(fields | more)
    )


def shelve(staging: Path, root: Path, version: StagedVersion) -> Path:
    """Put a staged version where a site would have it, root inventory advanced; the object's folder."""
    folder = root / package_root(version.package_id)
    for name, data in storage_root_files(SMALL).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    source = staging / version.package_id / f"v{version.number}"
    shutil.copytree(source, folder / f"v{version.number}")
    for name, data in object_root_files().items():
        (folder / name).write_bytes(data)
    for name in ("inventory.json", "inventory.json.sha512"):
        shutil.copy(source / name, folder / name)
    return folder


def materialise(folder: Path, number: int, target: Path) -> Path:
    """The logical state of a version as plain files."""
    inventory = parse_inventory((folder / "inventory.json").read_bytes())
    for path, digest in inventory.states[number].items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / inventory.manifest[digest][0], target / path)
    return target


def previous_of(folder: Path, items: EarlierRows | None = None) -> PreviousVersion:
    """The newest version on a shelf, as the request for the next one wants it. Fixities come from the disk: a test may."""
    data = (folder / "inventory.json").read_bytes()
    inventory = parse_inventory(data)
    files = [
        StoredFile(path=path, fixity=fixity_of_file(folder / path)) for paths in inventory.manifest.values() for path in paths
    ]
    items = items or EarlierRows(io.BytesIO(items_jsonl(folder, inventory.head).read_bytes()))
    return PreviousVersion(data, items, files)


def rows(folder: Path, number: int) -> list[dict[str, Any]]:
    """items.jsonl of a version."""
    return [json.loads(line) for line in items_jsonl(folder, number).read_text("utf-8").splitlines()]


def items_jsonl(folder: Path, number: int) -> Path:
    """Where the rows of a version lie."""
    return folder / f"v{number}/content/data/description/items.jsonl"
