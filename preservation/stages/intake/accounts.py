"""Which data files are of one account. Most name theirs; a part that does not joins an account only on evidence.

Evidence, strongest first: it was packed with the one account; it bears the platform's own time of the same export; it is another
numbered piece of the same data file (`user_data_1.json`, `user_data_2.json`); or at least half of its posts are posts of the one
account. Without any, a part stays by itself: nobody's posts are given to somebody else.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence

from preservation.model.export import ExportReport, Post
from preservation.stages.intake.data_files import DataFile

Key = tuple[str, str]  # platform, and the handle or what stands for it


def by_account(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """The files that were read, those of one account together."""
    groups: dict[Key, list[DataFile]] = {}
    evidence = _Evidence(files)
    for file in files:
        if file.report:
            groups.setdefault(evidence.account(file, file.report), []).append(file)
    return list(groups.values())


class _Evidence:
    """What tells whose a part is: clues, and the accounts each leads to."""

    def __init__(self, files: Sequence[DataFile]) -> None:
        self._files = files
        self._led: dict[Hashable, set[Key]] = {}
        self._pieces: Counter[Hashable] = Counter()
        self._owners: dict[Hashable, set[Key]] | None = None
        for file in files:
            if not file.report:
                continue
            self._pieces[file.report.platform, file.piece] += 1
            if key := _named(file.report):
                for clue in _clues(file, file.report.platform):
                    self._led.setdefault(clue, set()).add(key)

    def account(self, file: DataFile, report: ExportReport) -> Key:
        """The account of a file."""
        if named := _named(report):
            return named
        for clue in _clues(file, report.platform):
            again = clue[1] == "piece of" and not self._only_one(file, report.platform)
            if not again and len(found := self._led.get(clue, ())) == 1:
                return next(iter(found))
        return self._sharing(report) or (report.platform, self._alone(file, report.platform))

    def _alone(self, file: DataFile, platform: str) -> str:
        """A name for a part that is nobody's we know: that of the export or of the data file it is a piece of, else its own."""
        whole = file.piece[0] if file.piece and self._only_one(file, platform) else file.entry.locator
        return f"\x00{file.stamp or whole}"

    def _only_one(self, file: DataFile, platform: str) -> bool:
        """Whether a piece is the only one of its number; there are two of it where two exports were cut up."""
        return self._pieces[platform, file.piece] == 1

    def _sharing(self, report: ExportReport) -> Key | None:
        """The one account of which at least half of the posts are."""
        found: Counter[Key] = Counter()
        wanted = set(_identities(report.posts))
        for identity in wanted:
            found.update(self._posts().get((report.platform, identity), ()))
        enough = [key for key, n in found.items() if 2 * n >= len(wanted)]
        return enough[0] if len(enough) == 1 else None

    def _posts(self) -> dict[Hashable, set[Key]]:
        if self._owners is None:
            self._owners = {}
            for file in self._files:
                if file.report and (key := _named(file.report)):
                    for identity in _identities(file.report.posts):
                        self._owners.setdefault((file.report.platform, identity), set()).add(key)
        return self._owners


def _named(report: ExportReport) -> Key | None:
    handle = report.account.handle
    return (report.platform, handle.casefold()) if handle else None


def _clues(file: DataFile, platform: str) -> Iterator[tuple[str, str, Hashable]]:
    for source in sorted({entry.source for entry in file.entries}):
        yield platform, "source", source
    if file.stamp:
        yield platform, "stamp", file.stamp
    if file.piece:
        yield platform, "piece of", file.piece[0]


def _identities(posts: Iterable[Post]) -> Iterator[Hashable]:
    """The second of posting, which all exports give, else the platform's id, which only early ones have."""
    return (identity for post in posts if (identity := post.created_at_utc or post.platform_id))
