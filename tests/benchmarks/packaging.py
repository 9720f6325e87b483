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
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.consent_samples import document, record_id

FILE = 40 * 1024 * 1024
HANDLE = "bench.fx"


def main() -> None:
    """Make the media once, then measure both sides in turn."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.where, prefix="keepsake-bench-") as folder:
        work = Path(folder)
        export, media = _hand_in(work, arguments.gigabytes)
        _settle(work)
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
    _child(work, "consent", str(work / "consent.json"))
    received = _child(work, "receive", str(export), str(media), record_id(HANDLE))
    packaged = _child(work, "package")
    return {"receive (ours)": received, "package (ours)": packaged}


def _child(work: Path, *what: str) -> tuple[float, float]:
    environment = {**os.environ, "KEEPSAKE_HOME": str(work / "home"), "KEEPSAKE_CONFIGS": str(work / "configs")}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.one_step", *what], env=environment, check=True, capture_output=True
    )
    wall = time.perf_counter() - began
    told = json.loads(done.stdout)
    return told.get("seconds", wall), told["peak_mb"]


def _check(work: Path, media: Path) -> None:
    theirs = {Path(line.split(" ", 1)[1].lstrip("*")).name: line.split(" ", 1)[0] for line in _lines(work / "openssl.txt")}
    (items,) = (work / "home" / "staging").rglob("items.jsonl")
    ours = {medium["sha256"] for row in map(json.loads, items.read_text().splitlines()) for medium in row["media"]}
    if ours != set(theirs.values()) or len(theirs) != len(list(media.iterdir())):
        raise SystemExit("the digests differ")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _hand_in(work: Path, gigabytes: float) -> tuple[Path, Path]:
    """Noise behind a video's first bytes, named by the second of its post; and an export that names those posts."""
    media = work / "media"
    media.mkdir()
    posts, begin = [], datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(max(1, round(gigabytes * 1e9 / FILE))):
        at = begin + timedelta(hours=number)
        with (media / f"{at:%Y-%m-%d-%H-%M-%S}.mp4").open("wb") as out:
            out.write(b"\x00\x00\x00\x18ftypisom")
            out.write(os.urandom(FILE - 12))
        posts.append(
            {
                "Date": f"{at:%Y-%m-%d %H:%M:%S}",
                "Link": "https://video.example/x.mp4",
                "WhoCanView": "Everyone",
                "Title": f"{number}",
            }
        )
    data = {"Post": {"Posts": {"VideoList": posts}}, "Profile": {"Profile Info": {"ProfileMap": {"userName": HANDLE}}}}
    export = work / "TikTok_Data_1748855647.zip"
    with zipfile.ZipFile(export, "w") as zipped:
        zipped.writestr("user_data_tiktok.json", json.dumps(data))
    return export, media


def _settle(work: Path) -> None:
    (work / "configs").mkdir()
    sites = "".join(
        f'[[site]]\nname = "{name}"\nkind = "directory"\npath = "sites/{name}"\n' for name in ("alpha", "beta", "gamma")
    )
    (work / "configs" / "sites.toml").write_text(sites)
    (work / "consent.json").write_text(json.dumps(document(handle=HANDLE)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--where", default=None, help="a folder on the disk to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
