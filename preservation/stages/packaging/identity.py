"""Which item a post is, now and in every later export (docs/design.md, "Item identity").

The platform's id where the export gives one; else the second it was posted and an ordinal among those posted in that second.
Neither the place in the export nor the caption decides, so a reordered export and an edited caption change nothing. Twins of a
second are told apart by what is known of them from earlier versions: by caption, then by kind. Where that leaves a choice,
nothing is guessed: they become items of their own, and a warning says so. `bridging` joins what two kinds of export identify in
two ways.
"""

import hashlib
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from preservation.formats.canonical import canonical_json
from preservation.model.export import Note, Post
from preservation.model.identifiers import ItemId, derive_id

Identified = tuple[ItemId, Post]


@dataclass(frozen=True, slots=True)
class KnownTwin:
    """An item of an earlier version that is identified by time: its second, ordinal, caption and kind then.

    The caption is a digest: it is only ever compared, and there may be tens of thousands.
    """

    second: str
    ordinal: int
    caption: bytes
    kind: str


def caption_digest(caption: str | None) -> bytes:
    """What stands for a caption in a comparison."""
    return hashlib.sha256(canonical_json(caption)).digest()[:16]


def identify(posts: Sequence[Post], secret: bytes, known: Sequence[KnownTwin] = ()) -> list[Identified]:
    """Posts with their item ids, in the order given. `known` comes from `known_twins` of the version before."""
    return identify_with_notes(posts, secret, known)[0]


def identify_with_notes(
    posts: Sequence[Post], secret: bytes, known: Sequence[KnownTwin] = ()
) -> tuple[list[Identified], list[Note]]:
    """As `identify`, with a warning for every second whose twins could not be told apart from those known before."""
    identities, notes = _by_platform(posts)
    earlier: dict[str, list[KnownTwin]] = {}
    for twin in known:
        earlier.setdefault(twin.second, []).append(twin)
    for second, places in _by_second(posts).items():
        ordinals, ambiguous = _ordinals([posts[place] for place in places], earlier.get(second, []))
        notes += [_ambiguity(len(places))] if ambiguous else []
        identities |= {place: _by_time(second, ordinal) for place, ordinal in zip(places, ordinals, strict=True)}
    return [(derive_id(secret, "item", identities[at]), post) for at, post in enumerate(posts)], notes


def known_twins(rows: Iterable[Mapping[str, Any]]) -> list[KnownTwin]:
    """What the rows of an earlier `items.jsonl` tell of items identified by time."""
    found = ((row["identity"], row) for row in rows if "ordinal" in row.get("identity", {}))
    return [
        KnownTwin(identity["second"], identity["ordinal"], caption_digest(row.get("caption")), sys.intern(row["kind"]))
        for identity, row in found
    ]


def ordinals_of(items: Sequence[Identified], secret: bytes) -> dict[ItemId, int]:
    """The ordinals of the items that are identified by time; found again from their ids, which tell nothing else."""
    by_second: dict[str, set[ItemId]] = {}
    for item_id, post in items:
        if not post.platform_id:
            by_second.setdefault(second_of(post), set()).add(item_id)
    found: dict[ItemId, int] = {}
    for second, wanted in by_second.items():
        for ordinal in range(len(items) + _MOST_TWINS):
            if not wanted:
                break
            item_id = derive_id(secret, "item", _by_time(second, ordinal))
            if item_id in wanted:
                wanted.remove(item_id)
                found[item_id] = ordinal
    return found


def identity_of(post: Post, ordinal: int | None) -> dict[str, Any]:
    """How an item is identified, for its row in `items.jsonl`: `{}` by the platform's id, else second and ordinal."""
    return {} if ordinal is None else {"second": second_of(post), "ordinal": ordinal}


_MOST_TWINS = 1000  # ordinals looked at beyond those of this export


def _by_time(second: str, ordinal: int) -> str:
    return f"time:{second}#{ordinal}"


def _by_platform(posts: Sequence[Post]) -> tuple[dict[int, str], list[Note]]:
    """Identities of the posts with a platform id, by place. One that occurs twice is two items and a warning: neither is dropped."""
    groups: dict[str, list[int]] = {}
    for place, post in enumerate(posts):
        if post.platform_id:
            groups.setdefault(post.platform_id, []).append(place)
    identities: dict[int, str] = {}
    for platform_id, places in groups.items():
        for nth, place in enumerate(_in_order(places, posts)):
            identities[place] = f"platform:{platform_id}#{nth}" if nth else f"platform:{platform_id}"
    twice = sum(len(places) > 1 for places in groups.values())
    note = Note(code="platform-id-twice", message=f"{twice} of the platform's own ids stand for more than one post; all are kept")
    return identities, [note] if twice else []


def _by_second(posts: Sequence[Post]) -> dict[str, list[int]]:
    """Places of the posts without a platform id, by second."""
    groups: dict[str, list[int]] = {}
    for place, post in enumerate(posts):
        if not post.platform_id:
            groups.setdefault(second_of(post), []).append(place)
    return groups


def second_of(post: Post) -> str:
    """The second in UTC. A post without a time is only equal to one with the same words."""
    if isinstance(post.created_at_utc, datetime):
        return _spelt(post.created_at_utc)
    return "none:" + hashlib.sha256(canonical_json([post.caption, post.kind, post.words])).hexdigest()


def second_written(moment: str) -> str:
    """The second of a time as a row has it (ISO 8601 with offset), spelt as `second_of` spells it."""
    return _spelt(datetime.fromisoformat(moment))


def _spelt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ordinals(posts: Sequence[Post], known: Sequence[KnownTwin]) -> tuple[list[int], bool]:
    """An ordinal for each of the posts of one second, and whether a choice had to be left open."""
    if len(posts) == 1 and len(known) <= 1:
        return [known[0].ordinal if known else 0], False
    order = _in_order(range(len(posts)), posts)
    taken, free = _by_caption(order, posts, known)
    ambiguous = False
    for kind in sorted({twin.kind for twin in free}):  # then by kind, where that leaves no choice
        left = [at for at in order if at not in taken and posts[at].kind == kind]
        candidates = [twin for twin in free if twin.kind == kind]
        if len(left) == len(candidates) == 1:
            taken[left[0]] = candidates[0].ordinal
        ambiguous |= bool(left) and len(left) + len(candidates) > 2
    unused = max((twin.ordinal for twin in known), default=-1) + 1
    for at in order:
        if at not in taken:
            taken[at], unused = unused, unused + 1
    return [taken[at] for at in range(len(posts))], ambiguous


def _by_caption(
    order: Sequence[int], posts: Sequence[Post], known: Sequence[KnownTwin]
) -> tuple[dict[int, int], list[KnownTwin]]:
    """The ordinals of the posts whose caption and kind are known, by place; and the known ones that are left."""
    said: dict[tuple[bytes, str], deque[KnownTwin]] = {}
    for twin in sorted(known, key=lambda twin: twin.ordinal):
        said.setdefault((twin.caption, twin.kind), deque()).append(twin)
    taken: dict[int, int] = {}
    for at in order:
        if same := said.get((caption_digest(posts[at].caption), str(posts[at].kind))):
            taken[at] = same.popleft().ordinal
    return taken, [twin for twins in said.values() for twin in twins]


def _in_order(places: Sequence[int], posts: Sequence[Post]) -> Sequence[int]:
    return places if len(places) == 1 else sorted(places, key=lambda at: _sort_key(posts[at]))


def _sort_key(post: Post) -> tuple[str, str, bytes]:
    """An order that depends on nothing but the post itself."""
    digests = [medium.sha256 or "" for medium in post.media]
    return post.caption or "", str(post.kind), canonical_json([post.words, digests])


def _ambiguity(count: int) -> Note:
    return Note(
        code="twins-ambiguous",
        message=f"{count} posts of one second could not be told apart from those known before; they are kept as items of their own",
    )
