"""TIFF: every layout of samples is read right."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepcrop.errors import Unsupported
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from jobs.faults.files.tiff import COMPRESS, COMPRESSIONS, page, tiff
from tests.image.samples import _D50, SRGB, photo, rgb_to_xyz, saved, shown, srgb_encoded
from tests.image.tiff_samples import (
    BLACK_IS_ZERO,
    CIELAB,
    CMYK,
    COUNT,
    ICCLAB,
    PALETTE,
    RGB,
    TYPES,
    WHITE_IS_ZERO,
    YCBCR,
    deep,
    levels,
    seen,
    shares_of,
    typed,
)
from tests.tiers import sample

ARRANGEMENTS = [
    {"planar": planar, "order": order, "tile": tile, "rows": rows}
    for planar, order, (tile, rows) in itertools.product(
        (False, True), "<>", ((None, None), (None, 5), ((16, 16), None))
    )
]


@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK])
@pytest.mark.parametrize("name", sample(TYPES, ("u1", "u8", "u12", "u16", "f32")))
def test_every_type_in_every_arrangement(name, photometric):
    shares = shares_of(name, COUNT[photometric])
    wanted = seen(shares, photometric)
    bits = int(name[1:])
    for arrangement, compression in itertools.product(ARRANGEMENTS, COMPRESSIONS):
        made = page(
            typed(shares, name), photometric, bits=bits, compression=compression, **arrangement
        )
        data = tiff(made, order=arrangement["order"])
        pixels = decode(data).pixels
        assert pixels.shape == (21, 37, 3)
        assert np.abs(pixels - wanted).max() <= 1.01, (arrangement, compression)
        assert probe(data).size == Size(37, 21)


@pytest.mark.parametrize("extra", [(0,), (1,), (2,), (0, 2), (2, 0), (0, 0)])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK])
@pytest.mark.parametrize(
    "name",
    sample(["u8", "u12", "u16", "u32", "i16", "f16", "f32", "f64"], ("u8", "u16", "f32")),
)
def test_extra_samples(name, photometric, extra):
    count = COUNT[photometric]
    shares = shares_of(name, 6)[..., : count + len(extra)]
    if count + len(extra) > 6:
        pytest.skip("more samples than the test has")
    shares[..., count:] = np.maximum(shares[..., count:], 0.5)
    wanted = seen(shares, photometric)
    stored = shares.copy()
    kind = next((each for each in extra if each), 0)
    place = count + (extra.index(kind) if kind else 0)
    if kind == 1:
        stored[..., :count] *= stored[..., place : place + 1]
    for arrangement in ARRANGEMENTS:
        made = page(
            typed(stored, name), photometric, bits=int(name[1:]), extra=extra,
            compression="lzw" if arrangement["rows"] else "none", **arrangement,
        )  # fmt: skip
        pixels = decode(tiff(made, order=arrangement["order"])).pixels
        tolerance = 2.01 if kind == 1 else 1.01
        assert np.abs(pixels[..., :3] - wanted).max() <= tolerance, arrangement
        assert pixels.shape[2] == (4 if kind else 3)
        if kind:
            assert np.abs(pixels[..., 3] - 255 * shares[..., place]).max() <= 1.01


def test_a_fourth_colour_sample_without_a_word_is_no_alpha():
    made = page(levels(4).astype(np.uint8), RGB)
    assert np.array_equal(decode(tiff(made)).pixels, levels(3))


@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd"])
@pytest.mark.parametrize("name", ["u8", "u16", "u32", "i16", "f16", "f32", "f64"])
def test_predictors(name, compression):
    shares = shares_of(name, 3)
    predictors = (2, 3) if name[0] == "f" else (2,)
    for arrangement, predictor in itertools.product(ARRANGEMENTS, predictors):
        if predictor == 2 and name[0] == "f":
            continue
        made = page(
            typed(shares, name), RGB, compression=compression, predictor=predictor, **arrangement
        )
        pixels = decode(tiff(made, order=arrangement["order"])).pixels
        assert np.abs(pixels - seen(shares, RGB)).max() <= 1.01, arrangement


@pytest.mark.parametrize("compression", ["none", "lzw"])
@pytest.mark.parametrize("name", ["u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB])
def test_bits_in_reverse_order(name, photometric, compression):
    shares = shares_of(name, COUNT[photometric])
    made = page(
        typed(shares, name), photometric, bits=int(name[1:]), fill_order=2, compression=compression
    )
    assert np.abs(decode(tiff(made)).pixels - seen(shares, photometric)).max() <= 1.01


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes(bits, deep):
    """Of 16 bits as the standard says, and of 8 bits as some writers have it."""
    colours = np.random.default_rng(bits).integers(0, 256, (1 << bits, 3))
    colours[0], colours[-1] = 0, 255
    table = (colours * (257 if deep else 1)).T.ravel().tolist()
    indices = (levels(1) >> (8 - bits)).astype(np.uint8)
    for planar, extra in ((False, ()), (False, (2,)), (True, (2,)), (False, (0,))):
        opacity = np.full_like(indices, (1 << bits) - 1)
        opacity[:3] = 0
        values = np.concatenate([indices, opacity], axis=2) if extra else indices
        made = page(
            values, PALETTE, bits=bits, extra=extra, planar=planar, tags={320: ("H", table)}
        )
        pixels = decode(tiff(made)).pixels
        assert np.array_equal(pixels[..., :3], colours[indices[..., 0]])
        if extra == (2,):
            assert np.array_equal(pixels[..., 3] == 0, opacity[..., 0] == 0)
            assert set(np.unique(pixels[..., 3])) == {0, 255}


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack", "rgb", "separated"])
def test_jpeg_inside(photometric, tile):
    count = {"miniswhite": 1, "minisblack": 1, "rgb": 3, "separated": 4}[photometric]
    values = levels(count).astype(np.uint8)
    out = io.BytesIO()
    tifffile.imwrite(
        out, values if count > 1 else values[..., 0], photometric=photometric, tile=tile,
        compression="jpeg", compressionargs={"level": 98},
    )  # fmt: skip
    number = {"miniswhite": 0, "minisblack": 1, "rgb": 2, "separated": 5}[photometric]
    wanted = seen(values / 255, number)
    assert np.abs(decode(out.getvalue()).pixels - wanted).mean() < 2.5


def test_old_jpeg_inside():
    jpeg = saved(photo()[:64, :96], "jpeg", quality=95)
    tags, _, tiled = page(photo()[:64, :96], YCBCR)
    tags |= {259: ("H", [6]), 513: ("I", [8]), 514: ("I", [len(jpeg)]), 530: ("H", [2, 2])}
    pixels = decode(tiff((tags, [jpeg], tiled))).pixels
    assert np.abs(pixels.astype(int) - photo()[:64, :96]).mean() < 2.5


def lab_of(rgb):
    """The oracle of L*a*b* at D50, from 8-bit sRGB (CIE 15, IEC 61966-2-1)."""
    share = rgb / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    ratio = linear @ rgb_to_xyz(SRGB).T / _D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [CIELAB, ICCLAB])
def test_lab(photometric, bits, planar):
    rgb = levels(3)
    lab = lab_of(rgb)
    unit = 1 if bits == 8 else 256
    white = 65280 if (photometric, bits) == (ICCLAB, 16) else 2**bits - 1
    stored = np.stack(
        [
            lab[..., 0] / 100 * white,
            *((lab[..., i] + (128 if photometric == ICCLAB else 0)) * unit for i in (1, 2)),
        ],
        axis=-1,
    )
    values = np.rint(stored).astype(np.int64).astype(f"u{bits // 8}")
    pixels = decode(tiff(page(values, photometric, bits=bits, planar=planar))).pixels
    # 8-bit a* and b* are coarse in the dark.
    assert np.abs(pixels - rgb.astype(float)).max() <= (1 if bits == 16 else 11)
    assert np.abs(pixels - rgb.astype(float)).mean() < 1.5


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (1, 2)])
def test_subsampled_ycbcr(sampling, tile, compression):
    """Chroma is constant in each block, so nothing is lost in sub-sampling."""
    h, v = sampling
    ycbcr = np.asarray(Image.fromarray(photo()[96:128, 200:248]).convert("YCbCr")).copy()
    ycbcr[..., 1:] = ycbcr[::v, ::h, 1:].repeat(v, axis=0).repeat(h, axis=1)
    wanted = np.asarray(Image.fromarray(ycbcr, "YCbCr").convert("RGB")).astype(int)
    if sampling == (1, 1):
        made = page(ycbcr, YCBCR, tile=tile, compression=compression, tags={530: ("H", [1, 1])})
    else:
        made = page(ycbcr, YCBCR, tile=tile, tags={530: ("H", [h, v])})
        width, height = tile or (48, 32)
        segments = []
        for top in range(0, 32, height):
            for left in range(0, 48, width):
                part = ycbcr[top : top + height, left : left + width]
                units = [
                    part[y : y + v, x : x + h, 0].tobytes() + part[y, x, 1:].tobytes()
                    for y in range(0, height, v)
                    for x in range(0, width, h)
                ]
                segments.append(bytes(COMPRESS[compression](b"".join(units))))
        made[0][259] = ("H", [COMPRESSIONS[compression]])
        made = made[0], segments, made[2]
    assert np.abs(decode(tiff(made)).pixels - wanted).max() <= 2


@pytest.mark.parametrize("name", ["u32", "f32"])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
@pytest.mark.parametrize("white", [255, 65535])
def test_shallow_samples_in_deep_types(white, photometric, name):
    shares = levels(1) / 255
    values = np.rint(shares * white).astype("u4" if name == "u32" else "f4")
    pixels = decode(tiff(page(values, photometric))).pixels
    assert np.abs(pixels - seen(shares, photometric)).max() <= 1.01


@pytest.mark.parametrize(("highlight", "photometric"), [(1.2, RGB), (7.5, BLACK_IS_ZERO)])
def test_floats_beyond_white_keep_white(highlight, photometric):
    values = (levels(3 if photometric == RGB else 1) / 255).astype(np.float32)
    values[2:4] = highlight
    pixels = decode(tiff(page(values, photometric))).pixels
    assert np.abs(pixels[4:] - np.rint(values[4:] * 255)).max() <= 1
    assert (pixels[2:4] == 255).all()


def test_colours_in_floats_with_highlights_are_linear_light():
    values = (levels(3) / 255).astype(np.float32)
    values[2:4] = 7.5
    pixels = decode(tiff(page(values, RGB))).pixels
    assert np.abs(pixels - srgb_encoded(values)).max() <= 1
    stripped = decode(tiff(page(values, RGB)), colour="strip").pixels
    assert np.abs(stripped[4:] - levels(3)[4:].astype(int)).max() <= 1


@pytest.mark.parametrize("luma", [(0.2126, 0.7152, 0.0722), (0.299, 0.587, 0.114)])
@pytest.mark.parametrize("studio", [False, True])
def test_ycbcr_with_its_own_coefficients_and_range(luma, studio):
    rgb = levels(3).astype(float)
    y = rgb @ np.array(luma)
    chroma = [(rgb[..., i] - y) / (2 - 2 * luma[i]) for i in (2, 0)]
    black, room, swing = (16, 219, 112) if studio else (0, 255, 127)
    stored = np.stack([black + y * room / 255, *(128 + each * swing / 127 for each in chroma)], 2)
    tags = {
        530: ("H", [1, 1]),
        529: ("R", [n for each in luma for n in (round(each * 1e4), 10000)]),
    }
    if studio:
        tags[532] = ("R", [n for each in (16, 235, 128, 240, 128, 240) for n in (each, 1)])
    made = page(np.rint(stored).clip(0, 255).astype(np.uint8), YCBCR, tags=tags)
    assert np.abs(decode(tiff(made)).pixels - rgb).max() <= 3


def test_ycbcr_with_impossible_coefficients_is_refused():
    tags = {530: ("H", [1, 1]), 529: ("R", [1, 0, 1, 0, 1, 0])}
    with pytest.raises(Unsupported, match="impossible coefficients"):
        decode(tiff(page(levels(3), YCBCR, tags=tags)))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_deep_layouts(orientation, order, big):
    made = page(deep(), RGB, order=order, tags={274: ("H", [orientation])})
    data = tiff(made, order=order, big=big)
    wanted = shown(levels(3), orientation)
    assert np.array_equal(decode(data).pixels, wanted)
    assert probe(data).size == Size(wanted.shape[1], wanted.shape[0])
    assert probe(data).orientation == orientation


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_files_of_tifffile(photometric, dtype, byteorder):
    """An independent writer: what it calls white is white."""
    name = f"{dtype[0]}{8 * int(dtype[1])}"
    shares = shares_of(name, 3 if photometric == "rgb" else 1)
    values = typed(shares, name)
    wanted = seen(shares, {"miniswhite": 0, "minisblack": 1, "rgb": 2}[photometric])
    for compression, bigtiff in itertools.product((None, "lzw", "zlib", "zstd"), (False, True)):
        out = io.BytesIO()
        tifffile.imwrite(
            out, values if photometric == "rgb" else values[..., 0], byteorder=byteorder,
            photometric=photometric, compression=compression, bigtiff=bigtiff, rowsperstrip=4,
            predictor=compression is not None and dtype[0] != "f",
        )  # fmt: skip
        assert np.abs(decode(out.getvalue()).pixels - wanted).max() <= 1.01


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("name", ["u8", "u16", "f32"])
def test_the_test_writer_agrees_with_tifffile(name, arrangement):
    values = typed(shares_of(name, 3), name)
    data = tiff(page(values, RGB, compression="lzw", **arrangement), order=arrangement["order"])
    read = tifffile.imread(io.BytesIO(data))
    assert np.array_equal(np.moveaxis(read, 0, -1) if arrangement["planar"] else read, values)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "RGBA", "LA", "I;16", "F"])
def test_files_of_pillow(mode):
    image = Image.fromarray(photo()[:40, :50])
    image = image.convert("L").convert(mode) if mode in ("I;16", "F") else image.convert(mode)
    options = ({}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"})
    pictures = [decode(saved(image, "tiff", **each)).pixels for each in options]
    assert all(np.array_equal(pictures[0], each) for each in pictures)
    if mode in ("RGB", "CMYK", "P", "1", "L", "RGBA", "LA"):
        assert np.array_equal(pictures[0], np.asarray(image.convert("RGB")))


def test_metadata_of_a_deep_layout_is_kept():
    exif = Image.Exif()
    exif[271] = "maker"
    tags, segments, tiled = page(deep(), RGB, planar=True)
    tags |= {271: ("B", list(b"maker\0")), 700: ("B", list(b"<x:xmpmeta/>"))}
    data = tiff((tags, segments, tiled))
    assert decode(data).metadata.xmp == b"<x:xmpmeta/>"
