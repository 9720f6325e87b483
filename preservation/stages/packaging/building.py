"""One version in the making: which files it has so far, and its units, written one by one or taken over from a run that was killed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from preservation.formats import ocfl
from preservation.formats.warc import WarcFile
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act
from preservation.model.fixity import Fixity
from preservation.model.identifiers import ItemId, Sha256, UnitId
from preservation.model.package import StoredFile, Unit
from preservation.model.progress import Adding
from preservation.stages.packaging.finished import Finished, beside
from preservation.stages.packaging.plan import UnitPlan
from preservation.stages.packaging.records import UnitContext, Written, basis_of, write_item, write_warcinfo
from preservation.stages.packaging.request import AssemblyRequest, PackagedItem, Progress
from preservation.stages.packaging.rows import Placed, Version, item_words
from preservation.stages.packaging.staging import whole_file, write_whole


@dataclass
class Build:
    """`state` is what the bag will consist of; `added` what of it is new, by path in the object."""

    request: AssemblyRequest
    folder: Path
    object_id: str
    before: ocfl.Inventory | None
    state: dict[str, Fixity] = field(default_factory=dict)
    added: dict[str, StoredFile] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)

    @property
    def version(self) -> Version:
        """What the rows of this version share."""
        request = self.request
        return Version(request.received.platform, request.secret, request.deposit.deposit_id, self.object_id)

    def words_of(self, item: PackagedItem) -> bytes:
        """words.json of an item."""
        return item_words(item, self.request.received.platform)

    def record(self, path: str, fixity: Fixity, unit_id: UnitId | None = None) -> str:
        """A file of the bag was written into this version; its path in the object."""
        stored = f"v{self.request.number}/content/{path}"
        self.state[path] = fixity
        self.added[stored] = StoredFile(path=stored, fixity=fixity, unit_id=unit_id)
        return stored

    def write(self, path: str, pieces: Iterable[bytes], unit_id: UnitId | None = None) -> Fixity:
        """Write a file of the bag into this version, piece by piece."""
        fixity = write_whole(self.folder / "content" / path, pieces)
        self.record(path, fixity, unit_id)
        return fixity

    def show_clearance(self, item_id: ItemId) -> None:
        """Ask the gate for one item, now; raises Refused."""
        request = self.request
        request.gate.clear(Act.package, item_id).require(Act.package, item_id, request.now())


def write_units(build: Build, plans: Sequence[UnitPlan], progress: Progress) -> dict[ItemId, Placed]:
    """Write every unit that no earlier run has finished; where what is new of each item lies."""
    finished = Finished(beside(build.folder))
    tell = Adding(sum(plan.size for plan in plans), progress)
    placed: dict[ItemId, Placed] = {}
    for plan in plans:
        context = _context(build, plan)
        written = _unit(build, plan, context, finished, tell)
        stored = f"v{build.request.number}/content/{context.path}"
        build.units.append(Unit(plan.unit_id, plan.kind, stored, tuple(writing.item_id for writing in plan.writings)))
        unit = context.path  # one string for all its items
        placed.update((writing.item_id, (unit, each)) for writing, each in zip(plan.writings, written, strict=True))
        reach(KillPoint.UNIT_STAGED)
    return placed


def _context(build: Build, plan: UnitPlan) -> UnitContext:
    request, deposit = build.request, build.request.deposit
    return UnitContext(
        plan.unit_id, build.object_id, request.secret, deposit.deposit_id, deposit.received_at, request.policy.archive_name
    )


def _unit(build: Build, plan: UnitPlan, context: UnitContext, finished: Finished, tell: "Adding") -> Sequence[Written]:
    """The unit as it was finished before, each item cleared again; or written now."""
    basis = basis_of(context, plan)
    known = finished.find(plan.unit_id, basis)
    if known is None or not _lies_there(build.folder / "content" / context.path, known[0]):
        return _write_unit(build, plan, context, finished, basis, tell)
    for writing in plan.writings:
        build.show_clearance(writing.item_id)
    tell(plan.size)
    build.record(context.path, known[0], plan.unit_id)
    return known[1]


def _lies_there(path: Path, fixity: Fixity) -> bool:
    """Whether the file is there in full length. Its bytes are proved when it is copied, which reads them anyway."""
    return path.is_file() and path.stat().st_size == fixity.size


def _write_unit(
    build: Build, plan: UnitPlan, context: UnitContext, finished: Finished, basis: Sha256, tell: "Adding"
) -> Sequence[Written]:
    written = []
    with whole_file(build.folder / "content" / context.path) as out:
        warc = WarcFile(out, tell)
        write_warcinfo(warc, context, plan)
        for writing in plan.writings:
            build.show_clearance(writing.item_id)
            written.append(write_item(warc, context, writing, build.words_of))
            reach(KillPoint.ITEM_WRITTEN)
    build.record(context.path, warc.fixity(), plan.unit_id)
    finished.note(plan.unit_id, basis, warc.fixity(), written)
    return written
