"""Two records of one post made into one: whose words win, and who could see it where the records disagree.

Used for a post that stands twice in one export (old and new names side by side, a list that is there twice) and for one that
several exports hold. The rule for audiences: unknown never counts as public, and of two that cannot be put in order the narrower
counts, for a post once shown too widely cannot be taken back.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from preservation.model.export import Post, PostKind, Visibility
from preservation.stages.intake.exports import tiktok_links as links
from preservation.stages.intake.exports.values import plain, says_nothing

Pairs = list[tuple[Post, Post]]
NARROWEST_FIRST = (
    Visibility.unknown,
    Visibility.private,
    Visibility.direct,
    Visibility.friends,
    Visibility.followers,
    Visibility.unlisted,
    Visibility.public,
)


def narrower(one: Post, other: Post) -> Post:
    """The post of the two that fewer could see; the first if as many."""
    return min(one, other, key=lambda post: NARROWEST_FIRST.index(post.visibility))


def gives(post: Post, word: str) -> bool:
    """Whether the export has this word (plain spelling) for the post at all, even empty."""
    return any(plain(key) == word for key in post.words)


def says(post: Post, word: str) -> bool:
    """Whether the export has this word for the post, and it is not empty."""
    return any(plain(key) == word and not says_nothing(value) for key, value in post.words.items())


def words_of_both(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """All words of both, those of `new` where both have one, however the two spell it."""
    known = {plain(key) for key in new}
    return {key: value for key, value in old.items() if plain(key) not in known} | new


def read_once(older: Sequence[Post], newer: Sequence[Post]) -> tuple[list[Post], int, int]:
    """Posts of two lists of one export, one for each post; how many stood in both, and of how many the audiences differ.

    `older`: the list under the older name. Twins within one list stay two.
    """
    partner = {id(new): old for old, new in _same(older, newer)}
    second = {id(old): new for new in newer if (old := partner.get(id(new))) is not None}
    joined = [_one_of_both(post, second[id(post)]) if id(post) in second else post for post in older]
    differ = sum(_differ(old, new) for new in newer if (old := partner.get(id(new))) is not None)
    return joined + [post for post in newer if id(post) not in partner], len(partner), differ


def _differ(old: Post, new: Post) -> bool:
    return says(old, "whocanview") and says(new, "whocanview") and old.visibility is not new.visibility


def _same(older: Sequence[Post], newer: Sequence[Post]) -> Pairs:
    """Which posts of two lists are one: of the same second, and alike in caption and links as far as both have them."""
    olds, pairs = grouped(older, _when), Pairs()
    for when, news in grouped(newer, _when).items():
        old = olds.get(when, [])
        for alike in (lambda post: (post.caption, _paths(post)), _caption):
            pairs += (found := _in_order(old, news, alike))
            taken = {id(post) for pair in found for post in pair}
            old, news = ([post for post in side if id(post) not in taken] for side in (old, news))
        if len(old) == len(news):
            pairs += [pair for pair in zip(old, news, strict=True) if _poorer(*pair)]
    return pairs


def _when(post: Post) -> Hashable:
    return post.created_at_utc or ("undated", post.caption, _paths(post))


def _paths(post: Post) -> Hashable:
    return tuple(links.without_signature(medium.ref) or medium.ref for medium in post.media)


def _caption(post: Post) -> Hashable:
    """A caption tells a post of one second from another; that there is none does not."""
    return post.caption or id(post)


def _in_order(old: list[Post], new: list[Post], alike: Callable[[Post], Hashable]) -> Pairs:
    olds, news = grouped(old, alike), grouped(new, alike)
    return [pair for key in olds.keys() & news.keys() for pair in zip(olds[key], news[key], strict=False)]


def _poorer(old: Post, new: Post) -> bool:
    """Whether one of two posts of one second says less than the other and contradicts it in nothing: no captions in the older
    layout, or the page of a post in place of its file.
    """
    captions = old.caption == new.caption or not gives(old, "title") or not gives(new, "title")
    kinds = old.kind is new.kind or PostKind.unknown in (old.kind, new.kind)
    other_links = not old.media or not new.media or bool(old.platform_id) != bool(new.platform_id)
    return captions and kinds and (other_links or _paths(old) == _paths(new))


def _one_of_both(old: Post, new: Post) -> Post:
    """The post under the newer name, with what only the older has."""
    heard = [post for post in (new, old) if says(post, "whocanview")]
    seen = narrower(heard[0], heard[-1]) if heard else new
    files = new if new.media and not (new.platform_id and old.media and not old.platform_id) else old
    return replace(
        new,
        caption=new.caption if says(new, "title") or not says(old, "title") else old.caption,
        visibility=seen.visibility,
        visibility_raw=seen.visibility_raw,
        media=files.media,
        kind=files.kind,
        platform_id=new.platform_id or old.platform_id,
        deleted_at_utc=new.deleted_at_utc or old.deleted_at_utc,
        observations={**old.observations, **new.observations},
        words=with_audience(words_of_both(old.words, new.words), seen),
    )


def with_audience(words: dict[str, Any], seen: Post) -> dict[str, Any]:
    """The words, saying of the audience what `seen` says of it, and nothing if it says nothing."""
    said = {key: value for key, value in seen.words.items() if plain(key) == "whocanview"}
    return {key: value for key, value in words.items() if plain(key) != "whocanview"} | said


def grouped(posts: Sequence[Post], key: Callable[[Post], Hashable]) -> dict[Hashable, list[Post]]:
    """Posts by what `key` says of them, in order."""
    groups: dict[Hashable, list[Post]] = defaultdict(list)
    for post in posts:
        groups[key(post)].append(post)
    return groups
