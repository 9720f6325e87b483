"""Scenes of flat things: woven cloth growing on the loom, knitting, cross-stitch, ikat and patchwork."""

from collections.abc import Iterator
from functools import lru_cache
from math import cos, pi, sin

from PIL import Image, ImageDraw

from preservation.sample.brush import Colour, Moment, darker, gradient, lighter, mix, noise, thread

DIAMOND = (0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1)
HERRINGBONE = (0, 1, 2, 3, 0, 1, 2, 3, 1, 0, 3, 2, 1, 0, 3, 2)


def warp_up(style: str, end: int, pick: int) -> bool:
    """Whether the warp lies on top where warp thread `end` crosses weft `pick`: the draw-down of the weave."""
    match style:
        case "plain":
            return (end + pick) % 2 == 0
        case "diamond":
            return (DIAMOND[end % 14] + DIAMOND[pick % 14]) % 4 < 2
        case "herringbone":
            return (HERRINGBONE[end % 16] + pick) % 4 < 2
        case "rosepath":
            return (DIAMOND[end % 14] * (1 if pick // 14 % 2 else 3) + pick // 2) % 8 < 4
        case "overshot":
            return (abs(end % 24 - 12) // 3 + abs(pick % 24 - 12) // 3) % 4 < 2 if pick % 2 else end % 2 == 0
        case _:
            return (end - pick) % 4 < 2


def cloth(moment: Moment) -> Image.Image:
    """Cloth growing from the bottom, a shuttle laying the weft, bare warp above."""
    width, height = moment.canvas
    cell = max(16, width // 36)
    ground, *_ = moment.colours
    image = gradient(moment.canvas, lighter(ground, 0.3), darker(ground, 0.12))
    ends, picks = width // cell + 1, height // cell + 1
    woven = picks * (0.36 + 0.64 * moment.run)
    for end in range(ends):
        for up in range(picks):
            over = up >= int(woven) or warp_up(moment.style, end, up)
            if up > int(woven) and end % 2 == 0 and moment.run < 1:  # the open shed
                _lay(image, thread(cell - 6, cell, _warp(moment, end), True), end * cell + 3, height - (up + 1) * cell)
            elif over:
                _lay(image, thread(cell, cell, _warp(moment, end), True), end * cell, height - (up + 1) * cell)
            else:
                _lay(image, thread(cell, cell, _weft(moment, up), False), end * cell, height - (up + 1) * cell)
    if moment.run < 1:
        _shuttle(image, moment, (woven % 1) if int(woven) % 2 else 1 - woven % 1, height - int(woven + 1) * cell, cell)
    return image


def _lay(image: Image.Image, piece: Image.Image, x: int, y: int) -> None:
    image.paste(piece, (x, y))


def _warp(moment: Moment, end: int) -> Colour:
    _, first, second, third, accent = moment.colours
    match moment.style:
        case "plain":
            return (first, first, first, second, third, second)[end // 2 % 6]
        case "houndstooth":
            return (first, third)[end // 4 % 2]
        case "mixed":
            return (first, second, third, first, accent, second)[end // 3 % 6]
        case "herringbone":
            return third if end // 16 % 2 else lighter(third, 0.3)
        case _:
            return third if end % 28 else accent


def _weft(moment: Moment, pick: int) -> Colour:
    _, first, second, third, accent = moment.colours
    match moment.style:
        case "plain":
            return (first, first, accent, first, second, first)[pick // 3 % 6]
        case "houndstooth":
            return (first, third)[pick // 4 % 2]
        case "mixed":
            return (second, first, accent, third)[pick // 5 % 4]
        case "herringbone":
            return (first, first, second, first, accent)[pick // 8 % 5]
        case "rosepath":
            return (first, second, accent)[pick // 14 % 3]
        case "overshot":
            return first if pick % 2 else third
        case _:
            return (first, first, second)[pick // 12 % 3]


def _shuttle(image: Image.Image, moment: Moment, across: float, y: int, cell: int) -> None:
    _, first, _, _, accent = moment.colours
    pen = ImageDraw.Draw(image)
    x = int(across * (image.width + 12 * cell)) - 6 * cell
    wood = (150, 102, 62)
    pen.line((0, y + cell // 2, x, y + cell // 2), fill=first, width=cell // 2)
    hull = [(x - 5 * cell, y + cell // 2), (x - 3 * cell, y - cell), (x + 3 * cell, y - cell), (x + 5 * cell, y + cell // 2),
            (x + 3 * cell, y + 2 * cell), (x - 3 * cell, y + 2 * cell)]  # fmt: skip
    pen.polygon([(a + 4, b + 8) for a, b in hull], fill=(40, 30, 26))
    pen.polygon(hull, fill=wood, outline=darker(wood, 0.4), width=3)
    pen.rounded_rectangle(
        (x - 2 * cell, y, x + 2 * cell, y + cell), radius=cell // 2, fill=accent, outline=darker(accent, 0.4), width=2
    )


def knit(moment: Moment) -> Image.Image:
    """Stocking stitch with a two-coloured chart, row upon row."""
    width, height = moment.canvas
    across, tall = width // 20, width // 26
    ground, first, second, third, accent = moment.colours
    image = gradient(moment.canvas, lighter(ground, 0.4), ground)
    rows = height // tall + 2
    made = int(rows * (0.4 + 0.6 * moment.run))
    for row in range(made):
        for stitch in range(-1, 21):
            base = (third, ground)[row // 13 % 2]
            yarn = (first, second, first, accent)[row // 13 % 4] if _chart(moment.style, stitch, row) else base
            image.paste(_stitch(across, tall, yarn), (stitch * across, height - (row + 1) * tall), _stitch_mask(across, tall))
    if made < rows:
        _needle(image, height - made * tall - tall // 2, darker(accent, 0.2))
    return image


def _chart(style: str, stitch: int, row: int) -> bool:
    if style == "wave":
        return abs(row % 13 - 6 - round(4 * sin(stitch * pi / 5 + row // 13))) < 2
    x, y = abs(stitch % 12 - 6), abs(row % 13 - 6)
    return (x == y) or (x == 0 and y < 5) or (y == 0 and x < 5) or (x + y == 4) or y == 6


@lru_cache(maxsize=64)
def _stitch(across: int, tall: int, colour: Colour) -> Image.Image:
    size = (across, 2 * tall)
    piece = Image.new("RGB", size, darker(colour, 0.35))
    pen = ImageDraw.Draw(piece)
    middle = across // 2
    for side, tint in ((0, lighter(colour, 0.08)), (across, darker(colour, 0.06))):
        outer = [(side, 2), (middle, tall - 2), (middle, 2 * tall - 3), (side, tall + 1)]
        pen.polygon(outer, fill=tint, outline=darker(colour, 0.35))
        pen.line((abs(side - 4), tall // 2 + 4, middle, 3 * tall // 2 - 2), fill=lighter(colour, 0.25), width=3)
    return piece


@lru_cache(maxsize=4)
def _stitch_mask(across: int, tall: int) -> Image.Image:
    mask = Image.new("L", (across, 2 * tall), 0)
    middle = across // 2
    ImageDraw.Draw(mask).polygon([(0, 0), (middle, tall), (across, 0), (across, tall), (middle, 2 * tall), (0, tall)], fill=255)
    return mask


def _needle(image: Image.Image, y: int, colour: Colour) -> None:
    pen = ImageDraw.Draw(image)
    pen.line((-10, y + 12, image.width - 60, y + 2), fill=darker(colour, 0.5), width=22)
    pen.line((-10, y + 6, image.width - 60, y - 4), fill=colour, width=18)
    pen.line((-10, y, image.width - 60, y - 10), fill=lighter(colour, 0.45), width=4)


STAR = ("#....#....#", ".##..#..##.", ".##.###.##.", "...#.#.#...", "..##.#.##..", "#####o#####",
        "..##.#.##..", "...#.#.#...", ".##.###.##.", ".##..#..##.", "#....#....#")  # fmt: skip
HEART = ("..##.##....", ".#oo#oo#...", "#ooooooo#..", "#ooooooo#..", ".#ooooo#...", "..#ooo#....", "...#o#.....", "....#......")
TREE = (".....o.....", "....###....", "...#####...", "....###....", "..#######..", "...#####...", ".#########.", "..#######..",
        "###########", ".....o.....", ".....o.....")  # fmt: skip
BIRD = (
    "......##...",
    ".....#o##..",
    "o....####..",
    "oo..######.",
    ".oo######..",
    "..#######..",
    "...#####...",
    ".....#.....",
    "....##.....",
)
WAVE = ("...#", "..#.", ".#..", "#...")
BANDS = {"star": (STAR, WAVE, HEART, WAVE), "tree": (TREE, WAVE, BIRD, WAVE)}


def sampler(moment: Moment) -> Image.Image:
    """Cross-stitch on linen, band after band, as samplers are worked: from the top, to and fro."""
    image = _linen(moment.canvas, moment.palette).copy()
    cell = moment.canvas[0] // 46
    wanted = list(_stitches(moment, 46, moment.canvas[1] // cell))
    pen = ImageDraw.Draw(image)
    for x, y, colour in wanted[: int(len(wanted) * (0.4 + 0.6 * moment.run))]:
        left, top, right, bottom = x * cell + 2, y * cell + 2, (x + 1) * cell - 2, (y + 1) * cell - 2
        pen.line((left, bottom + 2, right, top + 2), fill=darker(colour, 0.45), width=cell // 2)
        pen.line((left, bottom, right, top), fill=darker(colour, 0.1), width=cell // 2)
        pen.line((left, top, right, bottom), fill=colour, width=cell // 2)
        pen.line((left + 2, top + 1, right - 2, bottom - 3), fill=lighter(colour, 0.3), width=2)
    return image


def _stitches(moment: Moment, columns: int, rows: int) -> Iterator[tuple[int, int, Colour]]:
    """Every stitch of the finished sampler, in the order of working: column, row, colour."""
    _, first, second, third, accent = moment.colours
    row, band = 3, 0
    while row < rows - 3:
        motif = BANDS[moment.style][band % 4]
        colour = (first, accent, second, first)[band % 4] if sum(third) > 600 else (first, accent, third, second)[band % 4]
        for line, cells in enumerate(motif):
            wide = len(cells) + (1 if len(cells) > 5 else 0)
            for x in range(36) if line % 2 == 0 else range(35, -1, -1):
                mark = f"{cells}."[x % wide] if row + line < rows - 3 else "."
                if mark != ".":
                    yield x + (columns - 36) // 2, row + line, colour if mark == "#" else accent if colour != accent else second
        row, band = row + len(motif) + 2, band + 1


@lru_cache(maxsize=4)
def _linen(size: tuple[int, int], palette: str) -> Image.Image:
    ground = Moment(size, 0, "", palette).colours[0]
    wide = noise((size[0] // 3, 1), 5).resize(size, Image.Resampling.BICUBIC)
    tall = noise((1, size[1] // 3), 6).resize(size, Image.Resampling.BICUBIC)
    grain = Image.blend(wide, tall, 0.5)
    return Image.composite(Image.new("RGB", size, lighter(ground, 0.35)), Image.new("RGB", size, darker(ground, 0.16)), grain)


def ikat(moment: Moment) -> Image.Image:
    """Resist-dyed warp: feathered diamonds, every thread a little out of step, slowly wound on."""
    width, height = moment.canvas
    ground, first, second, third, accent = moment.colours
    image = Image.new("RGB", moment.canvas, first)
    pen = ImageDraw.Draw(image)
    period, step = height // 3, 5
    slips = noise((width // step + 1, 1), 11).tobytes()
    for x in range(0, width, step):
        distance = abs((x % (width // 2)) - width // 4) / (width // 4)
        slip = int((slips[x // step] - 128) / 9 + 10 * sin(x / 37) + moment.run * period)
        for turn in range(-2, 5):
            middle = turn * period + slip
            for share, colour in ((1.0, second), (0.78, third), (0.5, accent), (0.3, first)):
                half = int(period * 0.48 * (share - distance * 0.9))
                if half > 0:
                    pen.line(
                        (x, middle - half, x, middle + half), fill=mix(colour, ground, (slips[x // step] % 16) / 90), width=step
                    )
        pen.line((x, 0, x, height), fill=darker(first, 0.25), width=1)
    return image


def quilt(moment: Moment) -> Image.Image:
    """Patchwork of pinwheels that turn, one after another."""
    width, height = moment.canvas
    ground, *pieces = moment.colours
    image = Image.new("RGB", moment.canvas, darker(ground, 0.1))
    pen = ImageDraw.Draw(image)
    block = width // 4
    for row in range(height // block + 1):
        for column in range(4):
            late = (row + column) / 12
            turn = pi / 2 * _eased((moment.run * 1.6 - late) / 0.6)
            colours = [pieces[(row * 2 + column + k) % 4] for k in range(2)]
            _pinwheel(pen, ((column + 0.5) * block, (row + 0.5) * block), block / 2, turn, (colours[0], colours[1], ground))
    for line in range(0, max(width, height) + block, block):
        for offset in range(0, max(width, height), 18):
            pen.line((line + 7, offset, line + 7, offset + 9), fill=lighter(ground, 0.6), width=3)
            pen.line((offset, line + 7, offset + 9, line + 7), fill=lighter(ground, 0.6), width=3)
    return image


def _pinwheel(
    pen: ImageDraw.ImageDraw, centre: tuple[float, float], half: float, turn: float, colours: tuple[Colour, Colour, Colour]
) -> None:
    x, y = centre
    pen.rectangle(
        (x - half, y - half, x + half, y + half), fill=lighter(colours[2], 0.25), outline=darker(colours[2], 0.25), width=2
    )
    reach = half * 0.96 * (1 - 0.27 * abs(sin(2 * turn)))
    for blade in range(8):
        a, b = turn + blade * pi / 4, turn + (blade + 1) * pi / 4
        long_a, long_b = (reach * (1.38 if k % 2 else 1.0) for k in (blade, blade + 1))
        colour = colours[blade % 2]
        corners = [(x, y), (x + long_a * cos(a), y + long_a * sin(a)), (x + long_b * cos(b), y + long_b * sin(b))]
        pen.polygon(corners, fill=mix(colour, (255, 255, 255), 0.08 * (blade % 4)), outline=darker(colour, 0.3), width=2)


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
