"""A stranger's check of what lies on a disk: each flipped bit, each lost, added or moved file is found."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from preservation.errors import Refused
from preservation.formats import ocfl
from preservation.formats.bagit_check import check_bag
from preservation.steps.verifying import verify
from tests.archives import a_deposit, accession, hand_in, make_home, medium


@pytest.fixture(scope="session")
def _shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verifying")
    home = make_home(folder)
    with home.opened() as archive:
        accession(a_deposit(archive, hand_in(folder / "first")))
        accession(a_deposit(archive, hand_in(folder / "second", captions={2: "the kite came down"}, left_out=[5])))
    return home.data / "sites" / "alpha"


@pytest.fixture
def shelf(_shelf: Path, tmp_path: Path) -> Path:
    """A site with one package of two versions."""
    return Path(shutil.copytree(_shelf, tmp_path / "alpha"))


def _package(shelf: Path) -> Path:
    return next(shelf.rglob("0=ocfl_object_1.1")).parent


def _bag(shelf: Path, to: Path) -> Path:
    """The newest version's state, laid out as the bag it is."""
    package = _package(shelf)
    inventory = ocfl.parse_inventory((package / "inventory.json").read_bytes())
    for logical, digest in inventory.states[inventory.head].items():
        (to / logical).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / inventory.manifest[digest][0], to / logical)
    return to


def _problems(path: Path) -> list[str]:
    return [f"{what}: {problem}" for what, found in verify(path).items() for problem in found]


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0b100
    path.chmod(0o644)
    path.write_bytes(content)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_what_the_archive_wrote_is_well_and_everything_was_looked_at(shelf: Path) -> None:
    checked = verify(shelf)
    assert not any(checked.values())
    kinds = [what.split(" /")[0] for what in checked]
    assert kinds[:4] == ["OCFL storage root", "OCFL object", "bag of version 1 in", "bag of version 2 in"]
    assert kinds[4:] == ["WARC"] * len(list(shelf.rglob("*.warc")))


def test_a_flipped_bit_in_any_file_of_a_package_is_found(shelf: Path) -> None:
    package = _package(shelf)
    unnoticed = []
    for path in _files(package):
        size = path.stat().st_size
        for at in {0, size // 2, size - 1}:
            _flip(path, at)
            if not _problems(package):
                unnoticed.append(f"{path.relative_to(package)} at {at}")
            _flip(path, at)
    assert unnoticed == []


def test_a_flipped_bit_in_any_file_of_a_bag_is_found(shelf: Path, tmp_path: Path) -> None:
    bag = _bag(shelf, tmp_path / "bag")
    assert check_bag(bag) == []
    assert _problems(bag) == []
    unnoticed = []
    for path in _files(bag):
        _flip(path, path.stat().st_size // 2)
        unnoticed += [] if _problems(bag) else [path.relative_to(bag).as_posix()]
        _flip(path, path.stat().st_size // 2)
    assert unnoticed == []


def test_a_flipped_bit_in_the_payload_of_a_lone_warc_is_found(shelf: Path) -> None:
    """Without inventory and manifest, a WARC's own digests cover its payloads, not its headers."""
    film = medium(0)
    warc = next(path for path in sorted(shelf.rglob("*.warc")) if film in path.read_bytes())
    assert list(verify(warc)) == [f"WARC {warc}"]
    assert _problems(warc) == []
    _flip(warc, warc.read_bytes().index(film) + len(film) // 2)
    assert any("digest-mismatch" in problem for problem in _problems(warc))


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_cut_warc_is_found(shelf: Path, cut: int) -> None:
    warc = max(shelf.rglob("*.warc"), key=lambda path: path.stat().st_size)
    warc.chmod(0o644)
    warc.write_bytes(warc.read_bytes()[:-cut])
    assert _problems(warc)


def test_a_lost_file_is_found_whichever_it_is(shelf: Path) -> None:
    """A package that lost its declaration or its inventory is still a package, and judged."""
    unnoticed = []
    for path in _files(_package(shelf)):
        content = path.read_bytes()
        path.unlink()
        unnoticed += [] if _problems(shelf) else [path.relative_to(shelf).as_posix()]
        path.write_bytes(content)
    assert unnoticed == []


def _stray_in_package(shelf: Path) -> None:
    (_package(shelf) / "v1" / "content" / "data" / "stray.txt").write_text("stray")


def _stray_version(shelf: Path) -> None:
    shutil.copytree(_package(shelf) / "v2", _package(shelf) / "v3")


def _stray_on_the_way(shelf: Path) -> None:
    (_package(shelf).parent / "stray.txt").write_text("stray")


def _empty_folder(shelf: Path) -> None:
    (shelf / "abc" / "def").mkdir(parents=True)


def _other_declaration(shelf: Path) -> None:
    (shelf / "0=ocfl_1.1").chmod(0o644)
    (shelf / "0=ocfl_1.1").write_text("ocfl_1.0\n")


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (_stray_in_package, "not-in-manifest"),
        (_stray_version, "unexpected-in-root"),
        (_stray_on_the_way, "file-outside-objects"),
        (_empty_folder, "empty-folder"),
        (_other_declaration, "declaration"),
    ],
)
def test_what_does_not_belong_on_the_shelf_is_found(shelf: Path, harm: Callable[[Path], None], rule: str) -> None:
    harm(shelf)
    assert any(rule in problem for problem in _problems(shelf))


def test_a_bag_that_disagrees_with_its_inventory_is_found(shelf: Path) -> None:
    """Every digest of the inventory holds, and yet a version's bag is incomplete: one made to be right must be right in both."""
    package = _package(shelf)
    inventory = ocfl.parse_inventory((package / "inventory.json").read_bytes())
    manifest = package / inventory.manifest[inventory.states[1]["manifest-sha512.txt"]][0]
    manifest.chmod(0o644)
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[1:]))
    _redigest(package)
    assert any("manifest-differs-from-state" in problem for problem in _problems(package))


def _redigest(package: Path) -> None:
    """Make every inventory agree with the bytes that lie there."""
    import hashlib
    import json

    for version in ("v1", "v2"):
        path = package / version / "inventory.json"
        raw = json.loads(path.read_text())
        now = {old: hashlib.sha512((package / paths[0]).read_bytes()).hexdigest() for old, paths in raw["manifest"].items()}
        raw["manifest"] = {now[old]: paths for old, paths in raw["manifest"].items()}
        for state in raw["versions"].values():
            state["state"] = {now[old]: paths for old, paths in state["state"].items()}
        raw["fixity"] = {}
        data = json.dumps(raw).encode()
        for folder in (path.parent, package) if version == "v2" else (path.parent,):
            for name, content in (("inventory.json", data), ("inventory.json.sha512", ocfl.sidecar(data))):
                (folder / name).chmod(0o644)
                (folder / name).write_bytes(content)


def test_an_empty_shelf_is_said_to_be_well_and_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "0=ocfl_1.1").write_bytes(b"ocfl_1.1\n")
    assert verify(tmp_path) == {f"OCFL storage root {tmp_path}": []}


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("words")], ids=["folder", "file"])
def test_what_is_nothing_of_ours_is_refused_and_not_called_well(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "thing")
    with pytest.raises(Refused, match="nothing-to-verify"):
        verify(tmp_path / "thing")
