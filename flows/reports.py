"""What an archivist reads in Prefect: reports as artifacts, and progress. Outside a flow run there is nobody to show them to.

Ids, counts, sites and codes only.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from flows.desk import under_prefect
from flows.summaries import AccessionReport, AuditSummary, RepairSummary, WithdrawalSummary
from preservation.steps.accession import Accession
from preservation.steps.integrity import bytes_to_read
from preservation.wiring import Archive

Listener = Callable[[str, int, int], None]  # what, bytes done, bytes in all
_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Tell `listener` of progress (the CLI's bars); call what is returned to stop."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def progress(accession: Accession, site: str) -> Callable[[int], None]:
    """A counter of bytes copied and read back at a site."""
    return _Bar(f"copy to {site}", accession.bytes).add


def audit_progress(archive: Archive, site: str) -> Callable[[int], None]:
    """A counter of bytes read at a site."""
    return _Bar(f"read {site}", bytes_to_read(archive, site)).add


def bar(what: str) -> Callable[[int, int], None]:
    """A bar of a step that learns on its way how much there is to do: to be told of the bytes done, and of the bytes in all."""
    return _Bar(what, 0).reach


class _Bar:
    """How far a step is: the listeners hear of it each time, Prefect at every twentieth part, or when it has heard nothing for long."""

    SILENCE = 15.0  # seconds

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began = self._told = time.monotonic()
        self._found: int | None = None  # what was done already when this began: it says nothing of how fast the rest goes
        self._shown = 0
        self._artifact: Any = create_progress_artifact(progress=0.0, description=what) if under_prefect() else None

    def add(self, count: int) -> None:
        """So many bytes more."""
        self.reach(self._done + count, self._total)

    def reach(self, done: int, total: int) -> None:
        """So many bytes of so many."""
        self._done, self._total = done, total
        self._found = done if self._found is None else self._found
        for listener in tuple(_listeners):
            listener(self._what, done, max(total, 1))
        if self._artifact is not None:
            self._tell_prefect(time.monotonic())

    def _tell_prefect(self, now: float) -> None:
        part = min(1.0, self._done / max(self._total, 1))
        if int(20 * part) > self._shown or now - self._told > self.SILENCE:
            self._shown, self._told = int(20 * part), now
            rest = left(now - self._began, part, (self._found or 0) / max(self._total, 1))
            said = f"{self._what}: {_of(self._done, self._total)}{rest}"
            update_progress_artifact(self._artifact, progress=round(100.0 * part, 1), description=said)


def _of(done: int, total: int) -> str:
    unit, size = next(((unit, size) for unit, size in (("GB", 10**9), ("MB", 10**6)) if total >= size), ("kB", 1000))
    return f"{done / size:.1f} of {total / size:.1f} {unit}"


def left(seconds: float, part: float, found: float = 0.0) -> str:
    """How long the rest takes if it goes on as it went from `found`; nothing before there is anything to go by, and at the end."""
    if not found < part < 1.0:
        return ""
    rest = seconds * (1.0 - part) / (part - found)
    return f", about {rest / 60:.0f} minutes left" if rest >= 90 else f", about {rest:.0f} seconds left"


def accession_report(report: AccessionReport) -> None:
    """The accession report."""
    sites = [(site, "complete, read back") for site in report.complete_sites]
    sites += [(site, f"waiting: {why}") for site, why in report.waiting.items()]
    left_out = ", ".join(f"{count} × {reason}" for reason, count in report.refused.items()) or "none"
    _publish(
        "accession-report",
        f"# Version {report.version} of package {report.package_id}\n\n"
        f"From deposit `{report.deposit_id}`: {report.items} items in {report.files} files, {report.bytes:,} bytes. "
        f"Left out by consent: {left_out}.\n\n{_table(('site', 'state'), sites)}\n\n"
        f"{report.malware[:1].upper()}{report.malware[1:]}.\n\n{media_said(report)}",
    )


def media_said(report: AccessionReport) -> str:
    """What identifying and decoding all media showed, in a sentence."""
    found = ", ".join(f"{count} {condition.replace('_', ' ')}" for condition, count in report.media.items())
    return (
        f"Media: {found}; identified and decoded in {report.examined_in:.1f} s." if found else "Media: none examined in this run."
    )


def audit_report(summary: AuditSummary) -> None:
    """The audit report: a row per site, then every finding that is not `intact`, at most a thousand."""
    sites = [(each.site, "PASS" if each.well else "FAIL", _counts(each.counts)) for each in summary.sites]
    sites += [(site, "NOT LOOKED AT", why) for site, why in summary.not_looked_at.items()]
    findings = [(f.site, f.outcome, f.depth, f"`{f.key}`", f.note) for each in summary.sites for f in each.findings][:1000]
    body = f"# Audit {'PASS' if summary.well else 'FAIL'}\n\nRun `{summary.run_id}`, depth read.\n\n"
    body += _table(("site", "result", "found"), sites)
    if findings:
        body += "\n\n## Findings\n\n" + _table(("site", "outcome", "depth", "object", "note"), findings)
    _publish("audit-report", body)


def repair_report(summary: RepairSummary) -> None:
    """The repair report."""
    mended = [
        (f.site, f.outcome, f"`{f.key}`", f"mended from {source}")
        for package in summary.packages
        for f, source in zip(package.mended, package.sources, strict=True)
    ]
    mended += [(f.site, f.outcome, f"`{f.key}`", "BEYOND REPAIR") for package in summary.packages for f in package.beyond_repair]
    mended += [(f.site, f.outcome, f"`{f.key}`", "written again") for f in summary.roots]
    body = f"# Repair {'PASS' if summary.well else 'FAIL'}\n\nRun `{summary.run_id}`.\n\n"
    _publish("repair-report", body + (_table(("site", "was", "object", "now"), mended) if mended else "Nothing was damaged."))


def withdrawal_report(summary: WithdrawalSummary) -> None:
    """The withdrawal report."""
    rows = [(place, f"erased, {count} objects") for place, count in summary.erased.items()]
    rows += [(place, f"STILL OPEN: {why}") for place, why in summary.still_open.items()]
    body = f"# Withdrawal of {summary.record_id}\n\n{_table(('package @ site', 'state'), rows)}\n\n"
    _publish("withdrawal-report", body + f"Tombstones: {', '.join(s.package_id for s in summary.tombstones) or 'none yet'}.")


def housekeeping_report(before: datetime, forgotten: int) -> None:
    """The housekeeping report."""
    _publish(
        "housekeeping-report", f"# Housekeeping\n\n{forgotten} runs that ended before {before:%Y-%m-%d %H:%M} UTC are forgotten."
    )


def _publish(key: str, markdown: str) -> None:
    if under_prefect():
        create_markdown_artifact(key=key, markdown=markdown)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing held"


def _table(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
