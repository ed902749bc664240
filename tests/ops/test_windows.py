"""The window search against brute force, and its ties, zoom, and kept boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.ops.windows import Integral, best_window, expand_to_contain

RATIOS = [AspectRatio.parse(text) for text in ("1:1", "16:9", "9:16", "4:5", "3:1", "2:3")]


def enlarge(values, size):
    """Spread a coarse map over the source's pixels, each cell evenly: exact, by overlap."""
    rows = overlap(size.height, values.shape[0])
    columns = overlap(size.width, values.shape[1])
    return rows @ values @ columns.T


def overlap(pixels, cells):
    """Share of each cell that lies in each pixel, ``(pixels, cells)``."""
    edges = np.arange(cells + 1) / cells
    at = np.arange(pixels + 1) / pixels
    shared = np.minimum(at[1:, None], edges[1:]) - np.maximum(at[:-1, None], edges[:-1])
    return np.clip(shared, 0, None) * cells


def brute_force(pixels, window):
    """Best place of a window by summing every one: (share, list of boxes that reach it)."""
    height, width = pixels.shape
    total = pixels.sum()
    sums = {}
    for y in range(height - window.height + 1):
        for x in range(width - window.width + 1):
            box = Box(x, y, x + window.width, y + window.height)
            sums[box] = pixels[box.y0 : box.y1, box.x0 : box.x1].sum() / total
    best = max(sums.values())
    return best, [box for box, share in sums.items() if share > best - 1e-9]


def distance(box, size):
    return abs(box.x0 + box.x1 - size.width) + abs(box.y0 + box.y1 - size.height)


@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from(RATIOS),
    st.integers(0, 10**6),
)
def test_equals_brute_force_in_source_pixels(width, height, columns, rows, ratio, seed):
    size = Size(width, height)
    saliency = np.random.default_rng(seed).random((rows, columns)) ** 3
    found = best_window(Integral.of(saliency, size), ratio)
    share, boxes = brute_force(enlarge(saliency, size), ratio.largest_window(size))
    assert found.box in boxes
    assert found.share == pytest.approx(share, abs=1e-9)
    assert distance(found.box, size) == min(distance(box, size) for box in boxes)


@pytest.mark.parametrize("ratio", RATIOS, ids=str)
@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, 3e7])
def test_constant_map_gives_the_centre(ratio, value):
    size = Size(4001, 2999)
    box = best_window(Integral.of(np.full((61, 83), value), size), ratio).box
    assert box.size == ratio.largest_window(size)
    assert abs(box.x0 - (size.width - box.x1)) <= 1
    assert abs(box.y0 - (size.height - box.y1)) <= 1


def test_mass_is_exact_for_fractions_of_cells():
    integral = Integral.of([[1.0, 3.0]], Size(4, 1))
    assert integral.mass(Box(0, 0, 1, 1)) == pytest.approx(0.125)
    assert integral.mass(Box(1, 0, 3, 1)) == pytest.approx(0.5)
    assert integral.mass(Box(0, 0, 4, 1)) == pytest.approx(1)


def test_large_map_does_not_drift():
    saliency = np.full((3000, 4000), 0.1, np.float32)
    integral = Integral.of(saliency, Size(4000, 3000))
    assert integral.mass(Box(3990, 2990, 4000, 3000)) == pytest.approx(100 / 12e6, rel=1e-6)


def test_one_spot_pulls_the_window_no_further_than_needed():
    saliency = np.zeros((100, 200))
    saliency[50, 190] = 1
    box = best_window(Integral.of(saliency, Size(200, 100)), AspectRatio(1, 1)).box
    assert box == Box(91, 0, 191, 100)


def test_smaller_window_when_it_holds_enough():
    size = Size(200, 100)
    saliency = np.zeros((100, 200))
    saliency[40:60, 140:160] = 1
    integral = Integral.of(saliency, size)
    window = best_window(integral, AspectRatio(1, 1), min_saliency=0.99, minimum_zoom=0.1)
    assert 20 <= window.box.size.width <= 24
    assert window.box.size.width == window.box.size.height
    assert window.share >= 0.99
    limited = best_window(integral, AspectRatio(1, 1), min_saliency=0.99, minimum_zoom=0.5)
    assert limited.box.size == Size(50, 50)


def test_even_map_is_never_zoomed():
    window = best_window(
        Integral.of(np.ones((9, 16)), Size(160, 90)), AspectRatio(1, 1), min_saliency=0.999
    )
    assert window.box.size == Size(90, 90)


def test_kept_box_overrules_saliency():
    saliency = np.zeros((10, 40))
    saliency[:, 35:] = 1
    integral = Integral.of(saliency, Size(400, 100))
    face = Box(10, 20, 60, 70)
    box = best_window(integral, AspectRatio(1, 1), keep=[face]).box
    assert box.intersection(face) == face.area
    free = best_window(integral, AspectRatio(1, 1)).box
    assert free.intersection(face) == 0


def test_box_that_cannot_be_held_is_not_cut_in_vain():
    saliency = np.ones((10, 40))
    face, wide = Box(10, 20, 60, 70), Box(150, 10, 390, 90)
    box = best_window(
        Integral.of(saliency, Size(400, 100)), AspectRatio(1, 1), keep=[face, wide]
    ).box
    assert box.intersection(face) == face.area
    assert box.intersection(wide) == 0


@pytest.mark.parametrize("bad", [[[-1.0]], [[np.nan]], [1.0, 2.0], [[]]])
def test_wrong_maps_are_refused(bad):
    with pytest.raises(ValueError, match="saliency"):
        Integral.of(bad, Size(4, 4))


def test_a_window_grows_no_more_than_it_must() -> None:
    size, square = Size(200, 100), AspectRatio(1, 1)
    box = Box(80, 40, 100, 60)
    assert expand_to_contain(box, (), square, size) == box
    assert expand_to_contain(box, (Box(78, 45, 98, 55),), square, size) == Box(78, 40, 98, 60)
    grown = expand_to_contain(box, (Box(0, 10, 30, 50),), square, size)
    assert grown.size == Size(40, 40)
    assert grown.intersection(Box(0, 10, 30, 50)) == 1200
    assert expand_to_contain(box, (Box(0, 0, 150, 10),), square, size) == box  # no square holds it


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5))
def test_a_box_is_cut_only_where_that_is_worth_its_cost(seed, cost):
    random = np.random.default_rng(seed)
    size, aspect = Size(40, 12), AspectRatio(1, 1)
    integral = Integral.of(random.random((6, 20)) ** 4, size)
    left = int(random.integers(0, 34))
    face = Box(left, 3, left + 6, 9)
    found = best_window(integral, aspect, avoid_cutting=[(face, cost)])

    def worth(x0: int) -> float:
        box = Box(x0, 0, x0 + 12, 12)
        cut = 0 < box.intersection(face) < face.area
        return integral.mass(box) - cost * cut

    assert worth(found.box.x0) == pytest.approx(max(map(worth, range(29))))
    assert found.share == pytest.approx(integral.mass(found.box))
