"""Finding the member a post refers to, although names come in several encodings, cases and folders."""

from collections.abc import Sequence

from preservation.stages.intake.archive import Entry
from preservation.stages.intake.zip_members import lookup_key


def find_member(entries: Sequence[Entry], reference: str) -> Entry | None:
    """The one readable entry whose name ends in `reference`: as written, else but for encoding and case.

    None if there is none, or if several different ones fit equally well; a wrapper folder around the archive does no harm.
    """
    wanted = reference.replace("\\", "/").removeprefix("./").lstrip("/")
    readable = [entry for entry in entries if not entry.problem and not entry.ignored and not entry.nested]
    exact = [entry for entry in readable if _ends_in(entry.name.replace("\\", "/"), wanted)]
    folded = exact or [entry for entry in readable if _ends_in(lookup_key(entry.name), lookup_key(wanted))]
    shortest = [entry for entry in folded if len(entry.path) == min(len(each.path) for each in folded)]
    return shortest[0] if len({entry.sha256 for entry in shortest}) == 1 else None


def _ends_in(name: str, wanted: str) -> bool:
    return bool(wanted) and (name == wanted or name.endswith(f"/{wanted}"))
