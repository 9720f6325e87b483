"""Building a version: from items that consent lets in to a tree on disk, whole, and the same bytes each time.

The order of the work: what is new, which units, the units, what describes them, the bag, the inventory. Every file appears
whole or not at all, so a killed run is simply run again. Nothing is written about an item before its clearance is shown.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from preservation.formats import bagit, ocfl
from preservation.killpoints import KillPoint, reach
from preservation.model.fixity import Fixity
from preservation.model.identifiers import ItemId, derive_id
from preservation.model.package import StagedVersion, StoredFile, Unit, UnitKind
from preservation.stages.packaging import description, provenance, rows
from preservation.stages.packaging.building import Build, write_units
from preservation.stages.packaging.identity import identity_of, ordinals_of
from preservation.stages.packaging.plan import Writing, plan_units
from preservation.stages.packaging.request import AssemblyRequest, Progress, Row
from preservation.stages.packaging.staging import settle, write_whole


@dataclass
class _Told:
    """What is counted while the rows pass by on their way into items.jsonl."""

    item_ids: list[ItemId] = field(default_factory=list)
    held: int = 0
    missing: int = 0

    def of(self, passing: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        for row in passing:
            held, missing = rows.held_and_missing(row)
            self.item_ids.append(row["item_id"])
            self.held, self.missing = self.held + held, self.missing + missing
            yield row


def assemble(request: AssemblyRequest, staging: Path, progress: Progress = lambda _done, _all: None) -> StagedVersion:
    """Build `<staging>/<package_id>/v<N>/…` and say what it holds. Safe to run again after being killed anywhere: units that are
    finished are not written again, as long as what they follow from is the same; `finished.beside` says where that is noted, for
    the caller to remove once the version is on record.

    `progress` hears of the bytes of payload written, and how many there are in all. Raises Refused if an item's clearance is not
    given, DepositUnusable if a medium is no longer what was received, ValueError if the request contradicts itself, OSError if
    the disk fails.
    """
    build = _begin(request, staging)
    _keep_earlier_units(build)
    told = _Told()
    _describe(build, told.of(_rows(build, _write_units(build, progress))), told)
    _write_bag(build)
    inventory = _write_inventory(build)
    settle(build.folder, {path.removeprefix(f"v{request.number}/") for path in build.added})
    reach(KillPoint.VERSION_STAGED)
    return _staged(build, told, inventory)


def _begin(request: AssemblyRequest, staging: Path) -> Build:
    """Check that the request fits together. An object keeps the id it was given first, whatever the policy says by now."""
    before = ocfl.parse_inventory(request.previous.inventory) if request.previous else None
    if request.number != (before.head if before else 0) + 1:
        raise ValueError("a version follows the committed one before it")
    if len({item.item_id for item in request.items}) != len(request.items):
        raise ValueError("an item occurs twice")
    object_id = before.id if before else f"{request.policy.namespace.rstrip('/')}/{request.package_id}"
    return Build(request, staging / request.package_id / f"v{request.number}", object_id, before)


def _row_before(request: AssemblyRequest, item_id: ItemId) -> Row | None:
    return request.previous.items.of(item_id) if request.previous else None


def _write_units(build: Build, progress: Progress) -> dict[ItemId, rows.Placed]:
    """Write everything new. Items with nothing new are cleared too: they become part of this version as well."""
    request = build.request
    plans = plan_units(_news(build), request.policy, request.secret, request.deposit.deposit_id, build.words_of)
    return write_units(build, plans, progress)


def _news(build: Build) -> Iterator[Writing]:
    request = build.request
    for item in request.items:
        news = rows.what_is_new(item, request.received.platform, _row_before(request, item.item_id))
        if news.anything:
            yield news
        else:
            build.show_clearance(item.item_id)


def _rows(build: Build, placed: Mapping[ItemId, rows.Placed]) -> Iterator[Row]:
    """items.jsonl, row by row in order: this deposit's items, and those of earlier ones that it no longer holds."""
    return heapq.merge(_present(build, placed), _absent(build), key=rows.order)


def _present(build: Build, placed: Mapping[ItemId, rows.Placed]) -> Iterator[Row]:
    request = build.request
    held = request.previous.items if request.previous else ()
    new = [(item.item_id, item.post) for item in request.items if not held or item.item_id not in held]
    ordinals = ordinals_of(new, request.secret)
    for item in sorted(request.items, key=lambda item: (rows.published(item) or "", item.item_id)):
        before = _row_before(request, item.item_id)
        identity = before["identity"] if before else identity_of(item.post, ordinals.get(item.item_id))
        yield rows.row_of(item, identity, placed.get(item.item_id), build.version, before)


def _absent(build: Build) -> Iterator[Row]:
    """In the order in which they stood: they keep their dates and ids."""
    request = build.request
    here = {item.item_id for item in request.items}
    for row in request.previous.items if request.previous else ():
        if row["item_id"] not in here:
            yield rows.absent(row, request.deposit.deposit_id)


def _keep_earlier_units(build: Build) -> None:
    """Units of the version before stay part of the state, where they lie."""
    if build.before is None or build.request.previous is None:
        return
    fixities = {file.fixity.sha512: file.fixity for file in build.request.previous.files}
    for path, digest in build.before.states[build.before.head].items():
        if path.startswith("data/units/"):
            if digest not in fixities:
                raise ValueError("the files of the version before do not cover its inventory")
            build.state[path] = fixities[digest]


def _describe(build: Build, items: Iterable[Row], told: _Told) -> None:
    """Write the files that describe the version; anew each time, so that an earlier description can be erased alone."""
    request = build.request
    unit_id = derive_id(request.secret, "unit", f"description/{request.deposit.deposit_id}")
    for path, pieces in description.description_files(request, items).items():
        build.write(path, pieces, unit_id)
    build.write("data/README.txt", [description.package_readme(request.policy)])
    payload = {path: fixity for path, fixity in build.state.items() if path.startswith("data/")}
    history = dict(build.before.created) if build.before else {}
    history[request.number] = request.deposit.received_at.isoformat()
    build.write("metadata/premis.xml", provenance.premis_of(request, payload, history))
    folder = f"v{request.number}/content/{description.FOLDER}"
    build.units.append(Unit(unit_id, UnitKind.description, folder, tuple(told.item_ids)))


def _write_bag(build: Build) -> None:
    """The tag files for the whole state, files of earlier versions included."""
    payload = [(path, fixity) for path, fixity in build.state.items() if path.startswith("data/")]
    tags = [(path, fixity) for path, fixity in build.state.items() if not path.startswith("data/")]
    info = provenance.bag_info_of(build.request, build.object_id)
    for path, pieces in bagit.payload_tags(payload, info, tags).items():
        tags.append((path, build.write(path, pieces)))
    for path, pieces in bagit.tag_manifests(tuple(tags)).items():
        build.write(path, pieces)


def _write_inventory(build: Build) -> Fixity:
    request = build.request
    version = ocfl.NewVersion(
        number=request.number,
        created=request.deposit.received_at,
        message=f"accession of deposit {request.deposit.deposit_id}",
        user_name=request.policy.archive_name,
        user_address=request.policy.namespace,
        state={path: fixity.sha512 for path, fixity in build.state.items()},
        added={path: file.fixity for path, file in build.added.items()},
    )
    fixity = write_whole(build.folder / "inventory.json", ocfl.inventory_pieces(build.object_id, version, build.before))
    side = write_whole(build.folder / "inventory.json.sha512", [ocfl.sidecar_of(fixity.sha512)])
    for name, found in (("inventory.json", fixity), ("inventory.json.sha512", side)):
        path = f"v{request.number}/{name}"
        build.added[path] = StoredFile(path=path, fixity=found)
    return fixity


def _staged(build: Build, told: _Told, inventory: Fixity) -> StagedVersion:
    request = build.request
    return StagedVersion(
        package_id=request.package_id,
        number=request.number,
        deposit_id=request.deposit.deposit_id,
        received_at=request.deposit.received_at,
        files=tuple(build.added[path] for path in sorted(build.added)),
        units=tuple(build.units),
        inventory_sha512=inventory.sha512,
        items=len(told.item_ids),
        media_held=told.held,
        media_missing=told.missing,
    )
