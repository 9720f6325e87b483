"""Whole accessions of growing exports, each step in a process of its own: is time linear in size, and does memory stay flat?

    python -m tests.benchmarks.accession [--posts 4000 12000 40000] [--gigabytes 0.5 1.5 5] [--where FOLDER]

Exports of many posts without media, then media beside an export: four fifths of the bytes in files of one to two megabytes, the
rest in large ones. Beside the latter the physical limit in the same run: `cp -r` and `sync` of the same media, once for quarantine, and
four times (staging and three sites) for the accession. All digests in the package are compared with openssl's. Prints every
figure; judges nothing. Nothing is left behind. Needs six times the size of the largest media in room.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks import hand_ins
from tests.benchmarks.hand_ins import Took
from tests.consent_samples import record_id

HEAD = (
    f"{'what':<24}{'receive s':>10}{'cpu s':>8}{'peak MB':>9}{'accession s':>13}{'cpu s':>8}{'peak MB':>9}"
    f"{'cpu per unit':>16}{'cp + sync s':>13}{'x 4':>8}"
)


def main() -> None:
    """Every size in turn."""
    arguments = _arguments()
    print(f"{os.cpu_count()} cores\n{HEAD}", flush=True)
    for posts in arguments.posts:
        with tempfile.TemporaryDirectory(dir=arguments.where, prefix="keepsake-bench-") as folder:
            _posts(Path(folder), posts)
    for gigabytes in arguments.gigabytes:
        with tempfile.TemporaryDirectory(dir=arguments.where, prefix="keepsake-bench-") as folder:
            _media(Path(folder), gigabytes)


def _posts(work: Path, posts: int) -> None:
    export, media = hand_ins.export(work, posts), hand_ins.media(work / "media", [])
    received, accessioned = _ours(work, export, media)
    if len(_rows(work)) != posts:
        raise SystemExit("posts are lost")
    each = f"{1000 * accessioned.cpu_seconds / posts:.2f} ms/post"
    print(_line(f"{posts} posts", received, accessioned, each), flush=True)


def _media(work: Path, gigabytes: float) -> None:
    sizes = _sizes(gigabytes)
    export, media = hand_ins.export(work, len(sizes)), hand_ins.media(work / "media", sizes)
    limit = _cp_and_sync(work, media)
    received, accessioned = _ours(work, export, media)
    _check(work, media)
    each = f"{accessioned.cpu_seconds / gigabytes:.1f} s/GB"
    what = f"{gigabytes} GB in {len(sizes)} files"
    print(_line(what, received, accessioned, each) + f"{limit:>13.1f}{4 * limit:>8.1f}", flush=True)


def _line(what: str, received: Took, accessioned: Took, each: str) -> str:
    received_in = f"{received.seconds:>10.1f}{received.cpu_seconds:>8.1f}{received.peak_mb:>9.0f}"
    accession_in = f"{accessioned.seconds:>13.1f}{accessioned.cpu_seconds:>8.1f}{accessioned.peak_mb:>9.0f}"
    return f"{what:<24}{received_in}{accession_in}{each:>16}"


def _sizes(gigabytes: float) -> list[int]:
    """The same for the same number."""
    rule, total = random.Random(7), round(gigabytes * 1e9)
    sizes = [total // 25] * 5
    while sum(sizes) < total:
        sizes.append(rule.randint(1_050_000, 2_000_000))
    return sizes


def _ours(work: Path, export: Path, media: Path) -> tuple[Took, Took]:
    hand_ins.settle(work)
    hand_ins.child(work, "consent", str(work / "consent.json"))
    received = hand_ins.child(work, "receive", str(export), str(media), record_id(hand_ins.HANDLE))
    return received, hand_ins.child(work, "accession")


def _cp_and_sync(work: Path, media: Path) -> float:
    copy = work / "copy"
    subprocess.run(["sync", "-f", str(media)], check=True)
    began = time.perf_counter()
    subprocess.run(["cp", "-r", str(media), str(copy)], check=True)
    subprocess.run(["sync", "-f", str(copy)], check=True)
    seconds = time.perf_counter() - began
    shutil.rmtree(copy)
    return seconds


def _rows(work: Path) -> list[str]:
    items = next((work / "home" / "sites" / "alpha").rglob("items.jsonl"))
    return items.read_text().splitlines()


def _check(work: Path, media: Path) -> None:
    """Every medium of the hand-in stands in the package, under the digest that openssl finds."""
    ours = {medium["sha256"] for row in map(json.loads, _rows(work)) for medium in row["media"] if "unit" in medium}
    theirs = set()
    for names in _hundreds(sorted(map(str, media.iterdir()))):
        found = subprocess.run(["openssl", "dgst", "-sha256", "-r", *names], check=True, capture_output=True, text=True)
        theirs |= {line.split(" ", 1)[0] for line in found.stdout.splitlines()}
    if ours != theirs:
        raise SystemExit("the digests differ")


def _hundreds(names: list[str]) -> list[list[str]]:
    return [names[start : start + 100] for start in range(0, len(names), 100)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, nargs="*", default=[4000, 12000, 40000])
    parser.add_argument("--gigabytes", type=float, nargs="*", default=[0.5, 1.5, 5.0])
    parser.add_argument("--where", default=None, help="a folder on the disk to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
