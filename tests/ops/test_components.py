"""The regions of a mask against SciPy's labels."""

import numpy
import pytest
from scipy import ndimage

from deepcrop.ops.components import region_boxes


@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 0.7])
def test_the_regions_are_those_of_scipy(density):
    random = numpy.random.default_rng(3)
    for _ in range(40):
        mask = random.random(random.integers(1, 24, 2)) < density
        labels, _ = ndimage.label(mask, numpy.ones((3, 3)))
        wanted = [
            (across.start, down.start, across.stop, down.stop)
            for down, across in ndimage.find_objects(labels)
        ]
        assert sorted(region_boxes(mask)) == sorted(wanted)


def test_a_ring_is_one_region_and_an_empty_mask_has_none():
    ring = numpy.ones((5, 6), bool)
    ring[1:-1, 1:-1] = False
    assert region_boxes(ring) == [(0, 0, 6, 5)]
    assert region_boxes(numpy.zeros((4, 4), bool)) == []
