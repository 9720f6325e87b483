"""BagIt 1.0 (RFC 8493): the tag files of a bag, made from a list of what is in it.

Never from a walk over a folder: the list comes from packaging, so a file that appears or vanishes on disk is a difference to be
found, not a new truth. Names are limited to characters that no implementation encodes differently (reference: `%`, 2.1.3).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from preservation.formats.digests import fixity_of_bytes
from preservation.model.fixity import Fixity

Entry = tuple[str, Fixity]  # path relative to the bag, `/`-separated

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
ALGORITHMS = ("sha256", "sha512")
_SAFE = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-](?:/[A-Za-z0-9._-]*[A-Za-z0-9_-])*")


def check_names(paths: Iterable[str]) -> None:
    """Raise ValueError unless every path is portable: `[A-Za-z0-9._/-]`, no trailing dot, no two equal when case is ignored."""
    seen: set[str] = set()
    for path in paths:
        if not _SAFE.fullmatch(path) or path.lower() in seen:
            raise ValueError("a path in a bag is not portable, or differs from another by case alone")
        seen.add(path.lower())


def payload_oxum(payload: Iterable[Entry]) -> str:
    """`octets.files` of the payload (2.2.2)."""
    sizes = [fixity.size for _, fixity in payload]
    return f"{sum(sizes)}.{len(sizes)}"


def manifest(entries: Iterable[Entry], algorithm: str) -> Iterator[bytes]:
    """A manifest's lines in order of the paths (2.1.3): digest, two spaces, path."""
    for path, fixity in sorted(entries, key=lambda entry: entry[0]):
        yield f"{getattr(fixity, algorithm)}  {path}\n".encode("ascii")


def bag_info(fields: Iterable[tuple[str, str]]) -> bytes:
    """bag-info.txt (2.2.2) in the order given; white space in a value is folded to single spaces."""
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in fields).encode("utf-8")


def tag_files(payload: Sequence[Entry], info: Sequence[tuple[str, str]], other: Sequence[Entry] = ()) -> dict[str, bytes]:
    """All tag files of a small bag by path: those of `payload_tags` and `tag_manifests`. Raises ValueError as the former does."""
    files = {path: b"".join(lines) for path, lines in payload_tags(payload, info, other).items()}
    tags = [*other, *((path, fixity_of_bytes(data)) for path, data in files.items())]
    return files | {path: b"".join(lines) for path, lines in tag_manifests(tags).items()}


def payload_tags(
    payload: Sequence[Entry], info: Sequence[tuple[str, str]], other: Sequence[Entry] = ()
) -> Mapping[str, Iterable[bytes]]:
    """The tag files that speak of the payload, by path, in pieces: declaration, bag-info with Payload-Oxum, payload manifests.

    `payload` paths begin with `data/`; `other` are further tag files, such as `metadata/premis.xml`. Raises ValueError on a path
    that is not portable.
    """
    check_names(path for entries in (payload, other) for path, _ in entries)
    if not all(path.startswith("data/") for path, _ in payload):
        raise ValueError("payload lies below data/ (2.1.2)")
    written = bag_info([*info, ("Payload-Oxum", payload_oxum(payload))])
    return {"bagit.txt": [DECLARATION], "bag-info.txt": [written]} | {
        f"manifest-{name}.txt": manifest(payload, name) for name in ALGORITHMS
    }


def tag_manifests(tags: Sequence[Entry]) -> Mapping[str, Iterable[bytes]]:
    """Both tag manifests (2.2.1), by path, over all other tag files."""
    return {f"tagmanifest-{name}.txt": manifest(tags, name) for name in ALGORITHMS}
