"""What a malware scanner is to be asked about: every file as handed in, and every member that may come in."""

from collections.abc import Sequence
from functools import partial

from preservation.model.policy import IntakePolicy
from preservation.stages.intake.archive import Entry, survey
from preservation.stages.intake.malware import Handed, Part
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.sources import Source, read_locator


def handed_in(exports: Sequence[Source], media: Sequence[Source], policy: IntakePolicy, openings: Openings) -> list[Handed]:
    """Every file in the order it was handed in, with its members if it is an archive. Their streams live as long as `openings`.

    Members that intake refuses to open are counted; folders and debris of the system that packed it never come in and are not.
    Raises DepositUnusable for an export that is empty, cut off or damaged.
    """
    sources = [*exports, *media]
    entries: list[list[Entry]] = [[] for _ in sources]
    for entry in survey(sources, policy, companions=len(media)):
        entries[entry.source].append(entry)
    return [
        _handed(number, source, found, openings) for number, (source, found) in enumerate(zip(sources, entries, strict=True), 1)
    ]


def _handed(number: int, source: Source, entries: Sequence[Entry], openings: Openings) -> Handed:
    members, left_alone = [], 0
    for nth, entry in enumerate(entries, start=1):
        path = read_locator(entry.locator)[2]
        if not path or entry.ignored:
            continue
        if entry.problem:
            left_alone += 1
        elif not entry.nested:
            members.append(Part(f"{number}.{nth}", entry.size, partial(openings.stream, entry.locator)))
    return Handed(Part(str(number), source.size, source.open), members, left_alone)
