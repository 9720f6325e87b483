"""The export's data file in the platform's layout of 2025 (top-level `Post`, `Your Activity`): the creator's own posts.

Key names, order, casing and the ways of saying "nothing" follow exports of that time; the words are invented.
"""

import hashlib
import json
import random
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from preservation.sample.others import other_sections
from preservation.sample.story import OWN_SOUND, STORY, Told

EXPORTED_AT = datetime(2025, 6, 2, 9, 14, 7, tzinfo=UTC)
EXPIRES = int(EXPORTED_AT.timestamp()) + 10 * 86_400  # ten days is what the one genuine sample known gives
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


def data_file() -> bytes:
    """The whole of `user_data_tiktok.json`: UTF-8, the same bytes each time."""
    document = {
        "Post": {"Posts": {"VideoList": _posts()}, "Recently Deleted Posts": {"PostList": [_deleted()]}},
        **other_sections(),
    }
    return json.dumps(dict(sorted(document.items())), ensure_ascii=False, indent=2).encode()


def _posts() -> list[dict[str, Any]]:
    """Newest first, as the platform lists them; of twins, the later in the story first."""
    return [_post(told, number) for number, told in reversed(list(enumerate(STORY)))]


def _post(told: Told, number: int) -> dict[str, Any]:
    dice = _dice(f"{told.at}/{number}")
    links = [_picture_link(dice) for _ in range(told.pictures)]
    return {
        "Date": told.at,
        "Link": "".join(f"{link}\n" for link in links) or _video_link(dice),
        "Likes": str(told.likes),
        "WhoCanView": told.who,
        "AllowComments": "Yes",
        "AllowStitches": "Yes" if told.pictures == 0 else "No",
        "AllowDuets": "Yes" if told.pictures == 0 else "No",
        "AllowStickers": "Yes",
        "AllowSharingToStory": "Yes",
        "ContentDisclosure": "",
        "AIGeneratedContent": "",
        "Sound": told.sound,
        "Location": told.place,
        "Title": told.title,
        "AddYoursText": "N/A",
    }


def _deleted() -> dict[str, Any]:
    dice = _dice("deleted")
    path = f"{_hex(dice, 32)}/{EXPIRES:x}/tos-useast2a-pv-0037-euttp/{_word(dice, 32)}"
    inner = f"http://webapp-i18n.tiktok.com/{path}?policy={_word(dice, 40)}"
    return {
        "Date": "2025-05-18 22:14:09",
        "DateDeleted": "2025-05-19 06:01:50",
        "Link": f"https://www.tiktok.com/login/?redirect_url={quote(inner, safe='')}",
        "Likes": "3",
        "ContentDisclosure": "",
        "AIGeneratedContent": "",
        "Sound": OWN_SOUND,
        "Location": "",
        "Title": "uploaded the wrong take, this is my thumb",
        "AddYoursText": "N/A",
    }


def _video_link(dice: random.Random) -> str:
    return (
        f"https://video-i18n.tiktokv.com/storage/v1/tos-useast2a-v-0068-euttp/{_word(dice, 96)}?a=1233&ch=0&cr=0&dr=0"
        f"&cd=0%7C0%7C0%7C0&cv=1&br={dice.randrange(900, 9000)}&ds=4&mime_type=video_mp4&qs=13"
        f"&l={EXPORTED_AT:%Y%m%d%H%M%S}{_hex(dice, 18).upper()}&btag=e00078000&x-tos-algorithm=v2"
        f"&x-tos-authkey={_hex(dice, 32)}&x-tos-expires={EXPIRES}&x-tos-signature={_word(dice, 27)}"
    )


def _picture_link(dice: random.Random) -> str:
    return (
        f"https://p16-common-sign.tiktokcdn-us.com/tos-useast5-i-photomode-tx/{_hex(dice, 32)}~tplv-photomode-image.jpeg"
        f"?dr=9616&refresh_token={_hex(dice, 8)}&x-expires={EXPIRES}&x-signature={_word(dice, 27)}%3D&idc=useast5"
    )


def _dice(seed: str) -> random.Random:
    """Dice that fall the same each time, independent of everything else that is thrown."""
    return random.Random(hashlib.sha256(seed.encode()).digest())


def _hex(dice: random.Random, length: int) -> str:
    return "".join(dice.choice("0123456789abcdef") for _ in range(length))


def _word(dice: random.Random, length: int) -> str:
    return "".join(dice.choice(ALPHABET) for _ in range(length))
