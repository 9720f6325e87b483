"""What packaging takes does not grow with what posts say, and little with how many there are."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak anew")
HERE = Path(__file__).resolve().parent
PROGRAM = """
import gc, sys, pathlib
sys.path.insert(0, sys.argv[1])
import packaging_samples as samples
from preservation.stages.packaging.assemble import assemble
from preservation.stages.packaging.earlier import EarlierRows
from preservation.stages.packaging.request import PreviousVersion

def memory(what):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what))

staging, root, count, number = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
posts = [samples.post(n, "canary caption " + "x" * 1500 + str(n), [samples.link()]) for n in range(count // number)]
gc.collect()
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = memory("VmRSS")
if number == 1:
    request = samples.request(samples.packaged(posts, {}))
else:
    folder = next(path for path in root.rglob("v1")).parent
    known = EarlierRows(samples.items_jsonl(folder, 1).open("rb"))
    previous = samples.previous_of(folder, known)
    request = samples.request(samples.packaged(posts, {}, known), 2, previous)
staged = assemble(request, staging)
print(memory("VmHWM") - before)
samples.shelve(staging, root, staged)
"""


def grown(tmp_path, count, number=1):
    """KiB by which a process that has `count` posts in memory grows while it packages them."""
    places = [tmp_path / f"staging-{count}", tmp_path / f"root-{count}"]
    command = [sys.executable, "-c", PROGRAM, HERE, *places, str(count), str(number)]
    return int(subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout)


def test_packaging_many_posts_takes_little_memory_for_each(tmp_path):
    """Their words alone are 1.6 KB each; held, joined and parsed again they would be several times that."""
    few, many = grown(tmp_path, 1000), grown(tmp_path, 7000)
    assert (many - few) * 1024 / 6000 < 2000


def test_packaging_a_newer_export_takes_little_memory_for_each_post_held(tmp_path):
    """Rows of the version before are read one by one. Half of the posts are gone from the newer export."""
    for count in (1000, 7000):
        grown(tmp_path, count)
    few, many = grown(tmp_path, 1000, 2), grown(tmp_path, 7000, 2)
    assert (many - few) * 1024 / 6000 < 2000
