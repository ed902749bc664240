"""Colour: profiles, inks, deep samples, palettes, alpha."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from deepcrop.image import decode
from tests.image.samples import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    grey_profile,
    in_srgb,
    matrix_profile,
    photo,
    saved,
    srgb_encoded,
)

SPACES = [pytest.param(DISPLAY_P3, 1.8, id="p3"), pytest.param(ADOBE_RGB, 2.2, id="adobe")]


def grid():
    levels = np.linspace(0, 255, 16).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(64, 64, 3)


@pytest.mark.parametrize(("primaries", "gamma"), SPACES)
@pytest.mark.parametrize("format", ["png", "webp", "tiff"])
def test_wide_gamuts_become_srgb(format, primaries, gamma):
    exact = {"lossless": True} if format == "webp" else {}
    data = saved(grid(), format, icc_profile=matrix_profile(primaries, gamma), **exact)
    picture = decode(data)
    assert np.abs(picture.pixels - in_srgb(grid(), primaries, gamma)).max() <= 2
    assert np.abs(picture.pixels - in_srgb(grid(), primaries, gamma)).mean() <= 0.5
    assert picture.metadata.icc is None


@pytest.mark.parametrize("format", ["jpeg", "avif"])
def test_wide_gamuts_become_srgb_in_lossy_files(format):
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(photo(), format, icc_profile=profile, quality=95)
    wanted = in_srgb(decode(data, colour="strip").pixels, DISPLAY_P3, 2.2)
    assert np.abs(decode(data).pixels - wanted).max() <= 2


def test_profiles_can_be_kept_or_stripped():
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(grid(), "png", icc_profile=profile)
    kept, stripped = decode(data, colour="keep"), decode(data, colour="strip")
    assert np.array_equal(kept.pixels, grid())
    assert kept.metadata.icc == profile
    assert np.array_equal(stripped.pixels, grid())
    assert stripped.metadata.icc is None


@pytest.mark.parametrize("format", ["jpeg", "png"])
def test_an_srgb_profile_changes_nothing(format):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = decode(saved(photo(), format, icc_profile=srgb))
    assert (
        np.abs(with_profile.pixels.astype(int) - decode(saved(photo(), format)).pixels).max() <= 1
    )


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_grey_profiles(format):
    levels = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    options = {"quality": 100} if format == "jpeg" else {}
    data = saved(Image.fromarray(levels), format, icc_profile=grey_profile(1.0), **options)
    wanted = srgb_encoded(levels / 255.0)[..., None]
    limit = 40 if format == "jpeg" else 1  # the steep start of the curve magnifies the JPEG's error
    assert np.abs(decode(data).pixels - wanted).max() <= limit
    assert np.abs(decode(data).pixels - wanted)[:, 32:].max() <= (4 if format == "jpeg" else 1)
    plain = decode(saved(Image.fromarray(levels), "png", icc_profile=b""))
    assert np.array_equal(plain.pixels[..., 1], levels)


def test_an_rgb_profile_on_grey_samples_is_used():
    levels = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    data = saved(Image.fromarray(levels), "png", icc_profile=matrix_profile(SRGB, 1.0))
    wanted = srgb_encoded(levels / 255.0)[..., None]
    assert np.abs(decode(data).pixels - wanted).max() <= 1


def inks():
    """All sixteen pure overprints of four inks, in blocks of 16 x 16 pixels."""
    amounts = [[index >> shift & 1 for shift in (3, 2, 1, 0)] for index in range(16)]
    blocks = np.repeat(np.repeat(np.array(amounts, np.uint8).reshape(4, 4, 4) * 255, 16, 0), 16, 1)
    return Image.frombytes("CMYK", (64, 64), blocks.tobytes())


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
def test_inks_without_a_profile(format):
    """Each ink absorbs its primary and black absorbs all; Adobe's JPEGs store the inks inverted."""
    options = {"quality": 95} if format == "jpeg" else {}
    picture = decode(saved(inks(), format, **options))
    centres = picture.pixels[8::16, 8::16].reshape(16, 3).astype(int)
    amounts = np.array([[index >> shift & 1 for shift in (3, 2, 1, 0)] for index in range(16)])
    wanted = 255 * (1 - amounts[:, :3]) * (1 - amounts[:, 3:])
    assert np.abs(centres - wanted).max() <= (6 if format == "jpeg" else 0)


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
def test_inks_with_a_profile(format):
    def lab_of(c, m, y, k):
        return (
            (100 - 80 * k) * (1 - 0.1 * (c + m + y)),
            40 * (m - c) * (1 - k),
            40 * (y - c) * (1 - k),
        )

    options = {"quality": 98} if format == "jpeg" else {}
    picture = decode(saved(inks(), format, icc_profile=cmyk_profile(lab_of), **options))
    centres = picture.pixels[8::16, 8::16].reshape(16, 3).astype(float)
    for index, seen in enumerate(centres):
        lab = lab_of(*(index >> shift & 1 for shift in (3, 2, 1, 0)))
        wanted = srgb_of_lab(lab)
        if wanted.min() >= 0 and wanted.max() <= 255:  # inside sRGB, or the clipping decides
            assert np.abs(seen - wanted).max() <= (8 if format == "jpeg" else 3), index
    assert np.abs(centres[0] - 255).max() <= 3


def srgb_of_lab(lab):
    """CIE Lab (D50) to sRGB levels, unrounded; outside of 0..255 where sRGB can't show it."""
    from tests.image.samples import _D50, rgb_to_xyz

    lightness, a, b = lab
    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    xyz = _D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear = np.linalg.inv(rgb_to_xyz(SRGB)) @ xyz
    return np.where((linear < 0) | (linear > 1), -1.0, srgb_encoded(linear))


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled_to_the_nearest_level(format):
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    picture = decode(saved(Image.fromarray(deep), format))
    assert np.array_equal(picture.pixels[..., 0], np.rint(deep / 257).astype(np.uint8))
    assert picture.pixels.shape == (256, 256, 3)


def test_big_endian_sixteen_bit_tiff():
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = Image.frombytes("I;16B", (256, 256), deep.astype(">u2").tobytes())
    picture = decode(saved(image, "tiff"))
    assert np.array_equal(picture.pixels[..., 0], np.rint(deep / 257).astype(np.uint8))


def test_sixteen_bit_colour():
    import struct
    import zlib

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    deep = np.random.default_rng(0).integers(0, 65536, (20, 30, 3))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    head = struct.pack(">IIBBBBB", 30, 20, 16, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    picture = decode(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert np.abs(picture.pixels - deep / 257).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 9000.0])
def test_floats_have_the_usual_white_that_none_exceeds(top):
    values = np.linspace(0, top, 256, dtype=np.float32).reshape(16, 16)
    white = {9000.0: 65535.0}.get(top, top)
    picture = decode(saved(Image.fromarray(values), "tiff"))
    assert np.abs(picture.pixels[..., 0] - values / white * 255).max() <= 0.51


def test_floats_that_are_no_numbers_are_black():
    values = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    assert decode(saved(Image.fromarray(values), "tiff")).pixels[0, :, 0].tolist() == [0, 0, 0, 255]


def test_bilevel():
    bits = np.indices((9, 11)).sum(0) % 2 == 0
    for format in ("png", "tiff", "bmp"):
        picture = decode(saved(Image.fromarray(bits), format))
        assert np.array_equal(picture.pixels[..., 2], bits * np.uint8(255))


@pytest.mark.parametrize("format", ["png", "gif"])
def test_a_palette_with_transparency(format):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    picture = decode(saved(image, format, transparency=0))
    assert picture.pixels.shape == (2, 4, 4)
    assert picture.pixels[..., 3].tolist() == [[0, 255, 255, 255], [255] * 4]
    assert picture.rgb[0, 0].tolist() == [255, 255, 255]
    assert picture.rgb[1, 1].tolist() == [0, 255, 0]


def test_translucent_palette_entries():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    picture = decode(saved(image, "png", transparency=bytes([128, 255])))
    assert picture.pixels.tolist() == [[[255, 0, 0, 128], [0, 0, 255, 255]]]
    assert picture.rgb[0, 0].tolist() == [255, 127, 127]


def test_a_transparent_colour_key():
    stored = np.zeros((2, 2, 3), np.uint8)
    stored[0, 0] = (10, 20, 30)
    picture = decode(saved(stored, "png", transparency=(10, 20, 30)))
    assert picture.pixels[..., 3].tolist() == [[0, 255], [255, 255]]


@pytest.mark.parametrize("format", ["png", "webp", "avif", "tiff"])
def test_alpha_is_kept_where_it_says_something(format):
    image = Image.fromarray(photo()[:32, :32])
    image.putalpha(255)
    assert decode(saved(image, format)).pixels.shape == (32, 32, 3)
    image.putalpha(Image.linear_gradient("L").resize((32, 32)))
    assert decode(saved(image, format)).pixels.shape == (32, 32, 4)
    grey = Image.fromarray(photo()[:32, :32]).convert("LA")
    grey.putalpha(100)
    assert decode(saved(grey, "png")).pixels.shape == (32, 32, 4)


def test_alpha_keeps_its_place_when_colours_are_converted():
    image = Image.fromarray(grid())
    alpha = Image.linear_gradient("L").resize((64, 64))
    image.putalpha(alpha)
    picture = decode(saved(image, "png", icc_profile=matrix_profile(DISPLAY_P3, 2.2)))
    assert np.array_equal(picture.pixels[..., 3], np.asarray(alpha))
    assert np.abs(picture.pixels[..., :3] - in_srgb(grid(), DISPLAY_P3, 2.2)).max() <= 2


def test_lab_tiff():
    lab = Image.fromarray(photo()[:40, :40]).convert("RGB")
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    data = saved(ImageCms.applyTransform(lab, to_lab), "tiff")
    assert np.abs(decode(data).pixels.astype(int) - photo()[:40, :40]).mean() < 3


def absurd_profiles():
    good = matrix_profile(DISPLAY_P3, 2.2)
    yield "empty tags", good[:128] + bytes(4)
    yield "short", good[:100]
    yield "noise", np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    yield "text", b"not a profile" * 50
    yield "far tags", good[:160] + b"\xff\xff\xff\x00" + good[164:]
    yield "other space", grey_profile(2.2)
    yield "inks", cmyk_profile(lambda c, m, y, k: (100 - 100 * k, 0, 0))
    yield "cut short", good[:-60]


@pytest.mark.parametrize("profile", [pytest.param(p, id=name) for name, p in absurd_profiles()])
@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp"])
def test_absurd_profiles_are_ignored(format, profile):
    exact = {"lossless": True} if format == "webp" else {}
    data = saved(photo()[:32, :32], format, icc_profile=profile, **exact)
    plain = decode(data, colour="strip").pixels
    for colour in ("srgb", "keep"):
        assert np.array_equal(decode(data, colour=colour).pixels, plain)


def test_a_profile_too_long_for_one_jpeg_segment():
    profile = matrix_profile(DISPLAY_P3, 2.2)
    padded = (len(profile) + 150_000).to_bytes(4, "big") + profile[4:] + bytes(150_000)
    picture = decode(saved(photo(), "jpeg", icc_profile=padded, quality=95))
    wanted = in_srgb(decode(saved(photo(), "jpeg", quality=95)).pixels, DISPLAY_P3, 2.2)
    assert np.abs(picture.pixels - wanted).max() <= 2
