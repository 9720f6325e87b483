"""A run that was killed goes on: what is finished is not written again, and is trusted for nothing but that."""

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import packaging_samples as samples
import pytest
from test_packaging_assemble import assert_same_tree

from preservation.errors import Refused
from preservation.killpoints import KillPoint
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition, MediaFacts
from preservation.stages.packaging.assemble import assemble
from preservation.stages.packaging.finished import beside

HERE = Path(__file__).resolve().parent
PROGRAM = (
    "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import packaging_samples as samples\n"
    "from preservation.stages.packaging.assemble import assemble\n"
    "blobs, posts = samples.sample_posts(); assemble(samples.request(samples.packaged(posts, blobs)), pathlib.Path(sys.argv[2]))"
)


def killed(staging, point):
    """A run in a process of its own that dies at a point."""
    died = subprocess.run(
        [sys.executable, "-c", PROGRAM, HERE, staging], check=False, env=os.environ | {"KEEPSAKE_KILL_AT": str(point)}
    )
    assert died.returncode == -signal.SIGKILL


def units(staging):
    """Which file each unit is: a file that is written again is another one."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in staging.rglob("*.warc")}


def items_that_count(opened):
    """The sample's items, which note in `opened` each time a medium is opened."""
    blobs, posts = samples.sample_posts()

    def noting(held):
        def opening():
            opened.append(held.medium.sha256)
            return io.BytesIO(blobs[held.medium.sha256])

        return replace(held, open=opening)

    return [replace(item, held=tuple(map(noting, item.held))) for item in samples.packaged(posts, blobs)]


def version(staging):
    return staging / samples.PACKAGE / "v1"


@pytest.mark.parametrize("point", [f"{KillPoint.UNIT_STAGED}:2", KillPoint.VERSION_STAGED])
def test_finished_units_are_not_written_again_after_a_death(tmp_path, point):
    killed(tmp_path / "killed", point)
    before = units(tmp_path / "killed")
    assert len(before) == (2 if "unit" in point else 3)
    opened = []
    items = items_that_count(opened)
    assemble(samples.request(items), tmp_path / "killed")
    after = units(tmp_path / "killed")
    assert {name: after[name] for name in before} == before
    all_of_them = []
    assemble(samples.request(items_that_count(all_of_them)), tmp_path / "quiet")
    assert len(opened) < len(all_of_them) and (opened == []) is (len(before) == len(after))
    assert_same_tree(tmp_path / "killed", tmp_path / "quiet")


def test_finished_units_need_their_clearances_again(tmp_path):
    killed(tmp_path, KillPoint.VERSION_STAGED)
    blobs, posts = samples.sample_posts()
    for item in samples.packaged(posts, blobs):
        with pytest.raises(Refused):
            assemble(samples.request(items_that_count([]), gate=samples.Yes(refused=frozenset({item.item_id}))), tmp_path)


@pytest.mark.parametrize("changed", ["the archive's name", "what examining found", "the place in the export", "received at"])
def test_a_unit_is_written_again_if_anything_its_bytes_follow_from_has_changed(tmp_path, changed):
    killed(tmp_path / "killed", KillPoint.VERSION_STAGED)
    items = items_that_count([])
    request = samples.request(items)
    if changed == "the archive's name":
        request = replace(request, policy=request.policy.model_copy(update={"archive_name": "Another"}))
    elif changed == "received at":
        request = replace(request, deposit=request.deposit.model_copy(update={"received_at": samples.NOW}))
    else:
        request = replace(request, items=[otherwise(item, changed) for item in items])
    assemble(request, tmp_path / "killed")
    assemble(request, tmp_path / "quiet")
    assert_same_tree(tmp_path / "killed", tmp_path / "quiet")


def otherwise(item, changed):
    """The item with other facts that stand in its unit and not in its words."""
    if changed == "the place in the export":
        return replace(item, post=replace(item.post, pointer="/moved" + item.post.pointer))
    return replace(item, held=tuple(replace(held, facts=facts_of(held)) for held in item.held))


def facts_of(held):
    """What examining a medium might find."""
    return MediaFacts(
        sha256=held.medium.sha256, size=1, kind=MediaKind.video, condition=Condition.whole, puid="fmt/199", width=64, duration=1.5
    )


def test_what_examining_found_stands_beside_the_medium_and_in_its_row(tmp_path):
    items = [otherwise(item, "what examining found") for item in items_that_count([])]
    assemble(samples.request(items), tmp_path / "known")
    rows = samples.rows(version(tmp_path / "known").parent, 1)
    held = [medium for row in rows for medium in row["media"] if "unit" in medium]
    assert {(each["puid"], each["condition"], each["width"], each["durationSeconds"]) for each in held} == {
        ("fmt/199", "whole", 64, 1.5)
    }
    fields = b"condition: whole\r\npuid: fmt/199\r\nwidth: 64\r\ndurationSeconds: 1.5\r\n"
    written = b"".join(path.read_bytes() for path in (tmp_path / "known").rglob("*.warc"))
    assert written.count(fields) == len(held) == 7
    assemble(samples.request(items_that_count([])), tmp_path / "unknown")
    assert b"puid" not in b"".join(path.read_bytes() for path in (tmp_path / "unknown").rglob("*") if path.is_file())


@pytest.mark.parametrize("harm", ["torn", "garbled", "gone", "of a cut unit", "of a unit that is gone"])
def test_notes_or_units_that_were_lost_cost_time_and_nothing_else(tmp_path, harm):
    killed(tmp_path / "killed", KillPoint.VERSION_STAGED)
    notes, unit = beside(version(tmp_path / "killed")), sorted((tmp_path / "killed").rglob("*.warc"))[0]
    if harm == "torn":
        notes.write_bytes(notes.read_bytes()[:-20])
    elif harm == "garbled":
        notes.write_bytes(b"\0" * 40 + notes.read_bytes())
    elif harm == "gone":
        notes.unlink()
    elif harm == "of a cut unit":
        unit.write_bytes(unit.read_bytes()[:-1])
    else:
        unit.unlink()
    for _ in range(2):  # the notes that were mended must hold for the run after this one
        assemble(samples.request(items_that_count([])), tmp_path / "killed")
    assemble(samples.request(items_that_count([])), tmp_path / "quiet")
    assert_same_tree(tmp_path / "killed", tmp_path / "quiet")
    opened = []
    assemble(samples.request(items_that_count(opened)), tmp_path / "killed")
    assert opened == []


def test_progress_ends_at_all_of_it_whether_written_or_taken_over(tmp_path):
    for _ in range(2):
        told = []
        assemble(samples.request(items_that_count([])), tmp_path, lambda done, total, told=told: told.append((done, total)))
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1] > 6000
        assert len({total for _, total in told}) == 1


def test_progress_moves_within_one_large_medium(tmp_path):
    """A video of hours is one unit; a bar that waits for units would stand still."""
    data = samples.MP4 + bytes(5 << 20)
    blobs = {samples.medium(data).sha256: data}
    told = []
    items = samples.packaged([samples.post(0, media=[samples.medium(data)])], blobs)
    assemble(samples.request(items), tmp_path, lambda done, _total: told.append(done))
    assert len(told) > 5
