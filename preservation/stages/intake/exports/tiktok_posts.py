"""Posts, deleted posts and live sessions of a TikTok export, in our words."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from preservation.model.export import MediaKind, MediaStatus, Medium, Post, PostKind, Visibility
from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok_links as links
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.joining import NARROWEST_FIRST
from preservation.stages.intake.exports.values import by_plain, get, moment, number, plain, says_nothing, shown, stamp, text
from preservation.stages.intake.rows import Rows

BRIEF = 64  # characters: values as short as this are nearly always one of a few, and are kept once

VISIBILITY = {
    "everyone": Visibility.public,
    "friends": Visibility.friends,
    "followers": Visibility.followers,
    "only me": Visibility.private,
}


@dataclass(frozen=True, slots=True)
class RecordList:
    """A list of posts as it stands in the export. `readable` is False where something is there and is no list of records."""

    section: Section
    rows: Rows
    readable: bool = True


def post_lists(document: dict[str, Any]) -> Iterator[RecordList]:
    """Every list of posts, deleted posts and stories of a reduced document, under old and new names alike, the old first."""
    parents = [item for item in document.items() if plain(item[0]) in table.POST_PARENTS]
    for top, value in sorted(parents, key=lambda item: plain(item[0]) == "post"):
        if not isinstance(value, dict):
            continue
        for second, inner in value.items():
            section = table.section_of(plain(top), plain(second))
            if section in table.HOLD_POSTS:
                yield from _lists_in(section, inner)


def _lists_in(section: Section, value: Any) -> Iterator[RecordList]:
    if not isinstance(value, dict) or not value:
        yield _listed(section, value, True)
        return
    for key, inner in value.items():
        if plain(key) not in table.BOOKKEEPING:
            yield _listed(section, inner, section is Section.stories or plain(key) in table.POST_LISTS)


def _listed(section: Section, value: Any, named: bool) -> RecordList:
    if named and isinstance(value, Rows) and value.listed:
        return RecordList(section, value)
    # what stands where posts should be and is not read stays on the account: as many records as it holds
    return RecordList(section, value if isinstance(value, Rows) else Rows(), readable=says_nothing(value))


def read_post(record: dict[str, Any], pointer: str, section: Section) -> Post:
    """One record as a post. What cannot be read is empty here and counted by the caller."""
    said = by_plain(record)
    refs = links.split_links(_link(said))
    media = tuple(_medium(ref) for ref in refs)
    identifier = next((found for ref in refs if (found := links.platform_id(ref))), None)
    raw = said.get("whocanview") if len(said) == len(record) else _audience(record)
    return Post(
        created_at_utc=moment(said.get("date")) or (links.time_of_id(identifier) if identifier else None),
        kind=kind_of_post(media),
        caption=text(said.get("title")),
        visibility=visibility(raw),
        visibility_raw=_once(raw) if isinstance(raw, str) else None,
        media=media,
        platform_id=identifier,
        section=section,
        deleted_at_utc=moment(said.get("datedeleted")),
        observations=_observations(said, refs),
        words={sys.intern(shown(key)): _once(value) for key, value in record.items() if plain(key) in table.POST_WORDS},
        pointer=pointer,
    )


def _link(said: dict[str, Any]) -> Any:
    """The links of a record by plain keys, under the new name or the old."""
    link = said.get("link")
    return said.get("videolink") if says_nothing(link) else link


def _audience(record: dict[str, Any]) -> Any:
    """What a record that has a key in several spellings, or several times, says of its audience: of several, the narrowest."""
    raws = [value for key, value in record.items() if plain(key) == "whocanview"]
    said = [raw for raw in raws if not says_nothing(raw)] or raws
    return min(said, key=lambda raw: NARROWEST_FIRST.index(visibility(raw)), default=None)


def _once(value: Any) -> Any:
    """The same value, and the same object for all posts that say it: `Everyone`, `No`, the name of a sound."""
    return sys.intern(value) if type(value) is str and len(value) <= BRIEF else value


def visibility(raw: Any) -> Visibility:
    """Only the four values we know; anything else, empty or absent, is unknown and so never public."""
    return VISIBILITY.get(raw.strip().casefold(), Visibility.unknown) if isinstance(raw, str) else Visibility.unknown


def contradicts(post: Post) -> bool:
    """Whether a record names its audience more than once, and differently."""
    keys = [key for key in post.words if plain(key.partition(" [")[0]) == "whocanview"]
    said = {visibility(post.words[key]) for key in keys if not says_nothing(post.words[key])} if len(keys) > 1 else set()
    return len(said) > 1


def kind_of_post(media: tuple[Medium, ...]) -> PostKind:
    """By the kinds of its media; a set may hold one picture, and music beside pictures does not make a video."""
    kinds = {medium.kind for medium in media}
    if MediaKind.video in kinds and MediaKind.image not in kinds:
        return PostKind.video
    return PostKind.photo_set if MediaKind.image in kinds and MediaKind.video not in kinds else PostKind.unknown


def _medium(ref: str) -> Medium:
    web = links.is_web_link(ref)
    return Medium(
        ref=ref,
        kind=links.kind_of_link(ref),
        status=MediaStatus.link_only if web else MediaStatus.missing,
        link_expires_at_utc=links.expiry(ref) if web else None,
        needs_login=links.needs_login(ref) if web else False,
    )


def _observations(said: dict[str, Any], refs: tuple[str, ...]) -> dict[str, Any]:
    """What changes by itself between two exports of the same post.

    Of links only those behind a login page, without their signatures: of all others each medium tells the unsigned form.
    """
    found: dict[str, Any] = {}
    for name, key in (("Likes", "likes"), ("NumberOfCollections", "numberofcollections")):
        raw = said.get(key)
        if not says_nothing(raw):
            found[name] = raw if number(raw) is None else number(raw)
    web = [links.without_signature(ref) for ref in refs if links.is_web_link(ref) and links.needs_login(ref)]
    cover = text(said.get("coverimage"))
    return found | ({"Link": web} if web else {}) | ({"CoverImage": links.without_signature(cover)} if cover else {})


def says_when_and_what(record: Any) -> bool:
    """Whether a record has both, as a story must: the layout of stories is not settled, and nothing is guessed into one."""
    if not isinstance(record, dict):
        return False
    said = by_plain(record)
    return moment(said.get("date")) is not None and bool(links.split_links(_link(said))) and says_when_or_what(record)


def says_when_or_what(record: Any) -> bool:
    """Whether a record has what makes it a post: a date we can read, or a link."""
    if not isinstance(record, dict):
        return False
    said = by_plain(record)
    return moment(said.get("date")) is not None or any("/" in ref or "." in ref for ref in links.split_links(_link(said)))


def live_sessions(document: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The creator's own live sessions, as `live_session` made them."""
    found: list[dict[str, Any]] = []
    for top, value in document.items():
        history = get(value, "golivehistory") if plain(top) in table.TOP else None
        records = get(history, "golivelist")
        found += records.kept if isinstance(records, Rows) else []
    return tuple(found)


def live_session(record: dict[str, Any]) -> dict[str, Any]:
    """One session: times, room, title, replay link. Earnings and muted people are left out."""
    started, ended = moment(get(record, "livestarttime")), moment(get(record, "liveendtime"))
    replay = text(get(record, "replayurl"))
    dies = links.expiry(replay) if replay else None
    room = get(record, "roomid")
    return {
        "started_at_utc": stamp(started) if started else None,
        "ended_at_utc": stamp(ended) if ended else None,
        "room_id": None if room is None else str(room),
        "title": text(get(record, "roomtitle")),
        "replay": MediaStatus.link_only.value if replay else None,
        "replay_ref": replay,
        "replay_expires_at_utc": stamp(dies) if dies else None,
        "words": {
            shown(key): value
            for key, value in record.items()
            if plain(key) in table.LIVE_WORDS - {"replayurl", "totallike", "totalview"}
        },
    }


def gives(lists: list[Rows], *names: str) -> bool:
    """Whether any record of the lists has this key, even empty: some generations of the export never give it."""
    return any(plain(key) in names for rows in lists for key in rows.fields)


def escaped(key: str) -> str:
    """A key as one step of a JSON pointer (RFC 6901, section 3)."""
    return shown(key).replace("~", "~0").replace("/", "~1")
