"""Scenes of round and moving things: dye vats, balls of yarn, spinning wheels, braids, and the open shed of a loom."""

from math import cos, pi, sin

from PIL import Image, ImageDraw

from preservation.sample.brush import Colour, Moment, darker, gradient, lighter, mix

Point = tuple[float, float]


def vat(moment: Moment) -> Image.Image:
    """A dye vat from above: rings that drift, a bloom of foam, a skein going in and out."""
    width, height = moment.canvas
    ground, first, second, _, accent = moment.colours
    image = gradient(moment.canvas, ground, darker(ground, 0.25))
    pen = ImageDraw.Draw(image)
    x, y, reach = width / 2, height * 0.46, width * 0.46
    _disc(pen, (x + 10, y + 26), reach + 34, darker(ground, 0.45))
    _disc(pen, (x, y), reach + 30, (118, 84, 60))
    _disc(pen, (x, y), reach + 12, (84, 58, 42))
    deep = darker(first, 0.35) if moment.style == "deep" else first
    rings = 34
    for ring in range(rings):
        share = ring / rings
        angle = 2 * pi * moment.run + share * 5.5
        drift = reach * 0.20 * share
        colour = mix(
            deep, (second, accent)[ring % 5 == 0], 0.15 + 0.75 * share * (0.5 + 0.5 * sin(ring * 1.25 + 2 * pi * moment.run))
        )
        _disc(pen, (x + drift * cos(angle), y + drift * sin(angle)), reach * (1 - share), colour)
    for bubble in range(46):
        angle, far = bubble * 2.399 + moment.run * 0.8, reach * (0.97 - 0.0035 * bubble - 0.10 * abs(sin(bubble * 7)))
        size = 5 + 9 * abs(sin(bubble * 3.1 + moment.run * 2 * pi))
        _disc(pen, (x + far * cos(angle), y + far * sin(angle)), size, lighter(second, 0.55), darker(second, 0.1))
    _skein(pen, moment, (x, y + reach * (1.15 + 0.22 * sin(2 * pi * moment.run))), reach)
    return image


def _skein(pen: ImageDraw.ImageDraw, moment: Moment, at: Point, reach: float) -> None:
    _, first, second, third, _ = moment.colours
    x, y = at
    for strand in range(13):
        sway = 10 * sin(strand * 0.8 + 2 * pi * moment.run)
        colour = mix(mix(third, second, 0.35 + 0.5 * moment.run), first, strand % 3 / 4)
        left = x - reach * 0.42 + strand * reach * 0.07
        points = [(left + sway * sin(k / 4), y - reach * 0.7 + k * reach * 0.14) for k in range(17)]
        pen.line(points, fill=darker(colour, 0.4), width=24, joint="curve")
        pen.line([(a - 3, b) for a, b in points], fill=colour, width=17, joint="curve")
        pen.line([(a - 7, b) for a, b in points], fill=lighter(colour, 0.3), width=4, joint="curve")
    pole = (x - reach * 0.62, y - reach * 0.78, x + reach * 0.62, y - reach * 0.68)
    pen.rounded_rectangle(pole, radius=14, fill=(146, 104, 70), outline=(78, 54, 38), width=3)


def ball(moment: Moment) -> Image.Image:
    """A ball of yarn that grows as it is wound and rolls a little."""
    width, height = moment.canvas
    ground, first, second, third, accent = moment.colours
    image = gradient(moment.canvas, lighter(ground, 0.5), darker(ground, 0.1))
    pen = ImageDraw.Draw(image)
    floor = height * 0.74
    pen.rectangle((0, floor, width, height), fill=darker(ground, 0.18))
    for plank in range(1, 4):
        pen.line((0, floor + plank * plank * 24, width, floor + plank * plank * 24), fill=darker(ground, 0.27), width=4)
    spots = (((0.5 + 0.06 * sin(2 * pi * moment.run), 0.0), 0.25 + 0.11 * moment.run, first, second),
             ((0.17, 0.07), 0.13, third, ground), ((0.84, 0.09), 0.15, accent, third))  # fmt: skip
    tail = [(width * (0.5 + 0.5 * k / 20), floor - 30 - 200 * (k / 20) ** 2 + 20 * sin(k + 6 * moment.run)) for k in range(21)]
    pen.line(tail, fill=darker(first, 0.2), width=9, joint="curve")
    for (across, down), size, one, other in spots:
        _ball(pen, (width * across, floor + height * down - width * size * 0.7), width * size, moment.run, (one, other))
    return image


def _ball(pen: ImageDraw.ImageDraw, at: Point, radius: float, run: float, colours: tuple[Colour, Colour]) -> None:
    x, y = at
    pen.ellipse((x - radius, y + radius * 0.72, x + radius * 1.15, y + radius * 1.12), fill=(70, 58, 52))
    _disc(pen, at, radius, darker(colours[0], 0.35))
    for layer in range(7):
        angle = layer * 1.12 + run * 1.4
        colour = mix(colours[0], colours[1], (layer % 3) * 0.3)
        for wind in range(-6, 7):
            off = wind / 6.6
            points = [_on_ball(at, radius, angle, off, k / 12 * pi) for k in range(13)]
            spread = points if layer % 2 else points[2:-2]
            shade = lighter(colour, 0.22 - 0.25 * abs(off))
            pen.line(spread, fill=darker(colour, 0.38), width=int(radius * 0.10), joint="curve")
            pen.line(spread, fill=shade, width=int(radius * 0.07), joint="curve")


def _on_ball(at: Point, radius: float, angle: float, off: float, along: float) -> Point:
    """A point of one winding: a half circle across the ball, bowed outwards, turned by `angle`."""
    half = (1 - off * off) ** 0.5
    u, v = half * cos(along), off * 0.8 + 0.25 * half * sin(along) * (1 - abs(off))
    scale = radius * 0.95 / max(1.0, (u * u + v * v) ** 0.5 * 1.02)
    return at[0] + scale * (u * cos(angle) - v * sin(angle)), at[1] + scale * (u * sin(angle) + v * cos(angle))


def wheel(moment: Moment) -> Image.Image:
    """A spinning wheel turning, the bobbin filling."""
    width, height = moment.canvas
    ground, _, _, _, accent = moment.colours
    image = gradient(moment.canvas, lighter(ground, 0.45), darker(ground, 0.22))
    pen = ImageDraw.Draw(image)
    wood, floor = (128, 86, 54), height * 0.86
    pen.rectangle((0, floor, width, height), fill=darker(ground, 0.35))
    x, y, reach = width * 0.52, height * 0.55, width * 0.36
    for foot in (-0.30, 0.34):
        pen.line((x, y, x + width * foot, floor + 40), fill=darker(wood, 0.3), width=30)
    for rim, colour in ((1.06, darker(wood, 0.45)), (1.03, wood), (0.93, darker(wood, 0.35)), (0.90, lighter(ground, 0.25))):
        _disc(pen, (x, y), reach * rim, colour)
    for spoke in range(12):
        angle = spoke * pi / 6 + 2 * pi * moment.run * 1.5
        tip = (x + reach * 0.92 * cos(angle), y + reach * 0.92 * sin(angle))
        pen.line(((x, y), tip), fill=darker(wood, 0.3), width=20)
        pen.line(((x - 3, y - 3), (tip[0] - 3, tip[1] - 3)), fill=lighter(wood, 0.15), width=8)
        _disc(pen, (x + reach * 0.55 * cos(angle), y + reach * 0.55 * sin(angle)), 17, accent, darker(wood, 0.3))
    _disc(pen, (x, y), reach * 0.17, darker(wood, 0.2), darker(wood, 0.5))
    _disc(pen, (x, y), reach * 0.08, lighter(wood, 0.35))
    _bobbin(pen, moment, (width * 0.5, height * 0.17), (x, y, reach))
    return image


def _bobbin(pen: ImageDraw.ImageDraw, moment: Moment, at: Point, drive: tuple[float, float, float]) -> None:
    _, first, second, _, _ = moment.colours
    x, y = at
    wheel_x, wheel_y, reach = drive
    for side in (-1, 1):
        pen.line((x + side * 18, y, wheel_x + side * reach * 1.0, wheel_y - reach * 0.22), fill=(70, 56, 48), width=5)
    pen.line((x - 230, y, x + 230, y), fill=(92, 62, 42), width=18)
    full = 50 + 55 * moment.run
    for turn in range(16):
        left = x - 130 + turn * 16
        bulge = full * (0.72 + 0.28 * sin(pi * (turn + 0.5) / 16))
        colour = mix(first, second, turn % 2 * 0.6)
        pen.rounded_rectangle(
            (left, y - bulge, left + 18, y + bulge), radius=9, fill=colour, outline=darker(colour, 0.35), width=2
        )
    for side in (-150, 132):
        pen.rounded_rectangle(
            (x + side, y - 118, x + side + 18, y + 118), radius=8, fill=(150, 106, 70), outline=(78, 54, 38), width=3
        )
    yarn = [(x + 130 + k * 12, y - 40 + 14 * k + 12 * sin(k + moment.run * 14)) for k in range(24)]
    pen.line(yarn, fill=second, width=9, joint="curve")


def braid(moment: Moment) -> Image.Image:
    """Strands that cross over and under one another without end."""
    width, height = moment.canvas
    ground, *threads = moment.colours
    image = gradient(moment.canvas, darker(ground, 0.15), lighter(ground, 0.3))
    pen = ImageDraw.Draw(image)
    columns = (0.5,) if moment.style == "wide" else (0.27, 0.73)
    strands, reach, thick = (8, 0.36, 74) if moment.style == "wide" else (5, 0.15, 56)
    steps = 96
    for column in columns:
        for step in range(steps + 1):
            along = step / steps
            places = [_strand(k / strands, along * 2.2 - moment.run * (1 if column <= 0.5 else -1)) for k in range(strands)]
            for number in sorted(range(strands), key=lambda k: places[k][1]):
                side, depth = places[number]
                x, y = width * (column + reach * side), height * along
                colour = threads[number % 4]
                _disc(pen, (x, y), thick / 2 + 4, darker(colour, 0.55))
                _disc(pen, (x, y), thick / 2, darker(colour, 0.22 - 0.22 * depth))
                _disc(pen, (x - thick * 0.14, y), thick * 0.16, lighter(colour, 0.12 + 0.16 * depth))
    return image


def _strand(phase: float, along: float) -> Point:
    """How far to the side and how far to the front one strand is."""
    angle = 2 * pi * (phase + along)
    return sin(angle), sin(2 * angle)


def shed(moment: Moment) -> Image.Image:
    """The loom from the front: warp threads change places, heddles rise and fall, the shuttle crosses, the web grows."""
    width, height = moment.canvas
    ground, first, second, third, accent = moment.colours
    beats = 3 if moment.style == "quick" else 2
    image = gradient(moment.canvas, darker(ground, 0.12), lighter(ground, 0.35))
    pen = ImageDraw.Draw(image)
    fell, opening = height * 0.70, sin(2 * pi * beats * moment.run / 2)
    for end in range(41):
        x = width * (end + 0.5) / 41
        lift = (1 if end % 2 else -1) * opening * 60
        colour = (first, second, first, third)[end // 5 % 4]
        points = [(x, -10), (x + (x - width / 2) * 0.02, height * 0.28), (x, height * 0.47 - lift), (x, fell)]
        pen.line(points, fill=darker(colour, 0.4), width=13, joint="curve")
        pen.line([(a - 2, b) for a, b in points], fill=colour, width=8, joint="curve")
    for shaft in (0, 1):
        _shaft(pen, width, height * (0.24 + 0.06 * shaft) + (1 if shaft else -1) * opening * 60)
    for pick in range(int((height - fell) / 17) + 1):
        colour = (accent, second, accent, first, third)[(pick + int(moment.run * beats)) // 3 % 5]
        for end in range(41):
            if (end + pick) % 2:
                x, y = width * end / 41, fell + pick * 17
                pen.rounded_rectangle(
                    (x, y, x + width / 41 + 5, y + 16), radius=7, fill=colour, outline=darker(colour, 0.35), width=2
                )
    across = (moment.run * beats) % 1 if int(moment.run * beats) % 2 == 0 else 1 - (moment.run * beats) % 1
    _boat(pen, (across * (width + 400) - 200, height * 0.56), accent)
    _shaft(pen, width, fell - 30 + 26 * abs(sin(pi * beats * moment.run)))
    return image


def _shaft(pen: ImageDraw.ImageDraw, width: int, y: float) -> None:
    wood = (134, 92, 60)
    pen.rectangle((0, y + 8, width, y + 50), fill=darker(wood, 0.55))
    pen.rectangle((0, y, width, y + 42), fill=wood)
    pen.line((0, y + 5, width, y + 5), fill=lighter(wood, 0.4), width=5)


def _boat(pen: ImageDraw.ImageDraw, at: Point, yarn: Colour) -> None:
    x, y = at
    wood = (196, 150, 98)
    pen.ellipse((x - 170, y - 30, x + 170, y + 46), fill=(60, 44, 36))
    pen.ellipse((x - 170, y - 38, x + 170, y + 34), fill=wood, outline=darker(wood, 0.45), width=4)
    pen.rounded_rectangle((x - 84, y - 22, x + 84, y + 20), radius=16, fill=darker(wood, 0.5))
    pen.rounded_rectangle((x - 66, y - 16, x + 66, y + 14), radius=14, fill=yarn, outline=darker(yarn, 0.4), width=3)


def _disc(pen: ImageDraw.ImageDraw, at: Point, radius: float, fill: Colour, outline: Colour | None = None) -> None:
    x, y = at
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline, width=2)
