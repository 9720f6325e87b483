"""From what waits in quarantine to a request for packaging: who each post is, what consent lets in, what is held already."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from preservation.catalogue.holdings import HeldItem
from preservation.errors import DepositUnusable, Refused
from preservation.model.clearance import Act
from preservation.model.consent import ConsentRecord
from preservation.model.consent_scope import as_stored
from preservation.model.deposit import Deposit
from preservation.model.export import ExportReport, MediaStatus, Medium, Post
from preservation.model.item import ItemFacts, Origin
from preservation.model.package import StoredFile, Version
from preservation.model.sections import Section
from preservation.stages.consent import gate
from preservation.stages.intake.archive import open_held
from preservation.stages.intake.sources import Source
from preservation.stages.packaging.identity import Identified, identify_with_notes, known_twins
from preservation.stages.packaging.request import (
    AssemblyRequest,
    ConsentFacts,
    HeldMedium,
    PackagedItem,
    PreviousVersion,
    ReceivedFacts,
)
from preservation.steps.consenting import require_record
from preservation.steps.receiving import account_of, read_one, source_of
from preservation.steps.shelf import fetch
from preservation.wiring import Archive

ITEMS = "content/data/description/items.jsonl"


@dataclass(frozen=True)
class Reading:
    """A deposit read: the request for packaging, the facts to be stored, and how many items consent left out, by reason."""

    request: AssemblyRequest
    stored: dict[str, ItemFacts]
    refused: dict[str, int]

    def held_items(self, version_folder: Path) -> list[HeldItem]:
        """The catalogue's rows of this version's items, from the staged items.jsonl."""
        rows = [json.loads(line) for line in (version_folder / ITEMS).read_bytes().splitlines()]
        return [
            HeldItem(
                facts=self.stored[row["item_id"]],
                version=self.request.number,
                fingerprint=row["fingerprint"],
                status=row["status"],
            )
            for row in rows
            if row["item_id"] in self.stored
        ]


def read_for_packaging(archive: Archive, deposit: Deposit, planned: Version, secret: bytes) -> Reading:
    """Read the deposit in quarantine and decide item by item. A deposit that cannot be read is refused and wiped."""
    record = require_record(archive, deposit.record_id)
    try:
        files = archive.quarantine.files(deposit.deposit_id)
        report = read_one(archive, files)
        account_of(archive, record, report)
    except DepositUnusable as refusal:
        archive.catalogue.deposits.refuse(deposit.deposit_id, refusal.code, archive.now())
        archive.quarantine.wipe(deposit.deposit_id)
        raise
    sources = [source_of(file) for file in files]
    previous = _previous(archive, planned)
    return _reading(archive, deposit, planned, secret, record, report, sources, previous)


def _reading(
    archive: Archive,
    deposit: Deposit,
    planned: Version,
    secret: bytes,
    record: ConsentRecord,
    report: ExportReport,
    sources: Sequence[Source],
    previous: PreviousVersion | None,
) -> Reading:
    twins = known_twins(previous.items) if previous else []
    identified, notes = identify_with_notes([*report.posts, *report.deleted_posts], secret, twins)
    facts = {item_id: _facts(item_id, post, deposit) for item_id, post in identified}
    let_in, refused = _decide(archive, record, deposit.deposit_id, identified, facts)
    if not let_in and previous is None:
        archive.catalogue.deposits.release_version(deposit.deposit_id)
        raise Refused(
            "nothing-let-in",
            f"consent record {record.record_id} lets none of the {len(identified)} posts of deposit {deposit.deposit_id} in",
            remedy="look at the consent with: keepsake consent show; the deposit waits in quarantine until the creator decides",
        )
    request = AssemblyRequest(
        package_id=planned.package_id,
        secret=secret,
        number=planned.number,
        deposit=deposit,
        items=[_packaged(archive, record, facts[item_id], post, sources) for item_id, post in let_in],
        gate=archive.gatekeeper.for_items(record.record_id, facts.values()),
        now=archive.now,
        received=_received(report, notes),
        consent=ConsentFacts(record.record_id, record.revision, record.sha256(), record.canonical()),
        policy=archive.policy.packaging,
        account=_account(report, record),
        previous=previous,
    )
    stored = {item_id: as_stored(record, facts[item_id]) for item_id, _post in let_in}
    return Reading(request, stored, dict(sorted(refused.items())))


def _decide(
    archive: Archive, record: ConsentRecord, deposit_id: str, identified: Sequence[Identified], facts: dict[str, ItemFacts]
) -> tuple[list[Identified], Counter[str]]:
    """What is let in, and how many items are left out by reason.

    A record that allows no packaging now (suspended, ended) is refused as a whole: leaving out all items one by one would make an
    empty version, and the deposit would be lost once consent is back.
    """
    let_in, refused, at = [], Counter[str](), archive.now()
    gate.require_unit(record, Act.package, deposit_id, (), at).require(Act.package, deposit_id, at)
    for item_id, post in identified:
        verdict = gate.decide(record, Act.package, facts[item_id], at)
        if verdict.allow:
            let_in.append((item_id, post))
        else:
            refused.update(verdict.reasons[:1])
    return let_in, refused


def _facts(item_id: str, post: Post, deposit: Deposit) -> ItemFacts:
    return ItemFacts(
        item_id=item_id,
        account_ref=deposit.account_ref,
        section=post.section,
        visibility=post.visibility,
        origin=Origin.creator_export,
        posted_on=post.created_at_utc.date() if post.created_at_utc else None,
    )


def _packaged(archive: Archive, record: ConsentRecord, facts: ItemFacts, post: Post, sources: Sequence[Source]) -> PackagedItem:
    """The item with those of its media that are here and that consent lets in, without what the creator did not tick."""
    media_facts = replace(facts, section=Section.posts_media)
    media_in = gate.decide(record, Act.package, media_facts, archive.now()).allow
    held = tuple(
        HeldMedium(index, medium, _opener(sources, medium), _origin(medium))
        for index, medium in enumerate(post.media)
        if media_in and medium.held is not None and medium.status in {MediaStatus.in_archive, MediaStatus.handed_in}
    )
    counted = post if record.section_in(Section.posts_counts) else replace(post, observations={})
    return PackagedItem(facts.item_id, counted, held, with_location=record.section_in(Section.location_post))


def _opener(sources: Sequence[Source], medium: Medium) -> Any:
    locator = medium.held.locator if medium.held else ""

    def opened() -> AbstractContextManager[BinaryIO]:
        return open_held(sources, locator)

    return opened


def _origin(medium: Medium) -> Origin:
    return Origin.creator_upload if medium.status is MediaStatus.handed_in else Origin.creator_export


def _account(report: ExportReport, record: ConsentRecord) -> dict[str, Any]:
    """The profile fields that consent lets in. Parts of other sections stand in the profile under their section's name."""
    named = {section.value for section in Section}
    own = report.profile if record.section_in(Section.profile_public) else {}
    plain = {key: value for key, value in own.items() if key not in named}
    return plain | {key: value for key, value in report.profile.items() if key in named and record.section_in(Section(key))}


def _received(report: ExportReport, notes: Sequence[Any]) -> ReceivedFacts:
    return ReceivedFacts(
        platform=report.platform,
        generation=report.generation,
        format=report.format,
        exported_at=report.exported_at_utc,
        members=report.members,
        sections=report.sections,
        third_party_sections=report.third_party_sections,
        notes=[*report.warnings, *notes],
    )


def _previous(archive: Archive, planned: Version) -> PreviousVersion | None:
    """What the newest committed version holds, read back from the shelf and proved."""
    head = archive.catalogue.holdings.head(planned.package_id)
    if head is None:
        return None
    files = archive.catalogue.holdings.files(planned.package_id)
    by_path = {file.path: file for file in files}
    inventory = _fetch(archive, planned.package_id, by_path[f"v{head.number}/inventory.json"])
    rows = _fetch(archive, planned.package_id, by_path[f"v{head.number}/{ITEMS}"])
    return PreviousVersion(inventory, [json.loads(line) for line in rows.splitlines()], files)


def _fetch(archive: Archive, package_id: str, file: StoredFile) -> bytes:
    target = io.BytesIO()
    fetch(archive.sites.values(), package_id, file, target)
    return target.getvalue()
