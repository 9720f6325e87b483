"""What a file of a text export is by what it says, where its name does not tell: renamed, loose, or in another language."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from preservation.stages.intake.exports import tiktok_links as links
from preservation.stages.intake.exports.tiktok_txt_lines import encoding_of, folded, is_blank, is_stamp, labelled
from preservation.stages.intake.exports.tiktok_txt_names import Place, says_empty, speaks_of_deleted, speaks_of_stories
from preservation.stages.intake.exports.tiktok_txt_posts import Schema, look_over
from preservation.stages.intake.exports.tiktok_txt_records import is_conversation, is_profile

FIRST_LINES = 400
FEW_LINES = 5
_EMPTY_IN_ENGLISH = re.compile("nodata|donthaveanydata")
_MEDIA = re.compile(
    r"https?://(?:[\w.-]*[.-])?(?:tiktokcdn[\w-]*|tiktokv|ibyteimg|ibytedtos|byteoversea|muscdn)\.[a-z]+/(?!share/)",
    re.IGNORECASE,
)
_RECORD = re.compile(
    r"^\s*[^\W\d_][^:\uff1a\n]{0,60}[:\uff1a]{1,2}\s*\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^\n]*\n"
    r"[^:\uff1a\n]{1,60}[:\uff1a]{1,2}\s*https?://[^\s/]*tiktok",
    re.MULTILINE,
)
_OF_A_WHOLE_POST = 5  # further labels a post of 2024 and later has at least


def has_records(head: bytes) -> bool:
    """Whether a file begins with records of a date and a link to the platform, in whatever language."""
    encoding, mark = encoding_of(head)
    text = head[mark:].decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return _RECORD.search(text) is not None


def is_media_link(link: str) -> bool:
    """Whether a link leads to a picture or video itself, as those of one's own posts do; others' works are linked as pages."""
    return _MEDIA.match(link) is not None


def second_of(path: str, place: Place, lines: Iterable[str]) -> str:
    """The JSON's second-level key for a file by its first lines; that of its name where they say nothing else, or ""."""
    first = list(islice(iter(lines), FIRST_LINES))
    if place.second in ("", "Posts") and is_conversation(first):
        return "Direct Messages"
    if place.second not in ("", "Posts"):
        return place.second
    schema = look_over(first)
    if place.second == "Posts":
        return "Recently Deleted Posts" if schema and schema.deleted else "Posts"
    if schema is None:
        return "Profile Info" if is_profile(first) else ""
    return _posts_of(path, place, schema)


def _posts_of(path: str, place: Place, schema: Schema) -> str:
    """Records of date and link under a name we do not know: posts, if the links are such as only one's own posts have."""
    if speaks_of_stories(path):
        return "Story"
    if _deleted(path, schema):
        return "Recently Deleted Posts"
    own = is_media_link(schema.links[0]) and (place.top in ("", "Post") or len(labels(schema)) >= _OF_A_WHOLE_POST)
    return "Posts" if own or place.top == "Post" else ""


def _deleted(path: str, schema: Schema) -> bool:
    silent = "ContentDisclosure" in schema.order and "WhoCanView" not in schema.order
    return schema.deleted or silent or links.needs_login(schema.links[0]) or speaks_of_deleted(path)


def in_another_language(lines: Iterable[str]) -> bool:
    """Whether a file begins with the sentence for no data, or with a label for a date, in words that are not English."""
    for line in islice((line for line in lines if not is_blank(line)), FEW_LINES):
        found = labelled(line)
        dated = found is not None and is_stamp(found.value) and not re.search("date|time|created|modified", found.key)
        if dated or (says_empty(line) and not _EMPTY_IN_ENGLISH.search(folded(line))):
            return True
    return False


def labels(schema: Schema) -> Sequence[str]:
    """What the records of a file have besides date and link, known or not."""
    return [key for key in schema.order if key not in ("Date", "Link", "VideoLink")] + list(schema.not_known)
