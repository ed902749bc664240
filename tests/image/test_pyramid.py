"""Cuts of one picture at many widths, beside those that are resized from the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity

from deepcrop.geometry import Box, Size
from deepcrop.image import Pyramid
from deepcrop.resize import Raster
from jobs.benchmarks.corpus import mosaic


def luma(pixels):
    return np.asarray(Image.fromarray(pixels).convert("L"), float)


def ssim(first, second):
    return structural_similarity(
        luma(first), luma(second), data_range=255, gaussian_weights=True, sigma=1.5
    )


@pytest.mark.parametrize(
    "name", ["coffee", "chelsea", "retina", pytest.param("mosaic", marks=pytest.mark.slow)]
)
def test_results_look_as_those_that_are_resized_from_the_whole_picture(name):
    pixels = np.asarray(mosaic(2)) if name == "mosaic" else getattr(data, name)()
    height, width = pixels.shape[:2]
    box = Box(3, 5, width - 4, height - 2)
    pyramid, whole = Pyramid(pixels), Raster(pixels)
    for share in (1.3, 2.1, 3.9, 4.1, 5.5, 8.2, 11):
        size = Size(round(box.size.width / share), round(box.size.height / share))
        direct = whole.resized(size, tuple(map(float, box.corners))).pixels
        assert ssim(pyramid.render(box, size), direct) > 0.998


def test_a_result_is_the_same_whatever_else_was_cut_before():
    pixels = data.coffee()
    box = Box(10, 10, 590, 390)
    alone = Pyramid(pixels).render(box, Size(58, 38))
    after = Pyramid(pixels)
    for width in (290, 500, 20):
        after.render(box, Size(width, round(width * 380 / 580)))
    assert np.array_equal(after.render(box, Size(58, 38)), alone)


def test_a_box_of_the_size_of_the_result_is_copied():
    pixels = data.chelsea()
    cut = Pyramid(pixels).render(Box(7, 9, 107, 59), Size(100, 50))
    assert np.array_equal(cut, pixels[9:59, 7:107])


def test_transparent_pixels_give_no_colour_to_others():
    pixels = np.zeros((257, 513, 4), np.uint8)
    pixels[..., 0] = 255  # red, and transparent
    pixels[:, 200:, :] = (0, 0, 255, 255)
    small = Pyramid(pixels).render(Box(0, 0, 513, 257), Size(40, 20))
    opaque = small[small[..., 3] > 40]
    assert len(opaque) > 400 and (opaque[:, 0] <= 4).all() and (opaque[:, 2] >= 250).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (901, 3), (33, 31)])
def test_odd_and_narrow_pictures(shape):
    pixels = np.full((*shape, 3), 77, np.uint8)
    box = Box(0, 0, shape[1], shape[0])
    for size in (Size(1, 1), Size(max(1, shape[1] // 7), max(1, shape[0] // 7)), Size(5, 4)):
        cut = Pyramid(pixels).render(box, size)
        assert cut.shape == (size.height, size.width, 3) and (cut == 77).all()
