"""TikTok's "Download your data", JSON, 2020 to 2026 and the hybrids between (layouts: docs/design.md, "Reading exports").

Old and new names are read side by side. A part that should hold posts and cannot be read is an error; an export is never
silently empty.

`read` takes a reduced document (rows.py): the JSON reader makes one as a stream, and so does whatever reads another format of
the same export, in the JSON's vocabulary (keys as JSON spells them; any spelling with the same letters and digits will do). In it
every list is a `Rows`, made by a `Gatherer` with the shape of its place, `tiktok_shape.DOCUMENT.at(top, second, third)`:
`kept` of a list of posts, deleted posts or stories holds a `Post` for each record that is one (`count` minus that many could not
be read), of live sessions a dict each, of hashtags their names; `fields` tells which fields the records have. Lists that were
only counted are `Rows(count)`. Plain lists and dicts are accepted too, and reduced first.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from preservation.model.export import Account, ExportReport, Note, Post, Visibility
from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok_accounting as accounting
from preservation.stages.intake.exports import tiktok_links as links
from preservation.stages.intake.exports import tiktok_posts as posts_of
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.joining import read_once
from preservation.stages.intake.exports.tiktok_shape import DOCUMENT
from preservation.stages.intake.exports.values import get, has, plain, says_nothing, shown, text, unix
from preservation.stages.intake.rows import Rows, count, fold

PLATFORM = "tiktok"
TWICE = "{n} posts stand twice, under old and new names or in a list that is there again; each was read once"
_DATA_FILE = re.compile(r"user_data(_tiktok)?\b[^/\\]*\.json$", re.IGNORECASE)
_ZIP_STAMP = re.compile(r"TikTok_Data_(\d{10})(?!\d)", re.IGNORECASE)


@dataclass(slots=True)
class _Read:
    """What the lists of posts gave."""

    posts: list[Post] = field(default_factory=list)
    deleted: list[Post] = field(default_factory=list)
    stories: list[Post] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)  # the lists the posts came from
    lists: int = 0
    unreadable_lists: int = 0
    unreadable_records: int = 0
    joined: int = 0
    differing: int = 0  # posts of which two records name different audiences


def recognise(document: Any, names: Sequence[str]) -> bool:
    """Whether a document is a TikTok export: by two levels of its keys, or by its name if its layout is new to us."""
    if any(_DATA_FILE.search(name) or _ZIP_STAMP.search(name) for name in names):
        return True
    document = unwrapped(document)
    tops = document.items() if isinstance(document, dict) else ()
    pairs = ((plain(top), plain(key)) for top, value in tops if isinstance(value, dict) for key in value)
    return any(table.section_of(top, second) is not Section.unknown for top, second in pairs)


def unwrapped(document: Any) -> Any:
    """The document within a document that holds only it, under the name of its file."""
    if isinstance(document, dict) and len(document) == 1:
        key, value = next(iter(document.items()))
        return value if key.endswith(".json") and isinstance(value, dict) else document
    return document


def read(document: Any, names: Sequence[str]) -> ExportReport:
    """One export as a report. `document`: reduced or plain. `names`: of the file and of what it lay in; the platform writes the
    time of export there.
    """
    document = unwrapped(fold(document, DOCUMENT))
    document = document if isinstance(document, dict) else {}
    found = _read_posts(document)
    read_as = generation(document, found.rows)
    return ExportReport(
        platform=PLATFORM,
        generation=read_as,
        format="json",
        account=_account(document),
        exported_at_utc=exported_at(names, _together(found)),
        posts=tuple(found.posts),
        deleted_posts=tuple(found.deleted),
        stories=tuple(found.stories),
        live_sessions=posts_of.live_sessions(document),
        profile=_profile(document),
        sections=tuple(accounting.sections(document)),
        third_party_sections=tuple(accounting.third_parties(document)),
        warnings=tuple(_warnings(document, found)),
        errors=tuple(_errors(document, found)),
    )


def _read_posts(document: dict[str, Any]) -> _Read:
    found = _Read()
    places = {Section.posts_metadata: found.posts, Section.deleted_posts: found.deleted, Section.stories: found.stories}
    lists: dict[Section, list[list[Post]]] = {section: [] for section in places}
    for listed in posts_of.post_lists(document):
        kept = listed.rows.kept
        lists[listed.section] += [kept] if kept else []
        if listed.section is Section.posts_metadata:
            found.lists += 1
            found.rows += [listed.rows] if kept else []
        if listed.section is not Section.stories:  # what is no story is warned about; their layout is not settled
            found.unreadable_lists += not listed.readable
            found.unreadable_records += listed.rows.count - len(kept) if listed.readable else 0
    for section, target in places.items():
        target += _read_once(lists[section], found)
    return found


def _read_once(lists: list[list[Post]], found: _Read) -> list[Post]:
    """The posts of several lists, each once. Two lists at a time, so that a thousand of them are no more than linear work."""
    while len(lists) > 1:
        pairs = [read_once(*lists[at : at + 2]) for at in range(0, len(lists) - 1, 2)]
        found.joined += sum(joined for _, joined, _ in pairs)
        found.differing += sum(differing for _, _, differing in pairs)
        lists = [posts for posts, _, _ in pairs] + lists[2 * len(pairs) :]
    return lists[0] if lists else []


def _together(found: _Read) -> Iterator[Post]:
    yield from found.posts
    yield from found.deleted
    yield from found.stories


def generation(document: dict[str, Any], lists: list[Rows]) -> str:
    """g1 (2020-22) to g5 (2026), by the newest name in use: hybrids count as the newer."""
    tops = {plain(key) for key in document}
    if tops & {"likesandfavorites", "likesandfavourites", "profileandsettings", "incomewallet"}:
        return "g5"
    if tops & {"post", "youractivity"}:
        return "g4"
    if posts_of.gives(lists, "whocanview", "title"):
        return "g3"
    if lists:
        return "g1" if posts_of.gives(lists, "videolink") else "g2"
    return "g3" if tops & {"adsanddata", "tiktokshopping", "poireview"} else "g2" if "video" in tops else "unknown"


def exported_at(names: Sequence[str], posts: Iterable[Post]) -> datetime | None:
    """The stamp in a name (the innermost that has one), else the time in the links' log ids."""
    if stamp := stamp_in(names):
        return unix(int(stamp))
    return links.export_time(medium.ref for post in posts for medium in post.media)


def stamp_in(names: Sequence[str]) -> str:
    """The Unix seconds the platform wrote into a name, the innermost that has any; "" if none has."""
    return next((found.group(1) for name in reversed(names) if (found := _ZIP_STAMP.search(name))), "")


def _containers(document: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    """Every second-level part under one of these names."""
    tops = [value for top, value in document.items() if plain(top) in table.TOP]
    return [part for top in tops for part in _named(top, *names) if isinstance(part, dict)]


def _maps(document: dict[str, Any], wanted: str, *names: str) -> dict[str, Any]:
    """The fields of all maps of this name, joined; the first that says something wins."""
    joined: dict[str, Any] = {}
    for container in _containers(document, *names):
        fields = get(container, wanted)
        for key, value in fields.items() if isinstance(fields, dict) else ():
            if says_nothing(joined.get(key)):
                joined[key] = value
    return joined


def _account(document: dict[str, Any]) -> Account:
    fields = _maps(document, "profilemap", "profileinformation", "profileinfo")
    handle = text(get(fields, "username"))
    private = get(_maps(document, "settingsmap", "settings"), "privateaccount")
    return Account(
        handle=handle.strip().removeprefix("@") if handle else None,
        display_name=_filled_in(get(fields, "displayname")),
        bio=_filled_in(get(fields, "biodescription")),
        private=_switch(private),
    )


def _filled_in(value: Any) -> str | None:
    """A field of the profile; one that was never filled in says `None`."""
    return None if value == "None" else text(value)


def _switch(value: Any) -> bool | None:
    word = str(value).strip().casefold()
    if word in ("enabled", "on", "yes", "true"):
        return True
    return False if word in ("disabled", "off", "no", "false") else None


def _profile(document: dict[str, Any]) -> dict[str, Any]:
    """Allowed fields, keys as written; besides, under the names of their sections, `settings_privacy` and `hashtags_used`."""
    fields = _maps(document, "profilemap", "profileinformation", "profileinfo")
    kept = {
        shown(key): value for key, value in fields.items() if table.section_of_profile_field(plain(key)) is Section.profile_public
    }
    kept = {key: _unsigned(value) for key, value in kept.items() if not says_nothing(value) and value != "None"}
    settings = _maps(document, "settingsmap", "settings")
    privacy = {
        shown(key): value for key, value in settings.items() if table.section_of_setting(plain(key)) is Section.settings_privacy
    }
    lists = [get(part, "hashtaglist") for part in _containers(document, "hashtag")]
    named = [tag for rows in lists if isinstance(rows, Rows) for tag in rows.kept]
    return kept | ({"settings_privacy": privacy} if privacy else {}) | ({"hashtags_used": named} if named else {})


def _unsigned(value: Any) -> Any:
    return links.without_signature(value) if isinstance(value, str) and links.is_web_link(value) else value


def _warnings(document: dict[str, Any], found: _Read) -> list[Note]:
    notes = accounting.drift_warnings(document)
    posts = found.posts
    if found.deleted:
        notes.append(
            Note(code="deleted-posts-present", message=f"{len(found.deleted)} deleted posts; kept out unless the creator asks")
        )
    if found.rows and not posts_of.gives(found.rows, "title"):
        notes.append(Note(code="no-captions-in-this-generation", message="this generation of the export gives no captions"))
    if found.rows and not posts_of.gives(found.rows, "whocanview"):
        text_ = "this generation of the export does not say who could see a post; none counts as public"
        notes.append(Note(code="visibility-unknown-in-this-generation", message=text_))
    else:
        unknown = sum(post.visibility is Visibility.unknown for post in posts)
        _add(notes, unknown, "visibility-not-understood", "{n} posts have an audience we do not know; none counts as public")
    _add(
        notes,
        sum(post.created_at_utc is None for post in _together(found)),
        "date-unreadable",
        "{n} posts have no readable date",
    )
    _add(notes, sum(not post.media for post in posts), "posts-without-link", "{n} posts have neither link nor file")
    _add(
        notes, sum(_unknown_medium(post) for post in posts), "media-kind-unknown", "{n} posts have media whose kind no link tells"
    )
    _add(notes, _twins(posts), "posts-in-the-same-second", "{n} posts share their second with another")
    _add(notes, found.joined, "hybrid-layout", TWICE)
    differing = found.differing + sum(map(posts_of.contradicts, posts))
    _add(notes, differing, "audience-contradictory", "{n} posts are given two different audiences; the narrower counts")
    unread = _stories(document) - len(found.stories)
    _add(notes, unread, "stories-not-read", "{n} stories are in the export and their layout is not known yet")
    _add(notes, len(found.stories), "stories-present", "{n} stories; kept out unless the creator asks")
    return notes


def _add(notes: list[Note], n: int, code: str, message: str) -> None:
    if n:
        notes.append(Note(code=code, message=message.format(n=n)))


def _unknown_medium(post: Post) -> bool:
    return any(medium.kind.value == "unknown" for medium in post.media)


def _twins(posts: list[Post]) -> int:
    seconds = Counter(post.created_at_utc for post in posts if post.created_at_utc)
    return sum(n for n in seconds.values() if n > 1)


def _stories(document: dict[str, Any]) -> int:
    parts = [part for top, value in document.items() if plain(top) in table.TOP for part in _named(value, "story", "stories")]
    return sum(count(part) for part in parts)


def _named(container: Any, *names: str) -> list[Any]:
    return [value for key, value in container.items() if plain(key) in names] if isinstance(container, dict) else []


def _errors(document: dict[str, Any], found: _Read) -> list[Note]:
    """Posts that should be there and are not. An account without posts is no error: its lists are there and empty."""
    notes: list[Note] = []
    _add(notes, found.unreadable_records, "post-records-unreadable", "{n} records among the posts could not be read")
    if found.posts:
        _add(notes, found.unreadable_lists, "posts-partly-unread", "{n} parts that should hold posts could not be read")
        return notes
    parents = [value for top, value in document.items() if plain(top) in table.POST_PARENTS]
    renamed = any(not says_nothing(value) and not has(value, *table.POSTS) for value in parents)
    if found.unreadable_lists or found.unreadable_records or renamed:
        notes.append(Note(code="no-posts-read", message="the part that should hold the posts could not be read"))
    elif accounting.unread_records(document):
        notes.append(Note(code="no-posts-read", message="no posts were found, and there are parts of the export we do not know"))
    elif not found.lists:
        notes.append(Note(code="no-posts-section", message="the export has no part for posts"))
    return notes
