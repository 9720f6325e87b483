"""What decoding a medium showed: the words that the decoders of still and moving pictures share."""

from dataclasses import dataclass

from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition


@dataclass(frozen=True, slots=True)
class Decoded:
    """As in `model.media_facts.MediaFacts`: pixels, seconds, decoded frames; `note` is a code, empty if all is well."""

    condition: Condition
    kind: MediaKind
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frames: int | None = None
    video_codec: str = ""
    audio_codec: str = ""
    note: str = ""
