"""From what waits in quarantine to a request for packaging: who each post is, what consent lets in, what is held already."""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from preservation.catalogue.holdings import HeldItem
from preservation.errors import DepositUnusable, Refused
from preservation.model.clearance import Act
from preservation.model.consent import ConsentRecord
from preservation.model.consent_scope import as_stored
from preservation.model.deposit import Deposit
from preservation.model.export import ExportReport, MediaStatus, Medium, Post
from preservation.model.identifiers import Sha256
from preservation.model.item import ItemFacts, Origin
from preservation.model.malware import ScanReport
from preservation.model.media_facts import MediaFacts
from preservation.model.package import Version
from preservation.model.sections import Section
from preservation.stages.consent import gate
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.sources import Source, read_locator, write_locator
from preservation.stages.packaging.bridging import bridged, known_items
from preservation.stages.packaging.earlier import EarlierRows
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
from preservation.steps.examining import examination_of
from preservation.steps.receiving import account_of, read_one, source_of
from preservation.steps.scanning import scan_of
from preservation.steps.shelf import fetch
from preservation.steps.staged import wipe_unbuilt
from preservation.wiring import Archive

ITEMS = "content/data/description/items.jsonl"
ARCHIVES_OPEN, NESTED_OPEN = 16, 2  # at a time: an archive in an archive holds up to 64 MiB


@dataclass(frozen=True)
class Reading:
    """A deposit read: the request for packaging, the facts of its items, and how many items consent left out, by reason."""

    request: AssemblyRequest
    record: ConsentRecord
    facts: Mapping[str, ItemFacts]
    refused: dict[str, int]

    def held_items(self, version_folder: Path) -> Iterator[HeldItem]:
        """The catalogue's rows of this version's items, one by one from the staged items.jsonl."""
        here = {item.item_id for item in self.request.items}
        with (version_folder / ITEMS).open("rb") as lines:
            for row in map(json.loads, lines):
                if row["item_id"] in here:
                    facts = as_stored(self.record, self.facts[row["item_id"]])
                    number, fingerprint, status = self.request.number, row["fingerprint"], row["status"]
                    yield HeldItem(facts=facts, version=number, fingerprint=fingerprint, status=status)


@contextmanager
def read_for_packaging(archive: Archive, deposit: Deposit, planned: Version, secret: bytes) -> Iterator[Reading]:
    """Read the deposit in quarantine and decide item by item. A deposit that cannot be read is refused and wiped.

    What is read back of the version before lies in a file without a name, which goes when this is left.
    """
    record = require_record(archive, deposit.record_id)
    try:
        files = archive.quarantine.files(deposit.deposit_id)
        report = read_one(archive, files)
        account_of(archive, record, report)
    except DepositUnusable as refusal:
        wipe_unbuilt(archive, deposit.deposit_id)
        archive.catalogue.deposits.refuse(deposit.deposit_id, refusal.code, archive.now())
        archive.quarantine.wipe(deposit.deposit_id)
        raise
    with closing(Openers([source_of(file) for file in files])) as openers, _previous(archive, planned) as previous:
        reading = _reading(archive, deposit, planned, secret, record, report, openers, previous)
        del report, files
        yield reading


class Openers:
    """Opens the bytes that locators point at, one after the other. Loose files are found by their locator, not by looking through all.

    Archives stay open until this is closed, because reading the directory of one again for each member takes quadratic time: the
    units of a version take members of all archives in no order. Of archives in archives, which may fill memory, a few.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._loose: dict[str, Source] = {}
        self._open: dict[tuple[str, int, tuple[int, ...]], Openings] = {}  # by what they lie in, the last used last
        seen = Counter[str]()
        for source in sources:
            self._loose[write_locator(source.name, seen[source.name])] = source
            seen[source.name] += 1

    def open(self, locator: str) -> AbstractContextManager[BinaryIO]:
        """As `open_held`."""
        loose = self._loose.get(locator)
        return loose.open() if loose else self._openings(locator).open(locator)

    def close(self) -> None:
        """Let go of all archives."""
        while self._open:
            self._let_go(next(iter(self._open)))

    def _openings(self, locator: str) -> Openings:
        name, nth, path = read_locator(locator)
        place = (name, nth, path[:-1])
        self._open[place] = openings = self._open.pop(place, None) or Openings(self._sources)
        alike = [other for other in self._open if bool(other[2]) == bool(place[2])]
        for longest_unused in alike[: -NESTED_OPEN if place[2] else -ARCHIVES_OPEN]:
            self._let_go(longest_unused)
        return openings

    def _let_go(self, place: tuple[str, int, tuple[int, ...]]) -> None:
        self._open.pop(place).__exit__()


def _reading(
    archive: Archive,
    deposit: Deposit,
    planned: Version,
    secret: bytes,
    record: ConsentRecord,
    report: ExportReport,
    openers: Openers,
    previous: PreviousVersion | None,
) -> Reading:
    twins = known_twins(previous.items) if previous else []
    posts = [*report.posts, *report.deleted_posts, *report.stories]
    found_alone, notes = identify_with_notes(posts, secret, twins)
    identified = bridged(found_alone, known_items(previous.items)) if previous else found_alone
    facts = {item_id: _facts(item_id, post, deposit) for item_id, post in identified}
    let_in, refused = _decide(archive, record, deposit.deposit_id, identified, facts)
    if not let_in and previous is None:
        wipe_unbuilt(archive, deposit.deposit_id)
        archive.catalogue.deposits.release_version(deposit.deposit_id)
        raise Refused(
            "nothing-let-in",
            f"consent record {record.record_id} lets none of the {len(identified)} posts of deposit {deposit.deposit_id} in",
            remedy="look at the consent with: keepsake consent show; the deposit waits in quarantine until the creator decides",
        )
    found = _found(archive, deposit)
    request = AssemblyRequest(
        package_id=planned.package_id,
        secret=secret,
        number=planned.number,
        deposit=deposit,
        items=[_packaged(archive, record, facts[item_id], post, openers, found) for item_id, post in let_in],
        gate=archive.gatekeeper.for_items(record.record_id, facts.values()),
        now=archive.now,
        received=_received(report, notes, scan_of(archive, deposit.deposit_id)),
        consent=ConsentFacts(record.record_id, record.revision, record.sha256(), record.canonical()),
        policy=archive.policy.packaging,
        account=_account(report, record),
        previous=previous,
    )
    return Reading(request, record, facts, dict(sorted(refused.items())))


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


def _packaged(
    archive: Archive, record: ConsentRecord, facts: ItemFacts, post: Post, openers: Openers, found: Mapping[Sha256, MediaFacts]
) -> PackagedItem:
    """The item with those of its media that are here and that consent lets in, without what the creator did not tick."""
    media_facts = replace(facts, section=Section.posts_media)
    media_in = (
        any(_is_here(medium) for medium in post.media) and gate.decide(record, Act.package, media_facts, archive.now()).allow
    )
    held = tuple(
        HeldMedium(index, medium, partial(openers.open, medium.held.locator), _origin(medium), found.get(medium.held.sha256))
        for index, medium in enumerate(post.media)
        if media_in and medium.held is not None and _is_here(medium)
    )
    counted = post if record.section_in(Section.posts_counts) else replace(post, observations={})
    return PackagedItem(facts.item_id, counted, held, with_location=record.section_in(Section.location_post))


def _is_here(medium: Medium) -> bool:
    return medium.held is not None and medium.status in {MediaStatus.in_archive, MediaStatus.handed_in}


def _found(archive: Archive, deposit: Deposit) -> Mapping[Sha256, MediaFacts]:
    """What examining the deposit's media found, by digest; nothing if they were not examined."""
    examination = examination_of(archive, deposit.deposit_id)
    return {facts.sha256: facts for facts in examination.facts} if examination else {}


def _origin(medium: Medium) -> Origin:
    return Origin.creator_upload if medium.status is MediaStatus.handed_in else Origin.creator_export


def _account(report: ExportReport, record: ConsentRecord) -> dict[str, Any]:
    """The profile fields that consent lets in. Parts of other sections stand in the profile under their section's name."""
    named = {section.value for section in Section}
    own = report.profile if record.section_in(Section.profile_public) else {}
    plain = {key: value for key, value in own.items() if key not in named}
    return plain | {key: value for key, value in report.profile.items() if key in named and record.section_in(Section(key))}


def _received(report: ExportReport, notes: Sequence[Any], scan: ScanReport | None) -> ReceivedFacts:
    return ReceivedFacts(
        platform=report.platform,
        generation=report.generation,
        format=report.format,
        exported_at=report.exported_at_utc,
        members=report.members,
        sections=report.sections,
        third_party_sections=report.third_party_sections,
        notes=[*report.warnings, *notes],
        scan=scan,
    )


@contextmanager
def _previous(archive: Archive, planned: Version) -> Iterator[PreviousVersion | None]:
    """What the newest committed version holds, read back from the shelf and proved."""
    head = archive.catalogue.holdings.head(planned.package_id)
    if head is None:
        yield None
        return
    files = archive.catalogue.holdings.files(planned.package_id)
    by_path = {file.path: file for file in files}
    inventory = io.BytesIO()
    fetch(archive.sites.values(), planned.package_id, by_path[f"v{head.number}/inventory.json"], inventory)
    with _nameless(archive) as rows:
        fetch(archive.sites.values(), planned.package_id, by_path[f"v{head.number}/{ITEMS}"], rows)
        yield PreviousVersion(inventory.getvalue(), EarlierRows(rows), files)


@contextmanager
def _nameless(archive: Archive) -> Iterator[BinaryIO]:
    """A file of the staging area that goes with this process, whatever ends it."""
    folder = archive.settings.home / "staging"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        yield cast(BinaryIO, file)
