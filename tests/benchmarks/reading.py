"""Time and peak memory of reading large exports, each in a process of its own: `python -m tests.benchmarks.reading`."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.large_export import write_export

SIZES = {30: (4_000, 100_000), 100: (13_000, 330_000), 300: (40_000, 1_000_000)}  # MB: posts, rows


def read_one(path: Path) -> dict[str, float]:
    """Read an export in this process, which has everything a step of the archive has loaded."""
    import preservation.wiring  # noqa: F401 - what a worker has loaded, catalogue and all
    from preservation.stages.intake.reading import read_exports
    from preservation.stages.intake.sources import Source

    before = _peak()
    began = time.process_time()
    (report,) = read_exports([Source(path.name, path.stat().st_size, lambda: path.open("rb"))])
    return {
        "posts": len(report.posts),
        "records": sum(part.records for part in report.sections),
        "errors": len(report.errors),
        "seconds": time.process_time() - began,
        "before_mb": before,
        "peak_mb": _peak(),
    }


def read_in_child(path: Path) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.reading", "--read", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", type=Path, help="Read this export in this process, and print what it cost as JSON.")
    parser.add_argument("--generation", type=int, default=2026)
    given = parser.parse_args()
    if given.read:
        print(json.dumps(read_one(given.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for megabytes, (posts, rows) in SIZES.items():
            path = Path(folder) / "user_data_tiktok.json"
            size = write_export(path, posts=posts, rows=rows, generation=given.generation, megabytes=megabytes)
            cost = read_in_child(path)
            print(
                f"{size / 1e6:4.0f} MB  {posts:6} posts  {cost['seconds']:5.1f} s of CPU  "
                f"peak {cost['peak_mb']:4.0f} MB, {cost['before_mb']:4.0f} MB before reading"
            )


if __name__ == "__main__":
    main()
