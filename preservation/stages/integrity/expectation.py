"""What ought to lie at a site, from the catalogue alone. Expected digests come from packaging and never follow the data."""

from dataclasses import dataclass

from preservation.catalogue.holdings import Holdings
from preservation.formats import ocfl
from preservation.formats.digests import fixity_of_bytes
from preservation.model.fixity import Fixity
from preservation.model.package import StoredFile, VersionState


@dataclass(frozen=True, slots=True)
class Expected:
    """One object: where, whose, and which bytes. `path` is None for the root's files, which the catalogue keeps no rows of."""

    key: str
    package_id: str
    fixity: Fixity
    path: str | None
    unit_id: str | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a site ought to hold of one package, and what may lie there besides: the files of a version on its way."""

    objects: tuple[Expected, ...]
    tolerated: frozenset[str]


def expected_at(package_id: str, site: str, holdings: Holdings) -> Expectation:
    """Every object of the committed versions placed at `site`, and its root files if its root was advanced."""
    root = ocfl.package_root(package_id)
    committed = {v.number for v in holdings.versions(package_id) if v.state is VersionState.committed}
    placed = holdings.placed(package_id, site)
    by_path = {file.path: file for file in holdings.files(package_id)}
    ours, on_their_way = [], set()
    for path in placed:
        file = by_path[path]
        if int(path.removeprefix("v").split("/", 1)[0]) in committed:
            ours.append(Expected(f"{root}/{path}", package_id, file.fixity, path, file.unit_id))
        else:
            on_their_way.add(f"{root}/{path}")
    head = max(holdings.advanced_to(package_id).get(site, 0), _reached(committed, placed, by_path))
    roots = _root_objects(package_id, root, by_path[f"v{head}/inventory.json"].fixity) if head else ()
    return Expectation(tuple(sorted([*ours, *roots], key=lambda e: e.key)), frozenset(on_their_way))


def _reached(committed: set[int], placed: dict[str, str], by_path: dict[str, StoredFile]) -> int:
    """The newest committed version that the site has held whole, with all before it: its root inventory must stand there."""
    reached = 0
    for number in sorted(committed):
        of_version = [path for path in by_path if path.startswith(f"v{number}/")]
        if any(placed.get(path, "expected") == "expected" for path in of_version):
            break
        reached = number
    return reached


def _root_objects(package_id: str, root: str, inventory: Fixity) -> tuple[Expected, ...]:
    declarations = tuple(
        Expected(f"{root}/{key}", package_id, fixity_of_bytes(data), None, None) for key, data in ocfl.object_root_files().items()
    )
    sidecar = fixity_of_bytes(ocfl.sidecar_of(inventory.sha512))
    return (
        *declarations,
        Expected(f"{root}/inventory.json", package_id, inventory, None, None),
        Expected(f"{root}/inventory.json.sha512", package_id, sidecar, None, None),
    )
