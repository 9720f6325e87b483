"""Whoever listens hears how far each step is, to its end; and how long the rest will take, once there is something to go by."""

from pathlib import Path

import pytest

from flows import reports
from preservation.steps.accession import copy_to_site, package_deposit
from tests import archives
from tests.archives import hand_in, make_home, medium


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
    ("seconds", "part", "found", "said"),
    [
        (10.0, 0.0, 0.0, ""),
        (10.0, 0.5, 0.0, ", about 10 seconds left"),
        (600.0, 0.25, 0.0, ", about 30 minutes left"),
        (10.0, 1.0, 0.0, ""),
        (0.0, 0.8, 0.8, ""),  # a run before did this much, and this one nothing yet
        (10.0, 0.9, 0.8, ", about 10 seconds left"),
    ],
)
def test_the_time_left_is_what_the_pace_so_far_makes_it(seconds: float, part: float, found: float, said: str) -> None:
    assert reports.left(seconds, part, found) == said


def test_a_large_film_is_told_of_while_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of its bytes while it is put, half while it is read back; a bar that stands still for an hour says that all is stuck."""
    for name in ("KEEPSAKE_HOME", "KEEPSAKE_CONFIGS", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    size = 8 * 1024 * 1024
    with make_home(tmp_path / "archive").opened() as archive:
        given = hand_in(tmp_path / "in", posts=1)
        next(given.media.iterdir()).write_bytes(medium(0) + bytes(size))
        packaged = package_deposit(archive, archives.a_deposit(archive, given).deposit_id)
        told: list[int] = []
        copy_to_site(archive, packaged, "alpha", told.append)
        again: list[int] = []
        copy_to_site(archive, packaged, "alpha", again.append)
    assert max(told) <= 1024 * 1024
    assert sum(told) == packaged.bytes > size
    assert again == [packaged.bytes], "what is there already is told at once"
