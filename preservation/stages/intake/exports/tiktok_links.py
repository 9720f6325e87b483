"""What a TikTok link tells without being followed: kind of medium, expiry, time of export, platform id.

Links are signed and die within days; how many is read from each link and never assumed.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from preservation.model.export import MediaKind
from preservation.stages.intake.exports.values import number, unix

_EXPIRY_KEYS = ("x-tos-expires", "x-expires", "expires", "expire")
_IMAGE_SUFFIX = re.compile(r"\.(jpe?g|png|webp|heic|heif|avif|gif|image)$", re.IGNORECASE)
_VIDEO_SUFFIX = re.compile(r"\.(mp4|mov|webm|m4v)$", re.IGNORECASE)
_AUDIO_SUFFIX = re.compile(r"\.(mp3|m4a|aac|wav)$", re.IGNORECASE)
_PAGE = re.compile(r"/(video|photo|v)/(\d{15,20})(?:/|$|\.)")


def split_links(value: object) -> tuple[str, ...]:
    """The links of one `Link` string: a photo set writes one per line. Lists are taken as they are."""
    if isinstance(value, list):
        return tuple(link for item in value for link in split_links(item))
    if not isinstance(value, str):
        return ()
    return tuple(part for part in value.split() if part.casefold() != "n/a")


def is_web_link(link: str) -> bool:
    """Whether it is an address at all, and not a path within the archive."""
    return link.casefold().startswith(("http://", "https://"))


def kind_of_link(link: str) -> MediaKind:
    """Kind by stated type, then path, then host; never by how many links there are."""
    parts = _parts(_target(link))
    if parts is None:
        return MediaKind.unknown
    stated = _query(parts.query).get("mime_type", "").partition("_")[0].partition("/")[0]
    if stated in ("video", "image", "audio"):
        return MediaKind(stated)
    return _kind_of_path(parts.path) or _kind_of_host(_host(parts))


def _kind_of_path(path: str) -> MediaKind | None:
    path = unquote(path)
    for pattern, kind in ((_IMAGE_SUFFIX, MediaKind.image), (_VIDEO_SUFFIX, MediaKind.video), (_AUDIO_SUFFIX, MediaKind.audio)):
        if pattern.search(path):
            return kind
    if "photomode" in path or "~tplv-" in path or "/photo/" in path or re.search(r"/tos-[^/]*-(i|p|avt)-", path):
        return MediaKind.image
    if "/video/" in path or re.search(r"/tos-[^/]*-(v|ve|pve|vts)-", path):
        return MediaKind.video
    return None


def _kind_of_host(host: str) -> MediaKind:
    first = host.partition(".")[0]
    if re.match(r"p\d+(-|$)", first):
        return MediaKind.image
    return MediaKind.video if re.match(r"(v\d+|video)([a-z]*-|[a-z]*$)", first) else MediaKind.unknown


def needs_login(link: str) -> bool:
    """Whether the link leads to the platform's login page first."""
    parts = _parts(link)
    return parts is not None and _host(parts).endswith("tiktok.com") and parts.path.startswith("/login")


def expiry(link: str) -> datetime | None:
    """When the link dies: a query parameter, or the hexadecimal part of the path after a 32-digit signature."""
    parts = _parts(_target(link))
    if parts is None:
        return None
    query = {key.casefold(): value for key, value in _query(parts.query).items()}
    for key in _EXPIRY_KEYS:
        seconds = number(query.get(key))
        if seconds is not None:
            return unix(seconds if seconds < 10**11 else seconds // 1000)
    found = re.search(r"/[0-9a-fA-F]{32}/([0-9a-fA-F]{8})/", parts.path)
    return unix(int(found.group(1), 16)) if found else None


def export_time(links: Iterable[str]) -> datetime | None:
    """The time of export, which begins the log id `l` of each link (`l=20241213072020…`); the latest if they differ."""
    return max((time for link in links if (time := _log_time(link))), default=None)


def _log_time(link: str) -> datetime | None:
    parts = _parts(_target(link))
    log_id = _query(parts.query).get("l", "") if parts else ""
    try:
        time = datetime.strptime(log_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if log_id[:14].isdigit() else None
    except ValueError:
        return None
    return time if time and 2014 <= time.year < 2100 else None


def platform_id(link: str) -> str | None:
    """The post's own id, where the link is its page on the platform (2020 to 2022)."""
    parts = _parts(link)
    found = _PAGE.search(parts.path) if parts and re.search(r"(^|\.)tiktokv?\.com$", _host(parts)) else None
    return found.group(2) if found else None


def time_of_id(identifier: str) -> datetime | None:
    """When a post was uploaded: the upper 32 bits of its id are Unix seconds."""
    return unix(int(identifier) >> 32) if identifier.isascii() and identifier.isdigit() and len(identifier) < 21 else None


def without_signature(link: str) -> str:
    """Scheme, host and path: enough for provenance, and no longer a key or (`policy`) a user id, with or without its `?`."""
    parts = _parts(_target(link))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.partition("&")[0], "", "")) if parts else ""


def _target(link: str) -> str:
    """Where a login page would lead; the link itself if it is none."""
    if not needs_login(link):
        return link
    parts = _parts(link)
    return _query(parts.query).get("redirect_url", link) if parts else link


@lru_cache(maxsize=8)
def _query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query))


@lru_cache(maxsize=8)  # each link is asked several things in a row
def _parts(link: str) -> SplitResult | None:
    """The link taken apart; None if it cannot be (a bracketed host that is none, for instance)."""
    try:
        parts = urlsplit(link)
        parts.hostname  # noqa: B018  (parsed here so that it cannot fail later)
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    return parts.hostname or ""
