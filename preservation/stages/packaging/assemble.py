"""Building a version: from items that consent lets in to a tree on disk, whole, and the same bytes each time.

The order of the work: what is new, which units, the units, what describes them, the bag, the inventory. Every file appears
whole or not at all, so a killed run is simply run again. Nothing is written about an item before its clearance is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from preservation.formats import bagit, ocfl
from preservation.formats.warc import WarcFile
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act
from preservation.model.fixity import Fixity
from preservation.model.identifiers import ItemId, UnitId, derive_id
from preservation.model.package import StagedVersion, StoredFile, Unit, UnitKind
from preservation.stages.packaging import description, provenance, rows
from preservation.stages.packaging.identity import identities_of
from preservation.stages.packaging.plan import UnitPlan, plan_units
from preservation.stages.packaging.records import UnitContext, write_item, write_warcinfo
from preservation.stages.packaging.request import AssemblyRequest, Row
from preservation.stages.packaging.staging import settle, whole_file, write_whole


@dataclass
class _Build:
    """One version in the making. `state` is what the bag will consist of; `added` what of it is new, by path in the object."""

    request: AssemblyRequest
    folder: Path
    object_id: str
    before: ocfl.Inventory | None
    state: dict[str, Fixity] = field(default_factory=dict)
    added: dict[str, StoredFile] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)

    def record(self, path: str, fixity: Fixity, unit_id: UnitId | None = None) -> None:
        """A file of the bag was written into this version."""
        stored = f"v{self.request.number}/content/{path}"
        self.state[path] = fixity
        self.added[stored] = StoredFile(path=stored, fixity=fixity, unit_id=unit_id)

    def write(self, path: str, data: bytes, unit_id: UnitId | None = None) -> None:
        """Write a small file of the bag into this version."""
        self.record(path, write_whole(self.folder / "content" / path, data), unit_id)


def assemble(request: AssemblyRequest, staging: Path) -> StagedVersion:
    """Build `<staging>/<package_id>/v<N>/…` and say what it holds. Safe to run again after being killed anywhere.

    Raises Refused if an item's clearance is not given, DepositUnusable if a medium is no longer what was received, ValueError if
    the request contradicts itself, OSError if the disk fails.
    """
    build = _begin(request, staging)
    written = _write_units(build)
    items = _rows(request, written)
    _keep_earlier_units(build)
    _describe(build, items)
    _write_bag(build)
    inventory = _write_inventory(build)
    settle(build.folder, {path.removeprefix(f"v{request.number}/") for path in build.added})
    reach(KillPoint.VERSION_STAGED)
    return _staged(build, items, inventory)


def _begin(request: AssemblyRequest, staging: Path) -> _Build:
    """Check that the request fits together. An object keeps the id it was given first, whatever the policy says by now."""
    before = ocfl.parse_inventory(request.previous.inventory) if request.previous else None
    if request.number != (before.head if before else 0) + 1:
        raise ValueError("a version follows the committed one before it")
    if len({item.item_id for item in request.items}) != len(request.items):
        raise ValueError("an item occurs twice")
    object_id = before.id if before else f"{request.policy.namespace.rstrip('/')}/{request.package_id}"
    return _Build(request, staging / request.package_id / f"v{request.number}", object_id, before)


def _rows_before(request: AssemblyRequest) -> dict[ItemId, Row]:
    return {row["item_id"]: row for row in request.previous.items} if request.previous else {}


def _write_units(build: _Build) -> dict[ItemId, rows.Written]:
    """Write everything new. Items with nothing new are cleared too: they become part of this version as well."""
    request, before = build.request, _rows_before(build.request)
    news = [rows.what_is_new(item, request.received.platform, before.get(item.item_id)) for item in request.items]
    plans = plan_units(news, request.policy, request.secret, request.deposit.deposit_id)
    planned = {writing.item_id for plan in plans for writing in plan.writings}
    for item in request.items:
        if item.item_id not in planned:
            _show_clearance(request, item.item_id)
    written: dict[ItemId, rows.Written] = {}
    for plan in plans:
        written |= _write_unit(build, plan)
        reach(KillPoint.UNIT_STAGED)
    return written


def _show_clearance(request: AssemblyRequest, item_id: ItemId) -> None:
    request.gate.clear(Act.package, item_id).require(Act.package, item_id, request.now())


def _write_unit(build: _Build, plan: UnitPlan) -> dict[ItemId, rows.Written]:
    request, deposit = build.request, build.request.deposit
    context = UnitContext(
        plan.unit_id, build.object_id, request.secret, deposit.deposit_id, deposit.received_at, request.policy.archive_name
    )
    found: dict[ItemId, rows.Written] = {}
    with whole_file(build.folder / "content" / context.path) as out:
        warc = WarcFile(out)
        write_warcinfo(warc, context, plan)
        for writing in plan.writings:
            _show_clearance(request, writing.item_id)
            found[writing.item_id] = rows.Written(*write_item(warc, context, writing))
    build.record(context.path, warc.fixity(), plan.unit_id)
    stored = f"v{request.number}/content/{context.path}"
    build.units.append(Unit(unit_id=plan.unit_id, kind=plan.kind, path=stored, item_ids=tuple(found)))
    return found


def _rows(request: AssemblyRequest, written: Mapping[ItemId, rows.Written]) -> list[Row]:
    """items.jsonl: this deposit's items, and those of earlier ones that it no longer holds."""
    before = _rows_before(request)
    identities = identities_of([(item.item_id, item.post) for item in request.items], request.secret)
    platform, deposit_id = request.received.platform, request.deposit.deposit_id
    found: list[Row] = []
    for item in request.items:
        news, known = written.get(item.item_id, rows.NOTHING_NEW), before.get(item.item_id)
        found.append(rows.row_of(item, identities[item.item_id], news, platform, request.secret, deposit_id, known))
    here = {item.item_id for item in request.items}
    found += [rows.absent(row, deposit_id) for row in before.values() if row["item_id"] not in here]
    return list(rows.in_order(found))


def _keep_earlier_units(build: _Build) -> None:
    """Units of the version before stay part of the state, where they lie."""
    if build.before is None or build.request.previous is None:
        return
    fixities = {file.fixity.sha512: file.fixity for file in build.request.previous.files}
    for path, digest in build.before.states[build.before.head].items():
        if path.startswith("data/units/"):
            if digest not in fixities:
                raise ValueError("the files of the version before do not cover its inventory")
            build.state[path] = fixities[digest]


def _describe(build: _Build, items: Sequence[Row]) -> None:
    """Write the files that describe the version; anew each time, so that an earlier description can be erased alone."""
    request = build.request
    unit_id = derive_id(request.secret, "unit", f"description/{request.deposit.deposit_id}")
    for path, data in description.description_files(request, items).items():
        build.write(path, data, unit_id)
    build.write("data/README.txt", description.package_readme(request.policy))
    payload = {path: fixity for path, fixity in build.state.items() if path.startswith("data/")}
    history = dict(build.before.created) if build.before else {}
    history[request.number] = request.deposit.received_at.isoformat()
    build.write("metadata/premis.xml", provenance.premis_of(request, payload, history))
    held = tuple(row["item_id"] for row in items)
    folder = f"v{request.number}/content/{description.FOLDER}"
    build.units.append(Unit(unit_id=unit_id, kind=UnitKind.description, path=folder, item_ids=held))


def _write_bag(build: _Build) -> None:
    """The tag files for the whole state, files of earlier versions included."""
    payload = [(path, fixity) for path, fixity in build.state.items() if path.startswith("data/")]
    other = [(path, fixity) for path, fixity in build.state.items() if not path.startswith("data/")]
    info = provenance.bag_info_of(build.request, build.object_id)
    for path, data in bagit.tag_files(payload, info, other).items():
        build.write(path, data)


def _write_inventory(build: _Build) -> Fixity:
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
    data = ocfl.next_inventory(build.object_id, version, build.before)
    fixity = write_whole(build.folder / "inventory.json", data)
    side = write_whole(build.folder / "inventory.json.sha512", ocfl.sidecar(data))
    for name, found in (("inventory.json", fixity), ("inventory.json.sha512", side)):
        path = f"v{request.number}/{name}"
        build.added[path] = StoredFile(path=path, fixity=found)
    return fixity


def _staged(build: _Build, items: Sequence[Row], inventory: Fixity) -> StagedVersion:
    request = build.request
    held, missing = rows.held_and_missing(items)
    return StagedVersion(
        package_id=request.package_id,
        number=request.number,
        deposit_id=request.deposit.deposit_id,
        received_at=request.deposit.received_at,
        files=tuple(build.added[path] for path in sorted(build.added)),
        units=tuple(build.units),
        inventory_sha512=inventory.sha512,
        items=len(items),
        media_held=held,
        media_missing=missing,
    )
