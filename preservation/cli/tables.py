"""What an operator reads: reports as tables."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from preservation.model.export import ExportReport, SectionReport
from preservation.model.fixity import Finding
from preservation.steps.overview import Overview, PackageOverview


def inspect_tables(report: ExportReport) -> list[Table]:
    """An export at a glance: what it holds, what would come in, what would not, what is odd."""
    return [_facts_of(report), _media_of(report), _sections_of(report), *_notes_of(report)]


def _facts_of(report: ExportReport) -> Table:
    table = Table(title="Export", show_header=False, title_justify="left", box=None, padding=(0, 2, 0, 0))
    dates = sorted(post.created_at_utc for post in report.posts if post.created_at_utc)
    visibility: dict[str, int] = {}
    for post in report.posts:
        visibility[post.visibility] = visibility.get(post.visibility, 0) + 1
    rows = {
        "platform": f"{report.platform} ({report.generation or 'unknown layout'}, {report.format or 'unknown format'})",
        "account": report.account.handle or "not named",
        "made": str(report.exported_at_utc or "unknown"),
        "posts": f"{len(report.posts)}" + (f", {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}" if dates else ""),
        "visibility": ", ".join(f"{count} {name}" for name, count in sorted(visibility.items())) or "-",
        "deleted posts": str(len(report.deleted_posts)),
        "stories": str(len(report.stories)),
    }
    for name, value in rows.items():
        table.add_row(f"[dim]{name}[/]", escape(value))
    return table


def _media_of(report: ExportReport) -> Table:
    table = Table(title="Media of the posts", title_justify="left")
    table.add_column("status")
    table.add_column("files", justify="right")
    table.add_column("what it means")
    media = [medium for post in report.posts for medium in post.media]
    for status, meaning in MEANINGS.items():
        count = sum(medium.status == status for medium in media)
        if count:
            table.add_row(status, str(count), meaning)
    expiries = sorted(medium.link_expires_at_utc for medium in media if medium.link_expires_at_utc)
    if expiries:
        table.caption = f"links die between {expiries[0]:%Y-%m-%d %H:%M} and {expiries[-1]:%Y-%m-%d %H:%M} UTC"
    return table


MEANINGS = {
    "in_archive": "bytes are in the export",
    "handed_in": "bytes were handed in beside it",
    "link_only": "only a link, which dies within days",
    "needs_login": "only a link that the creator alone can open",
    "missing": "named in the export, not there",
    "not_media": "a file is there and is no picture, video or sound",
}


def _sections_of(report: ExportReport) -> Table:
    """A row per kind of part, what comes in first; the parts one by one are in the JSON."""
    kinds: dict[tuple[str, str], list[SectionReport]] = {}
    for section in report.sections:
        kinds.setdefault((section.decision, section.section), []).append(section)
    table = Table(title="Parts of the export, by kind (--json names each)", title_justify="left")
    for column in ("comes in", "kind", "parts", "records", "why"):
        table.add_column(column, justify="right" if column in {"parts", "records"} else "left", overflow="fold")
    for (decision, kind), sections in sorted(kinds.items(), key=lambda item: (DECISIONS.index(item[0][0]), item[0][1])):
        reasons = sorted({section.reason for section in sections})
        records = sum(section.records for section in sections)
        table.add_row(decision, kind, str(len(sections)), str(records), escape("; ".join(reasons)))
    return table


DECISIONS = ["in", "off", "never"]


def _notes_of(report: ExportReport) -> list[Table]:
    tables = []
    for title, notes in (("Warnings", report.warnings), ("Errors", report.errors)):
        if notes:
            table = Table("code", "what", title=title, title_justify="left")
            for note in notes:
                table.add_row(note.code, escape(note.message))
            tables.append(table)
    return tables


def package_table(package: PackageOverview) -> Table:
    """One package, name by name: ids are never cut, because they are there to be copied."""
    lacking = package.items - package.held
    return counts_table(
        f"Package {package.package_id}",
        {
            "state": package.state,
            "versions": f"{package.versions}" + (f", and {package.uncommitted} unfinished" if package.uncommitted else ""),
            "items": f"{package.items}" + (f", of which {lacking} lack media" if lacking else ""),
            "bytes": f"{package.bytes:,}",
            "copies": ", ".join(f"{site} {state}" for site, state in sorted(package.copies.items())) or "none yet",
            "all read since": (package.all_read_since or "never")[:16].replace("T", " "),
            "consent record": package.record_id,
        },
    )


def status_tables(seen: Overview) -> list[Table]:
    """The archive at a glance."""
    table = Table(title="Archive", show_header=False, title_justify="left", box=None, padding=(0, 2, 0, 0))
    rows = {
        "consent records": _counts(seen.consents),
        "deposits": _counts(seen.deposits),
        "tombstones": str(seen.tombstones),
        "erasures still owed": "\n".join(seen.open_erasures) or "none",
        "packages": str(len(seen.packages)) if seen.packages else "none yet",
        "ledger": f"{seen.ledger_entries} entries",
    }
    if seen.held_since:
        said = f"since it was restored from a backup on {seen.held_since:%Y-%m-%d %H:%M} UTC; next: keepsake backup confirm"
        rows = {"[bold red]held[/]": said} | rows
    for name, value in rows.items():
        table.add_row(f"[dim]{name}[/]", value)
    return [table, *map(package_table, seen.packages)]


def findings_table(findings: list[Finding], title: str) -> Table:
    """Findings that are not `intact`."""
    table = Table(title=title, title_justify="left")
    for column in ("site", "outcome", "depth", "object", "note"):
        table.add_column(column, overflow="fold")
    for each in findings:
        table.add_row(each.site, f"[bold]{each.outcome}[/]", each.depth, each.key, each.note)
    return table


def counts_table(title: str, rows: Mapping[str, Any]) -> Table:
    """Names and values, without a frame."""
    table = Table(title=title, show_header=False, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(f"[dim]{name}[/]", escape(str(value)))
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
