"""Refusals, sorted by who must act.

    ArchiveError
    ├── Refused            consent or policy says no: the creator or an archivist decides
    ├── DepositUnusable    what was handed in cannot be read: the depositor sends it again
    ├── ShelfConflict      a site holds other bytes than it should: an archivist looks before anything is written
    ├── StoreUnavailable   a site, disk or service does not answer now: try again; the only kind that is retried
    └── SettingsWrong      the operator's configuration cannot be used

A damaged copy is not an error but a finding (`model.fixity`). Every refusal carries four things: a `code` for programs
(described in docs/errors.md), a message for the operator (identifiers and digests, never names or content), a sentence
for the creator, and a remedy.
"""

from typing import ClassVar


class ArchiveError(Exception):
    """A refusal: what and where (`message`), what to do (`remedy`), and what to tell the creator (`for_creator`)."""

    creators_sentence: ClassVar[str] = (
        "Something went wrong on our side. Nothing of yours was lost; we will tell you when it is mended."
    )

    def __init__(self, code: str, message: str, *, remedy: str, for_creator: str = "") -> None:
        """`message` and `remedy` may hold opaque ids, digests, counts and settings; nothing that names or quotes a person."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.for_creator = for_creator or self.creators_sentence

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the remedy when an error crosses a process border (pickle calls the class with `args` only)."""
        return _rebuild, (type(self), self.code, self.message, self.remedy, self.for_creator)


class Refused(ArchiveError):
    """Consent or policy does not allow this act now."""

    creators_sentence = "Your consent as it stands does not allow this step, so we did not take it."


class DepositUnusable(ArchiveError):
    """What was handed in cannot be read as the export of one account."""

    creators_sentence = (
        "We could not read the file you handed in. Please download it from the platform again and hand it in once more."
    )


class ShelfConflict(ArchiveError):
    """A site holds other bytes than it should; nothing was overwritten."""

    creators_sentence = "One of our copies needs a person's attention. Nothing of yours was overwritten."


class StoreUnavailable(ArchiveError):
    """A site, a disk or a service does not answer now. Trying again later is safe."""

    creators_sentence = "One of our storage sites does not answer just now. We will try again by ourselves."


class SettingsWrong(ArchiveError):
    """The configuration cannot be used."""


def _rebuild(kind: type[ArchiveError], code: str, message: str, remedy: str, for_creator: str) -> ArchiveError:
    return kind(code, message, remedy=remedy, for_creator=for_creator)
