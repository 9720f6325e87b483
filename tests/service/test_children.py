"""A process that dies is started again, but not for ever; logs are kept short while they are written to."""

import sys
from pathlib import Path

import pytest

from preservation.cli.service import children
from preservation.cli.service.children import DELAYS, LOGS_KEPT, QUICK, QUICK_DEATHS, Child, keep_short
from preservation.errors import StoreUnavailable
from tests.service.running import until


def child(folder: Path, code: str) -> Child:
    return Child("worker", [sys.executable, "-c", code], {}, folder)


def test_a_child_that_dies_is_started_again_after_a_while(tmp_path: Path) -> None:
    one = child(tmp_path, "")
    one.start(now=0.0)
    until(lambda: not one.running, 30)
    assert one.look(now=1.0)  # found dead
    assert not one.look(now=1.0 + DELAYS[0])  # and started
    until(lambda: not one.running, 30)
    assert one.look(now=2.0)
    assert one.quick_deaths == 2
    assert not one.look(now=2.0 + DELAYS[1])
    until(lambda: not one.running, 30)
    assert one.look(now=5.0 + QUICK)
    assert one.quick_deaths == 1  # it lived long enough to begin counting anew


def test_a_child_that_dies_quickly_too_often_is_given_up_loudly(tmp_path: Path) -> None:
    one, now = child(tmp_path, ""), 0.0
    one.start(now)
    with pytest.raises(StoreUnavailable) as given_up:
        for _ in range(3 * QUICK_DEATHS):
            until(lambda: not one.running, 30)
            one.look(now)
            one.look(now := now + max(DELAYS))
    assert given_up.value.code == "service-died"
    assert one.quick_deaths == QUICK_DEATHS + 1


def test_a_child_is_asked_to_end_before_it_is_killed(tmp_path: Path) -> None:
    deaf = child(
        tmp_path, "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    deaf.start(0.0)
    until(lambda: deaf.log.read_text(), 30)
    deaf.stop(patience=0.2)
    assert not deaf.running


def test_a_log_that_is_written_to_is_kept_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_UP_TO", 100)
    log = tmp_path / "server.log"
    with log.open("ab", buffering=0) as writer:  # as a child's output is
        for number in range(12):
            writer.write(f"{number:02} {'x' * 60}\n".encode())
            keep_short(log)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 1 + LOGS_KEPT
    assert sum(path.stat().st_size for path in kept) <= (1 + LOGS_KEPT) * 200
    assert "11 " in "".join(path.read_text() for path in kept[:2])
    assert "\0" not in log.read_text()
