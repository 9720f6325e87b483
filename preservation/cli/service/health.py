"""How the service is: what is looked at, how often, and what counts as not well. Ids, counts, codes and site names alone."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from flows.notes import read_notes
from preservation.cli.service.judging import (
    BackupFact,
    DepositFact,
    DiskFact,
    Facts,
    HealthReport,
    SiteFact,
    WorkerFact,
    aged,
    judged,
)
from preservation.errors import ArchiveError, StoreUnavailable
from preservation.model.deposit import DepositState
from preservation.settings import Settings
from preservation.storage.site import Site
from preservation.storage.store import ObjectMissing
from preservation.wiring import RESTORED, Archive, open_archive

QUICKLY = 15.0  # seconds between looks at the server and the worker
SLOWLY = timedelta(seconds=60)  # at sites, disks and what waits
SITE_PATIENCE = 15.0  # seconds a site has to answer before it counts as silent; it is asked once more when it has
ROOT_DECLARATION = "0=ocfl_1.1"
BACKUP_NOTE = "backup.json"


class Recovering(Protocol):
    """What is asked of the recovery of runs."""

    @property
    def last(self) -> datetime | None:
        """When runs were last gone on with."""

    @property
    def recovered(self) -> int:
        """How many runs were gone on with since the start."""

    @property
    def given_up(self) -> int:
        """How many crashed runs wait for a person."""


class ServerLike(Protocol):
    """What is asked of Prefect's server."""

    def answers(self, timeout: float = 5.0) -> bool:
        """Whether it is there and well."""

    def count(self, *states: str) -> int:
        """How many runs are in these types of state."""

    def last_heartbeat(self) -> datetime | None:
        """When a worker was last heard of."""


class Health:
    """Looks in a thread of its own, so that whoever asks gets the newest look at once, with its age."""

    def __init__(
        self, settings: Settings, server: ServerLike, recovery: Recovering | None, worker: Callable[[], WorkerFact | None]
    ) -> None:
        """`worker` tells what the supervising process knows of the worker; None if there is no such process."""
        self._settings, self._server, self._recovery, self._worker = settings, server, recovery, worker
        self._sites = _SiteLooks()
        self._slow: dict[str, Any] = {}
        self._slow_at: datetime | None = None
        self._archive: Archive | None = None
        self._latest: HealthReport | None = None

    def latest(self, now: datetime) -> HealthReport:
        """The newest look, said to be old if it is; the first is made when it is asked for."""
        return aged(self._latest or self.look(now), now)

    def look(self, now: datetime) -> HealthReport:
        """Look at the server and the worker, and at the rest if that was long ago, or the clock was set back."""
        if self._slow_at is None or not timedelta() <= now - self._slow_at < SLOWLY:
            self._slow, self._slow_at = self._look_slowly(now), now
        answers = self._server.answers()
        facts = Facts(
            looked_at=now,
            server_answers=answers,
            worker=self._look_at_worker(answers),
            **self._slow,
            **_cheap(self._settings.home),
        )
        if self._recovery is not None:
            told = self._recovery
            facts = facts.model_copy(
                update={"recovered": told.recovered, "last_recovery": told.last, "waiting_for_a_person": told.given_up}
            )
        self._latest = judged(facts)
        return self._latest

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look again and again while the body runs."""
        stop = threading.Event()

        def again() -> None:
            while not stop.is_set():
                with suppress(Exception):  # whatever it was: the next look may do better, and the last one grows old
                    self.look(datetime.now(UTC))
                stop.wait(QUICKLY if self._latest and self._latest.well else QUICKLY / 5)

        thread = threading.Thread(target=again, name="health", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(QUICKLY)

    def _look_at_worker(self, server_answers: bool) -> WorkerFact | None:
        known = self._worker()
        if known is None or not server_answers:
            return known
        try:
            running, waiting = self._server.count("RUNNING", "PENDING"), self._server.count("SCHEDULED")
            return known.model_copy(update={"running": running, "waiting": waiting, "last_heard": self._server.last_heartbeat()})
        except StoreUnavailable:
            return known

    def _look_slowly(self, now: datetime) -> dict[str, Any]:
        home = self._settings.home
        found: dict[str, Any] = {}
        try:
            self._archive = self._archive or open_archive(self._settings)
            found["sites"] = self._sites.look(self._archive.sites, now)
            found["deposits"] = _deposits(self._archive)
            found["held"] = (home / RESTORED).exists()
            found["one_disk"] = {site.kind for site in self._settings.sites()} == {"directory"}
        except ArchiveError as refusal:
            found["archive_refuses"] = refusal.code
        return found


class _SiteLooks:
    """One cheap question a site: is its root declaration there? A site that is slow to answer is not asked a second time meanwhile."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="site")
        self._asked: dict[str, Future[SiteFact]] = {}

    def look(self, sites: Mapping[str, Site], now: datetime) -> dict[str, SiteFact]:
        for name, site in sites.items():
            if name not in self._asked:
                self._asked[name] = self._threads.submit(_ask, site, now)
        return {name: self._answer(name, now) for name in sites}

    def _answer(self, name: str, now: datetime) -> SiteFact:
        try:
            told = self._asked[name].result(SITE_PATIENCE)
        except TimeoutError:
            return SiteFact(answers=False, why="no answer in time", looked_at=now)
        del self._asked[name]
        return told


def _ask(site: Site, now: datetime) -> SiteFact:
    try:
        site.reader.stat(ROOT_DECLARATION)
    except ObjectMissing:
        pass  # it answers; nothing was ever put there
    except ArchiveError as refusal:
        return SiteFact(answers=False, why=refusal.code, looked_at=now)
    except Exception as fault:  # noqa: BLE001 - the page must show something; a fault may quote anything, so its kind alone
        return SiteFact(answers=False, why=type(fault).__name__, looked_at=now)
    return SiteFact(answers=True, looked_at=now)


def _deposits(archive: Archive) -> DepositFact:
    waiting = [each.received_at for each in archive.catalogue.deposits.list() if each.state is DepositState.received]
    held = sum(package.state == "held" for package in archive.catalogue.holdings.packages())
    return DepositFact(waiting=len(waiting), oldest=min(waiting, default=None), packages=held)


def _disk(home: Path) -> DiskFact | None:
    try:
        usage = shutil.disk_usage(home)
    except OSError:
        return None
    return DiskFact(free=usage.free, total=usage.total)


def sizes(home: Path) -> dict[str, int]:
    """The databases and their bytes, write-ahead logs included."""
    named = {
        "catalogue": home / "catalogue.sqlite",
        "identity": home / "identity.sqlite",
        "keys": home / "keys" / "keys.sqlite",
        "prefect": home / "prefect" / "prefect.db",
    }
    found = {}
    for name, path in named.items():
        if (size := _size(path)) is not None:
            found[name] = size + (_size(Path(f"{path}-wal")) or 0)
    return found


def _size(path: Path) -> int | None:
    """Bytes of a file; a write-ahead log comes and goes."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _cheap(home: Path) -> dict[str, Any]:
    """What a look costs nothing of, and so is never told from memory."""
    return {"notes": read_notes(home), "backup": _backup(home), "databases": sizes(home), "disk": _disk(home)}


def _backup(home: Path) -> BackupFact | None:
    """The note of `keepsake backup`: a file with the moment under `made_at`."""
    try:
        return BackupFact(at=json.loads((home / BACKUP_NOTE).read_text())["made_at"])
    except (OSError, ValueError, KeyError, TypeError):  # pydantic's refusal of a moment is a ValueError
        return None
