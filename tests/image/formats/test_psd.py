"""Photoshop files: the flattened image in every mode, depth and compression."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import Corrupt, TooLarge, Unsupported
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from deepcrop.image.colour.conversion import to_rgb
from deepcrop.image.formats import psd as reader
from jobs.faults.files.psd import COMPRESSIONS, psd
from tests.image.samples import ADOBE_RGB, in_srgb, matrix_profile, photo

RGB = photo()[100:133, 200:251].copy()
GREY, RGB_MODE, CMYK, LAB = 1, 3, 4, 9


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("depth", [8, 16, 32])
def test_every_depth_and_compression(depth, compression, large):
    values = {8: RGB, 16: RGB.astype(np.uint16) * 257, 32: (RGB / 255).astype(np.float32)}[depth]
    data = psd(values, RGB_MODE, compression=compression, large=large)
    picture = decode(data)
    assert np.array_equal(picture.pixels, RGB)
    assert (picture.format, probe(data).size, probe(data).mode) == (
        "psd", Size(51, 33), f"RGB;{depth}",
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["L", "CMYK", "LAB", "P"])
def test_modes_are_read_as_pillow_reads_them(mode):
    inks = np.dstack([RGB, RGB[..., 1]])
    palette = np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes()
    data = {
        "L": psd(RGB[..., :1], GREY),
        "CMYK": psd(inks, CMYK),
        "LAB": psd(RGB, LAB),
        "P": psd(RGB[..., :1], 2, palette=palette),
    }[mode]
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(to_rgb(image, "srgb")[0])
    assert np.array_equal(decode(data).pixels, wanted)


def test_ones_of_a_bitmap_are_black():
    """Pillow 13 shows them white; Photoshop's own convention is that of a bitmap in TIFF."""
    bits = RGB[..., :1] >> 7
    data = psd(bits, 0, bits=1, compression="none")
    assert np.array_equal(decode(data).pixels, np.repeat(255 - 255 * bits, 3, axis=2))


def test_transparency_is_straight_again():
    """Photoshop stores the flattened image over white."""
    alpha = np.tile(np.linspace(0, 255, 51).astype(np.uint8), (33, 1))
    share = alpha[..., None] / 255
    over_white = np.rint(RGB * share + 255 * (1 - share)).astype(np.uint8)
    picture = decode(psd(np.dstack([over_white, alpha]), RGB_MODE, layers=-2))
    assert np.array_equal(picture.pixels[..., 3], alpha)
    opaque = alpha > 127
    assert np.abs(picture.pixels[..., :3].astype(int) - RGB)[opaque].max() <= 2
    flat = decode(psd(np.dstack([RGB, alpha]), RGB_MODE, layers=2))  # an alpha channel of the user
    assert np.array_equal(flat.pixels, RGB)


def test_transparency_of_inks_is_straight_again():
    """White is full in CMYK too, which Photoshop stores inverted."""
    clear = np.dstack([np.full((*RGB.shape[:2], 4), 255, np.uint8), np.zeros_like(RGB[..., :1])])
    clear[:, 20:, :4] = 128 + np.dstack([RGB, RGB[..., 1]])[:, 20:] // 2
    clear[:, 20:, 4] = 128
    opaque = np.dstack([RGB, RGB[..., 1]])
    wanted = decode(psd(opaque, CMYK)).pixels[:, 20:].astype(int)
    pixels = decode(psd(clear, CMYK, layers=-1)).pixels
    assert (pixels[:, :20, 3] == 0).all() and (pixels[:, 20:, 3] == 128).all()
    assert np.abs(pixels[:, 20:, :3] - wanted).max() <= 3


def test_16_bit_lab_keeps_its_depth():
    """Neutral greys stay neutral, and are exact."""
    grey = np.arange(256, dtype=np.uint8).reshape(1, 256)
    linear = np.where(
        grey / 255 <= 0.04045, grey / 255 / 12.92, ((grey / 255 + 0.055) / 1.055) ** 2.4
    )
    ratio = np.where(linear > 216 / 24389, np.cbrt(linear), (24389 / 27 * linear + 16) / 116)
    lightness = np.rint((116 * ratio - 16) * 655.35).astype(np.uint16)
    half = np.full_like(lightness, 128 * 257)
    pixels = decode(psd(np.dstack([lightness, half, half]), LAB)).pixels
    assert np.abs(pixels - grey[..., None].astype(int)).max() <= 1
    whole = decode(psd(RGB, LAB)).pixels.astype(int)
    deep = decode(psd(RGB.astype(np.uint16) * 257, LAB)).pixels
    assert np.abs(deep - whole).mean() < 2  # lcms approximates vivid colours in 8 bits


def test_transparency_of_deep_files_is_told_in_a_block():
    data = psd(np.dstack([RGB, RGB[..., 0]]).astype(np.uint16) * 257, RGB_MODE, layers=0)
    block = b"8BIM" + b"Mt16" + bytes(4)
    section = struct.pack(">II", 0, 0) + block
    head = data[: 26 + 4 + 4]
    body = data[len(head) + 4 + 6 :]
    assert decode(head + struct.pack(">I", len(section)) + section + body).pixels.shape[2] == 4


def test_blocks():
    tags = Image.Exif()
    tags[274], tags[315] = 6, "who"
    resources = {
        reader.ICC: matrix_profile(ADOBE_RGB, 2.2),
        reader.EXIF: tags.tobytes().removeprefix(b"Exif\0\0"),
        reader.XMP: b"<x:xmpmeta/>",
    }
    picture = decode(psd(RGB, RGB_MODE, resources=resources))
    assert np.abs(picture.pixels - in_srgb(RGB, ADOBE_RGB, 2.2).clip(0, 255)).max() <= 2
    assert picture.source_size == Size(51, 33)  # EXIF says how the camera was held
    assert b"who" in picture.metadata.exif
    assert picture.metadata.xmp == b"<x:xmpmeta/>"


def test_what_is_refused():
    unflattened = {reader.VERSION: struct.pack(">IB", 1, 0)}
    with pytest.raises(Unsupported, match="Maximize compatibility"):
        probe(psd(RGB, RGB_MODE, resources=unflattened))
    with pytest.raises(Unsupported, match="colour mode 7"):
        probe(psd(RGB, 7))
    with pytest.raises(TooLarge, match="51x33"):
        probe(psd(RGB, RGB_MODE), max_pixels=51 * 33 - 1)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_file_is_corrupt(compression):
    data = psd(RGB, RGB_MODE, compression=compression)
    for cut in (4, 20, 30, 50, len(data) // 2, len(data) - 9):
        with pytest.raises(Corrupt):
            decode(data[:cut])
