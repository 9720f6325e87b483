"""What the report of a text export says otherwise than that of the JSON: format and generation, files as names of parts, and
what was not understood.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from preservation.model.export import ExportReport, Note
from preservation.model.sections import Section
from preservation.stages.intake.exports.tiktok_accounting import WITHHELD
from preservation.stages.intake.exports.tiktok_txt_lines import MESSAGES, Oddities, folded
from preservation.stages.intake.exports.tiktok_txt_names import Place
from preservation.stages.intake.exports.tiktok_txt_posts import Schema

_LISTS = re.compile(r"^\.(?:VideoList|GoLiveList|HashtagList|ProfileMap|SettingsMap)\b")
_UNKNOWN_PART = re.compile(r"^part (.*) is not known")
_SINCE_2025 = {"profileandsettings", "youractivity", "likesandfavorites", "likesandfavourites", "jeactiviteit",
               "likesenfavorieten", "profieleninstellingen"}  # fmt: skip
_SINCE_2024 = {"adsanddata", "appsettings", "tiktoklive", "tiktokshopping", "tiktokshop", "incomewallettransactions"}
_SINCE_2026 = {"AlternateText", "CoverImage", "NumberOfCollections"}


@dataclass(slots=True)
class Tree:
    """What was seen while the files were read."""

    parts: dict[str, str] = field(default_factory=dict)  # the name of a part in the report, and its file as it may be shown
    folders: set[str] = field(default_factory=set)
    stems: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    handles: set[str] = field(default_factory=set)  # of the accounts the files are of; never shown
    utc: bool = False
    foreign: bool = False
    rich: bool = False  # posts have as many labels as since 2024, in whatever language
    half_read: int = 0  # posts of which only date and link were understood
    oddities: Oddities = field(default_factory=Oddities)

    def note(self, place: Place, stem: str) -> None:
        """A file and where it belongs."""
        self.folders |= {folded(part) for part in place.shown.split("/")[:-1]}
        self.stems.add(stem)
        self.foreign = self.foreign or place.foreign

    def read_posts(self, schema: Schema, n: int) -> None:
        """A file of posts."""
        self.labels |= set(schema.order)
        self.utc, self.rich = self.utc or schema.utc, self.rich or len(schema.not_known) >= 3
        if schema.partly_understood:
            self.foreign, self.half_read = True, self.half_read + n


def finished(report: ExportReport, tree: Tree) -> ExportReport:
    """The report in the words of a text export."""
    renamed = _renamed([section.name for section in report.sections], tree.parts)
    return report.model_copy(
        update={
            "format": "txt",
            "generation": generation(report, tree),
            "sections": tuple(section.model_copy(update={"name": renamed[section.name]}) for section in report.sections),
            "third_party_sections": tuple(
                part.model_copy(update={"name": _file_of(part.name, tree.parts)}) for part in report.third_party_sections
            ),
            "warnings": (*_odd(tree), *_warnings(report, tree, renamed)),
            "errors": (*_strangers(tree), *report.errors),
        }
    )


def generation(report: ExportReport, tree: Tree) -> str:
    """`txt-2020` to `txt-2026`, by folders, labels and, where two years have one layout, the newest date there is."""
    dates = [post.created_at_utc for post in report.posts if post.created_at_utc]
    newest = max([*dates, *filter(None, [report.exported_at_utc])], default=None)
    year = newest.year if newest else 0
    if tree.folders & _SINCE_2025 or tree.utc or tree.labels & _SINCE_2026:
        return "txt-2026" if tree.labels & _SINCE_2026 or year >= 2026 else "txt-2025"
    if tree.rich:
        return f"txt-{min(max(year, 2024), 2026)}"
    if tree.folders & _SINCE_2024 or tree.labels & {"WhoCanView", "ContentDisclosure"}:
        return "txt-2024"
    if tree.stems & {"videobrowsing", "sharing"}:
        return "txt-2021"
    if "VideoLink" in tree.labels or "videos" in tree.folders:
        return "txt-2020"
    return "txt-2023" if tree.labels else "unknown"


def _renamed(names: Iterable[str], parts: dict[str, str]) -> dict[str, str]:
    """New names by old ones, made unique again."""
    seen, new = Counter[str](), dict[str, str]()
    for name in names:
        file = _file_of(name, parts)
        seen[file] += 1
        new[name] = file if seen[file] == 1 else f"{file} ({seen[file]})"
    return new


def _file_of(name: str, parts: dict[str, str]) -> str:
    """A part's name with its file in place of the JSON's keys; fields of records keep theirs."""
    at = max((key for key in parts if name == key or name.startswith((f"{key}.", f"{key}["))), key=len, default="")
    return parts[at] + _LISTS.sub("", name[len(at) :]) if at else WITHHELD


def _odd(tree: Tree) -> list[Note]:
    return [Note(code=code, message=MESSAGES[code].format(n=n)) for code, n in sorted(tree.oddities.seen.items()) if n]


def _strangers(tree: Tree) -> list[Note]:
    """Nothing in a post says whose it is: where files of two accounts lie together, none can be taken."""
    n = len(tree.handles)
    message = f"the files are of {n} accounts, and which is whose cannot be told; hand in one account at a time"
    return [Note(code="txt-several-accounts", message=message)] if n > 1 else []


def _warnings(report: ExportReport, tree: Tree, renamed: dict[str, str]) -> list[Note]:
    """Warnings with files for names; where the language is not ours, one in place of one for every part."""
    if not tree.foreign:
        return [_with_file(note, renamed) for note in report.warnings]
    left = sum(section.section is Section.unknown for section in report.sections)
    return [
        _partly_understood(tree.half_read, left),
        *filter(None, (_in_another_language(note, tree) for note in report.warnings)),
    ]


def _with_file(note: Note, renamed: dict[str, str]) -> Note:
    found = _UNKNOWN_PART.match(note.message) if note.code == "unknown-section" else None
    return note.model_copy(update={"message": note.message.replace(found[1], renamed[found[1]], 1)}) if found else note


def _in_another_language(note: Note, tree: Tree) -> Note | None:
    """A warning of the JSON's as it holds here; None where another says it already."""
    if note.code == "unknown-section" or (tree.half_read and note.code == "no-captions-in-this-generation"):
        return None
    if tree.half_read and note.code == "visibility-unknown-in-this-generation":
        message = f"{tree.half_read} posts have an audience we could not read; none counts as public"
        return Note(code="visibility-not-understood", message=message)
    return note


def _partly_understood(posts: int, parts: int) -> Note:
    message = (
        f"the export is not in English: of {posts} posts only date and link were understood, and {parts} other parts were not "
        "understood and left out; ask the platform for the same data as JSON, which reads the same in every language"
    )
    return Note(code="txt-language-partly-understood", message=message)
