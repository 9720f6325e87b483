"""OCFL objects: inventories that follow from facts, and a checker that lets no damage pass."""

import json
from datetime import UTC, datetime

import pytest

from preservation.formats.digests import fixity_of_bytes
from preservation.formats.ocfl import (
    NewVersion,
    next_inventory,
    object_root_files,
    package_root,
    parse_inventory,
    root_declarations,
    sidecar,
)
from preservation.formats.ocfl_check import check_object

DATE = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ID = "https://deposits.example.org/" + "abcdefghi" + "a" * 17
ONE, TWO = fixity_of_bytes(b"one"), fixity_of_bytes(b"two")


def version(number, state, added):
    """A version of the sample object."""
    return NewVersion(number, DATE, "accession", "Archive", "https://example.org", state, added)


FIRST = next_inventory(ID, version(1, {"data/one": ONE.sha512}, {"v1/content/data/one": ONE}), None)
SECOND = next_inventory(
    ID, version(2, {"data/one": ONE.sha512, "data/two": TWO.sha512}, {"v2/content/data/two": TWO}), parse_inventory(FIRST)
)


@pytest.fixture
def folder(tmp_path):
    """An object of two versions."""
    files = object_root_files() | {"inventory.json": SECOND, "inventory.json.sha512": sidecar(SECOND)}
    files |= {"v1/inventory.json": FIRST, "v1/inventory.json.sha512": sidecar(FIRST), "v1/content/data/one": b"one"}
    files |= {"v2/inventory.json": SECOND, "v2/inventory.json.sha512": sidecar(SECOND), "v2/content/data/two": b"two"}
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_a_package_lies_below_the_first_nine_characters_of_its_id():
    assert package_root("abcdefghi" + "a" * 17) == "abc/def/ghi/abcdefghi" + "a" * 17


def test_the_layout_says_how_ids_become_folders():
    """The extension's own rule, followed from its settings, leads from the object's id to its folder."""
    [config] = [json.loads(data) for path, data in root_declarations().items() if path.endswith("config.json")]
    name = ID.rpartition(config["delimiter"])[2]
    size, count = config["tupleSize"], config["numberOfTuples"]
    assert "/".join([name[at * size : at * size + size] for at in range(count)] + [name]) == package_root(name)


def test_an_object_made_here_has_nothing_wrong_with_it(folder):
    assert check_object(folder) == []


def test_unchanged_content_is_a_pointer_to_where_it_lies():
    inventory = parse_inventory(SECOND)
    assert inventory.manifest[inventory.states[2]["data/one"]] == ("v1/content/data/one",)
    assert inventory.sha256["v2/content/data/two"] == TWO.sha256


def test_a_version_cannot_skip_one_or_name_what_is_not_held():
    with pytest.raises(ValueError, match="follows"):
        next_inventory(ID, version(3, {}, {}), parse_inventory(FIRST))
    with pytest.raises(ValueError, match="holds"):
        next_inventory(ID, version(1, {"data/two": TWO.sha512}, {}), None)


def test_a_version_that_was_being_copied_can_be_left_out_of_the_check(folder):
    (folder / "v3/content").mkdir(parents=True)
    (folder / "v3/content/half").write_bytes(b"half")
    assert {problem.rule for problem in check_object(folder)} == {"unexpected-in-root"}
    assert check_object(folder, ignoring={"v3"}) == []


def rewritten(folder, place, change):
    """Change an inventory and its sidecar alike, so that only the content is wrong."""
    raw = json.loads((folder / place).read_bytes())
    change(raw)
    data = json.dumps(raw).encode()
    (folder / place).write_bytes(data)
    (folder / f"{place}.sha512").write_bytes(sidecar(data))


def both(folder, change):
    """Change the root's inventory and that of the newest version."""
    rewritten(folder, "inventory.json", change)
    rewritten(folder, "v2/inventory.json", change)


def unexplained(folder):
    """Content that differs where there is no second digest to tell."""
    both(folder, lambda raw: raw.pop("fixity"))
    (folder / "v1/content/data/one").write_bytes(b"eno")


DAMAGE = {
    "changed content without a second digest": (unexplained, "digest-mismatch"),
    "changed content": (lambda at: (at / "v1/content/data/one").write_bytes(b"eno"), "digest-mismatch"),
    "missing content": (lambda at: (at / "v1/content/data/one").unlink(), "file-missing"),
    "extra content": (lambda at: (at / "v1/content/data/more").write_bytes(b""), "not-in-manifest"),
    "an empty folder": (lambda at: (at / "v1/content/empty").mkdir(), "not-in-manifest"),
    "something in the root": (lambda at: (at / "notes.txt").write_bytes(b""), "unexpected-in-root"),
    "something in a version": (lambda at: (at / "v1/notes.txt").write_bytes(b""), "unexpected-in-version"),
    "no declaration": (lambda at: (at / "0=ocfl_object_1.1").unlink(), "declaration"),
    "a wrong declaration": (lambda at: (at / "0=ocfl_object_1.1").write_bytes(b"ocfl"), "declaration"),
    "no sidecar": (lambda at: (at / "inventory.json.sha512").unlink(), "file-missing"),
    "a stale sidecar": (lambda at: (at / "inventory.json.sha512").write_bytes(sidecar(FIRST)), "sidecar-mismatch"),
    "a version's sidecar": (lambda at: (at / "v1/inventory.json.sha512").write_bytes(sidecar(SECOND)), "sidecar-mismatch"),
    "rubbish": (
        lambda at: [(at / "inventory.json").write_bytes(b"["), (at / "inventory.json.sha512").write_bytes(sidecar(b"["))],
        "not-json",
    ),
    "no manifest": (lambda at: both(at, lambda raw: raw.pop("manifest")), "inventory-shape"),
    "another digest": (lambda at: both(at, lambda raw: raw.update(digestAlgorithm="sha256")), "inventory-shape"),
    "a gap": (lambda at: both(at, lambda raw: raw["versions"].update(v9=raw["versions"].pop("v2"))), "version-numbers"),
    "a wrong head": (lambda at: both(at, lambda raw: raw.update(head="v1")), "head"),
    "a state of nothing": (
        lambda at: both(at, lambda raw: raw["versions"]["v2"]["state"].update({"0" * 128: ["x"]})),
        "state-without-content",
    ),
    "a path twice": (
        lambda at: both(at, lambda raw: raw["versions"]["v2"]["state"][TWO.sha512].append("data/one")),
        "path-twice",
    ),
    "a way out": (lambda at: both(at, lambda raw: raw["versions"]["v2"]["state"][TWO.sha512].append("../x")), "path-unsafe"),
    "file and folder": (
        lambda at: both(at, lambda raw: raw["versions"]["v2"]["state"][TWO.sha512].append("data")),
        "path-is-file-and-folder",
    ),
    "a wrong fixity": (
        lambda at: both(at, lambda raw: raw["fixity"].update(sha256={"0" * 64: ["v1/content/data/one"]})),
        "digest-mismatch",
    ),
    "content nobody uses": (
        lambda at: both(at, lambda raw: raw["versions"]["v2"]["state"].pop(TWO.sha512)),
        "content-never-used",
    ),
    "a rewritten past": (
        lambda at: rewritten(at, "v1/inventory.json", lambda raw: raw["versions"]["v1"].update(state={})),
        "history-differs",
    ),
    "another object's": (
        lambda at: rewritten(at, "v1/inventory.json", lambda raw: raw.update(id="https://example.org/x")),
        "head",
    ),
    "a head of two minds": (lambda at: rewritten(at, "v2/inventory.json", lambda raw: raw.update(extra=1)), "head"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_damage_to_an_object_goes_unnoticed(folder, damage):
    harm, rule = DAMAGE[damage]
    harm(folder)
    assert rule in {problem.rule for problem in check_object(folder)}
