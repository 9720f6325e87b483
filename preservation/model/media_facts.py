"""What the bytes of a medium are found to be: identity, technical facts, and whether all of it can be decoded."""

from enum import StrEnum

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from preservation.model.base import Word
from preservation.model.export import MediaKind
from preservation.model.identifiers import Sha256


class Condition(StrEnum):
    """What decoding everything showed. Only `whole` was decoded to the end without a fault."""

    whole = "whole"
    damaged = "damaged"  # it begins as a medium and cannot be decoded to its end: cut off, or bytes within are lost
    not_media = "not_media"  # an error page saved as .mp4, text, an archive
    empty = "empty"
    not_decoded = "not_decoded"  # a format we identify and have no decoder for, or larger than we decode


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class MediaFacts:
    """One file, by its digest; slotted, because a deposit may have fifty thousand.

    `puid` is PRONOM's identifier, e.g. `fmt/199`; empty if the format is unknown. Lengths in pixels, duration in seconds; None
    where the format has none or nothing could be read.
    """

    sha256: Sha256
    size: int
    kind: MediaKind
    condition: Condition
    puid: str = ""
    format_name: str = ""
    format_version: str = ""
    mime_type: str = ""
    basis: str = ""  # what the identification rests on, in the words of the tool
    name_mismatch: bool = False  # the name's extension says another format
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frames: int | None = None  # decoded video frames; 1 for a still picture
    video_codec: str = ""
    audio_codec: str = ""
    note: str = ""  # a code where something was found wrong


class Examination(Word):
    """All media of one deposit as examined, with the tools that did it and how long it took (seconds of our clock)."""

    facts: tuple[MediaFacts, ...] = ()
    tools: tuple[str, ...] = ()  # e.g. "siegfried 1.11.9, DROID signatures V125"
    seconds: float = 0.0

    def counts(self) -> dict[str, int]:
        """How many media are in each condition; conditions nothing is in are left out."""
        found = [str(fact.condition) for fact in self.facts]
        return {str(condition): found.count(condition) for condition in Condition if condition in found}
