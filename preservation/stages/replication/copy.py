"""Phase one: put at one site what it lacks of a version, and of those before it, and read every file back.

The bytes come from staging; once that is gone, from another site, proved on the way: so a late or a new site catches up.

Run it again after a death anywhere: what the catalogue has as read back is not touched, what lies at the site with the right
bytes is a no-op for `put_once`, the rest is put.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from preservation.catalogue.holdings import Holdings
from preservation.errors import ShelfConflict
from preservation.formats.ocfl import package_root
from preservation.killpoints import KillPoint, reach
from preservation.model.clearance import Act, Gatekeeper
from preservation.model.fixity import Finding, Outcome
from preservation.model.package import StoredFile
from preservation.stages.replication.moving import Moving, Progress
from preservation.storage.site import Site
from preservation.storage.store import Opener
from preservation.storage.transfer import file_at, object_at, put_and_read_back


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What one run put at one site."""

    site: str
    files: int
    bytes: int


def copy_version(
    package_id: str,
    number: int,
    site: Site,
    staging: Path,
    others: Sequence[Site],
    holdings: Holdings,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
    progress: Progress = lambda _bytes: None,
) -> CopyReport:
    """Put and read back what `site` still lacks. `staging` is the package's folder of staged files; `others` are asked for
    what is no longer there.

    `progress` hears first of the bytes of this version that an earlier run has copied, then of bytes while they move. Raises
    Refused the moment consent no longer allows it, StoreUnavailable while the site does not answer, ShelfConflict if the site
    holds other bytes. Nothing is overwritten.
    """
    progress(holdings.bytes_held(package_id, number, site.name))
    files, size = 0, 0
    for file in holdings.each_missing_copy(package_id, number, site.name):
        moving = Moving(file.fixity.size, progress)
        source = moving.put_from(_source(package_id, file, staging, others, holdings))
        finding = _copy_one(package_id, file, site, source, moving, gatekeeper, now)
        _require_intact(finding)
        holdings.record_read_back(package_id, file.path, site.name, finding.at)
        moving.done()
        files, size = files + 1, size + file.fixity.size
    holdings.record_replica_completed(package_id, number, site.name, now())
    reach(KillPoint.SITE_COMPLETE)
    return CopyReport(site.name, files, size)


def _copy_one(
    package_id: str,
    file: StoredFile,
    site: Site,
    source: Opener,
    moving: Moving,
    gatekeeper: Gatekeeper,
    now: Callable[[], datetime],
) -> Finding:
    subject = file.unit_id or package_id
    gatekeeper.clear(Act.replicate, subject).require(Act.replicate, subject, now())
    key = f"{package_root(package_id)}/{file.path}"
    return put_and_read_back(site.putter, moving.read_by(site.reader), site.name, package_id, key, source, file.fixity, now())


def _source(package_id: str, file: StoredFile, staging: Path, others: Sequence[Site], holdings: Holdings) -> Opener:
    """Staging, or else the first site that is on record as holding the file."""
    staged = staging / file.path
    if not staged.is_file():
        for other in others:
            if holdings.holds(package_id, file.path, other.name):
                return object_at(other.reader, f"{package_root(package_id)}/{file.path}", file.fixity)
    return file_at(staged)


def _require_intact(finding: Finding) -> None:
    if finding.outcome is not Outcome.intact:
        raise ShelfConflict(
            "read-back-differs",
            f"site {finding.site} gave back other bytes than were put under {finding.key}: {finding.outcome.value}",
            remedy=f"take site {finding.site} out of use and have its storage checked; the version is committed without it "
            "once enough other sites hold it",
        )
