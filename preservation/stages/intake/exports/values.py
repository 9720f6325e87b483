"""Values as TikTok writes them: keys in several casings, dates, numbers, the many ways to say nothing."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

AGAIN = "\x1f"  # second and later values of one key are kept under `key` + AGAIN + ordinal; no key of a platform holds it
BOOKKEEPING = {"app", "isfastlane"}  # siblings of lists that say nothing of anybody
NOTHING = {"", "n/a"}
EARLIEST, LATEST = datetime(2014, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
SHORT = 64  # characters
_MARKS = re.compile(r"[^a-z0-9]")
_STAMP = re.compile(r"^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?\s*(UTC|GMT|Z|[+-]\d\d:?\d\d)?$", re.IGNORECASE)


def plain(key: str) -> str:
    """What the spellings of one key over the years have in common: letters and digits, lower case.

    `Income+ Wallet`, `AI-Moji` and `originalPostUrl` become `incomewallet`, `aimoji` and `originalposturl`.
    """
    return _short(key) if len(key) <= SHORT else _plain(key)


def _plain(key: str) -> str:
    return _MARKS.sub("", key.partition(AGAIN)[0].casefold())


_short = lru_cache(maxsize=1024)(_plain)  # the same few hundred keys are asked for millions of times


def shown(key: str) -> str:
    """A key as displayed; the second value of a repeated key is `Key [2]`."""
    name, _, again = key.partition(AGAIN)
    return f"{name} [{again}]" if again else name


def get(record: Any, *names: str) -> Any:
    """The first value under any of `names` (plain spelling) that says something; None if there is none."""
    if not isinstance(record, dict):
        return None
    for name in names:
        for key, value in record.items():
            if plain(key) == name and not says_nothing(value):
                return value
    return None


def by_plain(record: dict[str, Any]) -> dict[str, Any]:
    """Values by the plain spelling of their keys; of several spellings of one key the first that says something."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        name = plain(key)
        if name not in found or (says_nothing(found[name]) and not says_nothing(value)):
            found[name] = value
    return found


def has(record: Any, *names: str) -> bool:
    """Whether a record has one of these keys at all, even empty."""
    return isinstance(record, dict) and any(plain(key) in names for key in record)


def says_nothing(value: Any) -> bool:
    """Whether a value is one of the platform's empties: null, [], {}, "" or "N/A"."""
    if isinstance(value, str):
        return value.strip().casefold() in NOTHING
    return value is None or not (value or isinstance(value, bool | int | float))


def text(value: Any) -> str | None:
    """A string that says something, as written; None otherwise."""
    return value if isinstance(value, str) and not says_nothing(value) else None


def number(value: Any) -> int | None:
    """A count, written as a number or as digits (`"1,204"` too)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value)
    digits = value.strip().replace(",", "") if isinstance(value, str) else ""
    return int(digits) if re.fullmatch(r"-?[0-9]{1,18}", digits) else None


def moment(value: Any) -> datetime | None:
    """A point in time, UTC unless an offset is written; Unix seconds or milliseconds too; None if it is no date."""
    seconds = number(value)
    if seconds is not None:
        return unix(seconds if seconds < 10**11 else seconds // 1000)
    found = _STAMP.match(value.strip()) if isinstance(value, str) else None
    if not found:
        return None
    try:
        written = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]
        return written - _offset(found.group(7))
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta(0)
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return size if zone[0] == "+" else -size


def unix(seconds: int) -> datetime | None:
    """Unix seconds as a time between 2014 and 2100; None for anything that cannot be one."""
    if not EARLIEST.timestamp() <= seconds < LATEST.timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)


def stamp(time: datetime) -> str:
    """ISO 8601, UTC, to the second: `2024-12-13T07:20:20Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
