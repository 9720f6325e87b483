"""Examining media beside the physical limit: reading the same files and taking their SHA-256, in the same run.

    python -m tests.benchmarks.examining [--films 120] [--pictures 80] [--runs 3]

Films of 1 to 4 seconds and pictures are made first, by encoders. "In this process" decodes without the process apart, and shows
what that costs. Prints every figure; judges nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from preservation.formats.media_child import examined
from preservation.formats.media_examiner import Examiner
from preservation.model.export import MediaKind
from preservation.stages.intake.examination import Unexamined, examine
from preservation.stages.intake.sources import Source, write_locator
from preservation.steps.examining import _workers
from tests.formats import media_samples as samples


def main() -> None:
    """Make the media, then measure each way in turn."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="keepsake-bench-") as folder:
        files = _made(Path(folder), arguments.films, arguments.pictures)
        size = sum(path.stat().st_size for path in files)
        print(f"{len(files)} files, {size / 1e6:.1f} MB, {os.cpu_count()} cores, {arguments.runs} runs")
        ways: dict[str, Callable[[list[Path]], object]] = {
            "read + sha256": _digested,
            "identify + decode, in this process": _here,
            "examine, 1 process apart": lambda paths: _apart(paths, 1),
            f"examine, {_workers()} processes apart": lambda paths: _apart(paths, _workers()),
        }
        taken: dict[str, list[float]] = {}
        for _ in range(arguments.runs):
            for name, way in ways.items():
                began = time.perf_counter()
                told = way(files)
                taken.setdefault(name, []).append(time.perf_counter() - began)
        _print(taken, size, len(files))
        print(f"found: {told}")
    print(f"starting a process: {statistics.median(_start() for _ in range(3)):.2f} s; loading the step: {_loading():.2f} s")


def _print(taken: dict[str, list[float]], size: int, count: int) -> None:
    print(f"{'what':<38}{'min s':>8}{'median s':>10}{'max s':>8}{'MB/s':>8}{'ms/file':>9}")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(
            f"{name:<38}{min(seconds):>8.2f}{median:>10.2f}{max(seconds):>8.2f}{size / 1e6 / median:>8.1f}{median / count * 1e3:>9.1f}"
        )


def _digested(paths: list[Path]) -> int:
    return len({sha256(path.read_bytes()).digest() for path in paths})


def _here(paths: list[Path]) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in paths:
        with path.open("rb") as stream:
            found[str(examined(stream, path.stat().st_size, path.suffix[1:], MediaKind.unknown)["condition"])] += 1
    return found


def _apart(paths: list[Path], workers: int) -> Counter[str]:
    sources = [Source(path.name, path.stat().st_size, lambda path=path: path.open("rb")) for path in paths]  # type: ignore[misc]
    waiting = [
        Unexamined(f"{at:064x}", source.size, source.name[-3:], MediaKind.unknown, write_locator(source.name, 0))
        for at, source in enumerate(sources)
    ]
    return Counter(str(fact.condition) for fact in examine(waiting, sources, workers))


def _start() -> float:
    began = time.perf_counter()
    with Examiner() as examiner:
        examiner.tools()
    return time.perf_counter() - began


def _loading() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import preservation.formats.media_examiner"], check=True)
    return time.perf_counter() - began


def _made(folder: Path, films: int, pictures: int) -> list[Path]:
    paths = []
    for number in range(films):
        paths.append(folder / f"{number}.mp4")
        paths[-1].write_bytes(samples.film("mp4", 25 * (1 + number % 4), (180, 320)))
    for number in range(pictures):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(samples.picture("JPEG", (480 + number, 640)))
    return paths


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=120)
    parser.add_argument("--pictures", type=int, default=80)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
