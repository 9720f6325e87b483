"""Builds stores, catalogue, sites and clock from settings: the one place that picks an implementation."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from preservation.catalogue.catalogue import Catalogue
from preservation.catalogue.identity import IdentityStore
from preservation.catalogue.keys import KeyStore
from preservation.errors import Refused, StoreUnavailable
from preservation.model.policy import Policy, SiteConfig
from preservation.settings import POWERS, Settings, credentials
from preservation.stages.consent.gatekeeper import RecordGatekeeper
from preservation.stages.intake.quarantine import Quarantine
from preservation.storage.opening import Credentials, open_store
from preservation.storage.retrying import RetryingStore
from preservation.storage.site import Site
from preservation.storage.store import Store

RESTORED = "restored.json"  # lies in the data directory while the archive is held, after a restore
RESTORING = ".restoring"  # and this while a restore is under way, or died


def clock() -> datetime:
    """Now, in UTC. Rules are handed the time; only here is it read."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Archive:
    """Everything a step of a procedure is handed."""

    settings: Settings
    policy: Policy
    keys: KeyStore
    identity: IdentityStore
    catalogue: Catalogue
    quarantine: Quarantine
    gatekeeper: RecordGatekeeper
    sites: dict[str, Site]
    now: Callable[[], datetime]

    def staging(self, package_id: str) -> Path:
        """The folder in which a package's next version is built."""
        return self.settings.home / "staging" / package_id

    @contextmanager
    def holding(self, subject: str, *, alone: bool = False) -> Iterator[None]:
        """Hold a package or deposit while a step works on it: together with other readers, or alone (staging, erasing).

        A lock of this machine, released by the kernel when a process dies.
        """
        folder = self.settings.home / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / subject).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    def close(self) -> None:
        """Let go of databases and files."""
        self.catalogue.close()
        self.identity.close()
        self.keys.close()


def open_archive(settings: Settings, now: Callable[[], datetime] = clock) -> Archive:
    """Open the archive that `settings` describe; made on first use. Raises SettingsWrong, StoreUnavailable."""
    _require_whole(settings.home)
    with _disk_answers(settings.home):
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_embedded_sites(settings)
        keys = KeyStore(settings.home / "keys" / "keys.sqlite")
        identity = IdentityStore(settings.home / "identity.sqlite", keys.get_or_make("identity"))
        catalogue = Catalogue(settings.database_url(), keys.get_or_make("ledger-signing"))
        quarantine = Quarantine(settings.home / "quarantine", keys)
    gatekeeper = RecordGatekeeper(catalogue.deposits, catalogue.holdings, identity, now, (settings.home / RESTORED).exists)
    sites = {config.name: open_site(config) for config in settings.sites()}
    return Archive(settings, settings.policy(), keys, identity, catalogue, quarantine, gatekeeper, sites, now)


def _require_whole(home: Path) -> None:
    """Half a restored archive is none: opened, it would make new keys beside the old stores."""
    if (home / RESTORING).exists():
        raise Refused(
            "restore-unfinished",
            "a restore into this data directory is under way, or was cut off",
            remedy="wait for it; if none is running, run the same keepsake backup restore again: it begins anew",
        )


def _make_embedded_sites(settings: Settings) -> None:
    """On the archive's very first opening, the folders of sites below the data directory. Never later: a site that is gone is down,
    not empty.
    """
    if (settings.home / "keys").exists():
        return
    for config in settings.sites():
        if config.path is not None and config.path.resolve().is_relative_to(settings.home.resolve()):
            config.path.mkdir(parents=True, exist_ok=True)


def open_site(config: SiteConfig) -> Site:
    """A site with a handle per power, each under its own credential where one is configured."""
    by_credential: dict[tuple[str, str] | None, Store] = {}
    handles: dict[str, Store] = {}
    for power in POWERS:
        found = credentials(config.credentials, power) if config.credentials else None
        if found not in by_credential:
            by_credential[found] = RetryingStore(open_store(config, Credentials(*found) if found else None))
        handles[power] = by_credential[found]
    return Site(
        config.name,
        reader=handles["read"],
        putter=handles["put"],
        advancer=handles["advance"],
        replacer=handles["replace"],
        eraser=handles["erase"],
        on_this_machine=config.on_this_machine,
    )


@contextmanager
def _disk_answers(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise StoreUnavailable(
            "data-directory",
            f"the data directory {home} cannot be used: {failure.strerror or type(failure).__name__}",
            remedy="see that it exists, has room and belongs to this user, or name another with --home",
        ) from None
