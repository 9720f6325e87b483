"""Small media made here, by the encoders that PyAV and Pillow bring along: nothing is downloaded, nothing is anybody's."""

import io
import os
import struct
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from PIL import Image

FRAMES = 25
SOUND = 40  # pieces of 1024 samples at 48 kHz
FILMS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "mp4": ("mp4", "libx264", "aac", {}),
    "mp4, index first": ("mp4", "libx264", "aac", {"movflags": "faststart"}),
    "mp4, fragmented": ("mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "mp4, mpeg-4": ("mp4", "mpeg4", "", {}),
    "mp4, hevc": ("mp4", "libx265", "aac", {}),
    "mov": ("mov", "libx264", "aac", {}),
    "webm": ("webm", "libvpx-vp9", "libopus", {}),
    "mkv": ("matroska", "libx264", "aac", {}),
    "avi": ("avi", "mpeg4", "", {}),
    "avi, mp3": ("avi", "mpeg4", "libmp3lame", {}),
    "avi, plain sound": ("avi", "mpeg4", "pcm_s16le", {}),
    "mov, plain sound": ("mov", "libx264", "pcm_s16le", {}),
    "mp4, opus": ("mp4", "libx264", "libopus", {}),
    "mp4, mp3": ("mp4", "libx264", "libmp3lame", {}),
    "mpeg-ts": ("mpegts", "libx264", "aac", {}),
}
SOUNDS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "m4a": ("ipod", "", "aac", {}),
    "mp3": ("mp3", "", "libmp3lame", {}),
    "ogg": ("ogg", "", "libopus", {}),
    "flac": ("flac", "", "flac", {}),
    "wav": ("wav", "", "pcm_s16le", {}),
}
PICTURES = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "JPEG2000")
ERROR_PAGE = b"<!DOCTYPE html><html><head><title>Denied</title></head><body>The link has expired.</body></html>"


@lru_cache(maxsize=64)
def film(name: str = "mp4", frames: int = FRAMES, size: tuple[int, int] = (160, 120)) -> bytes:
    """One of FILMS or SOUNDS: moving noise, and a hiss."""
    with tempfile.TemporaryDirectory() as folder:  # to move an index to the front, libav opens its file a second time
        path = Path(folder) / "film"
        _write(path, *{**FILMS, **SOUNDS}[name], frames, size)
        return path.read_bytes()


def _write(path: Path, kind: str, video: str, audio: str, options: dict[str, str], frames: int, size: tuple[int, int]) -> None:
    with av.open(str(path), "w", format=kind, options=dict(options)) as container:
        picture: Any = _video(container, video, size) if video else None
        sound: Any = container.add_stream(audio, rate=48000) if audio else None
        for number in range(frames if video else 0):
            container.mux(picture.encode(_frame(number, size)))
        container.mux(picture.encode(None) if video else [])
        for number in range(SOUND if audio else 0):
            container.mux(sound.encode(_samples(sound.codec_context.format.name, number)))
        container.mux(sound.encode(None) if audio else [])


def _video(container: Any, codec: str, size: tuple[int, int]) -> Any:
    stream = container.add_stream(codec, rate=25)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.codec_context.thread_count = 1
    if codec == "libx265":
        stream.options = {"x265-params": "log-level=none:pools=1"}
    return stream


def _frame(number: int, size: tuple[int, int]) -> av.VideoFrame:
    image = Image.effect_noise((size[0] // 2, size[1] // 2), 40).convert("RGB").rotate(number * 7).resize(size)
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame


def _samples(sample_format: str, number: int) -> av.AudioFrame:
    frame = av.AudioFrame(format=sample_format, layout="stereo", samples=1024)
    frame.rate, frame.pts = 48000, number * 1024
    for plane in frame.planes:
        count = plane.buffer_size // 4
        hiss = [(os.urandom(1)[0] - 128) / 1000 for _ in range(count)]
        plane.update(struct.pack(f"<{count}f", *hiss) if "flt" in sample_format else os.urandom(plane.buffer_size))
    return frame


@lru_cache(maxsize=64)
def picture(kind: str = "JPEG", size: tuple[int, int] = (120, 90)) -> bytes:
    """A still of noise, in one of PICTURES."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind)
    return out.getvalue()


@lru_cache(maxsize=8)
def animation(kind: str, frames: int = 5) -> bytes:
    """A GIF, WebP or PNG that moves, each frame shown for 80 ms."""
    images = [Image.effect_noise((60, 40), 60).convert("RGB") for _ in range(frames)]
    out = io.BytesIO()
    images[0].save(out, kind, save_all=True, append_images=images[1:], duration=80)
    return out.getvalue()


def song_with_cover() -> bytes:
    """An M4A with a picture hung onto it, as shops and phones make them."""
    out = io.BytesIO()
    with av.open(io.BytesIO(film("m4a")), "r") as source, av.open(out, "w", format="mp4") as target:
        sound = source.streams.audio[0]
        copied = target.add_stream_from_template(sound)
        cover: Any = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in source.demux(sound):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        target.mux(cover.encode(_frame(0, (64, 64)).reformat(format="yuvj420p")))
        target.mux(cover.encode(None))
    return out.getvalue()


def with_gap(data: bytes, at: int, count: int = 1024) -> bytes:
    """The same with `count` bytes from `at` on lost: zeros, as broken transfers leave."""
    return data[:at] + bytes(count) + data[at + count :]
