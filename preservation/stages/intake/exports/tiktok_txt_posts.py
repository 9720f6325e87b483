"""Records of posts in a text export, as records of the JSON: same keys, same values.

    Date: 2025-03-06 16:01:23 UTC
    Link: https://…                       further links of a photo set follow as bare lines
    Like(s): 903
    …
    Title: a caption, of as many lines as it likes
    Adds yours text: N/A

A caption may hold anything, lines that look like labels and blank ones too. So a file is looked over first for the labels its
records really have and their order (`Schema`); a label out of that order within a caption is text, and a record begins only
where a date is followed by a link and, within a caption that is not known to have ended, by the head of a whole record.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from preservation.stages.intake.exports.tiktok_accounting import WITHHELD
from preservation.stages.intake.exports.tiktok_txt_lines import Ahead, Labelled, is_blank, is_link, is_rule, is_stamp, labelled
from preservation.stages.intake.exports.tiktok_txt_names import is_nothing
from preservation.stages.intake.exports.values import says_nothing

LOOKED_OVER = 20_000  # lines: some thousand records
LONGEST_CAPTION = 200_000  # characters; the platform allows some thousand
_HEAD = 120  # lines within which a record must reach its title: the labels, and the pictures of a set

# Labels as the files write them (folded), and the JSON's key.
LABELS = {
    "date": "Date",
    "datedeleted": "DateDeleted",
    "deleteddate": "DateDeleted",
    "deletiondate": "DateDeleted",
    "link": "Link",
    "videolink": "VideoLink",
    "like": "Likes",
    "likes": "Likes",
    "whocanview": "WhoCanView",
    "allowcomment": "AllowComments",
    "allowcomments": "AllowComments",
    "allowstitch": "AllowStitches",
    "allowstitches": "AllowStitches",
    "allowduet": "AllowDuets",
    "allowduets": "AllowDuets",
    "allowsticker": "AllowStickers",
    "allowstickers": "AllowStickers",
    "allowsharingtostory": "AllowSharingToStory",
    "contentdisclosure": "ContentDisclosure",
    "aigeneratedcontent": "AIGeneratedContent",
    "sound": "Sound",
    "location": "Location",
    "title": "Title",
    "addyourstext": "AddYoursText",
    "addsyourstext": "AddYoursText",
    "alternatetext": "AlternateText",
    "alternativetext": "AlternateText",
    "alttext": "AlternateText",
    "coverimage": "CoverImage",
    "numberofcollections": "NumberOfCollections",
}
LINKS = ("Link", "VideoLink")
_SPOKEN = {"Title", "AddYoursText", "AlternateText"}  # the creator's own words: never taken for a word for none


@dataclass(slots=True)
class Schema:
    """The labels of one file: how it writes the date and the link, and the JSON keys its records have, in order."""

    date: str = "date"
    link: str = "link"
    order: tuple[str, ...] = ()
    starts: int = 0
    utc: bool = False  # its dates say so, as they do since 2025
    deleted: bool = False  # its records have two dates, the second of which is that of deletion
    links: tuple[str, ...] = ()  # of its first record
    rules: int = 0  # records with a drawn line before them
    not_known: Counter[str] = field(default_factory=Counter)

    @property
    def english(self) -> bool:
        """Whether the labels are those we know."""
        return LABELS.get(self.date) == "Date" and LABELS.get(self.link) in LINKS

    @property
    def partly_understood(self) -> bool:
        """Whether most of what the records say is in words we do not know."""
        return not self.english or len(self.not_known) >= 3

    @property
    def after_title(self) -> tuple[str, ...]:
        """What follows a caption."""
        return self.order[self.order.index("Title") + 1 :] if "Title" in self.order else ()

    def separates(self, line: str) -> bool:
        """Whether a line stands between records: a blank one, or a drawn one in a file that draws them."""
        return is_blank(line) or (self.rules >= 2 and self.rules >= self.starts - 1 and is_rule(line))

    def key(self, found: Labelled) -> str | None:
        """The JSON's key for a label; in languages we do not know, only of date and link."""
        if found.key == self.date:
            return "Date"
        if found.key == self.link:
            return LABELS.get(found.key, "Link")
        return LABELS.get(found.key) if self.english else None


def look_over(lines: Iterable[str]) -> Schema | None:
    """The schema of a file of posts; None if no record begins in it with a date and a link."""
    ahead, schema = Ahead(islice(iter(lines), LOOKED_OVER)), None
    counts, first_seen, said = Counter[str](), dict[str, None](), ""
    while (line := ahead.peek()) is not None:
        here = labelled(line)
        schema = schema or _first_head(ahead)
        if schema and here:
            starts = here.key == schema.date and _links_follow(ahead, schema)
            schema.starts += starts
            schema.rules += starts and is_rule(said)
            key = schema.key(here)
            if key:
                counts[key] += 1
                first_seen[key] = None
            elif here.spaced:
                schema.not_known[here.key] += 1
        said = said if is_blank(line) else line
        ahead.take()
    if schema:
        schema.order = tuple(key for key in first_seen if counts[key] * 2 >= schema.starts)
        schema.not_known = Counter({key: n for key, n in schema.not_known.items() if n * 10 >= max(3, schema.starts) * 9})
    return schema


def _first_head(ahead: Ahead) -> Schema | None:
    """The first record: a labelled date, perhaps a second one (of deletion), and a labelled link."""
    first, second, third = (labelled(ahead.peek(n)) for n in range(3))
    if not first or not is_stamp(first.value):
        return None
    deleted = second is not None and is_stamp(second.value)
    link = third if deleted else second
    known = link and LABELS.get(first.key) == "Date" and LABELS.get(link.key) in LINKS
    if not link or not (known or is_link(link.value)):
        return None
    return Schema(first.key, link.key, utc=first.value.rstrip().endswith("UTC"), deleted=deleted, links=(link.value.strip(),))


def _links_follow(ahead: Ahead, schema: Schema) -> bool:
    return any(found.key == schema.link for n in (1, 2) if (found := labelled(ahead.peek(n))))


def records(lines: Iterable[str], schema: Schema) -> Iterator[dict[str, Any]]:
    """Every record as the JSON would give it. Text before the first record is an empty record: something was not read."""
    ahead, block, place = Ahead(iter(lines)), list[str](), _Place()
    stray = False
    while (line := ahead.peek()) is not None:
        if _begins(ahead, schema, place):
            if block:
                yield _record(block, schema) | place.lost
            block, place = [], _Place(inside=True)
        if place.inside:
            place.take(line, schema)
            _keep(block, line, place)
        else:
            stray = stray or not (schema.separates(line) or is_rule(line) or line.strip().endswith((":", "\uff1a")))
        ahead.take()
    if block:
        yield _record(block, schema) | place.lost
    if stray:
        yield {}


@dataclass(slots=True)
class _Place:
    """Where in a record the reader is."""

    inside: bool = False
    in_title: bool = False
    closed: bool = False  # a label that follows captions was seen
    blank: bool = True  # the line before said nothing
    size: int = 0

    @property
    def lost(self) -> dict[str, str]:
        """What stands in a record of which something was dropped."""
        return {WITHHELD: "text"} if self.size > LONGEST_CAPTION else {}

    def take(self, line: str, schema: Schema) -> None:
        found = labelled(line)
        key = schema.key(found) if found else None
        if self.in_title:
            self.closed = self.closed or key in schema.after_title
        else:
            self.in_title = key == "Title"
        self.blank = schema.separates(line)


def _keep(block: list[str], line: str, place: _Place) -> None:
    """No caption is so long; what comes after that much is dropped, and the record says so."""
    place.size += len(line) + 1
    if place.size <= LONGEST_CAPTION:
        block.append(line)


def _begins(ahead: Ahead, schema: Schema, place: _Place) -> bool:
    """Whether a record begins with the next line."""
    first = labelled(ahead.peek())
    if not first or first.key != schema.date:
        return False
    at = next((n for n in (1, 2) if (found := labelled(ahead.peek(n))) and found.key == schema.link), 0)
    between = labelled(ahead.peek(1)) if at == 2 else None
    if not at or (at == 2 and not (between and is_stamp(between.value))):
        return False
    link = labelled(ahead.peek(at))
    dated, linked = is_stamp(first.value), bool(link and is_link(link.value))
    if not place.in_title:
        return dated or linked
    if place.blank and (place.closed or not schema.after_title) and dated and linked and _goes_on(ahead, schema, at):
        return True
    return _whole_head(ahead, schema, at)


def _after_links(ahead: Ahead, at: int) -> int:
    at += 1
    while at < _HEAD and is_link(ahead.peek(at)):
        at += 1
    return at


def _whole_head(ahead: Ahead, schema: Schema, at: int) -> bool:
    """Whether a record's labels follow, in order and one a line, down to its title, and more than none lie between."""
    expected = schema.order[: schema.order.index("Title") + 1] if "Title" in schema.order else schema.order
    between = set(expected) - {"Date", "DateDeleted", "Title", *LINKS}
    at, last, seen = _after_links(ahead, at), -1, set[str]()
    while at < _HEAD and (found := labelled(ahead.peek(at))):
        key = schema.key(found)
        if key and (key not in expected or expected.index(key) <= last):
            return False
        if key:
            last = expected.index(key)
            seen.add(key)
        if key == "Title":
            return 2 * len(seen & between) >= len(between)
        at += 1
    return False


def _goes_on(ahead: Ahead, schema: Schema, at: int) -> bool:
    """Whether after its links a record goes on with a label of the file, or ends where the file's records or the file end."""
    following = ahead.peek(_after_links(ahead, at))
    found = labelled(following)
    short = set(schema.order) <= {"Date", "DateDeleted", "Title", *LINKS}
    return following is None or (is_blank(following) and short) or bool(found and schema.key(found) in schema.order)


def _record(block: list[str], schema: Schema) -> dict[str, Any]:
    """One record. Lines that belong to no label we know stand under a name that is withheld, and so are told as not known."""
    record: dict[str, Any] = {}
    for n, line in enumerate(block):
        found = labelled(line)
        key = _key_here(found, schema, n)
        if found is not None and key == "Title" and key not in record:
            return record | _caption([found.value, *block[n + 1 :]], schema)
        if found is not None and key and key not in record:
            record[key] = _value(key, found.value)
        elif is_link(line) and (last := next((name for name in LINKS if name in record), None)):
            record[last] = f"{record[last]}\n{line.strip()}".strip()
        elif schema.english and not schema.separates(line):
            record[WITHHELD] = "text"
    return record


def _key_here(found: Labelled | None, schema: Schema, n: int) -> str | None:
    key = schema.key(found) if found else None
    second_date = key is None and n == 1 and found is not None and is_stamp(found.value)
    return "DateDeleted" if second_date else key


def _caption(lines: list[str], schema: Schema) -> dict[str, Any]:
    """Title and what follows it: the labels that end a record, read from its end, and before them the caption as written."""
    end = len(lines)
    while end > 1 and (not lines[end - 1] or (is_rule(lines[end - 1]) and schema.separates(lines[end - 1]))):
        end -= 1
    fields, ends, order = dict[str, Any](), end, schema.after_title
    for at in range(end - 1, 0, -1) if order else ():
        found = labelled(lines[at])
        key = schema.key(found) if found else None
        more = lines[at + 1 : ends]
        if found and key in order and _before(key, fields, order) and (key in _SPOKEN or all(map(is_blank, more))):
            fields, ends = {key: _value(key, "\n".join([found.value, *more]).rstrip("\n"))} | fields, at
    return {"Title": _spoken("\n".join(lines[:ends]))} | fields


def _before(key: str, fields: dict[str, Any], order: tuple[str, ...]) -> bool:
    """Whether a label comes before all that were found after it, as in the records of this file."""
    return not fields or order.index(key) < order.index(next(iter(fields)))


def _spoken(value: str) -> str:
    return "" if value.strip().casefold() == "n.v.t." else value


def _date(value: str) -> str:
    """As the JSON writes it: always UTC, and without saying so."""
    return value.strip().removesuffix("UTC").rstrip()


def _value(key: str, value: str) -> str:
    if key in ("Date", "DateDeleted"):
        return _date(value)
    if key in _SPOKEN:
        return _spoken(value)
    return value.strip() if says_nothing(value) or not is_nothing(value) else ""
