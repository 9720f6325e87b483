"""A report as `keepsake inspect --json` prints it: one vocabulary for all platforms, times as `2024-12-13T07:20:20Z`.

`write_reports` writes it post by post, so that no copy of a large report is ever made.
This is for the creator's and the archivist's eyes, not for logs: it holds captions, links and names of members.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from preservation.model.export import ExportReport, Medium, Note, Post
from preservation.stages.intake.exports.values import get, stamp


def report_json(report: ExportReport) -> dict[str, Any]:
    """The report as JSON values."""
    return {name: list(value) if isinstance(value, Iterator) else value for name, value in _fields(report).items()}


def write_reports(reports: Sequence[ExportReport], write: Callable[[str], object]) -> None:
    """The reports as JSON text, piece by piece: one alone, several as a list. Each post and member is a line."""
    if len(reports) != 1:
        write("[\n")
    for number, report in enumerate(reports):
        write(",\n" if number else "")
        _write_report(report, write)
    write("\n]\n" if len(reports) != 1 else "\n")


def _write_report(report: ExportReport, write: Callable[[str], object]) -> None:
    for number, (name, value) in enumerate(_fields(report).items()):
        write(f"{',' if number else '{'}\n  {_text(name)}: ")
        if isinstance(value, Iterator):
            _write_list(value, write)
        else:
            write(_text(value))
    write("\n}")


def _write_list(items: Iterator[Any], write: Callable[[str], object]) -> None:
    empty = True
    for item in items:
        write(("[" if empty else ",") + "\n    " + _text(item))
        empty = False
    write("[]" if empty else "\n  ]")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _fields(report: ExportReport) -> dict[str, Any]:
    """Name and value of each part; long lists as iterators."""
    return {
        "platform": report.platform,
        "generation": report.generation,
        "format": report.format,
        "account": report.account.model_dump(),
        "exported_at_utc": _time(report.exported_at_utc),
        "exports": list(report.exports),
        "posts": map(_post, report.posts),
        "deleted_posts": map(_post, report.deleted_posts),
        "stories": map(_post, report.stories),
        "live_sessions": list(report.live_sessions),
        "profile": report.profile,
        "links": _links(report.posts),
        "sections": [section.model_dump(mode="json") for section in report.sections],
        "third_party_sections": [section.model_dump(mode="json") for section in report.third_party_sections],
        "members": (member.model_dump(mode="json") for member in report.members),
        "warnings": _notes(report.warnings),
        "errors": _notes(report.errors),
    }


def _post(post: Post) -> dict[str, Any]:
    return {
        "created_at_utc": _time(post.created_at_utc),
        "deleted_at_utc": _time(post.deleted_at_utc),
        "kind": post.kind.value,
        "caption": post.caption,
        "visibility": post.visibility.value,
        "visibility_raw": post.visibility_raw,
        "platform_id": post.platform_id,
        "likes": post.observations.get("Likes"),
        "sound": get(post.words, "sound"),
        "location": get(post.words, "location"),
        "media": [_medium(medium) for medium in post.media],
        "seen_in": list(post.seen_in),
    }


def _medium(medium: Medium) -> dict[str, Any]:
    return {
        "ref": medium.ref,
        "kind": medium.kind.value,
        "status": medium.status.value,
        "sha256": medium.sha256,
        "size": medium.size,
        "link_expires_at_utc": _time(medium.link_expires_at_utc),
        "needs_login": medium.needs_login,
    }


def _links(posts: Sequence[Post]) -> dict[str, Any]:
    """How many links must be fetched, and until when: the first one to die sets the hour."""
    media = [medium for post in posts for medium in post.media if medium.status.value == "link_only"]
    times = [medium.link_expires_at_utc for medium in media if medium.link_expires_at_utc]
    return {"count": len(media), "first_expires_at_utc": _time(min(times, default=None))}


def _notes(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [note.model_dump() for note in notes]


def _time(time: datetime | None) -> str | None:
    return stamp(time) if time else None
