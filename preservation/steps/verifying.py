"""Checking what lies on a disk by the standards alone: no catalogue, no keys. Reports every problem, not the first."""

import re
from collections.abc import Iterator
from pathlib import Path

from preservation.errors import Refused
from preservation.formats import ocfl
from preservation.formats.bagit_check import check_bag
from preservation.formats.ocfl_check import check_object
from preservation.formats.problems import Problem
from preservation.formats.warc_check import check_warc
from preservation.storage.keys import SCRATCH

ROOT = "0=ocfl_1.1"
BESIDE_OBJECTS = frozenset({"extensions", SCRATCH})
MANIFEST_LINE = re.compile(r"^([0-9a-f]{128})  (.+)$")


def verify(path: Path) -> dict[str, list[Problem]]:
    """What is wrong with each thing found at `path`: a WARC, a bag, an OCFL object, or a storage root with all its objects."""
    return {f"{kind} {where}": problems for kind, where, problems in _verified(path)}


def _verified(path: Path) -> Iterator[tuple[str, Path, list[Problem]]]:
    if path.is_file() and path.suffix == ".warc":
        with path.open("rb") as stream:
            yield "WARC", path, check_warc(stream)
    elif (path / "bagit.txt").is_file():
        yield "bag", path, check_bag(path)
        yield from _warcs(path / "data" / "units")
    elif (path / ROOT).is_file():
        yield from _root(path)
    elif _is_object(path):
        yield from _object(path)
    else:
        raise Refused(
            "nothing-to-verify",
            f"{path} is no WARC, bag, OCFL object or storage root",
            remedy="name a site's folder, a package's folder (with inventory.json), a bag (with bagit.txt) or a .warc file",
        )


def _root(root: Path) -> Iterator[tuple[str, Path, list[Problem]]]:
    """A storage root: itself, and everything below it. What is no object is a problem, not something to pass over (4.1, 4.2)."""
    objects, problems = [], []
    if (root / ROOT).read_bytes() != b"ocfl_1.1\n":
        problems.append(Problem(ROOT, "declaration", "content"))
    for folder in _hierarchy(root):
        entries = sorted(folder.iterdir())
        if _is_object(folder):
            objects.append(folder)
            continue
        place = folder.relative_to(root).as_posix()
        problems += [Problem(f"{place}/{path.name}", "file-outside-objects") for path in entries if not path.is_dir()]
        problems += [] if entries else [Problem(place, "empty-folder")]
    yield "OCFL storage root", root, problems
    for folder in objects:
        yield from _object(folder)


def _hierarchy(folder: Path, top: bool = True) -> Iterator[Path]:
    """The folders below a storage root, down to its objects and not into them."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (top and path.name in BESIDE_OBJECTS):
            yield path
            if not _is_object(path):
                yield from _hierarchy(path, top=False)


def _is_object(folder: Path) -> bool:
    """Whether this is, or was, an object: one that lost its declaration or its inventory is still found, and judged."""
    marks = ("0=ocfl_object_1.1", "inventory.json", "inventory.json.sha512")
    return any((folder / name).exists() for name in marks) or (folder / "v1" / "content").is_dir()


def _object(folder: Path) -> Iterator[tuple[str, Path, list[Problem]]]:
    problems = check_object(folder)
    yield "OCFL object", folder, problems
    if not problems:
        inventory = ocfl.parse_inventory((folder / "inventory.json").read_bytes())
        for number in sorted(inventory.states):
            yield f"bag of version {number} in", folder, list(_bag_of(folder, inventory, number))
    for units in sorted(folder.glob("v*/content/data/units")):
        yield from _warcs(units)


def _warcs(folder: Path) -> Iterator[tuple[str, Path, list[Problem]]]:
    for path in sorted(folder.glob("*.warc")):
        yield from _verified(path)


def _bag_of(folder: Path, inventory: ocfl.Inventory, number: int) -> Iterator[Problem]:
    """A version's state as a bag: its manifests name every file of the state, with the digests the inventory has proved."""
    state = inventory.states[number]
    for name, covers in (("manifest-sha512.txt", True), ("tagmanifest-sha512.txt", False)):
        if name not in state:
            yield Problem(name, "manifest-missing")
            continue
        listed = dict(_lines((folder / inventory.manifest[state[name]][0]).read_text("utf-8", "replace")))
        expected = {p: d for p, d in state.items() if p.startswith("data/") is covers and not p.startswith("tagmanifest-")}
        for path in sorted(listed.keys() | expected.keys()):
            if listed.get(path) != expected.get(path):
                yield Problem(f"v{number}: {path}", "manifest-differs-from-state")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := MANIFEST_LINE.match(line):
            yield found[2], found[1]
