"""Colours told by code points, PNG's chunks and EXIF: right, in the right order, or ignored."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from deepcrop.errors import Corrupt, Unsupported
from deepcrop.flags import Flag
from deepcrop.image import decode
from jobs.faults.files.avif import deep_avif
from jobs.faults.files.png import chrm, cicp, gama, iccp, png
from tests.image.described import (
    CHROMATICITIES,
    LIGHT,
    avif,
    dcf_exif,
    in_srgb_from_light,
    oracle,
    with_nclx,
)
from tests.image.samples import ADOBE_RGB, matrix_profile, photo, saved

P3 = CHROMATICITIES[12]
RED, GREEN = (217, 42, 52), (0, 163, 69)
"""(200, 60, 60) and (60, 160, 80) of Display P3 in sRGB."""


def grid(steps=8):
    levels = np.linspace(0, 255, steps).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(steps, -1, 3)


def patches():
    """Four flat blocks: (200, 60, 60), (60, 160, 80), mid grey and white."""
    colours = np.array([(200, 60, 60), (60, 160, 80), (128, 128, 128), (255, 255, 255)], np.uint8)
    return np.repeat(np.repeat(colours[None], 32, 0), 32, 1)


def centres(picture):
    return picture.pixels[16, 16::32, :3].astype(int)


@pytest.mark.parametrize("primaries", CHROMATICITIES)
def test_cicp_of_all_code_points(primaries):
    for transfer in LIGHT:
        seen = decode(png(grid(), cicp(primaries, transfer))).pixels
        wanted = oracle(grid() / 255, primaries, transfer)
        assert np.abs(seen - wanted).max() <= 3, transfer
        assert np.abs(seen - wanted).mean() <= 0.6, transfer


@pytest.mark.parametrize("primaries", CHROMATICITIES)
def test_nclx_of_all_code_points(primaries):
    stored = decode(avif(patches())).pixels / 255
    for transfer in LIGHT:
        seen = decode(avif(patches(), primaries, transfer)).pixels
        shown_as = 13 if transfer in (1, 6, 14, 15) else transfer  # BT.709 and its kin, in AVIF
        assert np.abs(seen - oracle(stored, primaries, shown_as)).max() <= 3, transfer


def test_display_p3():
    for data in (avif(patches(), 12, 13), png(patches(), cicp(12, 13))):
        found = centres(decode(data))
        assert np.abs(found[0] - RED).max() <= 1
        assert np.abs(found[1] - GREEN).max() <= 1
        assert np.abs(found[2:] - [[128] * 3, [255] * 3]).max() <= 1


def test_ten_bits_of_display_p3():
    data = deep_avif(patches() / 255, 12, 13)
    assert np.abs(centres(decode(data))[:2] - [RED, GREEN]).max() <= 3  # the AVIF itself: 1


def test_unspecified_code_points_are_srgb():
    assert np.abs(centres(decode(avif(patches(), 12, 2)))[:2] - [RED, GREEN]).max() <= 1
    plain = decode(avif(patches())).pixels
    for points in ((2, 2), (2, 13), (1, 2), (3, 13), (1, 3), (1, 1), (1, 6), (0, 0), (99, 255)):
        assert np.array_equal(decode(avif(patches(), *points)).pixels, plain), points


def test_the_stream_tells_where_no_box_does():
    boxed = deep_avif(patches() / 255, 12, 13)
    bare = boxed.replace(b"colrnclx", b"skipnclx")
    assert bare != boxed
    assert np.array_equal(decode(bare).pixels, decode(boxed).pixels)


def test_an_icc_profile_counts_more_than_nclx():
    profile = matrix_profile(ADOBE_RGB, 2.2)
    alone = decode(avif(patches(), icc_profile=profile)).pixels
    for points in ((12, 13), (9, 16)):
        both = decode(avif(patches(), *points, icc_profile=profile))
        assert np.array_equal(both.pixels, alone)
        assert both.notes == ()


@pytest.mark.parametrize("characteristics", [9, 10])
def test_logarithmic_steps_are_refused(characteristics):
    for data in (avif(patches(), 1, characteristics), png(patches(), cicp(1, characteristics))):
        with pytest.raises(Unsupported, match="logarithmic"):
            decode(data)


def test_order_of_pngs_chunks():
    p3, adobe = cicp(12, 13), iccp(matrix_profile(ADOBE_RGB, 2.2))
    srgb, linear = (b"sRGB", b"\0"), gama(100_000)
    of = {name: png(patches(), *chunks) for name, chunks in {
        "cicp": [p3], "icc": [adobe], "none": [], "gama": [linear],
        "cicp, icc": [p3, adobe], "cicp, srgb": [p3, srgb], "cicp, gama": [p3, linear],
        "icc, gama": [adobe, linear], "srgb, gama": [linear, srgb],
        "cicp srgb, icc": [cicp(1, 13), adobe], "cicp unknown, icc": [cicp(2, 2), adobe],
        "cicp unknown, gama": [cicp(12, 2), linear], "broken icc, gama": [iccp(b"none"), linear],
    }.items()}  # fmt: skip
    pixels = {name: decode(data).pixels for name, data in of.items()}
    same = {
        "cicp, icc": "cicp", "cicp, srgb": "cicp", "cicp, gama": "cicp", "icc, gama": "icc",
        "srgb, gama": "none", "cicp srgb, icc": "none", "cicp unknown, icc": "icc",
        "cicp unknown, gama": "gama", "broken icc, gama": "gama",
    }  # fmt: skip
    for name, like in same.items():
        assert np.array_equal(pixels[name], pixels[like]), name
    assert len({pixels[name].tobytes() for name in ("cicp", "icc", "none", "gama")}) == 4


def test_narrow_range():
    grey = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (4, 1, 3))
    wanted = np.clip((np.arange(256) - 16) / 219 * 255, 0, 255)[None, :, None]
    seen = decode(png(grey, cicp(1, 13, full=0))).pixels
    assert np.abs(seen - wanted).max() <= 0.6
    deep = decode(png(grey.astype(int) * 256, cicp(1, 13, full=0), bits=16)).pixels
    assert np.abs(deep - wanted).max() <= 0.6


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("stored", [100_000, 55_556, 35_714])
def test_gama_of_every_layout(stored, channels, bits):
    deep = np.arange(256 if bits == 8 else 65536)[:, None].reshape(16, -1, 1)
    samples = np.repeat(deep, channels, 2)
    if channels in (2, 4):
        samples[..., -1] = samples[..., -1][::-1]
    seen = decode(png(samples, gama(stored), bits=bits)).pixels
    top = (1 << bits) - 1
    wanted = in_srgb_from_light(
        np.repeat((deep / top) ** (100_000 / stored), 3, 2), CHROMATICITIES[1]
    )
    assert np.abs(seen[..., :3] - wanted).max() <= (1 if stored == 100_000 else 3)
    if channels in (2, 4):
        assert np.abs(seen[..., 3] - samples[..., -1] * (255 / top)).max() <= 1
    else:
        assert seen.shape[2] == 3


def test_gama_of_palettes_and_few_bits():
    palette = [[0, 0, 0], [128, 128, 128], [200, 60, 60], [255, 255, 255]]
    indices = np.arange(4)[None, :, None]
    seen = decode(png(indices, gama(100_000), palette=palette)).pixels[0]
    wanted = in_srgb_from_light(np.array(palette) / 255, CHROMATICITIES[1])
    assert np.abs(seen - wanted).max() <= 1
    clear = decode(png(indices, gama(100_000), (b"tRNS", b"\x00\x80"), palette=palette)).pixels[
        0
    ]  # tRNS belongs after PLTE, but readers take it
    assert np.abs(clear[..., :3] - wanted).max() <= 1


def test_gama_128_is_188():
    for shape in ((1, 1, 1), (1, 1, 3)):
        seen = decode(png(np.full(shape, 128), gama(100_000))).pixels
        assert seen.tolist() == [[[188] * 3]]


def test_gama_and_chrm():
    adobe = (*ADOBE_RGB, (0.3127, 0.3290))
    seen = decode(png(grid(), gama(45_455), chrm(*adobe))).pixels
    wanted = in_srgb_from_light((grid() / 255) ** 2.2, adobe)
    assert np.abs(seen - wanted).max() <= 3


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([gama(45_455)], id="gAMA of sRGB"),
        pytest.param([gama(45_454), chrm(*CHROMATICITIES[1])], id="and its cHRM"),
        pytest.param([chrm(*P3)], id="cHRM alone"),
        pytest.param([gama(0)], id="gAMA 0"),
        pytest.param([gama(1)], id="gAMA 1"),
        pytest.param([gama(2**32 - 1)], id="gAMA huge"),
        pytest.param([(b"gAMA", b"\0\1\x86\xa0\0")], id="gAMA too long"),
        pytest.param([gama(45_455), (b"cHRM", bytes(32))], id="cHRM of zeros"),
        pytest.param([gama(45_455), (b"cHRM", b"\xff" * 32)], id="cHRM huge"),
        pytest.param([gama(45_455), chrm(*[(0.3, 0.3)] * 4)], id="cHRM of one point"),
        pytest.param([gama(45_455), chrm(*P3[:3], (0.8, 0.1))], id="white outside"),
        pytest.param([(b"cICP", b"\x0c\x0d\x00")], id="cICP cut short"),
        pytest.param([(b"cICP", b"\x0c\x0d\x00\x01\x00")], id="cICP too long"),
        pytest.param([cicp(12, 13, matrix=1)], id="cICP of YCbCr"),
        pytest.param([cicp(12, 13, full=7)], id="cICP of a range of its own"),
        pytest.param([cicp(0, 0)], id="cICP reserved"),
        pytest.param([cicp(255, 255)], id="cICP unknown"),
        pytest.param([cicp(1, 13)], id="cICP sRGB"),
    ],
)
def test_what_changes_nothing(chunks):
    for colour in ("srgb", "keep"):
        picture = decode(png(grid(), *chunks), colour=colour)
        assert np.array_equal(picture.pixels, grid())
        assert picture.metadata.icc is None


def test_broken_boxes_never_escape():
    """Each byte of the boxes in turn is set to 0, 1 and 255, and each size to absurd ones."""
    from deepcrop.image.formats.avif import primary_colour

    data = deep_avif(patches() / 255, 12, 13)
    end = data.index(b"mdat") + 40
    for at in range(end):
        for value in (0, 1, 255):
            primary_colour(data[:at] + bytes([value]) + data[at + 1 :])
        primary_colour(data[:at])
        primary_colour(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])


def test_alpha_is_untouched():
    rgba = np.dstack([patches(), np.linspace(0, 255, 128).astype(np.uint8)[None].repeat(32, 0)])
    for chunks in ([cicp(12, 13)], [gama(100_000)], [cicp(9, 16)], [cicp(9, 18)]):
        assert np.array_equal(decode(png(rgba, *chunks)).pixels[..., 3], rgba[..., 3])
        deep = decode(png(rgba.astype(int) * 257, *chunks, bits=16)).pixels
        assert np.array_equal(deep[..., 3], rgba[..., 3])
    plain = decode(avif(rgba)).pixels[..., 3]
    assert np.array_equal(decode(avif(rgba, 12, 13)).pixels[..., 3], plain)
    assert np.array_equal(decode(avif(rgba, 9, 16)).pixels[..., 3], plain)


@pytest.mark.parametrize("points", [(12, 13), (9, 1), (10, 4), (11, 5), (4, 7)])
def test_kept_colours_get_a_profile_that_says_the_same(points):
    picture = decode(png(grid(), cicp(*points)), colour="keep")
    assert np.array_equal(picture.pixels, grid())
    kept = ImageCms.ImageCmsProfile(io.BytesIO(picture.metadata.icc))
    seen = ImageCms.profileToProfile(
        Image.fromarray(picture.pixels), kept, ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    assert np.abs(np.asarray(seen) - oracle(grid() / 255, *points)).max() <= 3


def test_linear_light_is_kept_as_srgb():
    picture = decode(png(grid(), gama(100_000)), colour="keep")
    assert picture.metadata.icc is None
    assert np.abs(picture.pixels - oracle(grid() / 255, 1, 8)).max() <= 1
    assert [note.flag for note in picture.notes] == [None]


def test_stripped_colours_are_not_converted():
    for chunk in (cicp(12, 13), gama(100_000), cicp(9, 16)):
        picture = decode(png(grid(), chunk), colour="strip")
        assert np.array_equal(picture.pixels, grid())
        assert picture.metadata.icc is None
    assert [note.text for note in picture.notes] == [
        "HDR (PQ) not converted: its colours are stripped"
    ]


@pytest.mark.parametrize(("space", "index"), [(0xFFFF, "R03"), (2, None), (2, "R98")])
def test_adobe_rgb_by_exif(space, index):
    data = saved(patches(), "jpeg", quality=100, subsampling=0, exif=dcf_exif(space, index))
    found = centres(decode(data))
    assert np.abs(found[0] - (232, 57, 57)).max() <= 3
    ignored = decode(data, exif_colour="ignore")
    assert np.array_equal(ignored.pixels, decode(data, colour="strip").pixels)
    kept = decode(data, colour="keep")
    assert np.array_equal(kept.pixels, ignored.pixels)
    assert kept.metadata.icc is not None
    stored = ignored.pixels / 255
    wanted = in_srgb_from_light(stored**2.19921875, (*ADOBE_RGB, (0.3127, 0.3290)))
    assert np.abs(decode(data).pixels - wanted).max() <= 3


def test_exif_that_tells_no_adobe_rgb():
    for space, index in ((1, "R98"), (1, "R03"), (None, "R03"), (0xFFFF, "R98"), (0xFFFF, None)):
        data = saved(patches(), "jpeg", quality=100, exif=dcf_exif(space, index))
        assert np.array_equal(decode(data).pixels, decode(data, colour="strip").pixels)
    noise = b"Exif\0\0R03\xff" + bytes(range(200))
    data = saved(patches(), "jpeg", quality=100, exif=noise)
    assert np.array_equal(decode(data).pixels, decode(data, colour="strip").pixels)


def test_a_profile_counts_more_than_exif():
    profile, exif = matrix_profile(CHROMATICITIES[12][:3], 2.2), dcf_exif(0xFFFF, "R03")
    both = saved(patches(), "jpeg", quality=100, exif=exif, icc_profile=profile)
    alone = saved(patches(), "jpeg", quality=100, icc_profile=profile)
    assert np.array_equal(decode(both).pixels, decode(alone).pixels)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
def test_a_profile_whose_cicp_tag_is_hdr(format):
    profile = with_cicp(matrix_profile(CHROMATICITIES[9][:3], 2.2), 9, 16)
    exact = {"lossless": True} if format == "webp" else {"quality": 100}
    data = saved(photo(), format, icc_profile=profile, **exact)
    picture = decode(data)
    assert [note.flag for note in picture.notes] == [Flag.HDR_MAPPED]
    assert picture.metadata.icc is None
    like = decode(png(photo(), cicp(9, 16)))
    assert np.abs(picture.pixels.astype(int) - like.pixels).mean() <= (3 if format == "jpeg" else 0)
    sdr = with_cicp(matrix_profile(CHROMATICITIES[12][:3], 2.2), 12, 13)
    assert decode(saved(photo(), format, icc_profile=sdr, **exact)).notes == ()


def with_cicp(profile, primaries, transfer):
    """Add a ``cicp`` tag to an ICC profile."""
    count = int.from_bytes(profile[128:132], "big")
    entries, rest = profile[132 : 132 + 12 * count], profile[132 + 12 * count :]
    moved = b"".join(
        name + struct.pack(">II", at + 12, size)
        for name, at, size in struct.iter_unpack(">4sII", entries)
    )
    end = len(profile) + 12
    tag = b"cicp" + bytes(4) + bytes([primaries, transfer, 0, 1])
    entry = b"cicp" + struct.pack(">II", end, 12)
    whole = profile[4:128] + struct.pack(">I", count + 1) + moved + entry + rest + tag
    return struct.pack(">I", len(whole) + 4) + whole


@pytest.mark.parametrize("points", [(12, 13), (9, 16)])
def test_the_track_of_a_sequence_tells(points):
    frames = {"save_all": True, "append_images": [Image.fromarray(patches()[:, ::-1])]}
    plain = avif(patches(), **frames)
    item = with_nclx(plain, *points)
    track = with_nclx(plain, *points, start=plain.index(b"moov"))
    assert len({plain, item, track}) == 3
    assert np.array_equal(decode(item).pixels, decode(plain).pixels)
    assert not np.array_equal(decode(track).pixels, decode(plain).pixels)


def test_no_sequence_reaches_the_deep_reader(monkeypatch):
    """Pillow reads the first frame alone; imagecodecs would read them all."""
    import imagecodecs

    from deepcrop.image.colour import management as described
    from deepcrop.image.formats.avif import ItemColour

    asked = []
    frames = {"save_all": True, "append_images": [Image.fromarray(patches()[:, ::-1])]}
    data = avif(patches(), **frames)

    def read(_, **given):
        asked.append(given)
        return np.zeros((1, 1, 3), np.uint16)  # not the picture's size: the 8-bit reader is asked

    monkeypatch.setattr(imagecodecs, "avif_decode", read)
    monkeypatch.setattr(described, "primary_colour", lambda _: ItemColour(9, 16, 10))
    hdr = with_nclx(data, 9, 16, start=data.index(b"moov"))
    assert Flag.HDR_MAPPED in [note.flag for note in decode(hdr).notes]
    assert asked == []
    assert Flag.HDR_MAPPED in [note.flag for note in decode(avif(patches(), 9, 16)).notes]
    assert asked == [{"numthreads": 1}]


def bmp_with_profile(pixels, profile):
    """Write a BMP of version 5 (BITMAPV5HEADER) with an embedded ICC profile."""
    height, width = pixels.shape[:2]
    body = pixels[::-1, :, ::-1].tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(body), 0, 0, 0, 0)
    header += bytes(16) + b"DEBM" + bytes(48)
    header += struct.pack("<4I", 4, 124 + len(body), len(profile), 0)
    start = 14 + 124
    size = start + len(body) + len(profile)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + header + body + profile


def test_the_profile_of_a_bmp():
    profile = matrix_profile(ADOBE_RGB, 2.2)
    data = bmp_with_profile(patches(), profile)
    assert np.array_equal(decode(data, colour="strip").pixels, patches())
    assert np.array_equal(
        decode(data).pixels, decode(saved(patches(), "png", icc_profile=profile)).pixels
    )
    assert decode(data, colour="keep").metadata.icc == profile
    assert np.array_equal(decode(data[:-1]).pixels, patches())
    assert np.array_equal(decode(bmp_with_profile(patches(), b"no profile" * 20)).pixels, patches())


def test_the_deep_reader_prints_nothing(capfd):
    chunks = [cicp(12, 8), iccp(b"none"), (b"tEXt", b"\0" * 9), (b"bKGD", b"\0")]
    assert decode(png(patches().astype(int) * 257, *chunks, bits=16)).pixels.shape[2] == 3
    assert capfd.readouterr() == ("", "")


def test_broken_deep_pictures_are_corrupt():
    whole = png(np.random.default_rng(0).integers(0, 65536, (40, 40, 3)), cicp(9, 16), bits=16)
    avif = deep_avif(np.random.default_rng(0).random((64, 64, 3)), 9, 16)
    for data in (whole[: len(whole) // 2], avif[: len(avif) // 2]):
        with pytest.raises(Corrupt):
            decode(data)
