"""OCFL 1.1: the inventory of an object, its declarations, and where objects lie below a storage root.

An object is a package: one account, a version per accession. Its id is an https URI that ends in the opaque package id, and
its folder is that id below three folders of three characters (registered extension 0007), so a stranger finds one from the other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from preservation.formats.digests import fixity_of_bytes
from preservation.model.fixity import Fixity
from preservation.model.identifiers import PackageId, Sha256, Sha512

TYPE = "https://ocfl.io/1.1/spec/#inventory"
LAYOUT = "0007-n-tuple-omit-prefix-storage-layout"
_TUPLES, _TUPLE_SIZE = 3, 3


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a version adds and what it then consists of."""

    number: int
    created: datetime
    message: str
    user_name: str
    user_address: str  # a URI (3.5.3.1)
    state: Mapping[str, Sha512]  # logical path -> digest, everything of this version
    added: Mapping[str, Fixity]  # content path from the object's root -> fixity, only what is new


@dataclass(frozen=True, slots=True)
class Inventory:
    """An inventory as read: enough to build the next version upon."""

    id: str
    head: int
    manifest: Mapping[Sha512, tuple[str, ...]]
    sha256: Mapping[str, Sha256]  # content path -> SHA-256, from the fixity block
    states: Mapping[int, Mapping[str, Sha512]]  # version -> logical path -> digest
    created: Mapping[int, str]
    versions: Mapping[str, Any]  # the block of each version as it stands in the file


def package_root(package_id: PackageId) -> str:
    """The folder of a package below a storage root, e.g. `abc/def/ghi/abcdefghi…` (extension 0007)."""
    tuples = [package_id[i * _TUPLE_SIZE : (i + 1) * _TUPLE_SIZE] for i in range(_TUPLES)]
    return "/".join([*tuples, package_id])


def object_root_files() -> dict[str, bytes]:
    """Files of an object's root that never change; put with its first version (3.3)."""
    return {"0=ocfl_object_1.1": b"ocfl_object_1.1\n"}


def root_declarations() -> dict[str, bytes]:
    """Files of a storage root (4.1), by path: its declaration and how folders follow from ids.

    The parameters of the layout stand in the extension's own config.json. `ocfl_layout.json`, which the standard leaves open (4.1),
    is not written: the validator most often used calls a root invalid if it names a registered layout it has not implemented.
    """
    config = {
        "extensionName": LAYOUT,
        "delimiter": "/",
        "tupleSize": _TUPLE_SIZE,
        "numberOfTuples": _TUPLES,
        "zeroPadding": "left",
        "reverseObjectRoot": False,
    }
    return {"0=ocfl_1.1": b"ocfl_1.1\n", f"extensions/{LAYOUT}/config.json": _json(config)}


def sidecar(inventory: bytes) -> bytes:
    """inventory.json.sha512 (3.7)."""
    return sidecar_of(fixity_of_bytes(inventory).sha512)


def sidecar_of(sha512: Sha512) -> bytes:
    """inventory.json.sha512 of an inventory of that digest (3.7)."""
    return f"{sha512} inventory.json\n".encode("ascii")


def parse_inventory(data: bytes) -> Inventory:
    """Read an inventory this archive wrote; raises ValueError or KeyError if it is not one. `ocfl_check` judges foreign ones."""
    raw = json.loads(data)
    versions = {int(name.removeprefix("v")): version for name, version in raw["versions"].items()}
    blocks = raw.get("fixity", {}).get("sha256", {})
    return Inventory(
        id=raw["id"],
        head=int(raw["head"].removeprefix("v")),
        manifest={digest: tuple(paths) for digest, paths in raw["manifest"].items()},
        sha256={path: digest for digest, paths in blocks.items() for path in paths},
        states={
            number: {path: digest for digest, paths in version["state"].items() for path in paths}
            for number, version in versions.items()
        },
        created={number: version["created"] for number, version in versions.items()},
        versions=raw["versions"],
    )


def next_inventory(object_id: str, version: NewVersion, previous: Inventory | None) -> bytes:
    """The whole of `inventory_pieces`."""
    return b"".join(inventory_pieces(object_id, version, previous))


def inventory_pieces(object_id: str, version: NewVersion, previous: Inventory | None) -> Iterator[bytes]:
    """The inventory of an object once `version` is added (3.5), piece by piece: the same bytes for the same facts.

    Raises ValueError unless the version follows the previous one and every digest of its state is held.
    """
    if version.number != (previous.head if previous else 0) + 1:
        raise ValueError("a version follows the one before it")
    manifest = {digest: list(paths) for digest, paths in previous.manifest.items()} if previous else {}
    sha256 = dict(previous.sha256) if previous else {}
    for path, fixity in version.added.items():
        manifest.setdefault(fixity.sha512, []).append(path)
        sha256[path] = fixity.sha256
    if not set(version.state.values()) <= manifest.keys():
        raise ValueError("a state may only name what the object holds")
    versions = dict(previous.versions) if previous else {}
    versions[f"v{version.number}"] = _version_block(version)
    return _json_pieces(
        {
            "id": object_id,
            "type": TYPE,
            "digestAlgorithm": "sha512",
            "head": f"v{version.number}",
            "contentDirectory": "content",
            "manifest": {digest: sorted(paths) for digest, paths in sorted(manifest.items())},
            "versions": versions,
            "fixity": {"sha256": _by_digest(sha256.items())},
        }
    )


def _version_block(version: NewVersion) -> dict[str, Any]:
    return {
        "created": version.created.astimezone(UTC).isoformat(),
        "message": version.message,
        "user": {"name": version.user_name, "address": version.user_address},
        "state": _by_digest(version.state.items()),
    }


def _by_digest(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """path -> digest turned round, as OCFL writes it, in a fixed order."""
    grouped: dict[str, list[str]] = {}
    for path, digest in pairs:
        grouped.setdefault(digest, []).append(path)
    return {digest: sorted(paths) for digest, paths in sorted(grouped.items())}


def _json(value: object) -> bytes:
    return b"".join(_json_pieces(value))


def _json_pieces(value: object) -> Iterator[bytes]:
    """Never the whole text at once: an inventory names every file three times."""
    for piece in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(value):
        yield piece.encode("utf-8")
    yield b"\n"
