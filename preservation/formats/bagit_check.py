"""A strict checker for BagIt 1.0 bags (RFC 8493) in a folder. Reads every byte; memory is the manifests."""

import codecs
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from preservation.formats.digests import chunks_of
from preservation.formats.problems import Problem

Manifest = dict[str, str]  # path -> digest in lower case

_VERSION = re.compile(rb"BagIt-Version: (\d+\.\d+)\r?\n")
_ENCODING = re.compile(rb"Tag-File-Character-Encoding: (\S+)\r?\n?")
_NAME = re.compile(r"(tag)?manifest-([a-z0-9]+)\.txt")
_LINE = re.compile(r"([0-9A-Fa-f]+)[ \t]+(\S.*)")
_ESCAPE = re.compile(r"%(0[AaDd]|25)")
_ALGORITHMS = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})


def check_bag(folder: Path) -> list[Problem]:
    """Everything wrong with a bag; [] means complete and valid (section 3). Raises OSError if the folder cannot be read."""
    encoding, problems = _declaration(folder)
    if encoding is None:
        return problems
    manifests: dict[str, Manifest] = {}
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name) and path.is_file():
            manifests[path.name], found = _read_manifest(path, encoding)
            problems += found
    present, found = _files_of(folder)
    problems += found
    problems += _completeness(manifests, present)
    problems += _digests(folder, manifests, present)
    problems += _bag_info(folder, encoding, present)
    return sorted(set(problems))


def _declaration(folder: Path) -> tuple[str | None, list[Problem]]:
    """The encoding of tag files, from bagit.txt (2.1.1): exactly two lines."""
    place = "bagit.txt"
    if not (folder / place).is_file():
        return None, [Problem(place, "file-missing")]
    lines = (folder / place).read_bytes().splitlines(keepends=True)
    version = _VERSION.fullmatch(lines[0]) if len(lines) == 2 else None
    encoding = _ENCODING.fullmatch(lines[1]) if len(lines) == 2 else None
    if version is None or encoding is None:
        return None, [Problem(place, "declaration", "not the two lines of 2.1.1")]
    if version[1] != b"1.0":
        return None, [Problem(place, "version", "only BagIt 1.0 is checked")]
    try:
        return codecs.lookup(encoding[1].decode("ascii")).name, []
    except (LookupError, UnicodeDecodeError):
        return None, [Problem(place, "declaration", "unknown encoding")]


def _read_manifest(path: Path, encoding: str) -> tuple[Manifest, list[Problem]]:
    """One manifest (2.1.3) and what is wrong with its lines."""
    algorithm = path.name.removesuffix(".txt").rpartition("-")[2]
    entries: Manifest = {}
    seen: set[str] = set()
    problems = [] if algorithm in _ALGORITHMS else [Problem(path.name, "algorithm-unknown")]
    try:
        text = path.read_bytes().decode(encoding)
    except UnicodeDecodeError:
        return {}, [Problem(path.name, "encoding")]
    if text.startswith("\ufeff"):
        problems.append(Problem(path.name, "encoding", "byte order mark"))
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        if not line:
            continue
        entry = _LINE.fullmatch(line)
        name = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), entry[2]).removeprefix("./") if entry else ""
        fault = _line_fault(entry is not None, name, path.name, seen)
        if fault or entry is None:
            problems.append(Problem(path.name, fault, f"line {number}"))
            continue
        entries[name] = entry[1].lower()
        seen.add(unicodedata.normalize("NFC", name).casefold())
    return entries, problems


def _line_fault(parsed: bool, name: str, manifest: str, seen: set[str]) -> str:
    """The rule one line breaks, or ""."""
    if not parsed:
        return "manifest-line"
    if name.startswith(("/", "~", "*")) or "\\" in name or ".." in name.split("/"):
        return "path-unsafe"
    if manifest.startswith("manifest") and not name.startswith("data/"):
        return "not-payload"
    if manifest.startswith("tagmanifest") and name.startswith(("data/", "tagmanifest-")):
        return "not-a-tag-file"
    return "listed-twice" if unicodedata.normalize("NFC", name).casefold() in seen else ""


def _files_of(folder: Path) -> tuple[dict[str, int], list[Problem]]:
    """Every file with its size. A link is a problem: it may lead out of the bag."""
    sizes: dict[str, int] = {}
    problems = []
    for directory, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(directory) / name
            place = path.relative_to(folder).as_posix()
            if path.is_symlink():
                problems.append(Problem(place, "symbolic-link"))
            elif path.is_file():
                sizes[place] = path.stat().st_size
    if not (folder / "data").is_dir():
        problems.append(Problem("data", "folder-missing"))
    return sizes, problems


def _completeness(manifests: dict[str, Manifest], present: dict[str, int]) -> Iterator[Problem]:
    """Every payload manifest lists every payload file, and nothing that is not there (section 3)."""
    payload = {path for path in present if path.startswith("data/")}
    if not any(name.startswith("manifest-") for name in manifests):
        yield Problem("manifest", "file-missing", "no payload manifest")
    if "fetch.txt" in present:
        yield Problem("fetch.txt", "incomplete", "a bag of this archive holds all its files")
    for name, entries in manifests.items():
        yield from (Problem(path, "file-missing", name) for path in entries if path not in present)
        if name.startswith("manifest-"):
            yield from (Problem(path, "not-listed", name) for path in payload - entries.keys())


def _digests(folder: Path, manifests: dict[str, Manifest], present: dict[str, int]) -> Iterator[Problem]:
    """Read each listed file once and compare it with every manifest that lists it."""
    wanted: dict[str, dict[str, str]] = {}
    for name, entries in manifests.items():
        algorithm = name.removesuffix(".txt").rpartition("-")[2]
        for path, digest in entries.items():
            if path in present and algorithm in _ALGORITHMS:
                wanted.setdefault(path, {})[algorithm] = digest
    for path, expected in sorted(wanted.items()):
        found = _digest_all(folder / path, sorted(expected))
        for algorithm in expected:
            if found[algorithm] != expected[algorithm]:
                yield Problem(path, "digest-mismatch", algorithm)


def _digest_all(path: Path, algorithms: list[str]) -> dict[str, str]:
    hashes = {name: hashlib.new(name) for name in algorithms}
    with path.open("rb") as stream:
        for chunk in chunks_of(stream):
            for digest in hashes.values():
                digest.update(chunk)
    return {name: digest.hexdigest() for name, digest in hashes.items()}


def _bag_info(folder: Path, encoding: str, present: dict[str, int]) -> Iterator[Problem]:
    """bag-info.txt (2.2.2): `label: value` lines, and a Payload-Oxum that is there once and right."""
    place = "bag-info.txt"
    if place not in present:
        return
    try:
        lines = re.split(r"\r\n|\r|\n", (folder / place).read_bytes().decode(encoding))
    except UnicodeDecodeError:
        yield Problem(place, "encoding")
        return
    oxums = []
    for number, line in enumerate(lines, 1):
        label, colon, value = line.partition(":")
        if line and not line.startswith((" ", "\t")) and (not colon or not label or label != label.rstrip()):
            yield Problem(place, "tag-line", f"line {number}")
        if label.lower() == "payload-oxum":
            oxums.append(value.strip())
    payload = [size for path, size in present.items() if path.startswith("data/")]
    if len(oxums) > 1 or any(oxum != f"{sum(payload)}.{len(payload)}" for oxum in oxums):
        yield Problem(place, "payload-oxum")
