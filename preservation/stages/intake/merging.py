"""Several exports of one account made into one: items matched by identity, the latest words and visibility win.

Identity is the platform's id where there is one, else the second of posting; twins within a second are matched by caption,
then by kind and order if there are as many on both sides, and otherwise kept apart with a warning.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from preservation.model.export import Account, ExportReport, Medium, Note, Post
from preservation.stages.intake.exports.values import stamp

Pairs = list[tuple[Post, Post]]
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


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
    posts, doubtful = merge_posts(older.posts, newer.posts)
    deleted, _ = merge_posts(older.deleted_posts, newer.deleted_posts)
    latest = newer.exports[0]["id"]
    posts, gone = _without(posts, newer.deleted_posts, latest)
    deleted, _ = _without(deleted, newer.posts, latest)
    stories, _ = merge_posts(older.stories, newer.stories)
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
            "sections": _latest(older.sections, newer.sections),
            "third_party_sections": _latest(older.third_party_sections, newer.third_party_sections),
            "warnings": tuple(warnings),
            "errors": _errors(older, newer, bool(posts)),
            "exports": (*older.exports, *newer.exports),
        }
    )


def _errors(older: ExportReport, newer: ExportReport, any_posts: bool) -> tuple[Note, ...]:
    """Errors of both; that one part of an export has no posts is none if another part has them."""
    together = dict.fromkeys((*older.errors, *newer.errors))
    return tuple(note for note in together if not (any_posts and note.code == "no-posts-section"))


def merge_posts(older: Sequence[Post], newer: Sequence[Post]) -> tuple[list[Post], int]:
    """Newer posts in their order, then those only the older export has; and how many twins stayed doubtful."""
    pairs, doubtful = match_posts(older, newer)
    before = {id(new): old for old, new in pairs}
    matched = {id(old) for old, _ in pairs}
    joined = [_joined(before[id(post)], post) if id(post) in before else post for post in newer]
    return joined + [post for post in older if id(post) not in matched], doubtful


def match_posts(older: Sequence[Post], newer: Sequence[Post]) -> tuple[Pairs, int]:
    """Pairs (old, new) of one item, and how many posts had a possible partner that could not be told."""
    pairs: Pairs = []
    doubtful = 0
    olds, news = _grouped(older, _identity), _grouped(newer, _identity)
    for identity in olds.keys() & news.keys():
        found, left_old, left_new = _match_group(olds[identity], news[identity])
        pairs += found
        doubtful += len(left_old) + len(left_new) if left_old and left_new else 0
    return pairs, doubtful


def _match_group(old: list[Post], new: list[Post]) -> tuple[Pairs, list[Post], list[Post]]:
    if len(old) == len(new) == 1:
        return [(old[0], new[0])], [], []
    pairs: Pairs = []
    for alike in (lambda post: (post.caption, post.kind), lambda post: post.kind):
        found = _even(old, new, alike)
        pairs += found
        taken = {id(post) for pair in found for post in pair}
        old = [post for post in old if id(post) not in taken]
        new = [post for post in new if id(post) not in taken]
    return pairs, old, new


def _even(old: list[Post], new: list[Post], alike: Callable[[Post], Hashable]) -> Pairs:
    """Pair in order those that are alike, where there are as many on both sides."""
    olds, news = _grouped(old, alike), _grouped(new, alike)
    groups = [(olds[key], news[key]) for key in olds if key in news and len(olds[key]) == len(news[key])]
    return [pair for left, right in groups for pair in zip(left, right, strict=True)]


def _identity(post: Post) -> Hashable:
    if post.platform_id:
        return post.platform_id
    return post.created_at_utc or ("undated", post.caption)


def _grouped(posts: Sequence[Post], key: Callable[[Post], Hashable]) -> dict[Hashable, list[Post]]:
    groups: dict[Hashable, list[Post]] = defaultdict(list)
    for post in posts:
        groups[key(post)].append(post)
    return groups


def _joined(old: Post, new: Post) -> Post:
    """The newer post, with words of the older that the newer export does not give at all."""
    says_caption = any(key.casefold() == "title" for key in new.words)
    return replace(
        new,
        words={**old.words, **new.words},
        media=_media(old.media, new.media),
        caption=new.caption if says_caption else new.caption or old.caption,
        deleted_at_utc=new.deleted_at_utc or old.deleted_at_utc,
        seen_in=(*old.seen_in, *new.seen_in),
    )


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


def _latest(old: Sequence[object], new: Sequence[object]) -> tuple[object, ...]:
    """Lines of the newer export, then those of names only the older one has."""
    names = {getattr(line, "name", None) for line in new}
    return (*new, *(line for line in old if getattr(line, "name", None) not in names))
