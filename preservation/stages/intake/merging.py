"""Several exports of one account made into one: items matched by identity, the latest words and visibility win.

Identity is the platform's id where both exports give one (only those of 2020 to 2022 do), else the second of posting; twins
within a second are matched by caption, then by kind and order if there are as many on both sides, and otherwise kept apart with a
warning.

Who could see a post is what the newest export says. Where it says it in words we do not know, or leaves it empty, it is unknown. Where
its whole generation does not say it of any post, an older audience narrower than public stays; an older public one becomes unknown,
for what was public once may not be now. Of two exports of one moment neither is the newer: what only one of them says stays, and
where they differ the narrower audience counts.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from preservation.model.export import Account, ExportReport, Medium, Note, Post, Visibility
from preservation.stages.intake.exports.joining import gives, grouped, narrower, with_audience, words_of_both
from preservation.stages.intake.exports.values import stamp

Pairs = list[tuple[Post, Post]]
Audience = Callable[[Post, Post], Post]  # of an older and a newer record of a post, the one whose audience counts
SILENT = "visibility-unknown-in-this-generation"
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def latest(_: Post, new: Post) -> Post:
    """Of two records of a post the one whose audience counts: the newer."""
    return new


def merge(reports: Sequence[ExportReport]) -> ExportReport:
    """One report of one account from one or more, oldest first where the time of export is known."""
    ordered = sorted(reports, key=lambda report: report.exported_at_utc or _LONG_AGO)
    named = [_numbered(report, f"export-{n}") for n, report in enumerate(ordered, 1)]
    merged = named[0]
    for newer in named[1:]:
        merged = _merge_two(merged, newer)
    return merged


def _numbered(report: ExportReport, name: str) -> ExportReport:
    """The report with its own line in `exports`, and every post marked as seen in it."""
    time = report.exported_at_utc
    line = {
        "id": name,
        "exported_at_utc": stamp(time) if time else None,
        "generation": report.generation,
        "posts": len(report.posts),
    }
    return report.model_copy(
        update={"exports": (line,)} | {each: _seen(getattr(report, each), name) for each in ("posts", "deleted_posts", "stories")}
    )


def _seen(posts: Sequence[Post], name: str) -> tuple[Post, ...]:
    return tuple(replace(post, seen_in=(name,)) for post in posts)


def _merge_two(older: ExportReport, newer: ExportReport) -> ExportReport:
    audience, counted = _audience(older, newer), _added if _pieces(older, newer) else _latest
    posts, doubtful = merge_posts(older.posts, newer.posts, audience)
    deleted, _ = merge_posts(older.deleted_posts, newer.deleted_posts)
    latest = newer.exports[0]["id"]
    posts, gone = _without(posts, newer.deleted_posts, latest)
    deleted, _ = _without(deleted, newer.posts, latest)
    stories, _ = merge_posts(older.stories, newer.stories, audience)
    warnings = list(dict.fromkeys((*older.warnings, *newer.warnings)))
    if doubtful:
        warnings.append(
            Note(code="twins-ambiguous", message=f"{doubtful} posts of one second could not be told apart between exports")
        )
    if gone:
        warnings.append(Note(code="deleted-since", message=f"{gone} posts of an older export were deleted on the platform since"))
    return newer.model_copy(
        update={
            "account": _account(older.account, newer.account),
            "exported_at_utc": newer.exported_at_utc or older.exported_at_utc,
            "posts": tuple(posts),
            "deleted_posts": tuple(deleted),
            "stories": tuple(stories),
            "live_sessions": _union(older.live_sessions, newer.live_sessions),
            "profile": {**older.profile, **newer.profile},
            "sections": counted(older.sections, newer.sections),
            "third_party_sections": counted(older.third_party_sections, newer.third_party_sections),
            "warnings": tuple(warnings),
            "errors": _errors(older, newer, bool(posts)),
            "exports": (*older.exports, *newer.exports),
        }
    )


def _errors(older: ExportReport, newer: ExportReport, any_posts: bool) -> tuple[Note, ...]:
    """Errors of both; that one part of an export has no posts is none if another part has them."""
    together = dict.fromkeys((*older.errors, *newer.errors))
    return tuple(note for note in together if not (any_posts and note.code == "no-posts-section"))


def merge_posts(older: Sequence[Post], newer: Sequence[Post], audience: Audience = latest) -> tuple[list[Post], int]:
    """Newer posts in their order, then those only the older export has; and how many twins stayed doubtful."""
    pairs, doubtful = match_posts(older, newer)
    before = {id(new): old for old, new in pairs}
    matched = {id(old) for old, _ in pairs}
    joined = [_joined(before[id(post)], post, audience) if id(post) in before else post for post in newer]
    return joined + [post for post in older if id(post) not in matched], doubtful


def match_posts(older: Sequence[Post], newer: Sequence[Post]) -> tuple[Pairs, int]:
    """Pairs (old, new) of one item, and how many posts had a possible partner that could not be told."""
    known = {post.platform_id: post for post in older if post.platform_id}
    pairs = [(known.pop(post.platform_id), post) for post in newer if post.platform_id in known]
    taken, doubtful = {id(post) for pair in pairs for post in pair}, 0
    olds, news = (grouped([post for post in side if id(post) not in taken], _identity) for side in (older, newer))
    for identity in olds.keys() & news.keys():
        found, left_old, left_new = _match_group(olds[identity], news[identity])
        pairs += found
        doubtful += len(left_old) + len(left_new) if left_old and left_new else 0
    return pairs, doubtful


def _match_group(old: list[Post], new: list[Post]) -> tuple[Pairs, list[Post], list[Post]]:
    """Pairs of one second, and who is left on both sides. Posts whose ids differ are two, whatever else they share."""
    if all(post.platform_id for post in (*old, *new)):
        return [], [], []
    if len(old) == len(new) == 1:
        return [(old[0], new[0])], [], []
    pairs: Pairs = []
    for alike in (lambda post: (post.caption, post.kind), lambda post: post.kind):
        found = [(before, after) for before, after in _even(old, new, alike) if not (before.platform_id and after.platform_id)]
        pairs += found
        taken = {id(post) for pair in found for post in pair}
        old = [post for post in old if id(post) not in taken]
        new = [post for post in new if id(post) not in taken]
    return pairs, old, new


def _even(old: list[Post], new: list[Post], alike: Callable[[Post], Hashable]) -> Pairs:
    """Pair in order those that are alike, where there are as many on both sides."""
    olds, news = grouped(old, alike), grouped(new, alike)
    groups = [(olds[key], news[key]) for key in olds if key in news and len(olds[key]) == len(news[key])]
    return [pair for left, right in groups for pair in zip(left, right, strict=True)]


def _identity(post: Post) -> Hashable:
    return post.created_at_utc or ("undated", post.caption)


def _joined(old: Post, new: Post, audience: Audience) -> Post:
    """The newer post, with words of the older that the newer export does not give at all."""
    seen = audience(old, new)
    return replace(
        new,
        words=with_audience(words_of_both(old.words, new.words), seen),
        media=_media(old.media, new.media),
        caption=new.caption if gives(new, "title") else new.caption or old.caption,
        visibility=seen.visibility,
        visibility_raw=seen.visibility_raw,
        platform_id=new.platform_id or old.platform_id,
        deleted_at_utc=new.deleted_at_utc or old.deleted_at_utc,
        seen_in=(*old.seen_in, *new.seen_in),
    )


def _audience(older: ExportReport, newer: ExportReport) -> Audience:
    """Which of two records tells who could see a post (see above)."""
    silent = SILENT in {note.code for note in newer.warnings}
    if older.exported_at_utc and older.exported_at_utc == newer.exported_at_utc:
        return _of_one_moment
    return _if_narrower_than_public if silent else latest


def _of_one_moment(old: Post, new: Post) -> Post:
    said = [post for post in (new, old) if gives(post, "whocanview")]
    return narrower(said[0], said[-1]) if said else new


def _if_narrower_than_public(old: Post, new: Post) -> Post:
    return new if old.visibility is Visibility.public else old


def _media(old: tuple[Medium, ...], new: tuple[Medium, ...]) -> tuple[Medium, ...]:
    """The newer links, and the older export's bytes where only it has them."""
    if len(old) != len(new):
        return new if new else old
    return tuple(before if before.held and not after.held else after for before, after in zip(old, new, strict=True))


def _without(posts: Sequence[Post], others: Sequence[Post], latest: str) -> tuple[list[Post], int]:
    """Posts without those of older exports that the latest lists elsewhere: deleted since, or put back."""
    only_older = [post for post in posts if latest not in post.seen_in]
    moved = {id(old) for old, _ in match_posts(only_older, others)[0]}
    return [post for post in posts if id(post) not in moved], len(moved)


def _account(old: Account, new: Account) -> Account:
    said = {name: value for name, value in new.model_dump().items() if value is not None}
    return Account(**{**old.model_dump(), **said})


def _union(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    known = {repr(item) for item in new}
    return (*new, *(item for item in old if repr(item) not in known))


def _pieces(older: ExportReport, newer: ExportReport) -> bool:
    """Whether two are pieces of one export, cut up: of one moment and one format, and no post in both."""
    together = older.format == newer.format and older.exported_at_utc == newer.exported_at_utc is not None
    return together and bool(older.posts or newer.posts) and not match_posts(older.posts, newer.posts)[0]


def _added(old: Sequence[Any], new: Sequence[Any]) -> tuple[Any, ...]:
    """Lines of both, and of one name the records of both together."""
    counts = {line.name: line.records for line in old}
    lines = [line.model_copy(update={"records": line.records + counts.get(line.name, 0)}) for line in new]
    return _latest(old, lines)


def _latest(old: Sequence[object], new: Sequence[object]) -> tuple[object, ...]:
    """Lines of the newer export, then those of names only the older one has."""
    names = {getattr(line, "name", None) for line in new}
    return (*new, *(line for line in old if getattr(line, "name", None) not in names))
