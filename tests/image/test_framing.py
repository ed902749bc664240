"""Positions in a source, told in a variant: by pixels that are turned and cut for real."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.geometry import Box, Size
from deepcrop.image import Framing, decode
from deepcrop.image.framing import turned
from tests.image.samples import saved


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_stored_point_is_where_the_decoder_shows_it(orientation):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10, 45] = 255
    exif = saved_orientation(orientation)
    shown = decode(saved(pixels, "png", exif=exif)).pixels
    [[y], [x]] = np.nonzero(shown[..., 0])
    u, v = turned(45.5 / 60, 10.5 / 40, orientation)
    assert (u * shown.shape[1], v * shown.shape[0]) == pytest.approx((x + 0.5, y + 0.5))


def saved_orientation(orientation):
    from PIL import Image

    exif = Image.Exif()
    exif[274] = orientation
    return exif.tobytes()


def test_a_point_by_hand():
    framing = Framing(Size(400, 600), Size(200, 200), Box(0, 100, 400, 500), 6)
    assert framing.stored == Size(600, 400)
    assert framing.point(0.35, 0.2) == pytest.approx((0.8, 0.275))  # (320, 210) as shown
    assert framing.point(0.8, 0.35, stored=False) == pytest.approx((0.8, 0.275))
    assert framing.point(0.1, 0.2) is None  # 60 pixels from the top
    assert framing.rectangle((0.25, 0.05, 0.45, 0.35)) == pytest.approx((0.65, 0.125, 0.95, 0.425))


def test_rearranged_content_has_no_positions():
    framing = Framing(Size(400, 600), Size(200, 600), None)
    assert framing.point(0.5, 0.5) is None
    assert framing.rectangle((0, 0, 1, 1)) is None
    assert framing.polygon([(0, 0), (1, 0), (1, 1)]) == []
    assert framing.turned_scale() is None and framing.narrowing() is None


def test_a_polygon_is_clipped():
    framing = Framing(Size(100, 100), Size(50, 50), Box(0, 0, 50, 50))
    diamond = [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)]
    corners = sorted((round(x, 9), round(y, 9)) for x, y in set(framing.polygon(diamond)))
    assert corners == [(0, 1), (1, 0), (1, 1)]
    assert framing.polygon([(0.6, 0.6), (0.9, 0.6), (0.9, 0.9)]) == []


def test_not_a_number_is_nowhere():
    framing = Framing(Size(10, 10), Size(10, 10), Box(0, 0, 10, 10))
    assert framing.point(float("nan"), 0.5) is None
    assert framing.rectangle((0, 0, float("inf"), 1)) is None


sides = st.integers(2, 5000)


@st.composite
def framings(draw, source=None, orientation=None):
    source = source or Size(draw(sides), draw(sides))
    x0, y0 = draw(st.integers(0, source.width - 1)), draw(st.integers(0, source.height - 1))
    x1, y1 = draw(st.integers(x0 + 1, source.width)), draw(st.integers(y0 + 1, source.height))
    output = Size(draw(sides), draw(sides))
    turn = draw(st.integers(1, 8)) if orientation is None else orientation
    return Framing(source, output, Box(x0, y0, x1, y1), turn)


@st.composite
def areas(draw):
    left, right = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    top, bottom = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    return left, top, right, bottom


@given(st.data(), framings(), areas())
def test_two_crops_are_one(data, first, area):
    second = data.draw(framings(first.output, 1))
    box, inner = first.box, second.box
    # The inner crop in the source's pixels; only where these are whole can one crop say the same.
    scale_x, scale_y = first.turned_scale()
    corners = [
        box.x0 + inner.x0 / scale_x,
        box.y0 + inner.y0 / scale_y,
        box.x0 + inner.x1 / scale_x,
        box.y0 + inner.y1 / scale_y,
    ]
    if any(each.denominator != 1 for each in corners):
        first = Framing(first.source, box.size, box, first.orientation)
        second = data.draw(framings(box.size, 1))
        inner = second.box
        corners = [
            box.x0 + inner.x0,
            box.y0 + inner.y0,
            box.x0 + inner.x1,
            box.y0 + inner.y1,
        ]
    once = Framing(first.source, second.output, Box(*map(int, corners)), first.orientation)
    halfway = first.rectangle(area)
    twice = second.rectangle(halfway) if halfway else None
    direct = once.rectangle(area)
    if direct is None or twice is None:
        thin = direct or twice
        assert thin is None or min(thin[2] - thin[0], thin[3] - thin[1]) < 1e-9
    else:
        assert twice == pytest.approx(direct, abs=1e-9)


@given(framings(), areas())
def test_a_rectangle_as_a_polygon_is_the_same(framing, area):
    left, top, right, bottom = area
    placed = framing.rectangle(area)
    polygon = framing.polygon([(left, top), (right, top), (right, bottom), (left, bottom)])
    if not polygon or placed is None:
        assert placed is None or (placed[2] - placed[0]) * (placed[3] - placed[1]) < 1e-6
        return
    bounds = [pick(axis) for pick in (min, max) for axis in zip(*polygon, strict=True)]
    assert bounds == pytest.approx(placed, abs=1e-9)
