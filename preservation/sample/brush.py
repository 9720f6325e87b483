"""What every drawing needs: colours, a canvas of double size that is halved at the end (smooth edges), soft shadows.

Pillow only, no font, no clock, no unseeded chance, so that the same library draws the same bytes.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageColor, ImageDraw

Colour = tuple[int, int, int]
OVERSAMPLED = 2

# ground, first thread, second thread, third thread, accent: dyes as they look on wool
PALETTES: dict[str, tuple[str, str, str, str, str]] = {
    "linen": ("#efe6d5", "#d9c6a3", "#a98f68", "#6f7f6a", "#b5523b"),
    "fjord": ("#dfe8ea", "#27445c", "#5f8ea6", "#f2efe4", "#d98e4a"),
    "madder": ("#f3e4d3", "#a63a2b", "#d4694a", "#f7efe2", "#5a2a27"),
    "indigo": ("#e4e9f0", "#1f2f5c", "#3f5fa0", "#f4f1e8", "#c9a24b"),
    "rosehip": ("#f4e7dd", "#c2413a", "#e39b7b", "#33583f", "#f8f1e6"),
    "heather": ("#ece4ee", "#5d3f6b", "#9a6fa6", "#e7c9a9", "#3f6b5d"),
    "lichen": ("#e9ebd9", "#4f6b46", "#93a66a", "#f3efdc", "#c77b3b"),
    "cochineal": ("#f6e3e3", "#8f1d3c", "#cf4a63", "#f7ece2", "#e0a24f"),
    "walnut": ("#efe3d3", "#4a3326", "#8c6443", "#f1e8da", "#3e6a73"),
    "weld": ("#f6efd6", "#c9952c", "#e8c65a", "#5b6b4a", "#7a3b2e"),
}


@dataclass(frozen=True)
class Moment:
    """What to draw: the finished size in pixels, how far the film has run (0 to 1), the style and the colours."""

    size: tuple[int, int]
    run: float
    style: str
    palette: str

    @property
    def canvas(self) -> tuple[int, int]:
        """The size drawn at, before halving."""
        return self.size[0] * OVERSAMPLED, self.size[1] * OVERSAMPLED

    @property
    def colours(self) -> tuple[Colour, Colour, Colour, Colour, Colour]:
        """Ground, three threads and the accent."""
        ground, first, second, third, accent = (rgb(name) for name in PALETTES[self.palette])
        return ground, first, second, third, accent


def rgb(name: str) -> Colour:
    """A colour from its hex name."""
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`; beyond 0..1 is clamped."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float) -> Colour:
    """Towards a warm black."""
    return mix(colour, (24, 16, 14), share)


def lighter(colour: Colour, share: float) -> Colour:
    """Towards white."""
    return mix(colour, (255, 252, 245), share)


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A ground that changes from top to bottom."""
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    """Grey grain, the same for the same seed; Pillow's own noise cannot be seeded."""
    return Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1]))


@lru_cache(maxsize=512)
def thread(width: int, length: int, colour: Colour, upright: bool) -> Image.Image:
    """A short piece of yarn, round in the light: bright along its middle, dark at its sides and its ends, with a ply."""
    piece = Image.new("RGB", (width, length), colour)
    pen = ImageDraw.Draw(piece)
    for x in range(width):
        off = abs(2 * x + 1 - width) / width
        shade = lighter(colour, 0.22 * (1 - off / 0.5)) if off < 0.5 else darker(colour, 0.5 * (off - 0.5))
        pen.line((x, 0, x, length), fill=shade)
    for y in range(0, length, max(3, width // 3)):
        pen.line((1, y + width // 3, width - 2, y), fill=darker(colour, 0.13))
    pen.line((0, 0, width, 0), fill=darker(colour, 0.4))
    pen.line((0, length - 1, width, length - 1), fill=darker(colour, 0.3))
    return piece if upright else piece.transpose(Image.Transpose.ROTATE_90)
