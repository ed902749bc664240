"""PNG: blocks that Pillow refuses don't keep the picture from being read."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from deepcrop.image import decode
from jobs.faults.files.png import chunk
from tests.image.samples import ADOBE_RGB, in_srgb, matrix_profile, photo, saved

RGB = photo()[100:140, 200:260].copy()


def test_a_long_text():
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>" + " " * 2**21, zip=True)
    data = saved(RGB, "png", pnginfo=text)
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(data))
    picture = decode(data)
    assert np.array_equal(picture.pixels, RGB)
    assert picture.metadata.xmp.startswith(b"<x:xmpmeta/>")


def test_a_damaged_text():
    data = saved(RGB, "png")
    broken = bytearray(chunk(b"tEXt", b"Title\0a picture"))
    broken[-1] ^= 1
    assert np.array_equal(decode(data[:33] + bytes(broken) + data[33:]).pixels, RGB)


def test_a_large_profile():
    noise = np.random.default_rng(0).integers(0, 256, 2**20, dtype=np.uint8).tobytes()
    profile = matrix_profile(ADOBE_RGB, 2.2)
    profile = (len(profile) + len(noise)).to_bytes(4, "big") + profile[4:] + noise
    data = saved(RGB, "png", icc_profile=profile)
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(data)).load()
    wanted = in_srgb(RGB, ADOBE_RGB, 2.2).clip(0, 255)
    assert np.abs(decode(data).pixels - wanted).max() <= 2
