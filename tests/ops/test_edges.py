"""How much of a map the edges of a window run through."""

import numpy as np
import pytest

from deepcrop.geometry import Box, Size
from deepcrop.ops.edges import on_edges

SIZE = Size(200, 100)


def test_edges_of_the_image_cut_nothing():
    ones = np.ones((10, 20))
    assert on_edges(ones, Box(0, 0, 200, 100), SIZE) == 0
    assert on_edges(ones, Box(50, 0, 200, 100), SIZE) == 1  # the left edge, from end to end
    assert on_edges(ones, Box(50, 0, 150, 100), SIZE) == 2
    assert on_edges(ones, Box(50, 20, 150, 80), SIZE) == pytest.approx(2 * 0.6 + 2 * 0.5)


def test_only_what_lies_on_an_edge_counts():
    values = np.zeros((10, 20))
    values[2:5, 10:12] = 0.5  # x 100 to 120, y 20 to 50
    assert on_edges(values, Box(0, 0, 100, 100), SIZE) == pytest.approx(0.5 * 0.3)
    assert on_edges(values, Box(0, 0, 90, 100), SIZE) == 0
    assert on_edges(values, Box(110, 0, 200, 100), SIZE) == pytest.approx(0.5 * 0.3)
    assert on_edges(values, Box(0, 0, 200, 30), SIZE) == pytest.approx(0.5 * 0.1)


@pytest.mark.parametrize("shape", [(7, 5), (100, 200), (1, 1)])
def test_a_map_of_ones_gives_the_length_of_the_edges(shape):
    random = np.random.default_rng(0)
    for _ in range(50):
        x0, x1 = sorted(random.integers(0, 201, 2).tolist())
        y0, y1 = sorted(random.integers(0, 101, 2).tolist())
        box = Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
        if not box.inside(SIZE):
            continue
        upright = (box.x0 > 0) + (box.x1 < 200)
        level = (box.y0 > 0) + (box.y1 < 100)
        length = upright * box.size.height / 100 + level * box.size.width / 200
        found = on_edges(np.ones(shape), box, SIZE)
        assert abs(found - length) <= 2 * upright / shape[0] + 2 * level / shape[1]
