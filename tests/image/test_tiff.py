"""TIFF: every layout of samples ends right or as Unsupported; the full page is taken."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepcrop.errors import Corrupt, TooLarge, Unsupported
from deepcrop.flags import Flag
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from tests.image.samples import _D50, SRGB, photo, rgb_to_xyz, saved, shown
from tests.image.tiffs import COMPRESS, COMPRESSIONS, page, tiff

TYPES = ("u1", "u2", "u4", "u8", "u10", "u12", "u14", "u16", "u32", "u64")
TYPES += ("i8", "i16", "i32", "f16", "f32", "f64")
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
COUNT = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}


def levels(samples):
    """Return real 8-bit levels (21, 37, samples), from black to white, alpha at 128 and more."""
    rgb = photo()[100:121, 200:237].copy()
    rgb[0, 0], rgb[0, 1] = 0, 255
    more = np.maximum(photo("coffee")[50:71, 60:97], 128)
    return np.concatenate([rgb, more], axis=2)[..., :samples]


def deep():
    """Return `levels` of RGB in 16 bits."""
    return levels(3).astype("u2") * 257


def white_of(name):
    kind, bits = name[0], int(name[1:])
    return 1.0 if kind == "f" else float(2 ** (bits - (kind == "i")) - 1)


def typed(shares, name):
    """Return shares of white, 0 to 1, as samples of a type."""
    if name[0] == "f":
        return shares.astype(f"f{int(name[1:]) // 8}")
    if name == "u64":  # more than a float can hold: each byte is the level
        return np.rint(shares * 255).astype(np.uint64) * np.uint64(0x0101010101010101)
    bits = max(8, 1 << (int(name[1:]) - 1).bit_length())
    exact = np.rint(shares * white_of(name))
    return exact.astype(f"{name[0]}{bits // 8}")


def seen(shares, photometric):
    """Return what shares of white (or of ink) look like in RGB, 0 to 255."""
    if photometric == CMYK:
        inks = Image.fromarray(np.rint(shares[..., :4] * 255).astype(np.uint8), "CMYK")
        return np.asarray(inks.convert("RGB")).astype(float)
    if photometric == WHITE_IS_ZERO:
        shares = 1 - shares
    return 255 * np.broadcast_to(shares[..., : 1 if photometric < 2 else 3], (21, 37, 3))


def shares_of(name, count):
    """Return shares of white that a type holds exactly enough."""
    white = min(white_of(name), 255.0) if name[0] != "f" else 255.0
    return np.rint(levels(count) / 255 * white) / white


ARRANGEMENTS = [
    {"planar": planar, "order": order, "tile": tile, "rows": rows}
    for planar, order, (tile, rows) in itertools.product(
        (False, True), "<>", ((None, None), (None, 5), ((16, 16), None))
    )
]


@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK])
@pytest.mark.parametrize("name", TYPES)
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
@pytest.mark.parametrize("name", ["u8", "u12", "u16", "u32", "i16", "f16", "f32", "f64"])
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
    assert np.abs(pixels - rgb.astype(float)).mean() < 1.5
    assert np.abs(pixels - rgb.astype(float)).max() < 12  # 8-bit a* and b* are coarse in the dark


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


def test_floats_beyond_white_keep_white():
    shares = levels(3) / 255
    values = shares.astype(np.float32)
    values[2:4] = 7.5
    pixels = decode(tiff(page(values, RGB))).pixels
    assert np.abs(pixels[4:] - levels(3)[4:].astype(int)).max() <= 1
    assert (pixels[2:4] == 255).all()


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


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({262: ("H", [32803])}, "camera's raw file"),
        ({262: ("H", [34892])}, "camera's raw file"),
        ({262: ("H", [77])}, "unknown kind of colour"),
        ({259: ("H", [34676])}, "LogLuv"),
        ({259: ("H", [34712])}, "JPEG 2000"),
        ({259: ("H", [7])}, "under this compression"),
        ({259: ("H", [9999])}, "unknown compression"),
        ({258: ("H", [5, 6, 5])}, "unknown type"),
        ({258: ("H", [24, 24, 24])}, "unknown type"),
        ({339: ("H", [5, 5, 5])}, "unknown type"),
        ({339: ("H", [1, 1, 3])}, "unknown type"),
        ({266: ("H", [2])}, "reverse order"),
        ({262: ("H", [5])}, "fewer than 4 samples"),
        ({317: ("H", [2])}, "predictor without compression"),
        ({317: ("H", [9])}, "unknown predictor"),
        ({262: ("H", [6])}, "deep YCbCr"),
        ({262: ("H", [3])}, "deep indices"),
    ],
)
def test_what_is_not_read_is_named(tags, words):
    """Never corrupt, never a guess."""
    tag_set, segments, tiled = page(deep(), RGB)
    data = tiff((tag_set | tags, segments, tiled))
    for read in (probe, decode):
        with pytest.raises(Unsupported, match=words):
            read(data)


def test_a_canon_raw_file_is_not_its_preview():
    data = bytearray(tiff(rgb_page(50)))
    data[8:10] = b"CR"
    with pytest.raises(Unsupported, match="camera's raw file"):
        decode(bytes(data))


def test_inks_other_than_cmyk_are_not_read():
    made = page(levels(4).astype(np.uint8), CMYK, tags={332: ("H", [2])})
    with pytest.raises(Unsupported, match="inks other than CMYK"):
        decode(tiff(made))


@pytest.mark.parametrize("compression", list(COMPRESSIONS))
@pytest.mark.parametrize("photometric", [BLACK_IS_ZERO, RGB])
def test_what_is_cut_short_is_corrupt_and_never_partly_black(photometric, compression):
    values = typed(shares_of("u16", COUNT[photometric]), "u16")
    tags, segments, tiled = page(values, photometric, compression=compression, rows=7)
    whole = tiff((tags, segments, tiled))
    wanted, complete = decode(whole).pixels, 0
    cuts = [whole[:cut] for cut in range(16, len(whole), 41)]
    for shorter in (1, 20, len(segments[1]) - 3):
        broken = [segments[0], segments[1][:-shorter], segments[2]]
        cuts.append(tiff((tags, broken, tiled)))
    for cut in cuts:
        try:
            pixels = decode(cut).pixels
        except Corrupt:
            continue
        assert np.array_equal(pixels, wanted)
        complete += 1
    assert complete <= 2  # check sums and end marks are no pixels


def test_a_last_strip_that_is_filled_up_is_read():
    values = typed(shares_of("u16", 3), "u16")
    padded = np.concatenate([values, values[:7]])
    for compression in COMPRESSIONS:
        tags, segments, tiled = page(padded, RGB, rows=14, compression=compression)
        data = tiff((tags | {257: ("I", [21])}, segments, tiled))
        assert np.abs(decode(data).pixels - levels(3).astype(int)).max() <= 1


def test_limits_hold_before_anything_is_decompressed():
    values = np.zeros((8, 8, 3), "u2")
    tags, segments, tiled = page(values, RGB, compression="lzw")
    huge = tags | {256: ("I", [60000]), 257: ("I", [60000]), 278: ("I", [60000])}
    with pytest.raises(TooLarge, match="--max-pixels"):
        decode(tiff((huge, segments, tiled)))
    many = tags | {277: ("H", [60000]), 258: ("H", [16]), 339: ("H", [1])}
    many |= {256: ("I", [5000]), 257: ("I", [5000]), 278: ("I", [5000])}
    with pytest.raises(TooLarge, match="--max-pixels"):
        decode(tiff((many, segments, tiled)))
    tags, segments, tiled = page(values, RGB, tile=(16, 16))
    tile = tags | {322: ("I", [60000]), 323: ("I", [60000])}
    with pytest.raises(TooLarge, match="--max-pixels"):
        decode(tiff((tile, segments, tiled)))


def rgb_page(colour, size=(24, 16), **tags):
    values = np.full((size[1], size[0], 3), colour, np.uint8)
    return page(values, RGB, tags={int(key[1:]): ("I", [value]) for key, value in tags.items()})


def test_the_full_page_is_taken_and_told():
    thumbnail, full = rgb_page(200, (6, 4), t254=1), rgb_page(90)
    data = tiff(thumbnail, full)
    picture = decode(data)
    assert (picture.source_size, picture.pixels.max()) == (Size(24, 16), 90)
    assert probe(data).size == Size(24, 16)
    assert [(note.text, note.flag) for note in picture.notes] == [("page 2 of 2", Flag.PAGE_CHOSEN)]


def test_the_old_mark_of_reduced_pages_counts_too():
    picture = decode(tiff(rgb_page(200, (6, 4), t255=2), rgb_page(90), rgb_page(10)))
    assert (picture.pixels.max(), picture.notes[0].text) == (90, "page 2 of 3")


def test_the_first_of_several_pages_and_of_a_pyramid():
    picture = decode(tiff(rgb_page(50), rgb_page(60), rgb_page(70)))
    assert (picture.pixels.max(), picture.notes[0].text) == (50, "page 1 of 3")
    pyramid = decode(tiff(rgb_page(50), rgb_page(60, (12, 8), t254=1)))
    assert (pyramid.pixels.max(), pyramid.notes) == (50, ())
    assert decode(tiff(rgb_page(50))).notes == ()


def test_a_full_image_in_a_sub_directory():
    data = tiff(rgb_page(200, (6, 4), t254=1), nested=[rgb_page(90), rgb_page(8, (12, 8), t254=1)])
    picture = decode(data)
    assert (picture.source_size, picture.pixels.max()) == (Size(24, 16), 90)
    assert picture.notes[0].flag is Flag.PAGE_CHOSEN
    assert "inside page 1 of 1" in picture.notes[0].text


def test_a_chosen_page_of_a_deep_layout():
    planes = page(deep(), RGB, planar=True)
    assert np.array_equal(decode(tiff(rgb_page(1, (6, 4), t254=1), planes)).pixels, levels(3))


def test_only_reduced_pages_give_the_largest():
    data = tiff(rgb_page(1, (6, 4), t254=1), rgb_page(2, (12, 8), t254=1))
    assert (decode(data).pixels.max(), decode(data).source_size) == (2, Size(12, 8))


def test_a_mask_is_no_page():
    data = tiff(rgb_page(9, t254=4), rgb_page(80))
    assert decode(data).pixels.max() == 80


def test_directories_in_a_loop_end():
    data = bytearray(tiff(rgb_page(50)))
    data[-4:] = data[4:8]
    assert decode(bytes(data)).pixels.max() == 50


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "LAB", "RGBA", "LA", "I;16", "F"])
def test_files_of_pillow(mode):
    image = Image.fromarray(photo()[:40, :50])
    if mode in ("LAB", "I;16", "F"):
        image = image.convert("L").convert({"I;16": "I;16", "F": "F", "LAB": "L"}[mode])
    else:
        image = image.convert(mode)
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
