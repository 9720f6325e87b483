"""Every part of a TikTok export, once, with what becomes of it. Nothing of the content passes through here but counts.

A part is named by its path as the platform writes it. Where fields of one record are decided apart (a post's location, each
field of the profile), they have a line of their own, and the longest name that fits a path is the one that counts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from preservation.model.export import Note, SectionReport, ThirdPartySection
from preservation.model.sections import SECTION_DEFAULT, Default, Section
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.values import AGAIN, plain, says_nothing, shown
from preservation.stages.intake.rows import Rows, count

MOST_WARNINGS = 100
WITHHELD = "(name withheld)"
_ORDINARY = re.compile(r"[A-Za-z][A-Za-z0-9 +&'()/:-]{0,80}")
_NAMES_SOMEONE = re.compile(
    r"\b(with|from|by)\s+[^\s:]+\s*:+\s*$|\b(chat|conversation|history|messages?) (with|from)\b", re.IGNORECASE
)
_DECISION = {Default.on: "in", Default.off: "off", Default.never: "never"}
_REASON = {
    Default.on: "part of the work and its record; taken unless the creator says otherwise",
    Default.off: "taken only with a separate yes of the creator",
    Default.never: "never taken in",
}
_REASONS = {
    Section.unknown: "not on the list of known parts; left out",
    Section.direct_messages: "other people's words; never taken in",
    Section.group_chats: "other people's words; never taken in",
    Section.followers: "other people's names; never taken in",
    Section.blocked: "other people's names; never taken in",
    Section.profile_viewers: "names of people who looked; never taken in",
    Section.location_post: "where a post was made; taken only with a separate yes of the creator",
    Section.deleted_posts: "the creator deleted them on the platform; taken only with a separate yes",
    Section.settings_privacy: "evidence for access rules; never given out",
}
_PEOPLE = {
    Section.direct_messages: "direct_messages",
    Section.group_chats: "group_chat",
    Section.followers: "followers",
    Section.following: "following",
    Section.blocked: "blocked",
    Section.profile_viewers: "profile_viewers",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the account: a path, its section, and the value it stands for."""

    name: str
    section: Section
    records: int
    drift: bool = False  # a name nobody has mapped, worth a warning


def sections(document: dict[str, Any]) -> list[SectionReport]:
    """Every part of the export with its decision; names are unique."""
    return [
        SectionReport(
            name=part.name,
            section=part.section,
            decision=decision(part.section),
            reason=reason(part.section),
            records=part.records,
        )
        for part in parts(document)
    ]


def decision(section: Section) -> str:
    """`in`, `off` or `never`, as the default of the section says."""
    return _DECISION[SECTION_DEFAULT[section]]


def reason(section: Section) -> str:
    """Why, in a sentence for the creator."""
    return _REASONS.get(section, _REASON[SECTION_DEFAULT[section]])


def drift_warnings(document: dict[str, Any]) -> list[Note]:
    """One warning per part whose name nobody has mapped; where there is no end of them, one for the rest."""
    drift = [part for part in parts(document) if part.drift]
    notes = [
        Note(code="unknown-section", message=f"part {part.name} is not known and was left out ({part.records} records)")
        for part in drift[:MOST_WARNINGS]
    ]
    if rest := drift[MOST_WARNINGS:]:
        records = sum(part.records for part in rest)
        text = f"{len(rest)} more parts are not known and were left out ({records} records)"
        notes.append(Note(code="unknown-section", message=text))
    return notes


def unread_records(document: dict[str, Any]) -> int:
    """How many records lie in parts nobody has mapped."""
    return sum(part.records for part in parts(document) if part.drift)


def parts(document: dict[str, Any]) -> list[Part]:
    """All lines of the account, in the order of the export, names made unique."""
    seen: Counter[str] = Counter()
    lines = []
    for part in _parts(document):
        seen[part.name] += 1
        unique = part.name if seen[part.name] == 1 else f"{part.name} ({seen[part.name]})"
        lines.append(Part(unique, part.section, part.records, part.drift))
    return lines


def _parts(document: dict[str, Any]) -> Iterator[Part]:
    for key, value in document.items():
        top, name = plain(key), safe_name(key)
        if top in table.TOP and isinstance(value, dict) and value:
            for second, inner in value.items():
                yield from _second(top, plain(second), f"{name}.{part_name(top, second)}", inner)
        else:
            known = table.TOP.get(top) if top in table.TOP else None
            drift = top not in table.TOP or (known is None and not says_nothing(value))
            yield Part(name, known or Section.unknown, count(value), drift)


def _second(top: str, second: str, name: str, value: Any) -> Iterator[Part]:
    section = table.section_of(top, second)
    if second in table.BOOKKEEPING and not isinstance(value, dict | Rows):
        yield Part(name, Section.settings_other, 0)
    elif section is Section.profile_public and isinstance(value, dict):
        yield from _map(name, value, "profilemap", table.section_of_profile_field)
    elif section is Section.settings_other and second == "settings" and isinstance(value, dict):
        yield from _map(name, value, "settingsmap", table.section_of_setting)
    else:
        yield Part(name, section, count(value), section is Section.unknown)
        yield from _split(name, value, section)


def _map(name: str, value: dict[str, Any], wanted: str, section_of: Callable[[str], Section]) -> Iterator[Part]:
    """A container with one map whose fields are decided one by one; anything else beside the map is not known."""
    if not value:
        yield Part(name, Section.settings_other, 0)
    for key, inner in value.items():
        path = f"{name}.{safe_name(key)}"
        if plain(key) == wanted and isinstance(inner, dict) and inner:
            for field, content in inner.items():
                section = section_of(plain(field))
                yield Part(f"{path}.{safe_name(field)}", section, count(content), section is Section.unknown)
        else:
            known = plain(key) in table.BOOKKEEPING | {wanted}
            yield Part(path, Section.settings_other if known else Section.unknown, 0 if known else count(inner), not known)


def _split(name: str, value: Any, section: Section) -> Iterator[Part]:
    """Fields of posts and live sessions that are decided apart from the record they stand in, or that nobody has mapped."""
    if section not in table.HOLD_POSTS | {Section.live_own}:
        return
    for path, rows in record_lists(name, value):
        for field, said in rows.fields.items():
            key = plain(field)
            own = table.section_of_live_field(key) if section is Section.live_own else table.section_of_post_field(key, section)
            if own is not section:
                yield Part(f"{path}[].{safe_name(field)}", own, said, own is Section.unknown)


def record_lists(name: str, value: Any) -> Iterator[tuple[str, Rows]]:
    """The lists of records directly in, or one step below, a part, with their paths."""
    if isinstance(value, Rows) and value.listed:
        yield name, value
    elif isinstance(value, dict):
        lists = ((key, inner) for key, inner in value.items() if isinstance(inner, Rows) and inner.listed)
        yield from ((f"{name}.{safe_name(key)}", inner) for key, inner in lists)


def safe_name(key: str) -> str:
    """A key as displayed, unless it may hold a person's name (`Chat History with X:`) or is no name of a part at all."""
    base = key.partition(AGAIN)[0]
    return shown(key) if _ORDINARY.fullmatch(base) and not _NAMES_SOMEONE.search(base) else WITHHELD


def part_name(top: str, second: str) -> str:
    """A second-level key as displayed; among messages only the names we know, for any other may be a person's or a group's."""
    private = top in ("directmessage", "directmessages") and table.section_of(top, plain(second)) is Section.unknown
    return WITHHELD if private else safe_name(second)


def third_parties(document: dict[str, Any]) -> list[ThirdPartySection]:
    """The parts that hold other people's words or names, where they hold any."""
    found = Counter[tuple[str, str]]()
    for name, what, value in _others(document):
        if records := count(value):
            found[name, what] += records
    return [ThirdPartySection(name=name, what=what, records=records) for (name, what), records in found.items()]


def _others(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for key, value in document.items():
        for second, inner in value.items() if isinstance(value, dict) else ():
            name = f"{safe_name(key)}.{part_name(plain(key), second)}"
            yield from _others_of(table.section_of(plain(key), plain(second)), plain(second), name, inner)


def _others_of(section: Section, second: str, name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    if section in _PEOPLE:
        yield from ((path, _PEOPLE[section], inner) for path, inner in _inside(name, value))
    elif section is Section.gifts_wallet:
        for path, inner in _below(name, value, "sendgifts"):
            yield from ((deep, "gift_recipients", gifts) for deep, gifts in _inside(path, inner))
    elif section is Section.live_own:
        for path, records in record_lists(name, value):
            muted = sum(people for key, people in records.within.items() if plain(key) == "mutedlist")
            yield f"{path}[].MutedList", "muted_accounts", Rows(muted)
    elif section is Section.shop and second in ("communicationhistory", "communicationwithshops"):
        yield from ((path, "shop_messages", inner) for path, inner in _inside(name, value))
    elif section is Section.settings_other:
        yield from _others_in_settings(name, value)


def _others_in_settings(name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    for path, settings in _below(name, value, "settingsmap"):
        for key, what in (("familypairing", "family_accounts"), ("peopleyouassignedtomoderateyourlive", "live_moderators")):
            yield from ((deep, what, inner) for deep, inner in _below(path, settings, key))


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The lists and maps one step below, by the names we know; any other key may be a person's and is folded away."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        if plain(key) not in table.BOOKKEEPING:
            yield (f"{name}.{shown(key)}" if plain(key) in table.LISTS_OF_OTHERS else name), inner


def _below(name: str, value: Any, wanted: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{name}.{safe_name(key)}", inner) for key, inner in value.items() if plain(key) == wanted)
