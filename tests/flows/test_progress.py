"""Whoever listens hears how far each step is, to its end; and how long the rest will take, once there is something to go by."""

from pathlib import Path

import pytest

from flows import reports
from tests import archives
from tests.archives import hand_in, make_home


def test_an_accession_tells_how_far_packaging_and_each_copy_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEEPSAKE_HOME", "KEEPSAKE_CONFIGS", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    told: dict[str, list[tuple[int, int]]] = {}
    with make_home(tmp_path / "archive").opened() as archive:
        deposit = archives.a_deposit(archive, hand_in(tmp_path / "in"))
        stop = reports.listen(lambda what, done, total: told.setdefault(what, []).append((done, total)))
        try:
            archives.accession(deposit)
        finally:
            stop()
    for what in ("package", "copy to alpha", "copy to beta", "copy to gamma"):
        assert told[what] == sorted(told[what]), what
        done, total = told[what][-1]
        assert done == total > 0, what


@pytest.mark.parametrize(
    ("seconds", "part", "said"),
    [
        (10.0, 0.0, ""),
        (10.0, 0.5, ", about 10 seconds left"),
        (600.0, 0.25, ", about 30 minutes left"),
        (10.0, 1.0, ""),
    ],
)
def test_the_time_left_is_what_the_pace_so_far_makes_it(seconds: float, part: float, said: str) -> None:
    assert reports.left(seconds, part) == said
