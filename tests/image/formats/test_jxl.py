"""JPEG XL: headers, depth, colours, orientation, recompressed JPEGs, boxes."""

import io
import sys
from contextlib import suppress
from importlib.util import find_spec

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepcrop.errors import Corrupt, NotAnImage, TooLarge, Unsupported
from deepcrop.flags import Flag
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from deepcrop.image.colour.description import colour_described
from deepcrop.image.formats import jxl
from deepcrop.image.formats.jxl_header import BrokenHeader, header_of_codestream
from deepcrop.image.opened import without_pixels
from tests.image.samples import (
    ADOBE_RGB,
    in_srgb,
    matrix_profile,
    photo,
    psnr,
    saved,
    srgb_encoded,
)

RGB = photo()[100:164, 200:300].copy()
ALPHA = np.dstack([RGB, RGB[..., 0]])
encode = imagecodecs.jpegxl_encode
has_pylibjxl = pytest.mark.skipif(find_spec("pylibjxl") is None, reason="pylibjxl is not installed")


def test_lossless_pixels_are_exact_and_lossy_ones_close():
    assert np.array_equal(decode(encode(RGB)).pixels, RGB)
    assert np.array_equal(decode(encode(ALPHA)).pixels, ALPHA)
    assert np.array_equal(decode(encode(RGB[..., 0])).pixels, np.repeat(RGB[..., :1], 3, 2))
    lossy = decode(encode(RGB, distance=0.5))
    assert psnr(lossy.pixels, RGB) > 35
    assert (lossy.format, lossy.source_size, lossy.metadata.icc) == ("jxl", Size(100, 64), None)


@pytest.mark.parametrize(
    "values",
    [RGB.astype(np.uint16) * 257, (RGB / 255).astype(np.float32), (RGB / 255).astype(np.float16)],
    ids=["16 bits", "floats", "half floats"],
)
@pytest.mark.parametrize("distance", [0.0, 0.1])
def test_deep_samples_in_linear_light(values, distance):
    """16 bits and floats are written as linear sRGB by imagecodecs."""
    data = encode(values, distance=distance, lossless=not distance)
    assert jxl.header_of(data).colours.transfer == 8
    difference = np.abs(decode(data).pixels - srgb_encoded(RGB / 255))
    assert difference.mean() < (0.5 if not distance else 2)


def test_bt709_is_undone_as_it_was_done():
    """In video a display's gamma of 2.4 follows; JPEG XL codes light by the function itself."""
    fields = [(1, 1), (0, 5), (1, 3), (0, 1), (0, 1), (0, 3), (1, 1), (0, 2), (0, 1)]  # 8x8, 8 bits
    fields += [(0, 2), (0, 2), (1, 2), (1, 2), (0, 1), (1, 2), (1, 2)]  # RGB, D65, BT.709 twice
    number = at = 0
    for value, bits in fields:
        number |= value << at
        at += bits
    data = jxl.CODESTREAM + number.to_bytes(16, "little")
    assert jxl.header_of(data).colours.transfer == 1
    space = colour_described(without_pixels("JXL", {}), data)
    assert abs(space.curve(np.array(0.5)) - ((0.5 + 0.099) / 1.099) ** (1 / 0.45)) < 1e-6


def test_depths_of_the_header():
    assert probe(encode(RGB.astype(np.uint16) * 4, bitspersample=10)).mode == "RGB;10"
    assert probe(encode((ALPHA / 255).astype(np.float32))).mode == "RGBA;32f"
    assert probe(encode(RGB[..., 0])).mode == "L"


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (264, 256), (1, 1), (97, 3), (40, 30),
                                  (3, 2), (16, 9), (700, 520), (12, 10), (20, 10)])  # fmt: skip
def test_sizes(size):
    data = encode(np.zeros((size[1], size[0], 3), np.uint8))
    assert probe(data).size == Size(*size)
    assert decode(data).size == Size(*size)


def test_an_animation():
    picture = decode(encode(np.stack([RGB, RGB[::-1]])))
    assert np.array_equal(picture.pixels, RGB)
    assert picture.notes[0].flag is Flag.ANIMATION_FLATTENED


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_recompressed_jpeg_is_read_as_that_jpeg(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    jpeg = saved(RGB, "jpeg", quality=95, exif=exif, icc_profile=matrix_profile(ADOBE_RGB, 2.2))
    data = imagecodecs.jpegxl_encode_jpeg(jpeg)
    assert jxl.header_of(data).orientation == orientation
    assert (probe(data).format, probe(data).size) == ("jxl", probe(jpeg).size)
    assert np.array_equal(decode(data).pixels, decode(jpeg).pixels)
    small = decode(data, at_least=Size(8, 8))
    assert small.shrink == decode(jpeg, at_least=Size(8, 8)).shrink > 1


def container(stream, *boxes, parts=1):
    out = jxl.CONTAINER + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    for kind, body in boxes:
        out += (len(body) + 8).to_bytes(4, "big") + kind + body
    step = -(-len(stream) // parts)
    for number in range(parts):
        body = stream[number * step : (number + 1) * step]
        last = 0x80000000 * (number == parts - 1)
        body = (number | last).to_bytes(4, "big") + body
        out += (len(body) + 8).to_bytes(4, "big") + b"jxlp" + body
    return out


def test_boxes_of_a_container():
    tags = Image.Exif()
    tags[274], tags[315] = 6, "who"
    block = bytes(4) + tags.tobytes().removeprefix(b"Exif\0\0")
    packed = b"xml " + imagecodecs.brotli_encode(b"<x:xmpmeta/>")
    data = container(encode(RGB), (b"Exif", block), (b"brob", packed), parts=9)
    picture = decode(data)
    assert np.array_equal(picture.pixels, RGB)  # the orientation in EXIF doesn't count
    assert b"who" in picture.metadata.exif
    assert picture.metadata.xmp == b"<x:xmpmeta/>"
    broken = container(encode(RGB), (b"brob", b"xml \xff\xff"), (b"Exif", b""))
    assert decode(broken).metadata.xmp is None


def test_more_bits_of_a_lossy_picture():
    """They are asked for in linear light, where 8 bits are too few for dark tones."""
    data = encode(RGB[..., 0], distance=0.5)
    header = jxl.header_of(data)
    assert header.xyb and header.bits_at
    deeper = jxl._deeper(data, header)
    assert jxl.header_of(deeper).bits == 12
    values = imagecodecs.jpegxl_decode(deeper)
    assert values.dtype == np.uint16
    eight = imagecodecs.jpegxl_decode(data)
    assert np.abs(values / 4095 * 255 - eight).max() <= 1


@has_pylibjxl
def test_the_profile_of_a_lossless_picture():
    import pylibjxl

    data = pylibjxl.encode(RGB, lossless=True, icc=matrix_profile(ADOBE_RGB, 2.2))
    assert np.abs(decode(data).pixels - in_srgb(RGB, ADOBE_RGB, 2.2).clip(0, 255)).max() <= 2
    kept = decode(data, colour="keep")
    assert np.array_equal(kept.pixels, RGB)
    assert kept.metadata.icc == matrix_profile(ADOBE_RGB, 2.2)


@has_pylibjxl
def test_without_the_extra_the_error_names_it(monkeypatch):
    import pylibjxl

    data = pylibjxl.encode(RGB, lossless=True, icc=matrix_profile(ADOBE_RGB, 2.2))
    monkeypatch.setitem(sys.modules, "pylibjxl", None)
    with pytest.raises(Unsupported, match=r"pip install 'deepcrop\[jxl\]'"):
        decode(data)


def test_limits_and_damage():
    data = encode(photo())
    with pytest.raises(TooLarge, match="512x512"):
        probe(data, max_pixels=512 * 512 - 1)
    for cut in (2, 5, 9, 100, len(data) // 2, len(data) - 1):
        with pytest.raises((Corrupt, NotAnImage)):
            decode(data[:cut])
    with pytest.raises(Corrupt):
        probe(jxl.CONTAINER + bytes(30))


@given(st.binary(min_size=0, max_size=60))
def test_any_header_is_read_or_refused(tail):
    with suppress(BrokenHeader):
        assert header_of_codestream(b"\xff\x0a" + tail).width >= 1


def test_pillow_is_not_asked():
    out = io.BytesIO(encode(RGB))
    assert decode(out.getvalue()).format == "jxl"
