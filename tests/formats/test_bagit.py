"""Bags: made from a list, and checked strictly, also against the Library of Congress's own suite where it is at hand."""

import shutil
from pathlib import Path

import pytest

from preservation.formats.bagit import check_names, tag_files
from preservation.formats.bagit_check import check_bag
from preservation.formats.digests import fixity_of_bytes

SUITE = Path(__file__).resolve().parents[3] / "shared/fixtures/bagit-conformance"
PAYLOAD = {"data/README.txt": b"hello\n", "data/units/a.warc": b"WARC"}


@pytest.fixture
def bag(tmp_path):
    """A small bag."""
    entries = [(path, fixity_of_bytes(data)) for path, data in PAYLOAD.items()]
    other = {"metadata/premis.xml": b"<premis/>"}
    files = tag_files(
        entries, [("Source-Organization", "An  archive\nof things")], [("metadata/premis.xml", fixity_of_bytes(b"<premis/>"))]
    )
    for path, data in (PAYLOAD | other | files).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_a_bag_made_here_is_complete_and_valid(bag):
    assert check_bag(bag) == []
    assert (bag / "bag-info.txt").read_text() == "Source-Organization: An archive of things\nPayload-Oxum: 10.2\n"


@pytest.mark.parametrize("path", ["data/100%.mp4", "data/a b", "data/dot.", "data/../x", "data//x", "data/ü", "/data/x"])
def test_names_that_implementations_disagree_about_are_refused(path):
    with pytest.raises(ValueError, match="portable"):
        check_names([path])


def test_names_that_differ_by_case_alone_are_refused():
    with pytest.raises(ValueError, match="portable"):
        check_names(["data/a", "data/A"])


def edit(path: Path, old: str, new: str) -> None:
    """Change a text file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


DAMAGE = {
    "changed payload": (lambda bag: (bag / "data/README.txt").write_bytes(b"hullo\n"), "digest-mismatch"),
    "missing payload": (lambda bag: (bag / "data/README.txt").unlink(), "file-missing"),
    "extra payload": (lambda bag: (bag / "data/extra").write_bytes(b""), "not-listed"),
    "changed tag file": (lambda bag: (bag / "metadata/premis.xml").write_bytes(b"<premas/>"), "digest-mismatch"),
    "missing tag file": (lambda bag: (bag / "metadata/premis.xml").unlink(), "file-missing"),
    "no manifests": (lambda bag: [path.unlink() for path in bag.glob("manifest-*")], "file-missing"),
    "one manifest is short": (
        lambda bag: edit(bag / "manifest-sha256.txt", (bag / "manifest-sha256.txt").read_text().splitlines()[0], ""),
        "not-listed",
    ),
    "a space before the colon": (lambda bag: edit(bag / "bagit.txt", "BagIt-Version:", "BagIt-Version :"), "declaration"),
    "a third line": (lambda bag: (bag / "bagit.txt").write_text((bag / "bagit.txt").read_text() + "x: y\n"), "declaration"),
    "an older version": (lambda bag: edit(bag / "bagit.txt", "1.0", "0.97"), "version"),
    "no declaration": (lambda bag: (bag / "bagit.txt").unlink(), "file-missing"),
    "a wrong oxum": (lambda bag: edit(bag / "bag-info.txt", "10.2", "10.3"), "payload-oxum"),
    "a way out": (lambda bag: edit(bag / "manifest-sha256.txt", "data/README.txt", "data/../../README.txt"), "path-unsafe"),
    "a link": (lambda bag: (bag / "data/link").symlink_to("/etc/hostname"), "symbolic-link"),
    "fetch.txt": (lambda bag: (bag / "fetch.txt").write_text("https://example.org - data/x\n"), "incomplete"),
    "listed twice": (lambda bag: edit(bag / "manifest-sha256.txt", "data/units/a.warc", "data/README.txt"), "listed-twice"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_damage_to_a_bag_goes_unnoticed(bag, damage):
    harm, rule = DAMAGE[damage]
    harm(bag)
    assert rule in {problem.rule for problem in check_bag(bag)}


@pytest.mark.skipif(not SUITE.exists(), reason="the BagIt conformance suite lies beside the checkout, not in it")
def test_the_conformance_suite_is_judged_as_it_should_be(tmp_path):
    """Bags of 1.0 that are valid pass, bags that are invalid fail; older versions are out of scope and fail too."""
    for folder in sorted(SUITE.glob("v*/*/*/")):
        wanted, name = folder.parent.name, f"{folder.parent.parent.name}/{folder.name}"
        problems = check_bag(folder)
        if wanted == "valid" and folder.parent.parent.name == "v1.0":
            assert problems == [], name
        if wanted == "invalid":
            assert problems != [], name


# Read otherwise by 1.0 than by 0.97, or incomplete on purpose.
_OTHER_RULES = {"holey-bag", "uncommon-metadata-separators", "bag-with-escapable-characters", "bag-with-encoded-names"}


@pytest.mark.skipif(not SUITE.exists(), reason="the BagIt conformance suite lies beside the checkout, not in it")
def test_bags_of_the_version_before_are_judged_alike_once_they_say_1_0(tmp_path):
    """So that they do not fail by their version alone. The edit itself breaks the tag manifest, and nothing else may."""
    judged = 0
    for folder in sorted(SUITE.glob("v0.97/*/*/")):
        bag = tmp_path / folder.parent.name / folder.name
        shutil.copytree(folder, bag)
        declaration = bag / "bagit.txt"
        if folder.name in _OTHER_RULES or not declaration.exists() or folder.parent.name not in ("valid", "invalid"):
            continue
        declaration.write_bytes(declaration.read_bytes().replace(b"0.97", b"1.0"))
        problems = [problem for problem in check_bag(bag) if (problem.place, problem.rule) != ("bagit.txt", "digest-mismatch")]
        assert (problems == []) is (folder.parent.name == "valid"), (folder.name, problems)
        judged += 1
    assert judged > 12
