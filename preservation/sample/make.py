"""Draw and write the sample deposit: `python -m preservation.sample.make [--to DIR] [--check]`.

The data file is the same bytes everywhere. Media are the same bytes for the same libraries on the same kind of machine;
`made_with.json` beside them records both and every digest. `--check` makes everything again in a temporary place and compares.
"""

import argparse
import hashlib
import json
import platform
import random
import sys
import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import PIL
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext

from preservation.sample import DEPOSIT, EXPORT, LEFT_OUT, MEDIA, NOT_MEDIA
from preservation.sample.brush import noise
from preservation.sample.export import EXPORTED_AT, data_file
from preservation.sample.media import ERROR_PAGE, film, photo, picture_frame
from preservation.sample.story import STORY, Told

DATA_FILE = "user_data_tiktok.json"
RECORD = "made_with.json"


def make(to: Path) -> dict[str, Any]:
    """Write export, media and record below `to`, and return the record: what made them, and sha256 by file name."""
    media = to / MEDIA.name
    media.mkdir(parents=True, exist_ok=True)
    write_export(to / EXPORT.name)
    for told in STORY:
        write_media(told, media)
    record = {**made_with(), "files": dict(sorted(_digests(media)))}
    (to / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def write_export(to: Path) -> None:
    """Write the export's ZIP: one member, its time and mode fixed."""
    member = zipfile.ZipInfo(DATA_FILE, EXPORTED_AT.timetuple()[:6])
    member.create_system, member.external_attr = 3, 0o644 << 16
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, data_file(), zipfile.ZIP_DEFLATED, 9)


def write_media(told: Told, folder: Path) -> None:
    """Write what the creator hands in of one post: nothing of the one left out, an error page for the expired link."""
    for number, name in enumerate(told.media_names):
        if name == LEFT_OUT:
            continue
        if name == NOT_MEDIA:
            (folder / name).write_bytes(ERROR_PAGE)
        elif told.pictures:
            (folder / name).write_bytes(photo(told, number))
        else:
            film(told, folder / name)


def made_with() -> dict[str, Any]:
    """What decides the bytes of the media: libraries, kind of machine, and the digest of a little noise, encoded.

    The noise is there because encoders choose other instructions on other processors, and no version number says so.
    """
    return {
        "av": av.__version__,
        "ffmpeg": {name: list(version) for name, version in sorted(av.library_versions.items())},
        "pillow": PIL.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "encoders": _encoder_fingerprint(),
    }


def _encoder_fingerprint() -> str:
    picture, sound = CodecContext.create("libx264", "w"), CodecContext.create("aac", "w")
    assert isinstance(picture, VideoCodecContext) and isinstance(sound, AudioCodecContext)
    picture.width, picture.height, picture.pix_fmt, picture.time_base = 320, 320, "yuv420p", Fraction(1, 24)
    picture.thread_count = 1
    sound.sample_rate, sound.layout, sound.format = 44_100, "mono", "fltp"
    digest = hashlib.sha256()
    for packet in [*_encoded(picture), *_encoded(sound)]:
        digest.update(packet)
    return digest.hexdigest()


def _encoded(encoder: VideoCodecContext | AudioCodecContext) -> Iterator[bytes]:
    for number in range(6):
        if isinstance(encoder, VideoCodecContext):
            grain = noise((40, 40), number).resize((320, 320)).convert("RGB")
            yield from map(bytes, encoder.encode(picture_frame(grain, number)))
        else:
            dice = random.Random(number)
            hiss = AudioFrame(format="fltp", layout="mono", samples=1024)
            hiss.planes[0].update(array("f", [dice.uniform(-0.5, 0.5) for _ in range(1024)]).tobytes())
            hiss.sample_rate, hiss.pts, hiss.time_base = 44_100, number * 1024, Fraction(1, 44_100)
            yield from map(bytes, encoder.encode(hiss))
    yield from map(bytes, encoder.encode(None))


def _digests(media: Path) -> Iterator[tuple[str, str]]:
    for path in media.iterdir():
        yield path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def recorded() -> dict[str, Any]:
    """The committed record."""
    record: dict[str, Any] = json.loads((DEPOSIT / RECORD).read_text(encoding="utf-8"))
    return record


def _check() -> int:
    """Make all again elsewhere; 0 if every medium has the digest recorded, 1 otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        made, wanted = make(Path(folder)), recorded()
    if {key: made[key] for key in made if key != "files"} != {key: wanted[key] for key in wanted if key != "files"}:
        print("other libraries or another kind of machine than recorded: media may differ", file=sys.stderr)
    here, there = made["files"], wanted["files"]
    differing = [name for name in {*here, *there} if here.get(name) != there.get(name)]
    print(f"{len(here)} media made, {len(differing)} differ from those committed")
    return 1 if differing else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Draw and write the sample deposit.")
    parser.add_argument("--to", type=Path, default=DEPOSIT, help="folder to write to (default: the committed one)")
    parser.add_argument("--check", action="store_true", help="make again elsewhere and compare with the committed one")
    arguments = parser.parse_args()
    if arguments.check:
        return _check()
    print(f"{len(make(arguments.to)['files'])} media and an export")
    return 0


if __name__ == "__main__":
    sys.exit(main())
