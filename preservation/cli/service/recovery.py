"""Runs whose process died are found, said to have crashed, and put back to be gone on with. Nobody's hand is needed.

A run is dead when the server says that it is at work and no process holds its lock (`flows.attendance`), twice in a row: between
the two looks it had time to say how it ended. It is gone on with a few times, ever later; then a person must look. A run that
ended by itself, as Failed with a refusal or any other way, is left alone. Every step is safe to do again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from preservation.cli.service.api import Run, Server
from preservation.errors import StoreUnavailable

DELAYS = (0, 60, 300, 900)  # seconds before a run is gone on with, by how often it crashed; one crash more and a person must look
SLOW_START = timedelta(minutes=3)  # a process that has not begun by then will not
AGAIN = "AwaitingRetry"
STOPPED = "AwaitingRestart"
DIED = "Its process ended without a word; every step is safe to do again."
STOP = "The service was stopped; this run goes on when it starts again."


class Act(StrEnum):
    """What becomes of a run."""

    leave = "leave"
    wait = "wait"  # look again before believing it
    crash = "crash"
    cancel = "cancel"  # somebody wanted it to end, and it has


@dataclass(frozen=True, slots=True)
class Look:
    """A run, and what is known of its process now."""

    run: Run
    alive: bool
    seen_before: bool  # dead in this very state at the look before
    worker_since: datetime | None  # None: no worker is at work


def judge(look: Look, now: datetime) -> Act:
    """What becomes of a run that is said to be under way."""
    if look.alive:
        return Act.leave
    begins = look.run.state == "PENDING" and look.worker_since is not None and look.run.since >= look.worker_since
    if begins and now - look.run.since < SLOW_START:
        return Act.leave
    may_yet_tell = look.worker_since is not None or not look.run.by_worker
    if may_yet_tell and not look.seen_before:
        return Act.wait
    return Act.cancel if look.run.state == "CANCELLING" else Act.crash


def delay_after(crashes: int) -> timedelta | None:
    """How long to wait before a run that has crashed that often is gone on with; None: it is not."""
    return timedelta(seconds=DELAYS[crashes - 1]) if 1 <= crashes <= len(DELAYS) else None


def crashes_before(names: Sequence[str]) -> int:
    """How often a run was gone on with after a crash. `names` are its states in order; one that failed may have been retried by hand."""
    return sum((before, after) == ("Crashed", AGAIN) for before, after in pairwise(names))


@dataclass(slots=True)
class Recovery:
    """Looks after the runs of one server. `say` writes a line to the service's log: ids and codes alone."""

    server: Server
    alive: Callable[[str], bool]
    say: Callable[[str], None]
    _suspects: frozenset[str] = frozenset()  # states in which a run was found dead
    _given_up: frozenset[str] = frozenset()  # states that need a person
    recovered: int = 0
    last: datetime | None = None

    @property
    def given_up(self) -> int:
        """How many crashed runs wait for a person."""
        return len(self._given_up)

    def look(self, now: datetime, worker_since: datetime | None) -> None:
        """One round. Raises StoreUnavailable if the server does not answer; the next round goes on."""
        suspects = set()
        for run in self.server.runs("PENDING", "RUNNING", "CANCELLING"):
            look = Look(run, self.alive(run.run_id), run.state_id in self._suspects, worker_since)
            act = judge(look, now)
            if act is Act.wait:
                suspects.add(run.state_id)
            elif act is not Act.leave:
                self._end(run, act)
        self._suspects = frozenset(suspects)
        self._resume(now)

    def pick_up(self, now: datetime) -> int:
        """Before a worker is started: what an earlier life of the service left under way goes on; how many runs.

        A power cut is no fault of the run, so this does not count as one of its crashes.
        """
        done = self._put_back(DIED, crashed=True)
        self.recovered, self.last = self.recovered + done, now if done else self.last
        return done

    def set_aside(self) -> int:
        """After a planned stop of the worker: what was under way goes on at the next start; how many runs."""
        return self._put_back(STOP, crashed=False)

    def _put_back(self, why: str, *, crashed: bool) -> int:
        done = 0
        for run in self.server.runs("PENDING", "RUNNING"):
            if not run.by_worker or self.alive(run.run_id):
                continue
            self.server.end_tasks(run.run_id, why)
            if crashed:
                self.server.set_state(run.run_id, "CRASHED", "Crashed", why)
            self.server.set_state(run.run_id, "SCHEDULED", STOPPED, why, _due(run, timedelta(0)))
            self.say(f"run {run.run_id} was {run.state} and goes on when the worker is there")
            done += 1
        return done

    def _end(self, run: Run, act: Act) -> None:
        self.server.end_tasks(run.run_id, DIED)
        if act is Act.cancel:
            self.server.set_state(run.run_id, "CANCELLED", "Cancelled", DIED)
        else:
            self.server.set_state(run.run_id, "CRASHED", "Crashed", DIED)
        self.say(f"run {run.run_id} was {run.state} and its process is gone: {act.value}")

    def _resume(self, now: datetime) -> None:
        given_up = set()
        for run in self.server.runs("CRASHED"):
            if not run.by_worker:
                continue  # a command's run: whoever typed it saw it end
            if run.state_id in self._given_up or not self._resumed(run, now):
                given_up.add(run.state_id)
        self._given_up = frozenset(given_up)

    def _resumed(self, run: Run, now: datetime) -> bool:
        crashes = crashes_before(self.server.state_names(run.run_id)) + 1
        wait = delay_after(crashes)
        if wait is None:
            self.say(f"run {run.run_id} crashed {crashes} times and is not gone on with: a person must look")
            return False
        if self.alive(run.run_id):
            return True  # it said so itself and is still ending; at the next look
        self.server.end_tasks(run.run_id, DIED)
        self.server.set_state(run.run_id, "SCHEDULED", AGAIN, f"Crash {crashes}: goes on by itself.", _due(run, wait))
        self.recovered, self.last = self.recovered + 1, now
        self.say(f"run {run.run_id} crashed {crashes} times and goes on {wait.seconds} seconds after that")
        return True


def _due(run: Run, wait: timedelta) -> datetime:
    """Without a wait, the run keeps its place before those that came after it: what it has staged takes room until it ends."""
    return run.since + wait if wait else run.expected


def try_look(recovery: Recovery, now: datetime, worker_since: datetime | None) -> bool:
    """A round that may fail: whether it was made. A server that is busy is asked again at the next round."""
    try:
        recovery.look(now, worker_since)
    except StoreUnavailable as silence:
        recovery.say(f"no look at the runs: {silence.code}")
        return False
    return True
