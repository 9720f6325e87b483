"""Everything in a text export but posts: counted, and kept only where it may be taken (profile, privacy settings, own lives,
hashtags). Other people's names and words pass through here line by line and are never kept.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.tiktok_accounting import WITHHELD
from preservation.stages.intake.exports.tiktok_txt_lines import (
    Ahead,
    Labelled,
    folded,
    is_blank,
    is_rule,
    is_stamp,
    labelled,
    without_arrows,
)
from preservation.stages.intake.exports.tiktok_txt_names import is_nothing, says_empty
from preservation.stages.intake.rows import Rows

FREE_TEXT = {Section.own_comments, Section.own_reviews, Section.assistant_chats, Section.direct_messages, Section.group_chats}
_MESSAGE = re.compile(r"\s*\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?: ?(?:UTC|Z))?,?\s+[^:\uff1a]{1,100}[:\uff1a]", re.IGNORECASE)
_THREAD = re.compile(r"\s*>{2,}.*[:\uff1a]{2}\s*$")
_HANDLE = re.compile(r"@?[\w.]{1,40}")
_MOST_LABELS = 1000
_LONGEST_BIO = 10_000

PROFILE = {
    "username": "userName",
    "gebruikersnaam": "userName",
    "benutzername": "userName",
    "nombredeusuario": "userName",
    "nomeutente": "userName",
    "nomdutilisateur": "userName",
    "nomedeusuario": "userName",
    "displayname": "displayName",
    "biografie": "bioDescription",
    "biografia": "bioDescription",
    "emailadres": "emailAddress",
    "indirizzoemail": "emailAddress",
    "correoelectronico": "emailAddress",
    "telefoonnummer": "telephoneNumber",
    "telefonnummer": "telephoneNumber",
    "numeroditelefono": "telephoneNumber",
    "numerodetelefono": "telephoneNumber",
    "geboortedatum": "birthDate",
    "geburtsdatum": "birthDate",
    "datadinascita": "birthDate",
    "fechadenacimiento": "birthDate",
    "profielfoto": "profilePhoto",
    "profilbild": "profilePhoto",
    "fotodelprofilo": "profilePhoto",
    "fotodeperfil": "profilePhoto",
    "nickname": "displayName",
    "bio": "bioDescription",
    "biodescription": "bioDescription",
    "profilephoto": "profilePhoto",
    "profilepicture": "profilePhoto",
    "profilevideo": "profileVideo",
    "email": "emailAddress",
    "emailaddress": "emailAddress",
    "phone": "telephoneNumber",
    "phonenumber": "telephoneNumber",
    "telephonenumber": "telephoneNumber",
    "dateofbirth": "birthDate",
    "birthdate": "birthDate",
    "birthday": "birthDate",
    "likesreceived": "likesReceived",
    "followercount": "followerCount",
    "followers": "followerCount",
    "followingcount": "followingCount",
    "following": "followingCount",
    "platforminfo": "PlatformInfo",
    "inferredgender": "inferredGender",
    "accountregion": "accountRegion",
    "instagramlink": "instagramLink",
    "youtubelink": "youtubeLink",
    "lemon8link": "lemon8Link",
    "aiself": "aiSelf",
    "fundraiser": "fundraiser",
}
LIVE = {
    "livestarttime": "LiveStartTime",
    "starttime": "LiveStartTime",
    "liveendtime": "LiveEndTime",
    "endtime": "LiveEndTime",
    "liveduration": "LiveDuration",
    "duration": "LiveDuration",
    "roomid": "RoomId",
    "roomtitle": "RoomTitle",
    "coveruri": "CoverUri",
    "coverurl": "CoverUri",
    "replayurl": "ReplayUrl",
    "replaylink": "ReplayUrl",
    "totalearning": "TotalEarning",
    "totalearnings": "TotalEarning",
    "totallike": "TotalLike",
    "totallikes": "TotalLike",
    "totalview": "TotalView",
    "totalviews": "TotalView",
    "totalgifter": "TotalGifter",
    "totalgifters": "TotalGifter",
    "qualitysetting": "QualitySetting",
    "mutedlist": "MutedList",
}
HASHTAG = {"hashtagname": "HashtagName", "hashtaglink": "HashtagLink"}


def count_messages(lines: Iterable[str]) -> int:
    """How many messages a file of conversations holds; who wrote them is not looked at."""
    return sum(_MESSAGE.match(line) is not None for line in lines)


def is_conversation(lines: Iterable[str]) -> bool:
    """Whether a file begins as conversations do; further down, such a line may stand in anything somebody wrote."""
    first = next((line for line in lines if not is_blank(line)), "")
    return bool(_THREAD.fullmatch(first) or _MESSAGE.match(first))


def is_profile(lines: Iterable[str]) -> bool:
    """Whether a file's first lines are those of a profile."""
    keys = {PROFILE.get(found.key) for line in lines if (found := labelled(line))}
    return "userName" in keys and len(keys - {None}) >= 2


def count_records(lines: Iterable[str], section: Section) -> int:
    """How many records a file holds, whatever they are: a record begins where the first label of the file comes again."""
    counting = _Counting(Ahead(map(without_arrows, lines)), strict=section in FREE_TEXT)
    return counting.total()


def gifts(lines: Iterable[str]) -> dict[str, Rows]:
    """The two parts of `Purchases.txt`, gifts sent and coins bought, as the JSON has them."""
    counts = {"SendGifts": 0, "BuyGifts": 0}
    part, ahead = "BuyGifts", Ahead(map(without_arrows, lines))
    while ahead.peek() is not None:
        part = _gift_part(ahead.peek()) or part
        counting = _Counting(ahead, strict=False)
        counts[part] += counting.total(until=_gift_part)
    return {name: Rows(n) for name, n in counts.items()}


def _gift_part(line: str | None) -> str:
    found = labelled(line)
    if not found or not is_blank(found.value):
        return ""
    return "SendGifts" if found.key.startswith("sendgift") else "BuyGifts" if found.key.startswith("buygift") else ""


class _Counting:
    """Counts records by their first label, which may change where a heading opens another part of a file."""

    def __init__(self, ahead: Ahead, *, strict: bool) -> None:
        self._ahead, self._strict = ahead, strict
        self._heads: dict[str, str] = {}  # label a record begins with, and the label after it
        self._inner = set[str]()
        self._stamped, self._blank = False, True
        self._records = self._texts = 0
        self._text = ""

    def total(self, until: Any = None) -> int:
        """Read to the end, or to the next line at which `until` says something; the first line is not asked."""
        first = True
        while (line := self._ahead.peek()) is not None and (first or until is None or not until(line)):
            first = False
            self._ahead.take()
            self._line(line)
        return self._records or self._unlabelled()

    def _line(self, line: str) -> None:
        if is_blank(line) or is_rule(line):
            self._blank = True
            return
        found = labelled(line)
        if found is None or not found.spaced:
            said = not says_empty(line)
            self._text, self._texts = self._text or line, self._texts + said
        elif self._blank and not found.value and self._is_heading(found):
            self._heads.clear()
        else:
            self._label(found)
        self._blank = False

    def _is_heading(self, found: Labelled) -> bool:
        new = found.key not in self._heads and found.key not in self._inner
        following = self._ahead.peek()
        return new and is_blank(found.value) and (is_blank(following) or says_empty(following or "") or self._opens(following))

    def _opens(self, following: str | None) -> bool:
        """A label without a value, and then a date: a heading, for records begin with the date."""
        found = labelled(following)
        return bool(found and is_stamp(found.value))

    def _label(self, found: Labelled) -> None:
        if not self._heads:
            self._stamped = is_stamp(found.value)
            self._begin(found)
        elif found.key in self._heads and (not self._stamped or is_stamp(found.value)) and self._record_follows(found):
            self._records += 1
        elif self._blank and not self._stamped and not self._strict and found.key not in self._inner:
            self._begin(found)
        elif len(self._inner) < _MOST_LABELS:
            self._inner.add(found.key)

    def _begin(self, found: Labelled) -> None:
        if len(self._heads) < _MOST_LABELS:
            following = self._next_key()
            self._heads[found.key] = "" if following == found.key else following
        self._records += 1

    def _record_follows(self, found: Labelled) -> bool:
        second = self._heads[found.key]
        return (self._blank and not self._strict) or not second or self._next_key() == second

    def _next_key(self) -> str:
        following = labelled(self._ahead.peek())
        return following.key if following and following.spaced else ""

    def _unlabelled(self) -> int:
        """Lines without labels: one each, unless all there is is a sentence, which says that there is nothing."""
        sentence = self._texts == 1 and len(self._text.split()) >= 3 and not re.search(r"[\d/@]", self._text)
        return 0 if sentence else self._texts


def profile(lines: Iterable[str]) -> dict[str, str]:
    """The fields of a profile under the JSON's keys. Only what a creator says of themselves may go on for lines."""
    fields, last, size = dict[str, str](), "", 0
    for line in lines:
        found = labelled(line)
        key = PROFILE.get(found.key) if found else None
        if found and key and key not in fields:
            fields[key], last = _profile_value(key, found.value), key
        elif found and found.spaced:
            fields[WITHHELD], last = "text", ""
        elif last == "bioDescription" and size < _LONGEST_BIO:
            size += len(line)
            fields[last] = f"{fields[last]}\n{line}"
    said = {key: value.rstrip("\n") for key, value in fields.items()}
    return {key: value for key, value in said.items() if key != "userName" or _HANDLE.fullmatch(value.strip())}


def _profile_value(key: str, value: str) -> str:
    return value if key == "bioDescription" else "" if is_nothing(value) else value.strip()


def settings(lines: Iterable[str]) -> dict[str, Any]:
    """Settings that are evidence of who may see what, as written; all others by their number alone."""
    kept, others, family = dict[str, Any](), 0, 0
    for line in lines:
        found = labelled(without_arrows(line))
        if found is None:
            continue
        if found.key.startswith(("familypairing", "linkedaccount")):
            family += not is_nothing(found.value)
        elif table.section_of_setting(found.key) is Section.settings_privacy and found.key not in map(folded, kept):
            kept[found.label] = found.value.strip()
        else:
            others += not is_nothing(found.value)
    more = {"Other settings": Rows(others, listed=False)} if others else {}
    return kept | ({"FamilyPairing": Rows(family, listed=False)} if family else {}) | more


def listed(lines: Iterable[str], names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Records of one line per label, under the JSON's keys; labels we do not know are told and not kept."""
    record, last, blank, head = dict[str, Any](), "", True, ""
    for line in map(without_arrows, lines):
        found = labelled(line)
        key = names.get(found.key, WITHHELD if found.spaced else "") if found else ""
        if found and key and (key == head or (blank and key in record)) and record:
            yield record
            record = {}
        if found and key:
            head, last = head or key, key
            _set(record, key, found.value)
        elif last == "MutedList" and not is_blank(line):
            _set(record, last, line)
        blank = is_blank(line) or is_rule(line)
    if record:
        yield record


def _set(record: dict[str, Any], key: str, value: str) -> None:
    """One value; of muted people only how many."""
    if key == "MutedList":
        before = record[key].count if key in record else 0
        record[key] = Rows(before + (0 if is_nothing(value) else sum(bool(part.strip()) for part in value.split(","))))
    elif key == WITHHELD:
        record[key] = "text"
    elif key not in record:
        record[key] = "" if is_nothing(value) else value.strip()
