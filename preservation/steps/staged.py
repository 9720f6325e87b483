"""What lies in staging of a version, and wiping it."""

import shutil
from contextlib import suppress
from pathlib import Path

from preservation.model.deposit import Deposit
from preservation.model.package import VersionState
from preservation.stages.packaging.finished import beside
from preservation.wiring import Archive


def wipe_staging(folder: Path) -> None:
    """Remove a folder of staging, and its package's folder once that is empty; raises OSError if something stays."""
    beside(folder).unlink(missing_ok=True)
    suspected(folder).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    with suppress(OSError):
        folder.parent.rmdir()


def suspected(folder: Path) -> Path:
    """The mark that a staged file was found to be damaged."""
    return folder.with_name(folder.name + ".suspected")


def is_built(archive: Archive, deposit: Deposit) -> bool:
    """Whether the deposit's version is recorded as built: from then on its bytes, and what was noted of them, stand."""
    if deposit.version is None or deposit.package_id is None:
        return False
    versions = archive.catalogue.holdings.versions(deposit.package_id)
    return any(version.number == deposit.version and version.state is not VersionState.planned for version in versions)


def wipe_unbuilt(archive: Archive, deposit_id: str) -> None:
    """Remove what a run that died has built of a version that is not going to be: content, and no key that makes it noise.

    To be called before the deposit is told that it has no version any more, by whoever holds its account alone.
    """
    deposit = archive.catalogue.deposits.get(deposit_id)
    if deposit.package_id is not None and deposit.version is not None and not is_built(archive, deposit):
        wipe_staging(archive.staging(deposit.package_id) / f"v{deposit.version}")
