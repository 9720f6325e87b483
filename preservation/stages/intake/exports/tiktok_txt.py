"""TikTok's "Download your data" as text, 2020 to 2026: a tree of folders with a file per part (layouts: docs/design.md,
"Reading exports").

The tree becomes the document the JSON of the same export would be, reduced (rows.py), and `tiktok.read` does the rest. So one
table decides what is taken, and a post has the same words whichever format it came in. English is read fully; of other languages
date and link of posts, found by content, and the report says what was not understood.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from preservation.model.export import ExportReport
from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports import tiktok_txt_content as content
from preservation.stages.intake.exports import tiktok_txt_names as names_of
from preservation.stages.intake.exports import tiktok_txt_posts as posts_of
from preservation.stages.intake.exports import tiktok_txt_records as records_of
from preservation.stages.intake.exports.tiktok_posts import escaped
from preservation.stages.intake.exports.tiktok_shape import DOCUMENT, posts_shape
from preservation.stages.intake.exports.tiktok_txt_lines import Oddities, folded, is_blank, is_rule, lines
from preservation.stages.intake.exports.tiktok_txt_names import Place, place_of
from preservation.stages.intake.exports.tiktok_txt_report import Tree, finished
from preservation.stages.intake.exports.values import AGAIN, shown
from preservation.stages.intake.rows import Gatherer, Rows, Shape

UNREADABLE = "unreadable"  # stands where a list of posts should: `tiktok.read` makes an error of it


@dataclass(frozen=True, slots=True)
class TxtMember:
    """One file: its path within the archive (or its own name, if loose), its first bytes (some hundreds), and its content."""

    path: str
    head: bytes
    open: Callable[[], AbstractContextManager[BinaryIO]]


def recognise_tree(members: Sequence[TxtMember]) -> bool:
    """Whether files are a text export: by records of dates and links to the platform, else by names of folders and files."""
    if any(content.has_records(member.head) for member in members):
        return True
    known = [member for member in members if place_of(member.path).second and names_of.below_known_folder(member.path)]
    return len(known) >= 2 or any(names_of.below_root(member.path) for member in known)


def separate(members: Sequence[TxtMember]) -> list[list[TxtMember]]:
    """The trees among files that came together: one, unless files of posts lie under several wrapper folders.

    Every file goes with the posts it lies nearest to.
    """
    trees: dict[str, list[TxtMember]] = {names_of.root_of(m.path): [] for m in members if place_of(m.path).second == "Posts"}
    if len(trees) < 2:
        return [list(members)]
    for member in members:
        path = member.path.replace("\\", "/")
        nearest = max((root for root in trees if path.startswith(root)), key=len, default=next(iter(trees)))
        trees[nearest].append(member)
    return list(trees.values())


def read_tree(members: Sequence[TxtMember], names: Sequence[str]) -> ExportReport:
    """One export as a report. `names`: of what the files came in, outermost first; the platform writes the time of export there.

    Raises what opening a member raises; nothing in a file is an exception.
    """
    reading = _Reading()
    for member in members:
        reading.take(member)
    report = tiktok.read(reading.document, names)
    return finished(report, reading.tree)


@dataclass(slots=True)
class _Reading:
    """The document as far as it has been read."""

    document: dict[str, Any] = field(default_factory=dict)
    tree: Tree = field(default_factory=Tree)
    oddities: Oddities = field(default_factory=Oddities)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, member: TxtMember) -> None:
        """Read one file into its place."""
        place = self._place(member)
        self.tree.note(place, names_of.stem(member.path))
        top, second = place.top, place.second
        section = table.section_of(folded(top), folded(second))
        if section is Section.unknown:
            self._hear_language(member)
            top = self._unique("Unknown", "")
            self.tree.parts[shown(top)] = place.shown
            self.document[top] = self._counted(member, section)
            return
        second = self._unique(top, second or "Unknown")
        self.tree.parts[f"{top}.{shown(second)}"] = place.shown
        self.document.setdefault(top, {})[second] = self._value(member, section, place, (top, second))

    def _hear_language(self, member: TxtMember) -> None:
        """A file nobody has mapped, but whose first lines are the platform's, in another language."""
        with self._lines(member) as read:
            self.tree.foreign = self.tree.foreign or content.in_another_language(read)

    def _place(self, member: TxtMember) -> Place:
        place = place_of(member.path)
        with self._lines(member) as read:
            second = content.second_of(member.path, place, read)
        return place if second == place.second else names_of.moved(place, second)

    def _unique(self, top: str, second: str) -> str:
        """A key that is not in the document yet; parts of the same name stand side by side."""
        self.seen[top, folded(second)] += 1
        n, key = self.seen[top, folded(second)], second or top
        return key if n == 1 else f"{key}{AGAIN}{n}"

    @contextmanager
    def _lines(self, member: TxtMember, oddities: Oddities | None = None) -> Iterator[Iterator[str]]:
        with member.open() as stream:
            yield lines(stream, oddities or Oddities())

    def _value(self, member: TxtMember, section: Section, place: Place, keys: tuple[str, str]) -> Any:
        if section in table.HOLD_POSTS:
            return self._posts(member, section, place)
        with self._lines(member, self.tree.oddities) as read:
            if section is Section.profile_public:
                return {"ProfileMap": self._profile(records_of.profile(read))}
            if section is Section.live_own:
                return {"GoLiveList": _gathered(records_of.listed(read, records_of.LIVE), DOCUMENT.at(*keys, "GoLiveList"))}
            if section is Section.hashtags_used:
                return {"HashtagList": _gathered(records_of.listed(read, records_of.HASHTAG), DOCUMENT.at(*keys, "HashtagList"))}
            if folded(place.second) == "settings":
                return {"SettingsMap": records_of.settings(read)}
            if folded(place.second) in ("purchases", "purchasehistory"):
                return records_of.gifts(read)
        return self._counted(member, section)

    def _profile(self, fields: dict[str, str]) -> dict[str, str]:
        if handle := fields.get("userName"):
            self.tree.handles.add(handle.strip().removeprefix("@").casefold())
        return fields

    def _counted(self, member: TxtMember, section: Section) -> Rows:
        if section in (Section.direct_messages, Section.group_chats):
            with self._lines(member, self.tree.oddities) as read:
                if messages := records_of.count_messages(read):
                    return Rows(messages)
        with self._lines(member, self.tree.oddities) as read:
            return Rows(records_of.count_records(read, section))

    def _posts(self, member: TxtMember, section: Section, place: Place) -> dict[str, Any]:
        with self._lines(member) as read:
            schema = posts_of.look_over(read)
        if schema is None:
            with self._lines(member, self.tree.oddities) as read:
                return {"VideoList": Rows() if _says_nothing(read) else UNREADABLE}
        with self._lines(member, self.tree.oddities) as read:
            shape = posts_shape(section, f"/{escaped(place.shown)}")
            rows = _gathered(posts_of.records(read, schema), shape)
        self.tree.read_posts(schema, len(rows.kept))
        return {"VideoList": rows}


def _gathered(records: Iterator[dict[str, Any]], shape: Shape) -> Rows:
    gathered = Gatherer(shape)
    for record in records:
        gathered.add(record)
    return gathered.rows


def _says_nothing(read: Iterator[str]) -> bool:
    """Whether a file holds nothing but the sentence that says so, and headings."""
    return all(is_blank(line) or is_rule(line) or names_of.says_empty(line) or re.search(r"[:\uff1a]\s*$", line) for line in read)
