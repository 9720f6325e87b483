"""Finding the member a post refers to, although names come in several encodings, cases and folders."""

from collections.abc import Sequence

from preservation.stages.intake.archive import Entry
from preservation.stages.intake.zip_members import lookup_key


class Members:
    """The readable entries of one source, to be found by name. An index by last step of the name is made when first asked."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._by_last: dict[str, list[Entry]] | None = None

    def find(self, reference: str) -> Entry | None:
        """The one entry whose name ends in `reference`: as written, else but for encoding and case.

        None if there is none, or if several different ones fit equally well; a wrapper folder around the archive does no harm.
        """
        wanted = reference.replace("\\", "/").removeprefix("./").lstrip("/")
        near = self._index().get(_last(wanted), [])
        exact = [entry for entry in near if _ends_in(entry.name.replace("\\", "/"), wanted)]
        folded = exact or [entry for entry in near if _ends_in(lookup_key(entry.name), lookup_key(wanted))]
        least = min((len(entry.path) for entry in folded), default=0)
        shortest = [entry for entry in folded if len(entry.path) == least]
        return shortest[0] if len({entry.sha256 for entry in shortest}) == 1 else None

    def _index(self) -> dict[str, list[Entry]]:
        if self._by_last is None:
            self._by_last = {}
            for entry in self._entries:
                if not entry.problem and not entry.ignored and not entry.nested:
                    self._by_last.setdefault(_last(entry.name), []).append(entry)
        return self._by_last


def _last(name: str) -> str:
    return lookup_key(name).rpartition("/")[2]


def _ends_in(name: str, wanted: str) -> bool:
    return bool(wanted) and (name == wanted or name.endswith(f"/{wanted}"))
