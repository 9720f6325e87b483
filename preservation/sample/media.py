"""Pictures, films and sound of a post, from the scenes: JPEG by Pillow, H.264 and AAC in MP4 by PyAV.

Encoders run on one thread and without version stamps where that can be had, so that the same libraries make the same bytes.
"""

import random
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFilter

from preservation.sample import cloth, yarn
from preservation.sample.brush import OVERSAMPLED, Moment, darker, gradient, lighter, noise
from preservation.sample.story import Told

SCENES: dict[str, Callable[[Moment], Image.Image]] = {
    "cloth": cloth.cloth, "knit": cloth.knit, "sampler": cloth.sampler, "ikat": cloth.ikat, "quilt": cloth.quilt,
    "vat": yarn.vat, "ball": yarn.ball, "wheel": yarn.wheel, "braid": yarn.braid, "shed": yarn.shed,
}  # fmt: skip
STYLES = {"cloth": ("twill", "diamond", "plain", "rosepath", "houndstooth", "overshot"), "knit": ("snow", "wave", "snow"),
          "sampler": ("star", "tree", "star")}  # fmt: skip
NEIGHBOURS = ("rosehip", "fjord", "lichen", "cochineal", "weld", "heather")

FILM, LARGE_FILM, PHOTO = (320, 568), (540, 960), (480, 640)
FRAMES_A_SECOND = 24
SAMPLES_A_SECOND = 44_100
PENTATONIC = (0, 2, 4, 7, 9, 12, 14, 16)

ERROR_PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Request has expired</Message><RequestId>2506020914070A1B2C3D4E5F</RequestId></Error>
"""


def draw(scene: str, moment: Moment) -> Image.Image:
    """One still of a scene, at its finished size."""
    return SCENES[scene](moment).reduce(OVERSAMPLED)


def photo(told: Told, number: int) -> bytes:
    """The `number`-th picture of a photo set as JPEG: a swatch lying on a table, each of a set different."""
    styles = STYLES.get(told.scene, ("",))
    style = told.style if number == 0 else styles[number % len(styles)]
    palette = told.palette if number % 2 == 0 else NEIGHBOURS[(number + len(told.title)) % len(NEIGHBOURS)]
    swatch = draw(told.scene, Moment((360, 480), 1.0 if told.scene != "ikat" else number / 3, style, palette))
    picture = _on_a_table(swatch, palette, tilt=(-4, 3, -2, 5)[number % 4])
    out = BytesIO()
    picture.save(out, "JPEG", quality=84, subsampling=2, optimize=True)
    return out.getvalue()


def _on_a_table(swatch: Image.Image, palette: str, tilt: int) -> Image.Image:
    ground = Moment(PHOTO, 0, "", palette).colours[0]
    table = gradient(PHOTO, lighter(ground, 0.55), darker(ground, 0.14))
    grain = noise((12, PHOTO[1] // 2), 3).resize(PHOTO, Image.Resampling.BICUBIC)
    table = Image.blend(table, Image.merge("RGB", (grain,) * 3), 0.05)
    whole = Image.new("L", swatch.size, 255)
    mask = Image.new("L", PHOTO, 0)
    corner = ((PHOTO[0] - swatch.width) // 2, (PHOTO[1] - swatch.height) // 2)
    mask.paste(whole, corner)
    cloth_layer = Image.new("RGB", PHOTO)
    cloth_layer.paste(_fringed(swatch), corner)
    mask, cloth_layer = (layer.rotate(tilt, Image.Resampling.BICUBIC) for layer in (mask, cloth_layer))
    shadow = Image.new("L", PHOTO, 0)
    shadow.paste(mask.point([value // 2 for value in range(256)]), (7, 12))
    table.paste((40, 30, 28), mask=shadow.filter(ImageFilter.GaussianBlur(9)))
    table.paste(cloth_layer, mask=mask)
    return table


def _fringed(swatch: Image.Image) -> Image.Image:
    """A hem around the swatch, so that it reads as an object."""
    hemmed = swatch.copy()
    ImageDraw.Draw(hemmed).rectangle((0, 0, swatch.width - 1, swatch.height - 1), outline=(250, 246, 236), width=5)
    return hemmed


def film(told: Told, to: Path) -> None:
    """Write the post's video to `to`: H.264 with yuv420p pixels, AAC in one channel, index in front."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(to), "w", format="mp4", options=options) as out:
        picture = out.add_stream("libx264", rate=FRAMES_A_SECOND, options=_x264(told.large))
        picture.width, picture.height = LARGE_FILM if told.large else FILM
        picture.pix_fmt = "yuv420p"
        picture.thread_count = 1
        sound = out.add_stream("aac", rate=SAMPLES_A_SECOND, layout="mono", options={"flags": "+bitexact"})
        sound.bit_rate = 48_000
        for frame in _pictures(told):
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        for block in _blocks(tune(told)):
            out.mux(sound.encode(block))
        out.mux(sound.encode(None))


def _x264(large: bool) -> dict[str, str]:
    return {
        "crf": "20.5" if large else "27",
        "preset": "medium",
        "threads": "1",
        "flags": "+bitexact",
        "x264-params": "cpu-independent=1:keyint=48",
    }


def _pictures(told: Told) -> Iterator[VideoFrame]:
    count = round(told.seconds * FRAMES_A_SECOND)
    size = LARGE_FILM if told.large else FILM
    for number in range(count):
        still = draw(told.scene, Moment(size, number / count, told.style, told.palette))
        if told.large:
            still = Image.blend(still, Image.merge("RGB", (noise(size, number),) * 3), 0.045)  # grain: a heavier, livelier film
        yield picture_frame(still, number)


def picture_frame(still: Image.Image, number: int) -> VideoFrame:
    """An RGB picture as the `number`-th frame of a film."""
    frame = VideoFrame(still.width, still.height, "rgb24")
    plane, row = frame.planes[0], 3 * still.width
    data = still.tobytes()
    padding = bytes(plane.line_size - row)
    plane.update(b"".join(data[at : at + row] + padding for at in range(0, len(data), row)))
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
    return frame


def tune(told: Told) -> "array[float]":
    """A few plucked notes in the rhythm of a loom: samples between -1 and 1, one channel. Same post, same tune."""
    dice = random.Random(told.at + told.scene)
    samples = array("f", bytes(4 * round(told.seconds * SAMPLES_A_SECOND)))
    beat = round(SAMPLES_A_SECOND * dice.choice((0.25, 0.3, 0.375)))
    root = dice.choice((131, 147, 165, 196))
    for start in range(0, len(samples) - beat, beat):
        if dice.random() < 0.8:
            _pluck(samples, start, root * 2 ** (dice.choice(PENTATONIC) / 12), dice)
    return samples


def _pluck(samples: "array[float]", start: int, hertz: float, dice: random.Random) -> None:
    """Add one plucked string (Karplus and Strong, 1983): noise that goes round a delay line and softens."""
    period = int(SAMPLES_A_SECOND / hertz)
    line = [dice.uniform(-0.3, 0.3) for _ in range(period)]
    last = 0.0
    for at in range(start, min(len(samples), start + SAMPLES_A_SECOND)):
        slot = (at - start) % period
        last, line[slot] = line[slot], 0.497 * (line[slot] + last)
        samples[at] += line[slot]


def _blocks(samples: "array[float]") -> Iterator[AudioFrame]:
    for start in range(0, len(samples), 1024):
        part = samples[start : start + 1024]
        frame = AudioFrame(format="fltp", layout="mono", samples=len(part))
        frame.planes[0].update(part.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = SAMPLES_A_SECOND, start, Fraction(1, SAMPLES_A_SECOND)
        yield frame
