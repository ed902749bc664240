"""Cameras' raw files: their embedded preview, its orientation, and the missing extra."""

import sys
from contextlib import suppress
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import DecodeError, NotAnImage, TooLarge, Unsupported
from deepcrop.geometry import Size
from deepcrop.image import decode, encode, output_format, probe
from deepcrop.image.formats.raw import Preview
from jobs.faults.files.raw import dng
from tests.image.samples import photo, psnr, saved, shown

STORED = photo()[100:140, 200:264].copy()
JPEG = saved(STORED, "jpeg", quality=95)
needs_rawpy = pytest.mark.skipif(find_spec("rawpy") is None, reason="rawpy is not installed")


@pytest.mark.parametrize("data", [dng(JPEG, (64, 40)), b"FUJIFILMCCD-RAW 0201", b"IIRO" + bytes(20),
                                  b"IIU\0" + bytes(20), b"II\x1a\0\0\0HEAPCCDR" + bytes(9),
                                  b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"])  # fmt: skip
def test_without_the_extra_the_error_names_it(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(Unsupported, match=r"pip install 'deepcrop\[raw\]'"):
        probe(data)


@needs_rawpy
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_preview_is_turned_as_the_raw_image_is(orientation, order):
    data = dng(JPEG, (64, 40), orientation=orientation, order=order)
    picture, wanted = decode(data), shown(STORED, orientation)
    assert picture.pixels.shape == wanted.shape
    assert psnr(picture.pixels, wanted) > 30
    header = probe(data)
    assert (header.format, header.orientation, header.size) == (
        "raw", orientation, picture.source_size,
    )  # fmt: skip
    raw = "96x64" if orientation < 5 else "64x96"
    assert picture.notes[0].text.endswith(f"pixels; the raw image has {raw}")


def test_a_preview_that_was_turned_already_is_left_alone():
    upright = Preview(b"", None, (6000, 4000), 6)
    assert upright.orientation_of((1600, 1067)) == 6
    assert upright.orientation_of((1067, 1600)) == 1
    assert Preview(b"", None, (6000, 4000), 3).orientation_of((1067, 1600)) == 3


@needs_rawpy
def test_a_large_preview_is_decoded_at_a_smaller_scale():
    data = dng(saved(photo(), "jpeg"), (512, 512))
    assert decode(data, at_least=Size(60, 60)).shrink == 8
    with pytest.raises(TooLarge, match="512x512"):
        probe(data, max_pixels=512 * 512 - 1)


@needs_rawpy
def test_a_file_without_a_preview():
    with pytest.raises(Unsupported, match="no embedded preview"):
        decode(dng(None, (0, 0)))


@needs_rawpy
def test_damage():
    data = dng(JPEG, (64, 40))
    for cut in np.random.default_rng(0).integers(1, len(data), 40).tolist():
        with suppress(DecodeError):
            assert decode(data[:cut]).size == Size(64, 40)
    with pytest.raises(NotAnImage):
        probe(b"HEAPCCDR")


def test_same_format_of_a_raw_file_is_jpeg():
    assert output_format("same", "raw") == output_format("same", "heif") == "jpeg"
    assert output_format("same", "psd") == output_format("same", "jxl") == "png"
    assert Image.MIME["JPEG"] == f"image/{output_format('same', 'raw')}"
    assert encode(STORED, "jpeg")[:2] == b"\xff\xd8"
