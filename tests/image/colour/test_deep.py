"""Samples of more than 8 bits with a profile are converted before they are rounded."""

import zlib

import imagecodecs
import numpy as np
import pytest

from deepcrop.image import decode
from deepcrop.image.colour.deep import profile_to_srgb
from jobs.faults.files.png import chunk
from jobs.faults.files.tiff import page, tiff
from tests.image.samples import (
    ADOBE_RGB,
    SRGB,
    cmyk_profile,
    grey_profile,
    in_srgb,
    matrix_profile,
    srgb_encoded,
)

DARK = np.random.default_rng(0).integers(0, 4000, (300, 40, 3)).astype(np.uint16)
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))


def with_profile(values, profile):
    tags = {34675: ("B", list(profile))}
    return tiff(page(values, 2 if values.shape[2] > 2 else 1, tags=tags))


@pytest.mark.parametrize("gamma", [1.0, 1.8])
@pytest.mark.parametrize("primaries", [SRGB, ADOBE_RGB, PROPHOTO])
def test_dark_tones_and_wide_gamuts(primaries, gamma):
    wanted = in_srgb(DARK / 257, primaries, gamma).clip(0, 255)
    pixels = decode(with_profile(DARK, matrix_profile(primaries, gamma))).pixels
    assert np.abs(pixels - wanted).max() <= 1
    floats = (DARK / 65535).astype(np.float32)
    pixels = decode(with_profile(floats, matrix_profile(primaries, gamma))).pixels
    assert np.abs(pixels - wanted).max() <= 1


def test_grey():
    pixels = decode(with_profile(DARK[..., :1], grey_profile(1.0))).pixels
    assert np.abs(pixels - srgb_encoded(DARK[..., :1] / 65535)).max() <= 1


def test_png():
    data = imagecodecs.png_encode(DARK)
    profile = matrix_profile(ADOBE_RGB, 1.0)
    block = chunk(b"iCCP", b"linear\0\0" + zlib.compress(profile))
    pixels = decode(data[:33] + block + data[33:]).pixels
    assert np.abs(pixels - in_srgb(DARK / 257, ADOBE_RGB, 1.0).clip(0, 255)).max() <= 1


def test_other_profiles_are_left_to_lcms():
    inks = cmyk_profile(lambda c, m, y, k: (100 - 90 * max(c, m, y, k), 0, 0))
    assert profile_to_srgb(DARK, 16, inks) is None
    assert profile_to_srgb(DARK, 16, b"no profile") is None
    assert profile_to_srgb(DARK[..., :1], 16, b"no profile") is None
