"""Examining a deposit: the media that wait in quarantine, identified and decoded. The result waits beside them, as a note."""

import os
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from preservation.errors import DepositUnusable
from preservation.formats.media_examiner import Examiner
from preservation.killpoints import KillPoint, reach
from preservation.model.deposit import Deposit, DepositState
from preservation.model.media_facts import Examination, MediaFacts
from preservation.stages.intake.archive import survey
from preservation.stages.intake.examination import Unexamined, examine, media_among
from preservation.stages.intake.sources import Source
from preservation.steps.receiving import require_extraction, source_of
from preservation.steps.shelf import saying_disk
from preservation.steps.staged import is_built
from preservation.wiring import Archive

NOTE = "examination"
MOST_WORKERS = 4
# How much may have to be examined again after a crash; of many files an eighth, because each note says all there is so far.
FILES_BETWEEN, BYTES_BETWEEN = 200, 512 * 1024 * 1024
Progress = Callable[[int, int], None]  # bytes examined so far, bytes to be examined in all


def examine_deposit(archive: Archive, deposit_id: str, progress: Progress = lambda _done, _all: None) -> Examination:
    """Examine all media of a waiting deposit and note what was found; what has facts already is not examined again.

    What is found never refuses a deposit. What was built of a note is not looked into again: newer tools might find other words, and
    what is on record could not be built again of those. Nothing is examined of a deposit that waits no longer, or that cannot be
    read: packaging reads it next, says why, and closes it. Raises Refused (consent), SettingsWrong if the tools do not start,
    StoreUnavailable for the disk.
    """
    deposit = archive.catalogue.deposits.get(deposit_id)
    with archive.holding(deposit.account_ref), saying_disk("examining the media"):
        if deposit.state is not DepositState.received or not archive.quarantine.holds(deposit_id):
            return Examination()
        if is_built(archive, deposit):
            return examination_of(archive, deposit_id) or Examination()
        require_extraction(archive, deposit)
        try:
            files, sources = _waiting(archive, deposit_id)
        except DepositUnusable:
            return Examination()
        if not files:
            return _Writing(archive, deposit_id, Examination(), progress, 0).finish(0.0)
        return _examine(archive, deposit, files, sources, progress)


def _examine(
    archive: Archive, deposit: Deposit, files: Sequence[Unexamined], sources: Sequence[Source], progress: Progress
) -> Examination:
    began = archive.now()
    with Examiner() as first:
        before = _still_valid(examination_of(archive, deposit.deposit_id), first.tools())
        writing = _Writing(archive, deposit.deposit_id, before, progress, sum(file.size for file in files))
        known, ready = {fact.sha256 for fact in before.facts}, [first]
        unknown = [file for file in files if file.sha256 not in known]
        for fact in examine(unknown, sources, _workers(), lambda: ready.pop() if ready else Examiner()):
            require_extraction(archive, deposit)  # a large deposit takes hours, in which a creator may withdraw
            writing.add(fact)
    return writing.finish(before.seconds + (archive.now() - began).total_seconds())


def examination_of(archive: Archive, deposit_id: str) -> Examination | None:
    """What was found in a deposit that waits, as far as it was examined; None if it was not, or the note is not of our making."""
    note = archive.quarantine.kept(deposit_id, NOTE)
    try:
        return Examination.model_validate_json(note) if note is not None else None
    except ValidationError:
        return None


class _Writing:
    """Facts as they come in, noted every now and then."""

    def __init__(self, archive: Archive, deposit_id: str, before: Examination, progress: Progress, total: int) -> None:
        self._archive, self._deposit_id, self._progress, self._total = archive, deposit_id, progress, total
        self._tools = before.tools
        self._facts = list(before.facts)
        self._done = sum(fact.size for fact in self._facts)
        self._noted = (len(self._facts), self._done)
        progress(self._done, total)

    def add(self, fact: MediaFacts) -> None:
        self._facts.append(fact)
        reach(KillPoint.MEDIUM_EXAMINED)
        self._done += fact.size
        self._progress(self._done, self._total)
        files, done = self._noted
        if len(self._facts) - files >= max(FILES_BETWEEN, files // 8) or self._done - done >= BYTES_BETWEEN:
            self._noted = (len(self._facts), self._done)
            self._keep(Examination(facts=tuple(self._facts), tools=self._tools))

    def finish(self, seconds: float) -> Examination:
        """Order by digest, so that the same deposit gives the same note whatever was found first."""
        facts = tuple(sorted(self._facts, key=lambda fact: fact.sha256))
        examination = Examination(facts=facts, tools=self._tools, seconds=seconds)
        self._keep(examination)
        return examination

    def _keep(self, examination: Examination) -> None:
        self._archive.quarantine.keep(self._deposit_id, NOTE, examination.model_dump_json(exclude_defaults=True).encode())


def _waiting(archive: Archive, deposit_id: str) -> tuple[list[Unexamined], list[Source]]:
    files = archive.quarantine.files(deposit_id)
    exports = [source_of(file) for file in files if file.role == "export"]
    media = [source_of(file) for file in files if file.role == "media"]
    entries = survey([*exports, *media], archive.policy.intake, companions=len(media))
    return media_among(entries, len(exports)), [*exports, *media]


def _still_valid(before: Examination | None, tools: tuple[str, ...]) -> Examination:
    """What an earlier run found, if the same tools would look now."""
    return before if before is not None and before.tools == tools else Examination(tools=tools)


def _workers() -> int:
    """One process per processor this program may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, usable)
