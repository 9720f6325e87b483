"""Looking into media: each is identified and decoded from its first frame to its last, once for the same bytes.

Finds what a look at the first bytes does not: downloads that broke off, error pages saved as .mp4, empty files. What is found is
a value and refuses nothing. Several files are examined at a time, each in a process that may die of it (`formats.media_examiner`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import BinaryIO, cast

from pydantic import ValidationError

from preservation.errors import DepositUnusable
from preservation.formats.media_examiner import Examiner
from preservation.model.export import MediaKind
from preservation.model.identifiers import Sha256
from preservation.model.media_facts import Condition, MediaFacts
from preservation.stages.intake.archive import Entry
from preservation.stages.intake.media_kind import sniff_medium
from preservation.stages.intake.openings import Openings
from preservation.stages.intake.sources import Source
from preservation.stages.intake.zip_members import UNREADABLE

_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})$")
_MEDIA_NAME = re.compile(
    r"\.(mp4|m4v|mov|3gp|webm|mkv|avi|jpe?g|png|webp|heic|heif|avif|gif|bmp|tiff?|m4a|mp3|aac|ogg|opus|wav|flac)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unexamined:
    """One content to be examined. `extension` is that of the first name it occurs under, `expected` what its first bytes are."""

    sha256: Sha256
    size: int
    extension: str
    expected: MediaKind
    locator: str


def media_among(entries: Sequence[Entry], first_companion: int) -> list[Unexamined]:
    """What is to be examined of what was handed in: all that lay beside the exports, and members that are media by name or bytes."""
    found: dict[str, Unexamined] = {}
    for entry in entries:
        if entry.problem or entry.ignored or entry.nested or entry.sha256 is None or entry.sha256 in found:
            continue
        kind = sniff_medium(entry.head)
        if kind or entry.source >= first_companion or _MEDIA_NAME.search(entry.name):
            extension = _EXTENSION.search(entry.name)
            found[entry.sha256] = Unexamined(
                entry.sha256, entry.size, extension[1].lower() if extension else "", kind or MediaKind.unknown, entry.locator
            )
    return list(found.values())


def examine(
    files: Sequence[Unexamined],
    sources: Sequence[Source],
    workers: int = 1,
    make_examiner: Callable[[], Examiner] = Examiner,
) -> Iterator[MediaFacts]:
    """The facts of each file, as they are found; `workers` files at a time. `sources` are those the files were found in.

    Raises SettingsWrong if the process that examines does not start.
    """
    line = _Line(files)
    found: SimpleQueue[MediaFacts | BaseException | None] = SimpleQueue()
    count = min(max(1, workers), len(files))
    examiners = [make_examiner() for _ in range(count)]
    threads = [Thread(target=_work, args=(line, sources, examiner, found)) for examiner in examiners]
    for thread in threads:
        thread.start()
    try:
        while count:
            result = found.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                count -= 1
            else:
                yield result
    finally:
        line.close()
        for examiner, thread in zip(examiners, threads, strict=True):
            examiner.abort()  # nobody wants to know any more, or all is done
            thread.join()


class _Line:
    """Files in their order, each given out once, to whoever asks next."""

    def __init__(self, files: Sequence[Unexamined]) -> None:
        self._files = iter(files)
        self._lock = Lock()
        self._open = True

    def next(self) -> Unexamined | None:
        with self._lock:
            return next(self._files, None) if self._open else None

    def close(self) -> None:
        with self._lock:
            self._open = False


def _work(
    line: _Line,
    sources: Sequence[Source],
    examiner: Examiner,
    found: "SimpleQueue[MediaFacts | BaseException | None]",
) -> None:
    try:
        with examiner, Openings(sources) as openings:
            while file := line.next():
                found.put(_examined(examiner, openings, file))
        found.put(None)
    except BaseException as failure:  # noqa: BLE001  (it is raised again where the facts are taken)
        found.put(failure)


def _examined(examiner: Examiner, openings: Openings, file: Unexamined) -> MediaFacts:
    try:
        with _Part(openings.stream(file.locator)) as stream:
            found = examiner.examine(cast(BinaryIO, stream), file.size, file.extension, file.expected)
        return MediaFacts(sha256=file.sha256, size=file.size, **found)
    except DepositUnusable:
        note = "unreadable"
    except ValidationError:
        note = "decoder-died"
    return MediaFacts(sha256=file.sha256, size=file.size, kind=file.expected, condition=Condition.not_decoded, note=note)


class _Part:
    """A part of a deposit, as far as an examiner reads it. Whatever hostile bytes make a decompressor raise is an OSError."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __enter__(self) -> "_Part":
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stream.close()

    def seek(self, offset: int) -> int:
        return int(self._guarded(self._stream.seek, offset))

    def read(self, count: int) -> bytes:
        return bytes(self._guarded(self._stream.read, count))

    @staticmethod
    def _guarded(act: Callable[[int], int | bytes], number: int) -> int | bytes:
        try:
            return act(number)
        except UNREADABLE as failure:
            raise OSError(type(failure).__name__) from None
