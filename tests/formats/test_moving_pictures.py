"""Films and sound: whole ones are found whole, whatever container they came in; cut and holed ones are found damaged."""

import io
import threading

import av
import pytest

from preservation.formats import moving_pictures
from preservation.formats.decoded import Decoded
from preservation.model.export import MediaKind
from preservation.model.media_facts import Condition
from tests.formats import media_samples as samples


def _decode(data: bytes, kind: MediaKind = MediaKind.video) -> Decoded:
    return moving_pictures.decode(io.BytesIO(data), len(data), kind)


@pytest.mark.parametrize("name", samples.FILMS)
def test_a_whole_film_is_found_whole_and_described(name: str) -> None:
    found = _decode(samples.film(name))
    assert (found.condition, found.kind, found.note) == (Condition.whole, MediaKind.video, "")
    assert (found.width, found.height, found.frames) == (160, 120, samples.FRAMES)
    assert found.duration == pytest.approx(1.0, abs=0.12)
    assert found.video_codec in {"h264", "mpeg4", "hevc", "vp9"}
    assert found.audio_codec in {"aac", "opus", "mp3", "pcm_s16le", ""}


@pytest.mark.parametrize("name", samples.SOUNDS)
def test_whole_sound_is_found_whole_and_has_no_frames(name: str) -> None:
    found = _decode(samples.film(name), MediaKind.audio)
    assert (found.condition, found.kind, found.frames, found.width, found.video_codec) == (
        Condition.whole, MediaKind.audio, None, None, "",
    )  # fmt: skip
    assert found.duration == pytest.approx(samples.SOUND * 1024 / 48000, abs=0.12)


@pytest.mark.parametrize("name", [name for name in samples.FILMS if name != "mpeg-ts"])  # it states no length anywhere
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.95, 0.9999])
def test_a_film_that_was_cut_off_anywhere_is_damaged(name: str, part: float) -> None:
    data = samples.film(name)
    found = _decode(data[: min(int(len(data) * part), len(data) - 1)])
    assert found.condition is Condition.damaged
    assert found.note


@pytest.mark.parametrize("name", ["m4a", "mp3", "ogg", "flac", "wav"])
def test_sound_that_was_cut_in_the_middle_is_damaged(name: str) -> None:
    data = samples.film(name)
    assert _decode(data[: len(data) // 2], MediaKind.audio).condition is Condition.damaged


@pytest.mark.parametrize("name", [name for name in samples.FILMS if not name.startswith("avi, ")])  # nothing in an AVI tells
def test_a_film_that_lost_more_than_a_frame_within_is_damaged(name: str) -> None:
    """Less, within one frame, often decodes as something else: only a digest taken earlier could tell."""
    data = samples.film(name)
    assert _decode(samples.with_gap(data, len(data) // 2, 16_384)).condition is Condition.damaged


def test_a_film_cut_at_the_edge_of_a_frame_is_damaged_by_the_packets_that_are_missing() -> None:
    """An index that lists more than there is, in a file whose boxes fit: only comparing with the index tells."""
    data = bytearray(samples.film("mp4, index first"))
    at = data.rindex(b"mdat")
    length = int.from_bytes(data[at - 4 : at], "big") // 2
    data[at - 4 : at] = length.to_bytes(4, "big")
    found = _decode(bytes(data[: at - 4 + length]))
    assert (found.condition, found.note) == (Condition.damaged, "packets-missing")


def test_an_index_that_is_missing_is_damage() -> None:
    data = samples.film("mp4")
    assert _decode(data[: data.rindex(b"moov") - 4]).condition is Condition.damaged


def test_a_cover_picture_makes_no_film_of_a_song() -> None:
    found = _decode(samples.song_with_cover(), MediaKind.audio)
    assert (found.condition, found.kind, found.width, found.frames) == (Condition.whole, MediaKind.audio, None, None)


@pytest.mark.parametrize("rest", [bytes(100), b"\0\0\0\x10free" + bytes(8), bytes(3)], ids=["zeros", "free space", "three"])
def test_padding_behind_a_film_is_no_damage(rest: bytes) -> None:
    assert _decode(samples.film("mp4") + rest).condition is Condition.whole


def test_a_frame_beyond_all_measure_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_pictures, "MOST_PIXELS", 160 * 120 - 1)
    found = _decode(samples.film())
    assert (found.condition, found.note, found.width) == (Condition.not_decoded, "picture-too-large", 160)


@pytest.mark.parametrize(
    "text", [samples.ERROR_PAGE, b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n", b"ffconcat version 1.0"]
)
def test_nothing_that_names_other_files_is_opened(text: bytes) -> None:
    assert _decode(text).condition is Condition.damaged


def test_a_container_that_nobody_hands_in_is_not_opened() -> None:
    """AIFF is harmless; what is not on the list is not tried, because demuxers of rare formats are what is attacked."""
    out = io.BytesIO()
    with av.open(io.BytesIO(samples.film("wav")), "r") as source, av.open(out, "w", format="aiff") as target:
        sound = target.add_stream("pcm_s16be", rate=48000)
        for frame in source.decode(audio=0):
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    with av.open(io.BytesIO(out.getvalue()), "r") as opened:
        assert opened.format.name == "aiff"
    assert _decode(out.getvalue(), MediaKind.audio).condition is Condition.damaged


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    for name in ("mp4", "webm"):
        _decode(samples.film(name))
    assert threading.active_count() == before


def test_the_tool_says_its_version() -> None:
    assert moving_pictures.tool().startswith("PyAV ")
    assert "libavcodec" in moving_pictures.tool()
