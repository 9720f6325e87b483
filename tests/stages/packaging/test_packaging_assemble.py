"""A version is whole, the same each time, judged valid by others, and tells nothing outside its sealed places."""

import filecmp
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import packaging_samples as samples
import pytest

from preservation.errors import DepositUnusable, Refused
from preservation.formats.bagit_check import check_bag
from preservation.formats.ocfl_check import check_object
from preservation.formats.warc_check import check_warc
from preservation.killpoints import KillPoint
from preservation.model.package import UnitKind
from preservation.stages.packaging.assemble import assemble

BIN = Path(sys.executable).parent
HERE = Path(__file__).resolve().parent
SCHEMA = Path(__file__).resolve().parents[4] / "shared/schemas/premis-v3-0.xsd"


def judged(*command: object) -> subprocess.CompletedProcess[str]:
    """Ask an outside judge."""
    return subprocess.run(
        [sys.executable, BIN / str(command[0]), *map(str, command[1:])], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    """A shelf with v1, then v2 in which one caption changed, one post is gone, one is new and one medium has come."""
    tmp_path = tmp_path_factory.mktemp("shelf")
    blobs, posts = samples.sample_posts()
    first = assemble(samples.request(samples.packaged(posts, blobs)), tmp_path / "staging")
    folder = samples.shelve(tmp_path / "staging", tmp_path / "root", first)
    found = samples.JPEG + b"found later"
    blobs[samples.medium(found).sha256] = found
    later = [replace(posts[0], caption="canary caption, edited"), *posts[2:7]]
    later += [replace(posts[7], media=(samples.medium(found),)), posts[8], samples.post(50, "canary caption, new")]
    items = samples.packaged(later, blobs, samples.rows(folder, 1))
    second = assemble(samples.request(items, 2, samples.previous_of(folder)), tmp_path / "staging")
    samples.shelve(tmp_path / "staging", tmp_path / "root", second)
    return first, second, folder, posts


def test_each_version_is_a_valid_bag_in_the_eyes_of_others(two_versions, tmp_path):
    _, _, folder, _ = two_versions
    for number in (1, 2):
        bag = samples.materialise(folder, number, tmp_path / f"bag{number}")
        verdict = judged("bagit.py", "--validate", bag)
        assert verdict.returncode == 0, verdict.stderr
        assert check_bag(bag) == []


def test_object_and_storage_root_are_valid_ocfl_in_the_eyes_of_others(two_versions):
    _, _, folder, _ = two_versions
    for path in (folder, folder.parents[3]):
        verdict = judged("ocfl-validate.py", path)
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        assert "[W" not in verdict.stdout + verdict.stderr
    assert check_object(folder) == []


def test_every_unit_is_a_strict_warc(two_versions):
    _, _, folder, _ = two_versions
    units = sorted(folder.glob("v*/content/data/units/*.warc"))
    assert len(units) == 4
    for unit in units:
        with unit.open("rb") as stream:
            assert check_warc(stream) == []
    assert judged("warcio", "check", *units).returncode == 0


@pytest.mark.skipif(not SCHEMA.exists(), reason="the PREMIS schema lies beside the checkout, not in it")
def test_premis_obeys_its_schema(two_versions):
    from lxml import etree

    schema = etree.XMLSchema(etree.parse(SCHEMA))
    for path in two_versions[2].glob("v*/content/metadata/premis.xml"):
        schema.assertValid(etree.parse(path))


def test_large_items_stand_alone_and_small_ones_share_a_bundle(two_versions):
    first, second, _, _ = two_versions
    assert [len(unit.item_ids) for unit in first.units if unit.kind is UnitKind.item] == [1, 1]
    assert [len(unit.item_ids) for unit in first.units if unit.kind is UnitKind.bundle] == [7]
    assert (first.items, first.media_held, first.media_missing) == (9, 7, 2)
    assert (second.items, second.media_held, second.media_missing) == (10, 8, 1)


def test_items_jsonl_leads_to_the_exact_bytes(two_versions, tmp_path):
    _, _, folder, _ = two_versions
    bag = samples.materialise(folder, 2, tmp_path / "bag")
    media = [piece for row in samples.rows(folder, 2) for piece in row["media"] if "unit" in piece]
    assert len(media) == 8
    for piece in media:
        data = (bag / piece["unit"]).read_bytes()[piece["offset"] :][: piece["length"]]
        assert hashlib.sha256(data).hexdigest() == piece["sha256"]
        assert data.startswith(samples.JPEG if piece["type"] == "image/jpeg" else samples.MP4)


def test_a_newer_export_stores_only_what_is_new(two_versions):
    _, second, folder, _posts = two_versions
    new = [file for file in second.files if "/units/" in file.path]
    assert [file.fixity.size < 10_000 for file in new] == [True]  # one bundle: edited words, found medium, new post
    before = {row["item_id"]: row for row in samples.rows(folder, 1)}
    after = {row["item_id"]: row for row in samples.rows(folder, 2)}
    edited = next(row for row in after.values() if row["caption"] == "canary caption, edited")
    assert edited["media"] == before[edited["item_id"]]["media"]
    assert edited["earlier"] == [before[edited["item_id"]]["words"]]
    assert edited["words"]["unit"] == new[0].path.removeprefix("v2/content/")


def test_what_is_gone_from_a_newer_export_is_kept_and_marked(two_versions):
    _, second, folder, posts = two_versions
    gone = [row for row in samples.rows(folder, 2) if row["status"] == "absent"]
    assert [row["published"] for row in gone] == [posts[1].created_at_utc.isoformat()]
    assert gone[0]["absent_from"] == [second.deposit_id]
    assert "unit" in gone[0]["media"][0]


def test_a_medium_held_before_stays_when_a_newer_export_has_only_its_link(tmp_path):
    blobs, posts = samples.sample_posts()
    first = assemble(samples.request(samples.packaged(posts[:1], blobs)), tmp_path / "staging")
    folder = samples.shelve(tmp_path / "staging", tmp_path / "root", first)
    later = [replace(posts[0], media=(samples.link(),))]
    items = samples.packaged(later, blobs, samples.rows(folder, 1))
    second = assemble(samples.request(items, 2, samples.previous_of(folder)), tmp_path / "staging")
    samples.shelve(tmp_path / "staging", tmp_path / "root", second)
    row = samples.rows(folder, 2)[0]
    assert (row["status"], row["media"][0]["unit"]) == ("held", samples.rows(folder, 1)[0]["media"][0]["unit"])
    assert not [file for file in second.files if "/units/" in file.path]


def test_only_units_and_descriptions_name_anything(two_versions):
    """Outside them no handle, caption, date of posting, name of a file or digest of a medium."""
    _, _, folder, _ = two_versions
    digests = [piece["sha256"] for row in samples.rows(folder, 2) for piece in (*row["media"], row["words"]) if "sha256" in piece]
    looked_at = 0
    for path in folder.rglob("*"):
        place = path.relative_to(folder).as_posix()
        assert not any(canary in place for canary in samples.CANARIES)
        if path.is_file() and "/data/units/" not in place and "/data/description/" not in place:
            text = path.read_text("utf-8")
            assert [canary for canary in (*samples.CANARIES, *digests) if canary in text] == [], place
            looked_at += 1
    assert looked_at > 15


def test_places_of_posts_stay_out_unless_the_creator_ticked_them(tmp_path):
    blobs, posts = samples.sample_posts()
    items = samples.packaged(posts[:1], blobs)
    for ticked in (False, True):
        staging = tmp_path / str(ticked)
        assemble(samples.request([replace(items[0], with_location=ticked)]), staging)
        assert any(b"Canary Islands" in path.read_bytes() for path in staging.rglob("*.warc")) is ticked


def test_the_archive_writes_no_date_but_received_at(two_versions):
    _, _, folder, _ = two_versions
    warc = next(folder.glob("v1/content/data/units/*.warc")).read_bytes()
    dates = {line for line in warc.split(b"\r\n") if line.startswith(b"WARC-Date")}
    assert dates == {b"WARC-Date: 2026-03-05T12:00:00Z"}


def test_the_same_deposit_gives_the_same_bytes_in_another_process(tmp_path):
    """Other folder, other process, other hash seed, posts in another order."""
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import packaging_samples as samples\n"
        "from preservation.stages.packaging.assemble import assemble\n"
        "blobs, posts = samples.sample_posts(); posts = posts[::int(sys.argv[3])]\n"
        "assemble(samples.request(samples.packaged(posts, blobs)), pathlib.Path(sys.argv[2]))"
    )
    for seed, order in (("1", "1"), ("2", "-1")):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, HERE, tmp_path / seed, order], check=True, env=environment)
    assert_same_tree(tmp_path / "1", tmp_path / "2")


@pytest.mark.parametrize("point", [f"{KillPoint.UNIT_STAGED}:1", f"{KillPoint.UNIT_STAGED}:3", f"{KillPoint.VERSION_STAGED}"])
def test_a_killed_packaging_run_again_ends_in_the_same_bytes(tmp_path, point):
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import packaging_samples as samples\n"
        "from preservation.stages.packaging.assemble import assemble\n"
        "blobs, posts = samples.sample_posts(); assemble(samples.request(samples.packaged(posts, blobs)), pathlib.Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, HERE, tmp_path / "killed"]
    killed = subprocess.run(command, check=False, env=os.environ | {"KEEPSAKE_KILL_AT": point})
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(command, check=True)
    subprocess.run([*command[:-1], tmp_path / "quiet"], check=True)
    assert_same_tree(tmp_path / "killed", tmp_path / "quiet")


def test_what_a_differing_run_left_behind_is_cleared_away(tmp_path):
    """A unit of an item that consent no longer lets in must not stay in staging."""
    blobs, posts = samples.sample_posts()
    items = samples.packaged(posts, blobs)
    assemble(samples.request(items), tmp_path / "twice")
    (tmp_path / "twice" / samples.PACKAGE / "v1/content/data/units/torn.warc.partial").write_bytes(b"WARC")
    assemble(samples.request(items[:3]), tmp_path / "twice")
    assemble(samples.request(items[:3]), tmp_path / "once")
    assert_same_tree(tmp_path / "twice", tmp_path / "once")


def test_nothing_of_an_item_is_written_without_its_clearance(tmp_path):
    blobs, posts = samples.sample_posts()
    items = samples.packaged(posts[:1], blobs)
    for gate in (samples.Yes(refused=frozenset({items[0].item_id})), samples.Yes(at=samples.NOW - timedelta(seconds=61))):
        with pytest.raises(Refused):
            assemble(samples.request(items, gate=gate), tmp_path / "staging")
        assert not [path for path in (tmp_path / "staging").rglob("*") if path.is_file()]


def test_an_unchanged_item_needs_its_clearance_too(two_versions, tmp_path):
    _, _, folder, _ = two_versions
    blobs, posts = samples.sample_posts()
    items = samples.packaged(posts[2:3], blobs)
    gate = samples.Yes(refused=frozenset({items[0].item_id}))
    with pytest.raises(Refused):
        assemble(samples.request(items, 3, samples.previous_of(folder), gate=gate), tmp_path / "third")


@pytest.mark.parametrize("changed", [b"short", samples.MP4 + b"\x00" * 2999 + b"!", samples.MP4 + b"\x00" * 3001])
def test_a_medium_that_is_not_what_was_received_stops_the_work(tmp_path, changed):
    blobs, posts = samples.sample_posts()
    item = samples.packaged(posts[:1], blobs)[0]
    held = replace(item.held[0], open=lambda: io.BytesIO(changed))
    with pytest.raises(DepositUnusable) as refusal:
        assemble(samples.request([replace(item, held=(held,))]), tmp_path)
    assert refusal.value.code == "held-bytes-changed"
    assert not list(tmp_path.rglob("*.warc*"))


def test_received_jsonl_says_what_was_left_out(two_versions):
    path = two_versions[2] / "v1/content/data/description/received.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["line"] for line in lines] == ["export", "member", "section"]
    assert lines[2]["decision"] == "never"


def test_packaging_a_large_medium_takes_little_memory(tmp_path):
    program = (
        "import sys, pathlib, io, hashlib, resource; sys.path.insert(0, sys.argv[1]); import packaging_samples as samples\n"
        "from preservation.stages.packaging.assemble import assemble\n"
        "from preservation.stages.packaging.request import HeldMedium, PackagedItem\n"
        "from dataclasses import replace\n"
        "from preservation.stages.packaging.identity import identify\n"
        "big = pathlib.Path(sys.argv[2]) / 'big'; mib = b'v' * 1048576; digest = hashlib.sha256()\n"
        "with big.open('wb') as out:\n"
        "    for _ in range(120): out.write(mib); digest.update(mib)\n"
        "medium = samples.medium(b'x'); held = replace(medium.held, size=120 << 20, sha256=digest.hexdigest())\n"
        "medium = replace(medium, held=held, sha256=digest.hexdigest())\n"
        "[(item_id, post)] = identify([samples.post(1, media=[medium])], samples.SECRET)\n"
        "item = PackagedItem(item_id, post, (HeldMedium(0, medium, lambda: big.open('rb')),))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assemble(samples.request([item]), pathlib.Path(sys.argv[2]) / 'staging')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", program, HERE, tmp_path], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 30 * 1024  # KiB


def assert_same_tree(one: Path, other: Path) -> None:
    """Same names, same bytes; what finished units came to lies beside the tree and goes with the version."""
    one, other = one / samples.PACKAGE / "v1", other / samples.PACKAGE / "v1"
    names = sorted(path.relative_to(one) for path in one.rglob("*"))
    assert names == sorted(path.relative_to(other) for path in other.rglob("*"))
    files = [str(name) for name in names if (one / name).is_file()]
    assert len(files) > 10
    assert filecmp.cmpfiles(one, other, files, shallow=False)[1:] == ([], [])
