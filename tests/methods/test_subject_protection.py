"""Things on a plain ground are whole wherever the ratio has room, and ordinary photos as before."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy
import pytest
from PIL import Image, ImageDraw
from skimage import data

import deepcrop
from deepcrop import AspectRatio, Box, Size
from deepcrop.flags import Flag
from deepcrop.methods.base import Hints, Part, as_array
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.methods.subject_protection import find_standing
from deepcrop.ops.ground import find_subject
from deepcrop.ops.panels import find_inscription
from deepcrop.ops.windows import Integral, best_window

CASES = Path(os.environ.get("DEEPCROP_SHARED", Path(__file__).parents[3] / "shared")) / "cases"
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
        stored = io.BytesIO()
        picture.save(stored, "jpeg", quality=(40, 75, 92)[number % 3])
        picture = Image.open(stored).convert("RGB")
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
        standing = find_standing(as_array(look(drawn.picture)), size)
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
        found = find_subject(as_array(look(drawn.picture)))
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


def levels(pixels: numpy.ndarray) -> numpy.ndarray:
    return pixels.clip(0, 255).round().astype(numpy.uint8)


def test_a_soft_shadow_is_no_thing():
    y, x = numpy.mgrid[:400, :600]
    pixels = ground("white", Size(600, 400))
    pixels -= (38 * numpy.exp(-(((x - 300) / 120) ** 2) - ((y - 320) / 30) ** 2))[..., None]
    pixels[100:320, 240:360] = (150, 60, 20)
    found = find_subject(levels(pixels))
    assert found is not None
    (columns, rows), pixel = found.spans, 600 / 320
    assert columns[0][0] * 600 == pytest.approx(240, abs=2 * pixel)
    assert columns[-1][1] * 600 == pytest.approx(360, abs=2 * pixel)
    assert rows[-1][1] * 400 == pytest.approx(320, abs=3 * pixel)


def test_noise_of_a_sensor_is_no_thing_and_a_texture_is_no_ground():
    rng = numpy.random.default_rng(0)
    pixels = ground("off-white", Size(600, 400))
    pixels[100:320, 240:360] = (150, 60, 20)
    faint = find_subject(levels(pixels + rng.normal(0, 2, (400, 600, 1))))
    assert faint is not None and len(faint.spans[0]) == 1
    assert find_subject(levels(pixels + rng.normal(0, 12, (400, 600, 1)))) is None


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_ordinary_photos_have_no_plain_ground(name):
    photo = Image.fromarray(getattr(data, name)())
    assert find_standing(as_array(look(photo)), Size(*photo.size)) is None


def test_a_photo_in_a_frame_an_empty_ground_and_a_scene_before_a_wall_are_no_subjects():
    size = Size(600, 400)
    framed = ground("white", size)
    framed[8:-8, 8:-8] = numpy.asarray(Image.fromarray(data.coffee()).resize((584, 384)))
    assert find_subject(levels(framed)) is None
    assert find_subject(levels(ground("gradient", size))) is None
    wall = ground("white", size)
    wall[340:, :] = (90, 70, 50)
    assert find_subject(levels(wall)) is None
    assert find_subject(levels(ground("white", Size(9, 9)))) is None


def test_what_reaches_to_two_edges_is_cut_as_a_scene_is():
    pixels = ground("black", Size(600, 400))
    pixels[180:240, ::3] = (250, 200, 90)  # a skyline at night
    standing = find_standing(levels(pixels), Size(600, 400))
    assert standing is not None
    assert not standing.parts(AspectRatio(9, 16)) and standing.parts(AspectRatio(16, 9))


def banner() -> numpy.ndarray:
    """Words on a panel on the left, a photo on the right."""
    size = Size(640, 240)
    pixels = numpy.empty((size.height, size.width, 3))
    pixels[:, :240] = (245, 240, 230)
    photo = Image.fromarray(data.coffee()).resize((size.width - 240, size.height))
    pixels[:, 240:] = numpy.asarray(photo)
    for row in range(3):
        for left in range(16, 200, 24):
            pixels[70 + 40 * row : 94 + 40 * row, left : left + 14] = (170, 20, 20)
    return pixels


@pytest.mark.parametrize("turns", range(4))
def test_what_is_written_on_a_panel_is_whole_or_left_out(turns):
    pixels = numpy.rot90(banner(), turns).copy()
    size = Size(4 * pixels.shape[1], 4 * pixels.shape[0])
    standing = find_standing(levels(pixels), size)
    assert standing is not None
    [part] = standing.parts(AspectRatio(1, 1))
    mask = Image.fromarray(numpy.abs(pixels - (170, 20, 20)).max(2) < 1).resize(
        (size.width, size.height), Image.Resampling.NEAREST
    )
    true = Box(*mask.getbbox())
    assert part.box.intersection(true) / part.box.area > 0.9
    assert shown(part.box, true) > 0.97
    saliency = numpy.where(numpy.asarray(mask.resize((pixels.shape[1], pixels.shape[0]))), 5.0, 1.0)
    integral = Integral.of(saliency, size)
    for text in ("1:1", "16:9", "9:16", "5:4"):
        ratio = AspectRatio.parse(text)

        def search(keep, integral=integral, ratio=ratio):
            return best_window(integral, ratio, keep=keep, avoid_cutting=standing.costs(integral))

        box = standing.window(search, ratio)
        window = ratio.largest_window(size)
        fits = true.size.width <= window.width and true.size.height <= window.height
        assert not part.cut_by(box), text
        assert shown(box, true) == 1 or not fits, text


def test_a_plain_sky_above_a_landscape_is_no_panel():
    photo = numpy.asarray(Image.fromarray(data.coffee()).resize((600, 400))).astype(float)
    y = numpy.mgrid[:400, :600][0]
    hills = 150 + 30 * numpy.sin(numpy.mgrid[:400, :600][1] / 60)
    photo[y < hills] = 255
    photo[40:60, 100:130] = 0  # a bird
    assert find_inscription(levels(photo)) is None


@pytest.fixture(scope="module")
def saliency() -> SaliencyCrop:
    return deepcrop.load("saliency", device="cpu")


def plate() -> numpy.ndarray:
    """A pale plate near the left edge of a white picture."""
    picture = Image.new("RGB", (600, 400), (254, 254, 254))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((40, 90, 280, 330), (246, 246, 246), (215, 215, 215), 2)
    return numpy.asarray(picture)


def test_a_pale_plate_is_whole_where_it_fits_and_told_where_not(saliency):
    wide, tall = saliency.boxes([plate()], ["4:5", "9:16"])[0]
    assert wide.box.x0 <= 40 and wide.box.x1 >= 281 and not wide.flags
    assert tall.flags == (Flag.SUBJECT_CUT,)
    off = deepcrop.load("saliency", device="cpu", plain_ground=False)
    before = off.boxes([plate()], ["4:5", "9:16"])[0]
    assert before[1].box == tall.box and before[0].box != wide.box and not before[1].flags


def test_what_a_user_says_goes_before_what_stands_free(saliency):
    def crop(**said):
        return saliency.boxes([plate()], ["4:5"], hints=[Hints(**said)])[0][0]

    assert crop(focal=(0.9, 0.5)).box.x1 == 600
    kept = Box(330, 10, 350, 30)
    assert shown(crop(keep=(kept,)).box, kept) == 1
    assert crop(keep=(kept,)).box.x0 <= 40  # both fit
    far = Box(560, 10, 590, 30)
    assert shown(crop(keep=(far,)).box, far) == 1  # only one of them does


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES} (DEEPCROP_SHARED)")
@pytest.mark.parametrize(
    ("name", "thing", "ratios"),
    [
        ("q-plate-left", Box(80, 180, 561, 661), ["1:1", "4:5", "16:9"]),
        ("q-three-right", Box(730, 80, 1451, 721), ["1:1", "16:9"]),
        ("q-banner-left", Box(42, 175, 556, 500), ["1:1", "16:9"]),
    ],
)
def test_the_cases_are_whole_wherever_the_ratio_has_room(saliency, name, thing, ratios):
    photo = Image.open(CASES / f"{name}.jpg")
    [crops] = saliency.boxes([look(photo)], ratios, sizes=[Size(*photo.size)])
    for ratio, crop in zip(ratios, crops, strict=True):
        assert shown(crop.box, thing) == 1, (ratio, crop.box)
        assert Flag.SUBJECT_CUT not in crop.flags
