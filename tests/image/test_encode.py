"""Encoding: formats, quality, alpha, limits, the same bytes each time."""

import io

import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import RenderError
from deepcrop.image import (
    OUTPUT_FORMATS,
    EncoderSettings,
    Metadata,
    decode,
    encode,
    flattens,
    output_format,
    probe,
)
from tests.image.samples import photo, psnr

FORMATS = sorted(OUTPUT_FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_again(format):
    pixels = photo("coffee")[:201, :303]
    data = encode(pixels, format)
    picture = decode(data)
    assert picture.format == format
    if format != "jxl":  # which Pillow doesn't read
        assert Image.open(io.BytesIO(data)).size == (303, 201)
    assert psnr(picture.pixels, pixels) > 30
    assert np.array_equal(picture.pixels, pixels) == (format == "png")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_pixels_give_the_same_bytes(format):
    pixels = photo()[:120, :200]
    assert encode(pixels, format) == encode(pixels.copy(), format)
    assert encode(pixels, format) == encode(photo()[:, ::-1][:120, ::-1][:, :200], format)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "jxl"])
def test_quality_buys_fidelity_with_bytes(format):
    pixels = photo()[:256, :256]
    low, high = (encode(pixels, format, quality=quality) for quality in (30, 90))
    assert len(low) < len(high)
    assert psnr(decode(low).pixels, pixels) + 2 < psnr(decode(high).pixels, pixels)


def test_jpegs_have_half_chroma():
    header = Image.open(io.BytesIO(encode(photo(), "jpeg")))
    assert [layer[1:3] for layer in header.layer] == [(2, 2), (1, 1), (1, 1)]


@pytest.mark.parametrize("format", FORMATS)
def test_alpha_is_kept_where_the_format_can_hold_it(format):
    pixels = np.dstack([photo()[:64, :64], np.zeros((64, 64), np.uint8)])
    pixels[16:, :, 3] = 255
    picture = decode(encode(pixels, format))
    if format == "jpeg":
        assert picture.pixels.shape == (64, 64, 3)
        assert picture.pixels[:8].min() >= 250
    else:
        assert np.array_equal(picture.pixels[..., 3], pixels[..., 3])
    assert psnr(picture.pixels[24:, :, :3], pixels[24:, :, :3]) > 28


@pytest.mark.parametrize("format", FORMATS)
def test_one_pixel(format):
    picture = decode(encode(np.full((1, 1, 3), 255, np.uint8), format))
    assert np.abs(picture.pixels.astype(int) - 255).max() <= 2


@pytest.mark.parametrize(
    ("format", "shape", "words"),
    [
        ("webp", (2, 16384, 3), "webp holds at most 16383 a side"),
        ("jpeg", (65501, 2, 3), "jpeg holds at most 65500 a side"),
        ("avif", (1, 32769, 3), "avif can be opened with at most 32768 a side"),
        ("avif", (16385, 16384, 3), "avif can be opened with at most 268435456 pixels"),
    ],
)
def test_what_a_format_can_not_hold_is_refused(format, shape, words):
    with pytest.raises(RenderError, match=rf"{shape[1]}x{shape[0]} pixels: {words}"):
        encode(np.broadcast_to(np.uint8(0), shape), format)


@pytest.mark.parametrize(
    ("format", "shape"), [("webp", (2, 16383, 3)), ("jpeg", (65500, 2, 3)), ("avif", (2, 32768, 3))]
)
def test_what_a_format_can_just_hold_is_written(format, shape):
    size = probe(encode(np.zeros(shape, np.uint8), format)).size
    assert (size.height, size.width) == shape[:2]


def test_unknown_formats_are_named():
    with pytest.raises(RenderError, match="'bmp': expected one of jpeg, webp, avif, png"):
        encode(photo(), "bmp")


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_outside_its_range_is_refused(quality):
    with pytest.raises(RenderError, match=f"quality {quality}: expected 1 to 100"):
        encode(photo(), "jpeg", quality=quality)


def test_same_means_the_source_s_format_or_a_lossless_one():
    assert output_format("same", "webp") == "webp"
    assert output_format("same", "tiff") == output_format("same", "gif") == "png"
    assert output_format("same", "jxl") == "png"  # which more programs read
    assert output_format("avif", "jpeg") == "avif"


def test_only_jpeg_of_what_is_transparent_is_flattened():
    clear = np.full((4, 4, 4), 255, np.uint8)
    assert not flattens(clear, "jpeg")
    clear[1, 1, 3] = 254
    assert [flattens(clear, format) for format in FORMATS] == [f == "jpeg" for f in FORMATS]
    assert not flattens(clear[..., :3], "jpeg")


def test_jpegs_are_progressive_or_have_full_chroma_where_that_is_asked_for():
    smooth = photo("coffee")[:400, :600]
    plain = encode(smooth, "jpeg")
    progressive = encode(smooth, "jpeg", settings=EncoderSettings(progressive=True))
    assert "progressive" in Image.open(io.BytesIO(progressive)).info
    assert "progressive" not in Image.open(io.BytesIO(plain)).info
    assert len(progressive) < len(plain)
    assert abs(psnr(decode(progressive).pixels, smooth) - psnr(decode(plain).pixels, smooth)) < 0.2
    for is_progressive in (True, False):
        settings = EncoderSettings(chroma="4:4:4", progressive=is_progressive)
        header = Image.open(io.BytesIO(encode(smooth, "jpeg", settings=settings)))
        assert [layer[1:3] for layer in header.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("format", ["webp", "jxl", "png"])
def test_what_is_written_without_loss_has_the_same_pixels(format):
    pixels = photo("coffee")[:101, :203]
    settings = EncoderSettings(lossless=True)
    assert np.array_equal(decode(encode(pixels, format, settings=settings)).pixels, pixels)
    assert settings.is_lossless(format) and not settings.is_lossless("avif")


def test_slower_settings_change_the_files_of_their_own_format_alone():
    pixels = photo("coffee")[:128, :128]
    slow = EncoderSettings(avif_speed=4, webp_effort=6, jxl_effort=6)
    for format in ("avif", "webp", "jxl"):
        assert encode(pixels, format, settings=slow) != encode(pixels, format)
    assert encode(pixels, "jpeg", settings=slow) == encode(pixels, "jpeg")
    assert slow.deciding("jpeg") == EncoderSettings().deciding("jpeg")


def test_jpeg_xl_carries_exif_and_xmp_and_refuses_profiles():
    exif = Image.Exif()
    exif[315] = "the artist"
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    pixels = photo()[:40, :60]
    metadata = Metadata(exif=exif.tobytes(), xmp=packet)
    found = decode(encode(pixels, "jxl", metadata=metadata)).metadata
    assert b"the artist" in (found.exif or b"") and found.xmp == packet
    with pytest.raises(RenderError, match="profiles can't be written"):
        encode(pixels, "jxl", metadata=Metadata(icc=b"a profile"))
