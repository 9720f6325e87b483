"""The rules for the headers of one WARC 1.1 record (ISO 28500:2017, section 5), and the archive's own, stricter ones."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

Headers = Mapping[str, list[str]]  # names in lower case
Broken = tuple[str, str]  # rule, detail

TYPES = frozenset({"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"})
MANDATORY = ("warc-type", "warc-record-id", "warc-date", "content-length")  # 5.2-5.5
NEEDS_URI = TYPES - {"warcinfo", "metadata"}  # 5.14
WITHOUT_PAYLOAD = frozenset({"warcinfo", "metadata"})  # section 4: "shall not have a payload"

# Which type may not carry which field: the subsection of each field in section 5.
_FORBIDDEN: dict[str, frozenset[str]] = {
    "warc-concurrent-to": frozenset({"warcinfo", "conversion", "continuation"}),
    "warc-ip-address": frozenset({"warcinfo", "conversion", "continuation"}),
    "warc-refers-to": frozenset({"warcinfo", "response", "resource", "request", "continuation"}),
    "warc-refers-to-target-uri": TYPES - {"revisit"},
    "warc-refers-to-date": TYPES - {"revisit"},
    "warc-target-uri": frozenset({"warcinfo"}),
    "warc-warcinfo-id": frozenset({"warcinfo"}),
    "warc-filename": TYPES - {"warcinfo"},
    "warc-profile": TYPES - {"revisit"},
    "warc-segment-origin-id": TYPES - {"continuation"},
    "warc-segment-total-length": TYPES - {"continuation"},
    "warc-payload-digest": WITHOUT_PAYLOAD,
    "warc-identified-payload-type": WITHOUT_PAYLOAD,
}
_REPEATABLE = frozenset({"warc-concurrent-to"})
_IDS = ("warc-record-id", "warc-refers-to", "warc-warcinfo-id", "warc-concurrent-to", "warc-segment-origin-id")

_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
TOKEN = re.compile(_TCHARS)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_MEDIA_TYPE = re.compile(rf'{_TCHARS}/{_TCHARS}(?:\s*;\s*{_TCHARS}=(?:{_TCHARS}|"[^"\r\n]*"))*')
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z)?)?)?")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def first(headers: Headers, name: str) -> str | None:
    """The first value of a field, or None."""
    values = headers.get(name)
    return values[0] if values else None


def broken_header_rules(headers: Headers) -> Iterator[Broken]:
    """Every rule of the standard, and of this archive, that the headers of one record break."""
    kind = (first(headers, "warc-type") or "").lower()
    yield from _presence(headers, kind)
    yield from _forms(headers)
    yield from _own_rules(headers, kind)


def _presence(headers: Headers, kind: str) -> Iterator[Broken]:
    for name in MANDATORY:
        if not first(headers, name):
            yield "field-missing", name
    if kind and kind not in TYPES:
        yield "type-unknown", ""
    if kind in NEEDS_URI and not first(headers, "warc-target-uri"):
        yield "field-missing", "warc-target-uri"
    if kind == "revisit" and not first(headers, "warc-profile"):
        yield "field-missing", "warc-profile"
    if first(headers, "content-length") not in (None, "0") and kind != "continuation" and not first(headers, "content-type"):
        yield "field-missing", "content-type"
    for name, kinds in _FORBIDDEN.items():
        if name in headers and kind in kinds:
            yield "field-not-allowed", f"{name} on {kind}"
    for name, values in headers.items():
        if _is_known(name) and len(values) > 1 and name not in _REPEATABLE:
            yield "field-repeated", name
        if _is_known(name) and "" in values:
            yield "field-empty", name


def _is_known(name: str) -> bool:
    return name.startswith("warc-") or name in ("content-type", "content-length")


def _forms(headers: Headers) -> Iterator[Broken]:
    for name in _IDS:
        if any(value and not _is_id(value) for value in headers.get(name, [])):
            yield "field-malformed", name
    for name in ("warc-target-uri", "warc-profile", "warc-refers-to-target-uri"):
        if (value := first(headers, name)) and not _URI.fullmatch(value):
            yield "field-malformed", name
    for name in ("warc-date", "warc-refers-to-date"):
        if (value := first(headers, name)) and not _is_date(value):
            yield "field-malformed", name
    for name in ("content-type", "warc-identified-payload-type"):
        if (value := first(headers, name)) and not _MEDIA_TYPE.fullmatch(value):
            yield "field-malformed", name
    for name in ("content-length", "warc-segment-number"):
        if (value := first(headers, name)) and not re.fullmatch(r"[0-9]+", value):
            yield "field-malformed", name


def _is_id(value: str) -> bool:
    return value[:1] == "<" and value[-1:] == ">" and _URI.fullmatch(value[1:-1]) is not None


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    full = value[:10] + "-01-01"[len(value[:10]) - 4 :] if len(value) < 10 else value[:10]
    clock = value[11:].rstrip("Z").partition(".")[0] if len(value) > 10 else "00:00"
    try:
        datetime.fromisoformat(f"{full}T{clock}")
    except ValueError:
        return False
    return True


def _own_rules(headers: Headers, kind: str) -> Iterator[Broken]:
    """Stricter than the standard: what every file of this archive promises (docs/design.md, "What lies on the shelf")."""
    wanted = ["warc-block-digest"] + (["warc-payload-digest"] if kind in ("resource", "conversion", "response") else [])
    wanted += ["warc-warcinfo-id"] if kind != "warcinfo" else []
    wanted += ["warc-refers-to"] if kind == "metadata" else []
    for name in wanted:
        if not first(headers, name):
            yield "field-missing", name
    for name in ("warc-block-digest", "warc-payload-digest"):
        if (value := first(headers, name)) and not _SHA256.fullmatch(value):
            yield "digest-form", name
    if kind == "warcinfo" and (first(headers, "content-type") or "").partition(";")[0].strip() != "application/warc-fields":
        yield "warcinfo-form", ""
    if kind == "continuation" or "warc-segment-number" in headers:
        yield "segmented", ""  # section 7: only where there is no other way, and here there always is
