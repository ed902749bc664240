"""JPEG: which processes are scaled, which are read whole, and which are refused."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from deepcrop.errors import Corrupt, TooLarge, Unsupported
from deepcrop.geometry import Size
from deepcrop.image import decode, probe
from deepcrop.image.formats import jpeg
from jobs.faults.files.jpeg import arithmetic, header, segment
from tests.image.samples import photo, saved, shown

GREY = [(1, 1, 1)]
FULL = [(1, 1, 1), (2, 1, 1), (3, 1, 1)]


def ratio(h, v, chroma=(1, 1)):
    return [(1, h, v), (2, *chroma), (3, *chroma)]


@pytest.mark.parametrize(
    ("process", "components"),
    [
        *((process, FULL) for process in (0xC0, 0xC1, 0xC2)),
        (0xC0, GREY),
        (0xC0, [(1, 2, 2)]),
        *((0xC0, ratio(*each)) for each in ((2, 1), (2, 2), (1, 2), (4, 1), (1, 4))),
        (0xC0, ratio(2, 2, (2, 1))),
        (0xC0, [(ord(letter), 1, 1) for letter in "RGB"]),
        (0xC2, [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1)]),
        (0xC0, [(1, 2, 2), (2, 1, 1), (3, 1, 1), (4, 2, 2)]),
    ],
)
def test_documented_processes_are_scaled(process, components):
    found = jpeg.frame_of(header(process, components))
    assert (found.width, found.height) == (640, 480)
    assert found.scalable and found.ordinary


@pytest.mark.parametrize(
    ("process", "components", "precision"),
    [
        *((process, FULL, 8) for process in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE)),
        (0xCF, FULL, 8),
        (0xF7, FULL, 8),
        *((process, FULL, 12) for process in (0xC0, 0xC1, 0xC2)),
        (0xC0, FULL, 7),
        *((0xC0, ratio(*each), 8) for each in ((4, 2), (3, 1), (1, 3), (4, 4), (2, 4))),
        (0xC0, ratio(3, 2, (2, 1)), 8),
        (0xC0, ratio(1, 1, (2, 2)), 8),
        (0xC0, [(1, 2, 2), (2, 1, 1), (3, 1, 2)], 8),
        (0xC0, [(1, 2, 2), (2, 1, 1), (3, 1, 1), (4, 1, 1)], 8),
        (0xC0, [(1, 1, 1), (1, 1, 1), (3, 1, 1)], 8),
        (0xC0, [(1, 0, 1)], 8),
        (0xC0, [(1, 5, 1)], 8),
        (0xC0, [(1, 1, 1), (2, 1, 1)], 8),
        (0xC0, [(i, 1, 1) for i in range(5)], 8),
        (0xC0, [], 8),
    ],
)
def test_all_others_are_not(process, components, precision):
    found = jpeg.frame_of(header(process, components, precision))
    assert not found.scalable


def test_headers_that_are_not_well_formed_are_not_scaled():
    """Readers may differ on what follows: what is scaled must mean one thing."""
    assert jpeg.frame_of(header(0xC0, FULL, before=segment(0xFE, b"fine"))).scalable
    assert jpeg.frame_of(header(0xC0, FULL, before=b"\xff\xff\xff")).scalable  # fill bytes
    for before in (b"\0", b"stray bytes", b"\xff\0", b"\xff\xd0", b"\xff\x01", b"\xff\xd8"):
        found = jpeg.frame_of(header(0xC0, FULL, before=before))
        assert found is None or not found.scalable
    assert jpeg.frame_of(b"\xff\xd8" + segment(0xDA, b"") + header(0xC0, FULL)[2:]) is None
    whole = header(0xC0, FULL)
    assert all(jpeg.frame_of(whole[:cut]) is None for cut in range(len(whole)))


def test_every_real_encoding_is_scaled():
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}):
        for mode in ("RGB", "L", "CMYK"):
            if mode == "CMYK" and "subsampling" in options:
                continue  # Pillow sub-samples single inks, which TurboJPEG doesn't list
            data = saved(Image.fromarray(photo()).convert(mode), "jpeg", **options)
            assert jpeg.frame_of(data).scalable
            assert decode(data, at_least=Size(128, 128)).shrink == 4


def test_what_is_not_scalable_is_decoded_whole():
    data = arithmetic(640, 480, 2, 2)
    picture = decode(data, at_least=Size(40, 30))
    assert (picture.shrink, picture.size) == (1, Size(640, 480))
    assert (picture.pixels == 160).all()


@pytest.mark.parametrize("size", [(64, 48), (6400, 1600)])
def test_arithmetic_coding_with_410_of_any_size(size):
    """Above 64 KiB it needs more than one of Pillow's blocks."""
    data = arithmetic(*size, 4, 2)
    assert size[0] < 100 or len(data) > 65536
    picture = decode(data)
    assert picture.size == Size(*size)
    assert (picture.pixels == 160).all()


def deep(bits):
    """Return a photo (128, 192, 3) in so many bits, exact in 8."""
    pixels = photo()[100:228, 100:292].astype(np.uint32)
    return np.rint(pixels * ((1 << bits) - 1) / 255).astype(np.uint16 if bits > 8 else np.uint8)


@pytest.mark.parametrize("grey", [False, True])
def test_twelve_bits(grey):
    samples = deep(12)[..., 0].copy() if grey else deep(12)
    data = imagecodecs.jpeg8_encode(samples, 98, bitspersample=12)
    wanted = photo()[100:228, 100:292].astype(float)
    wanted = wanted[..., :1] if grey else wanted
    assert np.abs(decode(data).pixels - wanted).mean() < 2.5
    assert probe(data).mode == ("L;12" if grey else "RGB;12")


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless(bits):
    data = imagecodecs.jpeg8_encode(deep(bits), lossless=True, bitspersample=bits)
    assert np.array_equal(decode(data, at_least=Size(12, 8)).pixels, photo()[100:228, 100:292])


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_jpeg_ls(bits, grey):
    samples = deep(bits)[..., 0] if grey else deep(bits)
    pixels = decode(imagecodecs.jpegls_encode(samples), at_least=Size(12, 8)).pixels
    wanted = photo()[100:228, 100:292]
    assert np.array_equal(pixels, wanted[..., [0, 0, 0]] if grey else wanted)


def rare():
    yield "twelve", imagecodecs.jpeg8_encode(deep(12), 90, bitspersample=12)
    yield "lossless", imagecodecs.jpeg8_encode(deep(8), lossless=True)
    yield "ls", imagecodecs.jpegls_encode(deep(8))


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in rare()])
@pytest.mark.parametrize("ending", [b"", b"\xff\xd9"])
def test_a_rare_process_cut_short_is_corrupt_and_never_partly_grey(data, ending):
    for cut in np.random.default_rng(3).integers(400, len(data) - 2, 30):
        with pytest.raises(Corrupt):
            decode(data[:cut] + ending)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in rare()])
def test_rare_processes_have_metadata_and_limits(data):
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    block = segment(0xE1, exif.tobytes())
    turned = data[:2] + block + data[2:]
    assert np.array_equal(decode(turned).pixels, shown(decode(data).pixels, 6))
    assert probe(turned).size == Size(128, 192)
    assert b"maker" in decode(turned).metadata.exif
    with pytest.raises(TooLarge, match="--max-pixels"):
        decode(data, max_pixels=1000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header(0xC5, FULL), "hierarchical"),
        (header(0xCB, FULL), "lossless arithmetic"),
        (header(0xC0, [(1, 1, 1), (2, 1, 1)]), "2 components"),
        (header(0xC1, [(i, 1, 1) for i in range(4)], 12), "4 components of 12 bits"),
        (header(0xC3, [(i, 1, 1) for i in range(4)], 8), "4 components of 8 bits"),
        (header(0xC9, FULL, 12), "12 bits"),
        (header(0xC0, FULL, 9), "9 bits"),
    ],
)
def test_what_is_not_read_is_named(data, words):
    for read in (probe, decode):
        with pytest.raises(Unsupported, match=words):
            read(data)
