"""What is known of the service, and the rule that says whether it is well. No I/O, no clock."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime

from preservation.model.base import Word

AUDIT_DUE = timedelta(hours=50)  # audits are nightly; one may be missed by a machine that was off
BACKUP_DUE = timedelta(days=8)  # whoever makes them makes them daily or weekly
LOOK_OLD = timedelta(minutes=5)  # a look takes a minute at most, and the next one is seconds away
DISK_LOW = 2 * 1024**3  # bytes
DISK_LOW_SHARE = 0.03


class WorkerFact(Word):
    """The process that runs the procedures."""

    alive: bool
    limit: int
    since: AwareDatetime | None = None
    last_heard: AwareDatetime | None = None
    running: int | None = None
    waiting: int | None = None  # scheduled: due and waiting for a free place, or for their hour


class SiteFact(Word):
    """Whether a site answered a cheap question."""

    answers: bool
    looked_at: AwareDatetime
    why: str = ""


class DepositFact(Word):
    """What waits in quarantine, and how much is held."""

    waiting: int
    packages: int
    oldest: AwareDatetime | None = None


class DiskFact(Word):
    """The disk of the data directory, in bytes."""

    free: int
    total: int


class BackupFact(Word):
    """The newest backup that is known of."""

    at: AwareDatetime


class Facts(Word):
    """Everything that was looked at."""

    looked_at: AwareDatetime
    server_answers: bool
    worker: WorkerFact | None  # None: `keepsake up` is not running
    sites: dict[str, SiteFact] = {}
    notes: dict[str, dict[str, Any]] = {}  # what runs left: newest audit of each site, newest housekeeping
    deposits: DepositFact | None = None
    disk: DiskFact | None = None
    backup: BackupFact | None = None
    databases: dict[str, int] = {}  # bytes
    one_disk: bool = False
    archive_refuses: str = ""
    held: bool = False  # restored from a backup, and not yet confirmed
    recovered: int = 0
    last_recovery: AwareDatetime | None = None
    waiting_for_a_person: int = 0  # runs that crashed too often


class Problem(Word):
    """Something a person should see to."""

    code: str
    what: str


class HealthReport(Word):
    """The facts, and what is wrong with them."""

    well: bool
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]  # not wrong, but to be known
    facts: Facts


def judged(facts: Facts) -> HealthReport:
    """Whether all is well, and if not, what is not."""
    problems = (
        *_of_processes(facts), *_of_sites(facts), *_of_audits(facts), *_of_the_disk(facts), *_of_backups(facts),
    )  # fmt: skip
    return HealthReport(well=not problems, problems=problems, remarks=tuple(_remarks(facts)), facts=facts)


def aged(report: HealthReport, now: datetime) -> HealthReport:
    """A report as it is worth now: one that is old says nothing good of how things are."""
    age = now - report.facts.looked_at
    if age <= LOOK_OLD:
        return report
    stale = Problem(
        code="look-old", what=f"the newest look is {age // timedelta(minutes=1)} minutes old: something does not answer"
    )
    return report.model_copy(update={"well": False, "problems": (stale, *report.problems)})


def _of_processes(facts: Facts) -> list[Problem]:
    found = []
    if facts.worker is None:
        return [Problem(code="service-down", what="keepsake up is not running: no schedules, no audits")]
    if not facts.server_answers:
        found.append(Problem(code="server-silent", what="Prefect's server does not answer"))
    if not facts.worker.alive:
        found.append(Problem(code="worker-gone", what="no worker is running; it is started again by itself"))
    if facts.waiting_for_a_person:
        count = facts.waiting_for_a_person
        found.append(
            Problem(code="runs-given-up", what=f"{count} runs crashed too often and wait for a person: see Runs, state Crashed")
        )
    if facts.held:
        found.append(
            Problem(
                code="archive-held", what="restored from a backup, and nobody has said yet which consents were withdrawn since"
            )
        )
    if facts.archive_refuses:
        found.append(Problem(code=facts.archive_refuses, what="the archive cannot be opened: see docs/errors.md for this code"))
    return found


def _of_sites(facts: Facts) -> list[Problem]:
    return [
        Problem(code="site-silent", what=f"site {name} does not answer: {site.why}")
        for name, site in sorted(facts.sites.items())
        if not site.answers
    ]


def _of_audits(facts: Facts) -> list[Problem]:
    found = []
    for name in sorted(facts.sites):
        note = facts.notes.get(f"audit {name}")
        if note is None:
            if facts.worker and facts.worker.since and facts.looked_at - facts.worker.since > AUDIT_DUE:
                found.append(Problem(code="audit-overdue", what=f"site {name} was never audited by this service"))
            continue  # at first a remark, see there
        if note["result"] != "PASS":
            found.append(Problem(code="audit-failed", what=f"the newest audit of site {name}: {note['result']}"))
        if facts.looked_at - _moment(note["at"]) > AUDIT_DUE:
            found.append(Problem(code="audit-overdue", what=f"site {name} was last audited on {note['at'][:10]}"))
    return found


def _of_the_disk(facts: Facts) -> list[Problem]:
    disk = facts.disk
    if disk is None or disk.free > max(DISK_LOW, DISK_LOW_SHARE * disk.total):
        return []
    return [Problem(code="disk-low", what=f"{disk.free // 1024**2:,} MiB are free on the disk of the data directory")]


def _of_backups(facts: Facts) -> list[Problem]:
    if facts.backup is None or facts.looked_at - facts.backup.at <= BACKUP_DUE:
        return []
    return [Problem(code="backup-overdue", what=f"the newest backup was made on {facts.backup.at:%Y-%m-%d}")]


def _remarks(facts: Facts) -> list[str]:
    found = []
    if facts.one_disk:
        found.append("All sites are directories of this machine: one fire, thief or mistake reaches them all.")
    if facts.backup is None:
        found.append("No backup is known of. The identity store and the keys cannot be rebuilt: keepsake backup.")
    unseen = [name for name in sorted(facts.sites) if f"audit {name}" not in facts.notes]
    if unseen:
        found.append(f"Never audited by this service: {', '.join(unseen)}. The first audit is at 03:00 UTC.")
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
