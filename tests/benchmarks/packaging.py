"""Packaging beside the physical limit: `cp -r`, `sync`, one pass of `openssl dgst -sha256`, over the same media in one run.

    python -m tests.benchmarks.packaging [--gigabytes 2] [--runs 3]

Each of ours runs in a process of its own, so that its peak memory is its own. The digests in the package are compared with
openssl's. Prints every figure; judges nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks import hand_ins
from tests.consent_samples import record_id

FILE = 40 * 1024 * 1024


def main() -> None:
    """Make the media once, then measure both sides in turn."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.where, prefix="keepsake-bench-") as folder:
        work = Path(folder)
        count = max(1, round(arguments.gigabytes * 1e9 / FILE))
        export, media = hand_ins.export(work, count), hand_ins.media(work / "media", [FILE] * count)
        hand_ins.settle(work)
        size = sum(path.stat().st_size for path in media.iterdir())
        print(
            f"{size / 1e9:.2f} GB of media in {len(list(media.iterdir()))} files, {os.cpu_count()} cores, {arguments.runs} runs"
        )
        rows: dict[str, list[float]] = {}
        peaks: dict[str, list[float]] = {}
        for _ in range(arguments.runs):
            for name, seconds in _baseline(work, media).items():
                rows.setdefault(name, []).append(seconds)
            for name, (seconds, peak) in _ours(work, export, media).items():
                rows.setdefault(name, []).append(seconds)
                peaks.setdefault(name, []).append(peak)
            _check(work, media)
        _print(rows, peaks, size)


def _print(rows: dict[str, list[float]], peaks: dict[str, list[float]], size: int) -> None:
    print(f"{'what':<34}{'min s':>9}{'median s':>10}{'max s':>9}{'MB/s':>8}{'peak MB':>9}")
    for name, seconds in rows.items():
        median = statistics.median(seconds)
        peak = f"{max(peaks[name]):>9.0f}" if name in peaks else ""
        print(f"{name:<34}{min(seconds):>9.2f}{median:>10.2f}{max(seconds):>9.2f}{size / 1e6 / median:>8.0f}{peak}")
    pairs = [ours / theirs for ours, theirs in zip(rows["package (ours)"], rows["cp + sync + openssl"], strict=True)]
    low, middle, high = min(pairs), statistics.median(pairs), max(pairs)
    print(f"ratio, packaging to cp + sync + openssl, pair by pair: min {low:.2f}, median {middle:.2f}, max {high:.2f}")
    print("digests: every medium in the package has the SHA-256 that openssl found")


def _baseline(work: Path, media: Path) -> dict[str, float]:
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    began = time.perf_counter()
    subprocess.run(["cp", "-r", str(media), str(copy)], check=True)
    subprocess.run(["sync", "-f", str(copy)], check=True)
    copied = time.perf_counter()
    found = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r", *map(str, sorted(copy.iterdir()))], check=True, capture_output=True
    )
    ended = time.perf_counter()
    (work / "openssl.txt").write_bytes(found.stdout)
    shutil.rmtree(copy)
    return {"cp + sync": copied - began, "openssl dgst -sha256": ended - copied, "cp + sync + openssl": ended - began}


def _ours(work: Path, export: Path, media: Path) -> dict[str, tuple[float, float]]:
    """Receive (into quarantine) and package (out of it, onto disk, synced), each in a fresh process."""
    shutil.rmtree(work / "home", ignore_errors=True)
    hand_ins.child(work, "consent", str(work / "consent.json"))
    received = hand_ins.child(work, "receive", str(export), str(media), record_id(hand_ins.HANDLE))
    packaged = hand_ins.child(work, "package")
    return {
        "receive (ours)": (received.seconds, received.peak_mb),
        "package (ours)": (packaged.seconds, packaged.peak_mb),
    }


def _check(work: Path, media: Path) -> None:
    theirs = {Path(line.split(" ", 1)[1].lstrip("*")).name: line.split(" ", 1)[0] for line in _lines(work / "openssl.txt")}
    (items,) = (work / "home" / "staging").rglob("items.jsonl")
    ours = {medium["sha256"] for row in map(json.loads, items.read_text().splitlines()) for medium in row["media"]}
    if ours != set(theirs.values()) or len(theirs) != len(list(media.iterdir())):
        raise SystemExit("the digests differ")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--where", default=None, help="a folder on the disk to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
