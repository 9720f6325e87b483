"""A strict checker for one OCFL 1.1 object in a folder. Reads every byte of its content; memory is the inventories.

Stricter than the standard where this archive is: SHA-512 only, every version has its own inventory, and the root's inventory
equals that of the newest version. A version folder that no inventory names yet (an uncommitted one) is a problem here; a caller
who knows of it leaves it out by `ignoring`.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from preservation.formats.digests import fixity_of_file
from preservation.formats.ocfl import TYPE
from preservation.formats.problems import Problem

Json = dict[str, Any]
_SHA512 = re.compile(r"[0-9a-f]{128}")
_SIDECAR = re.compile(r"([0-9a-f]{128})[ \t]+inventory\.json\n?")
_VERSION = re.compile(r"v[1-9][0-9]*")


def check_object(folder: Path, ignoring: Collection[str] = ()) -> list[Problem]:
    """Everything wrong with an object; [] means nothing. `ignoring` names version folders to leave unread, such as `v3`.

    Raises OSError if the folder cannot be read.
    """
    problems = list(_declaration(folder))
    inventory, found = _inventory(folder, "inventory.json")
    problems += found
    if inventory is None:
        return sorted(set(problems))
    problems += _numbers(inventory)
    problems += _root_entries(folder, inventory, ignoring)
    problems += _states(inventory)
    problems += _content(folder, inventory)
    problems += _older_inventories(folder, inventory)
    return sorted(set(problems))


def _declaration(folder: Path) -> Iterator[Problem]:
    declarations = sorted(path.name for path in folder.glob("0=*"))
    if declarations != ["0=ocfl_object_1.1"]:
        yield Problem("0=ocfl_object_1.1", "declaration", "missing, or not alone")
    elif (folder / declarations[0]).read_bytes() != b"ocfl_object_1.1\n":
        yield Problem(declarations[0], "declaration", "content")


def _inventory(folder: Path, place: str) -> tuple[Json | None, list[Problem]]:
    """An inventory whose sidecar holds and whose shape can be relied upon, or None and why not."""
    path = folder / place
    side = folder / f"{place}.sha512"
    if not path.is_file() or not side.is_file():
        return None, [Problem(place, "file-missing", "inventory or sidecar")]
    data = path.read_bytes()
    claimed = _SIDECAR.fullmatch(side.read_text("ascii", errors="replace"))
    problems = []
    if claimed is None or claimed[1] != hashlib.sha512(data).hexdigest():
        problems.append(Problem(f"{place}.sha512", "sidecar-mismatch"))
    try:
        inventory = json.loads(data)
        faults = _shape(inventory)
    except (ValueError, RecursionError):
        return None, [*problems, Problem(place, "not-json")]
    if faults:
        return None, [*problems, *(Problem(place, "inventory-shape", fault) for fault in faults)]
    return inventory, problems


def _shape(raw: object) -> list[str]:
    """Which fields are missing or of the wrong kind (3.5)."""
    if not isinstance(raw, dict):
        return ["object"]
    faults = [name for name in ("id", "type", "digestAlgorithm", "head") if not isinstance(raw.get(name), str) or not raw[name]]
    faults += [] if raw.get("type") == TYPE else ["type"]
    faults += [] if raw.get("digestAlgorithm") == "sha512" else ["digestAlgorithm"]
    faults += [] if raw.get("contentDirectory", "content") == "content" else ["contentDirectory"]
    faults += [] if _is_map(raw.get("manifest")) else ["manifest"]
    fixity = raw.get("fixity", {})
    faults += [] if isinstance(fixity, dict) and all(map(_is_map, fixity.values())) else ["fixity"]
    versions = raw.get("versions")
    if not isinstance(versions, dict) or not versions:
        return [*faults, "versions"]
    return faults + [name for name, version in versions.items() if not _is_version(version)]


def _is_map(value: object) -> bool:
    """digest -> paths."""
    return isinstance(value, dict) and all(
        isinstance(paths, list) and paths and all(isinstance(path, str) for path in paths) for paths in value.values()
    )


def _is_version(version: object) -> bool:
    if not isinstance(version, dict) or not _is_map(version.get("state")):
        return False
    user = version.get("user", {"name": "-"})
    try:
        moment = datetime.fromisoformat(str(version.get("created")))
    except ValueError:
        return False
    return moment.tzinfo is not None and isinstance(user, dict) and bool(user.get("name"))


def _numbers(inventory: Json) -> Iterator[Problem]:
    """v1, v2, … without a gap, and the head is the last (3.5.3)."""
    names = list(inventory["versions"])
    if sorted(names) != sorted(f"v{number}" for number in range(1, len(names) + 1)):
        yield Problem("inventory.json", "version-numbers")
    elif inventory["head"] != f"v{len(names)}":
        yield Problem("inventory.json", "head")


def _root_entries(folder: Path, inventory: Json, ignoring: Collection[str]) -> Iterator[Problem]:
    """Nothing lies in the object's root but what 3.1 allows, and every version has its folder."""
    allowed = {"0=ocfl_object_1.1", "inventory.json", "inventory.json.sha512", "logs", "extensions"}
    present = {path.name for path in folder.iterdir()} - set(ignoring)
    yield from (Problem(name, "unexpected-in-root") for name in present - allowed - set(inventory["versions"]))
    yield from (Problem(name, "file-missing", "version folder") for name in set(inventory["versions"]) - present)


def _states(inventory: Json) -> Iterator[Problem]:
    """Digests are SHA-512 in hex, every state names held content, paths are safe and not in each other's way (3.5.2, 3.5.3)."""
    manifest = inventory["manifest"]
    used: set[str] = set()
    yield from _paths("inventory.json", manifest, "manifest")
    for name, version in inventory["versions"].items():
        used |= version["state"].keys()
        yield from _paths("inventory.json", version["state"], name)
        if not version["state"].keys() <= manifest.keys():
            yield Problem("inventory.json", "state-without-content", name)
    yield from (Problem(path, "content-never-used") for digest in manifest.keys() - used for path in manifest[digest])


def _paths(place: str, block: dict[str, list[str]], detail: str) -> Iterator[Problem]:
    if not all(_SHA512.fullmatch(digest) for digest in block):
        yield Problem(place, "digest-form", detail)
    paths = [path for found in block.values() for path in found]
    if len(set(paths)) != len(paths):
        yield Problem(place, "path-twice", detail)
    folders = {path[:at] for path in paths for at, character in enumerate(path) if character == "/"}
    if folders & set(paths):
        yield Problem(place, "path-is-file-and-folder", detail)
    if any(part in ("", ".", "..") for path in paths for part in path.split("/")):
        yield Problem(place, "path-unsafe", detail)


def _content(folder: Path, inventory: Json) -> Iterator[Problem]:
    """Every content file is in the manifest, every manifest entry is a file, and its bytes have the digests claimed."""
    expected = {path: digest for digest, paths in inventory["manifest"].items() for path in paths}
    other = {
        name: {path: digest for digest, paths in block.items() for path in paths}
        for name, block in inventory.get("fixity", {}).items()
    }
    for path in sorted(set(other.get("sha256", {})) - expected.keys()):
        yield Problem(path, "fixity-of-nothing")
    present = set(_content_files(folder, inventory))
    yield from (Problem(path, "not-in-manifest") for path in sorted(present - expected.keys()))
    for path, digest in sorted(expected.items()):
        if path not in present:
            yield Problem(path, "file-missing")
            continue
        found = fixity_of_file(folder / path)
        if found.sha512 != digest:
            yield Problem(path, "digest-mismatch", "sha512")
        if other.get("sha256", {}).get(path, found.sha256) != found.sha256:
            yield Problem(path, "digest-mismatch", "sha256")


def _content_files(folder: Path, inventory: Json) -> Iterator[str]:
    for name in inventory["versions"]:
        for directory, folders, names in os.walk(folder / name / "content"):
            if not folders and not names:
                yield Path(directory).relative_to(folder).as_posix()  # an empty folder, which no manifest can name (3.2)
            for file in names:
                path = Path(directory) / file
                if not path.is_symlink():
                    yield path.relative_to(folder).as_posix()


def _older_inventories(folder: Path, newest: Json) -> Iterator[Problem]:
    """Each version's own inventory agrees with the root's about everything up to that version (3.6, 3.5.3)."""
    for name in newest["versions"]:
        if not (folder / name).is_dir():
            continue
        extra = {path.name for path in (folder / name).iterdir()} - {"inventory.json", "inventory.json.sha512", "content"}
        yield from (Problem(f"{name}/{entry}", "unexpected-in-version") for entry in extra)
        inventory, problems = _inventory(folder, f"{name}/inventory.json")
        yield from problems
        if inventory is None:
            continue
        if inventory["head"] != name or inventory["id"] != newest["id"]:
            yield Problem(f"{name}/inventory.json", "head", "not this version's, or another object's")
        for earlier, version in inventory["versions"].items():
            if newest["versions"].get(earlier, {}).get("state") != version["state"]:
                yield Problem(f"{name}/inventory.json", "history-differs", earlier)
        same = (folder / name / "inventory.json").read_bytes() == (folder / "inventory.json").read_bytes()
        if name == newest["head"] and not same:
            yield Problem(f"{name}/inventory.json", "head", "differs from the root's")
