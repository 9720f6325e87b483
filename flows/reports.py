"""What an archivist reads in Prefect: reports as artifacts, and progress. Outside a flow run there is nobody to show them to.

Ids, counts, sites and codes only.
"""

from collections.abc import Callable, Sequence
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
    return _Counter(f"copy to {site}", accession.bytes)


def audit_progress(archive: Archive, site: str) -> Callable[[int], None]:
    """A counter of bytes read at a site."""
    return _Counter(f"read {site}", bytes_to_read(archive, site))


class _Counter:
    """Adds up bytes; tells the listeners each time, and Prefect at every twentieth part."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, max(total, 1)
        self._done, self._shown = 0, 0
        self._artifact: Any = create_progress_artifact(progress=0.0, description=what) if under_prefect() else None

    def __call__(self, count: int) -> None:
        self._done += count
        for listener in _listeners:
            listener(self._what, self._done, self._total)
        twentieths = 20 * self._done // self._total
        if self._artifact is not None and twentieths > self._shown:
            self._shown = twentieths
            update_progress_artifact(self._artifact, progress=min(100.0, 5.0 * twentieths))


def accession_report(report: AccessionReport) -> None:
    """The accession report."""
    sites = [(site, "complete, read back") for site in report.complete_sites]
    sites += [(site, f"waiting: {why}") for site, why in report.waiting.items()]
    left_out = ", ".join(f"{count} × {reason}" for reason, count in report.refused.items()) or "none"
    _publish(
        "accession-report",
        f"# Version {report.version} of package {report.package_id}\n\n"
        f"From deposit `{report.deposit_id}`: {report.items} items in {report.files} files, {report.bytes:,} bytes. "
        f"Left out by consent: {left_out}.\n\n{_table(('site', 'state'), sites)}",
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


def _publish(key: str, markdown: str) -> None:
    if under_prefect():
        create_markdown_artifact(key=key, markdown=markdown)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing held"


def _table(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
