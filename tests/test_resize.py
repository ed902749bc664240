"""The resizer of pixels; its filters are checked in tests/image/test_render.py."""

import subprocess
import sys

import numpy as np
import pytest

from deepcrop.geometry import Size
from deepcrop.resize import Raster, resized


def test_windows_are_resized_one_after_the_other_and_in_any_layout():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    turned = np.ascontiguousarray(pixels.swapaxes(0, 1)).swapaxes(0, 1)
    assert np.array_equal(Raster(turned).pixels, pixels)
    assert np.array_equal(resized(pixels, Size(90, 60)), pixels)
    half = Raster(pixels).resized(Size(45, 30), (0, 0, 90, 60))
    assert half.size == Size(45, 30)
    assert np.array_equal(half.pixels, resized(pixels, Size(45, 30)))
    half.pixels[:] = 0  # a copy
    assert half.pixels.any()


@pytest.mark.parametrize("by", ["cubic", "linear"])
@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 300), Size(500, 2)])
def test_any_size_keeps_a_flat_colour(by, size):
    flat = np.full((7, 5, 3), (9, 200, 255), np.uint8)
    found = resized(flat, size, by)
    assert found.shape == (size.height, size.width, 3)
    assert np.abs(found.astype(int) - [9, 200, 255]).max() <= 1


def test_rendering_imports_no_torch():
    code = (
        "import sys, numpy, deepcrop.image as image; from deepcrop.geometry import Box, Size\n"
        "data = image.encode(numpy.zeros((80, 60, 3), numpy.uint8), 'jpeg')\n"
        "picture = image.decode(data); image.thumbnail(picture, 16)\n"
        "image.render(picture, Box(0, 0, 60, 60), Size(9, 9)); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
