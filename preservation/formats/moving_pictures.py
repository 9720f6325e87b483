"""Films and sound, decoded from the first packet to the last by libav (PyAV), and what was decoded compared with what was promised.

A look at the header misses what this is for: downloads that broke off, and bytes lost within. Libav conceals such losses to go on
playing, so several signs are asked: faults of demuxer and decoder, frames marked corrupt, fewer packets than the container
lists, fewer frames than packets, an end long before the stated length. Edit lists are ignored: what they hide is kept, too.

It reads hostile bytes with a large decoder: call it where a crash does no harm (`media_child`).
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from preservation.formats.decoded import Decoded
from preservation.formats.media_ends import is_cut_off
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

MOST_PIXELS = 8192 * 4352  # of one frame: 8K with what codecs add; a decoder holds up to seventeen
MOST_FAULTS = 20  # then it is damaged enough
READ_AHEAD = 256 * 1024
TOLERANCE = 0.25  # seconds a stream may end before the stated length: priming, padding, rounding
# No playlists, no formats that name other files, none that only games know.
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mp3,aac,ogg,flac,wav,mpegts,mpeg,asf,flv"
_OPTIONS = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "ignore_editlist": "1", "advanced_editlist": "0"}
_ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "mpeg4", "vp8", "mjpeg"})
_SAY_THEIR_LENGTH = frozenset({"matroska,webm", "ogg", "flac", "wav"})
# H.264 is concealed without a word unless it is told not to; checksums of formats other than FLAC are written wrongly too often.
_CHECKS = {"flac": {"err_detect": "crccheck"}, "h264": {"err_detect": "explode"}}
_ELEMENTARY = frozenset({"mp3", "aac"})  # what follows the sound, such as tags, may look like one more packet


@dataclass(slots=True)
class _Tally:
    """What came out of one stream. Times in seconds."""

    packets: int = 0
    frames: int = 0
    corrupt: int = 0
    faults: list[int] = field(default_factory=list)  # at which packet
    first_shown: float | None = None  # of the first keyframe
    leading: int = 0  # packets shown before it, which no decoder can make
    end: float = 0.0


def tool() -> str:
    """Name and version of the decoder."""
    import av

    libraries = av.library_versions["libavcodec"]
    return f"PyAV {av.__version__}, libavcodec {'.'.join(map(str, libraries))}"


def decode(stream: BinaryIO, size: int, kind: MediaKind) -> Decoded:
    """Decode everything in a seekable stream of `size` bytes. `kind` is what it was identified as, for what cannot be opened."""
    import av
    from av.error import FFmpegError

    av.logging.set_level(None)
    cut = is_cut_off(stream, size)
    stream.seek(0)
    try:
        with av.open(stream, "r", options=dict(_OPTIONS), buffer_size=READ_AHEAD) as container:
            return _decoded(container, cut, _states_its_length(container.format.name, stream))
    except MemoryError:
        return Decoded(Condition.not_decoded, kind, note="out-of-memory")
    except (FFmpegError, ValueError, EOFError):
        return Decoded(Condition.damaged, kind, note="cut-off" if cut else "undecodable")


def _decoded(container: "InputContainer", cut: bool, lengthy: bool) -> Decoded:
    streams = [stream for stream in container.streams if _is_content(stream)]
    if not streams:
        return Decoded(Condition.damaged, MediaKind.unknown, note="undecodable")
    if any(_pixels(stream) > MOST_PIXELS for stream in streams):
        return _found(container, streams, Condition.not_decoded, "picture-too-large", {})
    decodable = {stream.index: stream for stream in streams if getattr(stream, "codec_context", None) is not None}
    if not decodable:
        return _found(
            container, streams, Condition.damaged if cut else Condition.not_decoded, "cut-off" if cut else "no-decoder", {}
        )
    tallies, whole = _decode_all(container, decodable)
    stated = container.duration / 1_000_000 if lengthy and container.duration else 0.0
    note = "cut-off" if cut else _fault(container, decodable, tallies, whole, stated)
    if note:
        return _found(container, streams, Condition.damaged, note, tallies)
    if len(decodable) < len(streams):
        return _found(container, streams, Condition.not_decoded, "no-decoder", tallies)
    return _found(container, streams, Condition.whole, "", tallies)


def _decode_all(container: "InputContainer", streams: dict[int, "Stream"]) -> tuple[dict[int, _Tally], bool]:
    """Demux and decode to the end: a tally per stream, and whether the demuxer came through without a fault."""
    from av.error import FFmpegError

    tallies = {index: _Tally() for index in streams}
    for stream in streams.values():
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS), **_CHECKS.get(stream.codec_context.name, {})}
    packets = container.demux(list(streams.values()))
    while True:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except (FFmpegError, ValueError):
            return tallies, False
        if packet is None or any(len(tally.faults) > MOST_FAULTS for tally in tallies.values()):
            return tallies, packet is None
        if packet.stream_index in tallies:  # libav may find further streams on the way
            _decode_packet(packet, tallies[packet.stream_index])


def _decode_packet(packet: "Packet[Stream]", tally: _Tally) -> None:
    from av.error import FFmpegError

    if packet.size:
        _count(packet, tally)
    try:
        for frame in packet.decode():
            tally.frames += 1
            tally.corrupt += bool(getattr(frame, "is_corrupt", False))
    except MemoryError:
        raise
    except (FFmpegError, ValueError):
        tally.faults.append(tally.packets)


def _count(packet: "Packet[Stream]", tally: _Tally) -> None:
    tally.packets += 1
    tally.corrupt += bool(packet.is_corrupt)
    if packet.pts is None or packet.time_base is None:
        return
    shown = float(packet.pts * packet.time_base)
    if packet.is_keyframe and tally.first_shown is None:
        tally.first_shown = shown
    tally.leading += tally.first_shown is not None and shown < tally.first_shown
    tally.end = max(tally.end, shown + float((packet.duration or 0) * packet.time_base))


def _fault(
    container: "InputContainer", streams: dict[int, "Stream"], tallies: dict[int, _Tally], whole: bool, stated: float
) -> str:
    """What is wrong, as a code, the plainest first; "" if nothing is."""
    lists_packets = container.format.name.startswith("mov,")  # AVI counts frames it left out, and sound by bytes
    if lists_packets and any(_packets_missing(stream, tallies[index]) for index, stream in streams.items()):
        return "packets-missing"
    begin = max(0.0, (container.start_time or 0) / 1_000_000)
    if stated and max((tally.end for tally in tallies.values()), default=0.0) - begin < stated - TOLERANCE:
        return "ends-early"
    elementary = container.format.name in _ELEMENTARY
    if not whole or any(tally.corrupt or _counting_faults(tally, elementary) for tally in tallies.values()):
        return "undecodable"
    if any(_frames_lost(stream, tallies[index]) for index, stream in streams.items()):
        return "frames-lost"
    return "" if all(tally.frames for tally in tallies.values()) else "undecodable"


def _packets_missing(stream: "Stream", tally: _Tally) -> bool:
    """Whether the index lists more packets than came. Of uncompressed sound it lists samples, and libav groups them."""
    return tally.packets < stream.frames and not stream.codec_context.name.startswith(("pcm_", "adpcm_"))


def _counting_faults(tally: _Tally, elementary: bool) -> bool:
    return any(not elementary or at < tally.packets for at in tally.faults)


def _frames_lost(stream: "Stream", tally: _Tally) -> bool:
    return stream.codec_context.name in _ONE_FRAME_A_PACKET and tally.frames + tally.leading < tally.packets


def _found(
    container: "InputContainer", streams: list["Stream"], condition: Condition, note: str, tallies: dict[int, _Tally]
) -> Decoded:
    video = next((stream for stream in streams if stream.type == "video"), None)
    audio = next((stream for stream in streams if stream.type == "audio"), None)
    context: Any = getattr(video, "codec_context", None)
    return Decoded(
        condition,
        MediaKind.video if video else MediaKind.audio,
        width=(context.width or None) if context else None,
        height=(context.height or None) if context else None,
        duration=_duration(container, tallies),
        frames=tallies[video.index].frames if video and video.index in tallies else None,
        video_codec=_codec(video),
        audio_codec=_codec(audio),
        note=note,
    )


def _duration(container: "InputContainer", tallies: dict[int, _Tally]) -> float | None:
    """As the container states it, else as it was found; seconds to the millisecond."""
    if container.duration:
        return round(container.duration / 1_000_000, 3)
    end = max((tally.end for tally in tallies.values()), default=0.0)
    return round(end, 3) or None


def _codec(stream: "Stream | None") -> str:
    context: Any = getattr(stream, "codec_context", None)
    return str(context.codec.canonical_name) if context else ""


def _is_content(stream: "Stream") -> bool:
    """Pictures and sound; not subtitles, data, or a cover picture hung onto a song."""
    from av.stream import Disposition

    return stream.type in ("video", "audio") and not stream.disposition & Disposition.attached_pic


def _pixels(stream: "Stream") -> int:
    context: Any = getattr(stream, "codec_context", None)
    return int(context.width * context.height) if context and stream.type == "video" else 0


def _states_its_length(container: str, stream: BinaryIO) -> bool:
    """Whether the length libav gives is one the file states, and not one it guessed from the file's size."""
    if container != "mp3":
        return container in _SAY_THEIR_LENGTH
    at = stream.tell()
    stream.seek(0)
    stated = re.search(rb"Xing|Info", stream.read(1 << 16)) is not None
    stream.seek(at)
    return stated
