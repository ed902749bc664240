"""Aspect ratios, sizes and boxes."""

from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box, Size

sides = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("16:9", (16, 9)), ("32x18", (16, 9)), ("1.91:1", (191, 100)), (" 4 / 5 ", (4, 5))],
)
def test_ratios_are_read_in_lowest_terms(text, ratio):
    assert AspectRatio.parse(text) == AspectRatio(*ratio)


@pytest.mark.parametrize("text", ["16x", "", "0:1", "-1:2", "a:b", "1:2:3", "nan:1"])
def test_wrong_ratios_say_what_would_be_right(text):
    with pytest.raises(RequestError, match="such as 16:9"):
        AspectRatio.parse(text)


@pytest.mark.parametrize(
    ("value", "ratio"),
    [
        (1.5, (3, 2)),
        (16 / 9, (16, 9)),
        (9 / 16, (9, 16)),
        (1.91, (191, 100)),
        (1, (1, 1)),
        (numpy.float32(0.8), (4, 5)),
        (numpy.int64(2), (2, 1)),
        (Fraction(7, 3), (7, 3)),
        ((16, 9), (16, 9)),
        ([1080, 1350], (4, 5)),
        ((1.91, 1), (191, 100)),
        ((1, 5000), (1, 5000)),
        ("4:5", (4, 5)),
        (AspectRatio(3, 2), (3, 2)),
    ],
)
def test_ratios_are_read_from_numbers_and_pairs_too(value, ratio):
    assert AspectRatio.read(value) == AspectRatio(*ratio)


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1.5, float("nan"), float("inf"), True, None, "1.5", b"16:9", 1j, {16: 9}),
        *((16,), (16, 9, 1), (0, 1), (1, None), (1, "2")),
    ],
)
def test_what_is_no_ratio_is_refused_with_what_would_be_right(value):
    with pytest.raises(RequestError, match=r"aspect ratio .*expected W:H"):
        AspectRatio.read(value)


@given(sides, sides)
def test_a_ratio_of_usual_sides_survives_as_a_number(width, height):
    ratio = AspectRatio.of(Fraction(width, height))
    read = AspectRatio.read(width / height)
    assert float(read) == pytest.approx(float(ratio), rel=1e-3)
    if min(ratio.width, ratio.height) <= 1000:
        assert read == ratio


@pytest.mark.parametrize("text", ["640", "640x", "0x10", "1.5x2", "640:480"])
def test_wrong_sizes_say_what_would_be_right(text):
    with pytest.raises(RequestError, match="such as 640x480"):
        Size.parse(text)


@given(sides, sides, st.integers(1, 60), st.integers(1, 60))
def test_the_largest_window_fills_one_side_and_misses_the_ratio_by_at_most_half_a_pixel(
    width, height, across, down
):
    image, ratio = Size(width, height), AspectRatio.of(Fraction(across, down))
    window = ratio.largest_window(image)
    assert window.width <= width and window.height <= height
    assert window.width == width or window.height == height
    exact = Fraction(ratio.width, ratio.height)
    if window.height == height:
        wanted = min(height * exact, width)
        assert abs(window.width - wanted) <= Fraction(1, 2) or window.width == 1
    else:
        assert abs(window.height - width / exact) <= Fraction(1, 2) or window.height == 1


@given(sides, sides, st.floats(-1, 2), st.floats(-1, 2), st.integers(1, 20), st.integers(1, 20))
def test_a_centred_box_is_inside_and_has_the_window_s_size(width, height, x, y, across, down):
    image = Size(width, height)
    window = AspectRatio.of(Fraction(across, down)).largest_window(image)
    box = Box.centred(window, (x, y), image)
    assert box.inside(image) and box.size == window


def test_intersection_counts_common_pixels():
    assert Box(0, 0, 4, 4).intersection(Box(2, 3, 9, 9)) == 2
    assert Box(0, 0, 4, 4).intersection(Box(4, 0, 9, 9)) == 0


def test_empty_values_are_refused():
    for wrong in (lambda: Box(3, 0, 3, 1), lambda: Size(0, 1)):
        with pytest.raises(RequestError):
            wrong()


def test_fit_keeps_small_sizes_and_the_shape():
    assert Size(100, 50).fit(200) == Size(100, 50)
    assert Size(4000, 3000).fit(400) == Size(400, 300)
    assert Size(30000, 2).fit(100) == Size(100, 1)
