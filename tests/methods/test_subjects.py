"""Things on a plain ground are whole wherever the ratio has room, and ordinary photos as before."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy
import pytest
from PIL import Image, ImageDraw

import deepcrop
from deepcrop import AspectRatio, Box, Size
from deepcrop.flags import Flag
from deepcrop.methods.base import Part, as_tensor
from deepcrop.methods.subjects import find_standing
from deepcrop.ops.ground import find_subject
from deepcrop.ops.windows import Integral, best_window

RATIOS = ["1:1", "4:5", "9:16", "16:9"]
GROUNDS = ("white", "off-white", "black", "blue", "gradient", "vignette")
KINDS = ("ellipse", "rectangle", "several", "banner")
PLACES = ("left", "right", "top", "bottom")
SHAPES = (Size(1200, 800), Size(800, 1200), Size(1600, 800), Size(900, 900))


@dataclass(frozen=True)
class Drawn:
    """A picture and what is drawn in it."""

    name: str
    picture: Image.Image
    things: tuple[Box, ...]

    @property
    def subject(self) -> Box:
        """The box around all of it."""
        return Box(
            min(each.x0 for each in self.things),
            min(each.y0 for each in self.things),
            max(each.x1 for each in self.things),
            max(each.y1 for each in self.things),
        )


def ground(name: str, size: Size) -> numpy.ndarray:
    """A studio's ground, (H, W, 3) from 0 to 255."""
    y, x = numpy.mgrid[-1 : 1 : size.height * 1j, -1 : 1 : size.width * 1j]
    plain = numpy.ones((size.height, size.width, 3))
    match name:
        case "white":
            return 255 * plain
        case "off-white":
            return numpy.array([250.0, 246.0, 238.0]) * plain
        case "black":
            return 8 * plain
        case "blue":
            return numpy.array([40.0, 90.0, 160.0]) * plain
        case "gradient":
            return plain * (232 + 20 * y)[..., None]
    return plain * (235 - 14 * (x * x + y * y))[..., None]


def place(thing: Size, where: str, size: Size, rng: numpy.random.Generator) -> tuple[int, int]:
    """Where a thing of a size lies: near one side, anywhere along it."""
    room = size.width - thing.width, size.height - thing.height
    near = [0.05 + 0.05 * float(rng.random()) for _ in room]
    x, y = ((0.1 + 0.8 * float(rng.random())) * each for each in room)
    match where:
        case "left":
            x = near[0] * room[0]
        case "right":
            x = (1 - near[0]) * room[0]
        case "top":
            y = near[1] * room[1]
        case "bottom":
            y = (1 - near[1]) * room[1]
    return round(x), round(y)


def draw(number: int) -> Drawn:
    """Draw one of the pictures; all kinds, grounds, places and shapes come up."""
    rng = numpy.random.default_rng(number)
    kind, colour = KINDS[number % 4], GROUNDS[number % 6]
    where, size = PLACES[(number // 4) % 4], SHAPES[(number // 3) % 4]
    picture = Image.fromarray(ground(colour, size).round().astype(numpy.uint8))
    pen = ImageDraw.Draw(picture)
    dark = colour in ("black", "blue")
    short = min(size.width, size.height)

    def ink() -> tuple[int, ...]:
        low, high = (120, 250) if dark else (10, 190)
        return tuple(int(each) for each in rng.integers(low, high, 3))

    things = []
    if kind == "several":
        each = Size(round(0.12 * short), round((0.2 + 0.3 * float(rng.random())) * short))
        gap = round(0.1 * short)
        x, y = place(Size(3 * each.width + 2 * gap, each.height), where, size, rng)
        for index in range(3):
            left = x + index * (each.width + gap)
            things.append(Box(left, y, left + each.width, y + each.height))
            pen.rounded_rectangle((left, y, left + each.width - 1, y + each.height - 1), 9, ink())
    elif kind == "banner":
        bars, tall = 3, round(0.08 * short)
        wide = round((0.4 + 0.3 * float(rng.random())) * short)
        x, y = place(Size(wide, bars * 2 * tall), where, size, rng)
        for index in range(bars):
            top, left, end = y + 2 * index * tall, x, x + wide - int(rng.integers(0, wide // 4))
            things.append(Box(left, top, end, top + tall))
            while left < end:  # letters
                stop = min(left + max(tall // 2, 6), end) if end - left > tall else end
                pen.rectangle((left, top, stop - 1, top + tall - 1), ink())
                left = stop + tall // 5
    else:
        thing = Size(*(round((0.3 + 0.35 * float(rng.random())) * short) for _ in range(2)))
        x, y = place(thing, where, size, rng)
        things.append(Box(x, y, x + thing.width, y + thing.height))
        shape = pen.ellipse if kind == "ellipse" else pen.rectangle
        shape((x, y, x + thing.width - 1, y + thing.height - 1), ink())
    if number % 2:
        data = io.BytesIO()
        picture.save(data, "jpeg", quality=(40, 75, 92)[number % 3])
        picture = Image.open(data).convert("RGB")
    return Drawn(f"{number}-{kind}-{colour}-{where}-{size}", picture, tuple(things))


@cache
def pictures() -> tuple[Drawn, ...]:
    return tuple(draw(number) for number in range(60))


def shown(box: Box, thing: Box) -> float:
    return box.intersection(thing) / thing.area


def look(picture: Image.Image) -> Image.Image:
    """What a job shows to a method."""
    small = picture.copy()
    small.thumbnail((640, 640), Image.Resampling.BICUBIC, reducing_gap=None)
    return small


def check(drawn: Drawn, ratio: AspectRatio, box: Box, parts: tuple[Part, ...]) -> bool:
    """Check a window; return whether it had room for all that is drawn."""
    size, subject, name = Size(*drawn.picture.size), drawn.subject, f"{drawn.name} at {ratio}"
    window, pixel = ratio.largest_window(size), size.longest / 320
    assert box.size == window and box.inside(size)
    flagged = any(part.cut_by(box) for part in parts)
    if subject.size.width > window.width or subject.size.height > window.height:
        assert flagged or not 0.05 < shown(box, subject) < 0.9, name
        return False
    # To the pixel, unless there is less room than the look at the picture tells apart.
    along = 0 if window.width < size.width else 1
    room = (window.width - subject.size.width, window.height - subject.size.height)[along]
    assert shown(box, subject) >= (1 if room > 3 * pixel else 0.98), (name, box, subject)
    assert not flagged, name
    # In the middle, or as near to it as the picture's edges allow.
    centre = (subject.x0 + subject.x1) / 2, (subject.y0 + subject.y1) / 2
    middle = Box.centred(window, (centre[0] / size.width, centre[1] / size.height), size)
    off = max(abs(a - b) for a, b in zip(middle.corners, box.corners, strict=True))
    assert off <= 3 * pixel, (name, box, middle)
    return True


def test_things_are_whole_wherever_the_ratio_has_room_whatever_is_salient():
    rng, whole = numpy.random.default_rng(0), 0
    for drawn in pictures():
        size = Size(*drawn.picture.size)
        standing = find_standing(as_tensor(look(drawn.picture)), size)
        assert standing is not None, drawn.name
        integral = Integral.of(rng.random((6, 6)) ** 4, size)
        for text in RATIOS:
            ratio = AspectRatio.parse(text)

            def search(keep, integral=integral, ratio=ratio):
                return best_window(integral, ratio, keep=keep)

            box = standing.window(search, ratio)
            whole += check(drawn, ratio, box, standing.parts(ratio))
    assert whole > 180


@pytest.mark.slow
@pytest.mark.parametrize("name", ["saliency", "mars"])
def test_methods_show_them_whole(name):
    method = deepcrop.load(name, device="cpu")
    whole = 0
    for drawn in pictures():
        size = Size(*drawn.picture.size)
        [crops] = method.boxes([look(drawn.picture)], RATIOS, sizes=[size])
        for ratio, crop in zip(map(AspectRatio.parse, RATIOS), crops, strict=True):
            whole += check(drawn, ratio, crop.box, crop.parts)
            assert (Flag.SUBJECT_CUT in crop.flags) == any(
                part.cut_by(crop.box) for part in crop.parts
            )
    assert whole > 180


def test_the_ground_of_every_picture_is_seen():
    for drawn in pictures():
        found = find_subject(as_tensor(look(drawn.picture)))
        assert found is not None, drawn.name
        width, height = drawn.picture.size
        (columns, rows), subject = found.spans, drawn.subject
        pixel = max(width, height) / 320
        outside = [  # JPEG's ringing is taken along, nothing is left out
            subject.x0 - columns[0][0] * width,
            subject.y0 - rows[0][0] * height,
            columns[-1][1] * width - subject.x1,
            rows[-1][1] * height - subject.y1,
        ]
        assert -pixel <= min(outside) and max(outside) <= 6 * pixel, (drawn.name, outside)
