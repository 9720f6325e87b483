"""Nightly audits for ever leave Prefect's database as large as it is: a fortnight, time being an argument. Long."""

from pathlib import Path

import pytest

from tests.benchmarks.fortnight import FORTNIGHT, KEPT, OF_RUNS, nights

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


def test_a_fortnight_of_audits_leaves_the_database_bounded(tmp_path: Path) -> None:
    seen = {night.day: night for night in nights(tmp_path, FORTNIGHT)}
    full = seen[KEPT + 2]  # days are kept, and a day is lived
    assert full.rows["flow_run"] == KEPT
    assert seen[FORTNIGHT].rows["task_run"] == full.rows["task_run"] > 0
    for day in range(KEPT + 3, FORTNIGHT + 1):
        for name in OF_RUNS:
            assert seen[day].rows[name] <= 1.2 * full.rows[name], (day, name)
        assert seen[day].file <= 1.1 * full.file
