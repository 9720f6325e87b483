"""Finding the member a post refers to, although names come in several encodings, cases and folders."""

from collections.abc import Sequence

from preservation.stages.intake.archive import Entry
from preservation.stages.intake.zip_members import lookup_key

DEEPEST = 8  # steps of a name by which entries are indexed; what is left to be compared has so many in common


class Members:
    """The readable entries of one source, to be found by name.

    An index is made when first asked, one for each number of steps a reference has, so that thousands of files of one name in
    folders of their own are found as quickly as others. What was found for a reference is known the next time.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._by_end: dict[int, dict[str, list[Entry]]] = {}
        self._known: dict[str, Entry | None] = {}

    def find(self, reference: str) -> Entry | None:
        """The one entry whose name ends in `reference`: as written, else but for encoding and case.

        None if there is none, or if several different ones fit equally well; a wrapper folder around the archive does no harm.
        """
        wanted = reference.replace("\\", "/").removeprefix("./").lstrip("/")
        if wanted not in self._known:
            self._known[wanted] = self._find(wanted)
        return self._known[wanted]

    def _find(self, wanted: str) -> Entry | None:
        steps = min(wanted.count("/") + 1, DEEPEST)
        near = self._index(steps).get(_end(lookup_key(wanted), steps), [])
        exact = [entry for entry in near if _ends_in(entry.name.replace("\\", "/"), wanted)]
        folded = exact or [entry for entry in near if _ends_in(lookup_key(entry.name), lookup_key(wanted))]
        least = min((len(entry.path) for entry in folded), default=0)
        shortest = [entry for entry in folded if len(entry.path) == least]
        return shortest[0] if len({entry.sha256 for entry in shortest}) == 1 else None

    def _index(self, steps: int) -> dict[str, list[Entry]]:
        if steps not in self._by_end:
            index = self._by_end[steps] = {}
            for entry in self._entries:
                if not entry.problem and not entry.ignored and not entry.nested:
                    index.setdefault(_end(lookup_key(entry.name), steps), []).append(entry)
        return self._by_end[steps]


def _end(name: str, steps: int) -> str:
    """The last steps of a name."""
    return "/".join(name.rsplit("/", steps)[-steps:])


def _ends_in(name: str, wanted: str) -> bool:
    return bool(wanted) and (name == wanted or name.endswith(f"/{wanted}"))
