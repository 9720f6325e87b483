"""Accessions at once through `keepsake up`: `python -m tests.benchmarks.service [COUNT]`.

Prints how long they took, how fast the API answered meanwhile, what was killed and picked up, and how large Prefect's database is.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

from preservation.cli.service.health import sizes
from tests.service.running import Up, deposits, up

EVERY = 0.5  # seconds between questions


def percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


class Questions(Thread):
    """Asks what the pages ask, and notes how long the answers took."""

    def __init__(self, service: Up, runs: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self.enough = Event()
        self.took: dict[str, list[float]] = {"GET /api/health": [], "POST /api/flow_runs/filter": []}
        self._ask: dict[str, Callable[[], Any]] = {
            "GET /api/health": lambda: service.http.get("/health").raise_for_status(),
            "POST /api/flow_runs/filter": lambda: service.runs(runs),
        }

    def run(self) -> None:
        while not self.enough.wait(EVERY):
            for name, ask in self._ask.items():
                begun = time.perf_counter()
                ask()
                self.took[name].append(time.perf_counter() - begun)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, ids = deposits(Path(folder), count + 1)
        begun = time.perf_counter()
        with up(home) as service:
            print(f"start, first time                 {time.perf_counter() - begun:6.1f} s")
            begun = time.perf_counter()
            runs = service.submit(ids[:count])
            questions = Questions(service, runs)
            questions.start()
            ended = service.wait_for_all(runs)
            questions.enough.set()
            questions.join()
            assert all(run["state_type"] == "COMPLETED" and run["run_count"] == 1 for run in ended)
            print(f"{count} accessions at once             {time.perf_counter() - begun:6.1f} s")
            for name, took in questions.took.items():
                p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
                print(f"{name:32}  p50 {p50 * 1000:5.0f} ms  p95 {p95 * 1000:5.0f} ms  max {max(took) * 1000:5.0f} ms")
            told = "".join(path.read_text(errors="replace") for path in service.logs.iterdir())
            print(f'"database is locked" in the logs  {told.count("database is locked"):6}')
            _killed(service, ids[count:])
            begun = time.perf_counter()
            service.stop()
            print(f"stop                              {time.perf_counter() - begun:6.1f} s")
        for name, size in sizes(home.data).items():
            print(f"{name:32}  {size / 1024:6,.0f} KiB")


def _killed(service: Up, ids: Sequence[str]) -> None:
    runs = service.submit(ids)
    service.wait_for_one_at_work(runs)
    os.kill(service.worker(), signal.SIGKILL)
    begun = time.perf_counter()
    while "Running" not in service.api.state_names(runs[0])[4:]:
        time.sleep(0.2)
    print(f"worker killed to picked up        {time.perf_counter() - begun:6.1f} s")
    service.wait_for_all(runs)
    print(f"worker killed to completed        {time.perf_counter() - begun:6.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
