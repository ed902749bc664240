"""Decoding: orientation, scales, damage, limits."""

import io
import threading
import time
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepcrop.errors import Corrupt, DecodeError, NotAnImage, TooLarge
from deepcrop.geometry import Box, Size
from deepcrop.image import Framing, decode, probe, render, size_to_decode
from tests.image.samples import photo, psnr, saved, shown

WAYS = ("jpeg", "png", "webp", "avif", "tiff")


def oriented(stored, format, orientation):
    image, exif = Image.fromarray(stored), Image.Exif()
    exif[274] = orientation
    exact = {"webp": {"lossless": True}, "jpeg": {"quality": 98, "subsampling": 0}}
    return saved(image, format, exif=exif, **exact.get(format, {}))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", WAYS)
def test_all_orientations_are_shown_as_exif_says(format, orientation):
    stored = photo()[100:140, 200:264]
    data = oriented(stored, format, orientation)
    picture = decode(data)
    wanted = shown(stored, orientation)
    assert picture.pixels.shape == wanted.shape
    if format in ("png", "tiff", "webp"):
        assert np.array_equal(picture.pixels, wanted)
    else:
        others = [shown(stored, other) for other in range(1, 9) if other != orientation]
        assert psnr(picture.pixels, wanted) > 30
        assert all(psnr(picture.pixels, o) < 22 for o in others if o.shape == wanted.shape)
    header = probe(data)
    assert (header.size, header.orientation) == (picture.source_size, orientation)
    assert picture.source_size == Size(wanted.shape[1], wanted.shape[0])


def test_an_exif_chunk_after_the_pixels_of_a_png_counts():
    stored = photo()[:20, :30]
    data = oriented(stored, "png", 6)
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    iend = data.index(b"IEND") - 4
    moved = data[:start] + data[end:iend] + data[start:end] + data[iend:]
    assert probe(moved).size == Size(20, 30)
    assert np.array_equal(decode(moved).pixels, shown(stored, 6))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_a_shrunk_jpeg_lies_where_the_full_one_does(orientation, shrink):
    """A smooth ramp shows a misplacement of half a source pixel as a bias of 0.4 levels."""
    height, width = 203, 301
    y, x = np.mgrid[:height, :width]
    stored = np.stack([x * 0.8, y * 1.2, (x + y) * 0.5], -1).astype(np.uint8)
    data = oriented(stored, "jpeg", orientation)
    full = decode(data)
    size = full.source_size
    small = decode(data, at_least=Size(-(-size.width // shrink), -(-size.height // shrink)))
    assert small.shrink == shrink
    box = Box(24, 40, size.width - 16, size.height - 32)
    wanted = Size(box.size.width // shrink, box.size.height // shrink)
    difference = render(small, box, wanted).astype(float) - render(full, box, wanted)
    assert np.abs(difference[2:-2, 2:-2].mean((0, 1))).max() < 0.4


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@given(
    width=st.integers(1, 90), height=st.integers(1, 90), w=st.integers(1, 90), h=st.integers(1, 90)
)
@settings(max_examples=25)
def test_the_scale_is_the_smallest_that_is_large_enough(mode, progressive, width, height, w, h):
    data = saved(Image.new(mode, (width, height)), "jpeg", progressive=progressive)
    wanted = Size(min(w, width), min(h, height))
    picture = decode(data, at_least=wanted)
    assert picture.source_size == Size(width, height)
    sizes = {k: Size(-(-width // k), -(-height // k)) for k in (1, 2, 4, 8)}
    enough = [k for k, s in sizes.items() if s.width >= wanted.width and s.height >= wanted.height]
    assert picture.shrink == max(enough) or (mode == "CMYK" and min(width, height) < 8)
    assert picture.size.width >= wanted.width
    assert picture.size.height >= wanted.height
    assert picture.size == sizes[picture.shrink]
    assert picture.origin == (Fraction(0), Fraction(0))


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"])
def test_every_format_is_read_whatever_its_name(format):
    picture = decode(saved(photo()[:64, :80], format))
    assert (picture.format, picture.size) == (format, Size(80, 64))
    assert psnr(picture.pixels, photo()[:64, :80]) > 28
    assert picture.pixels.flags.writeable


@pytest.mark.parametrize("format", ["gif", "webp", "png", "avif", "tiff"])
def test_the_first_frame_of_an_animation(format):
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("red", "lime", "blue")]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert probe(data).animated
    assert np.abs(decode(data).pixels.astype(int) - [255, 0, 0]).max() <= 3
    assert not probe(saved(frames[0], format)).animated


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"])
def test_one_pixel_and_a_strip(format):
    one = decode(saved(Image.new("RGB", (1, 1), "white"), format), at_least=Size(1, 1))
    assert one.pixels.tolist() == [[[255, 255, 255]]]
    if format in ("webp", "avif"):
        return  # narrower than a strip of 30000
    strip = decode(saved(Image.new("RGB", (30000, 2), "white"), format), at_least=Size(400, 1))
    assert strip.source_size == Size(30000, 2)
    assert render(strip, Box(0, 0, 30000, 2), Size(640, 1)).tolist() == [[[255] * 3] * 640]


def png_header(width, height):
    import struct
    import zlib

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 << 20)) for _ in range(64)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def bombs():
    small = saved(Image.new("RGB", (8, 8)), "jpeg")
    at = small.index(b"\xff\xc0") + 5
    yield "jpeg", small[:at] + b"\xff\xdc\xff\xdc" + small[at + 4 :]
    yield "png", png_header(30000, 30000)
    vp8x = b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xff\xff\x00" * 2
    yield "webp", b"RIFF" + (len(vp8x) + 4).to_bytes(4, "little") + b"WEBP" + vp8x + bytes(40)
    gif = saved(Image.new("P", (8, 8)), "gif")
    yield "gif", gif[:6] + b"\xff\xff\xff\xff" + gif[10:]
    bmp = saved(Image.new("RGB", (8, 8)), "bmp")
    yield "bmp", bmp[:18] + (60000).to_bytes(4, "little") * 2 + bmp[26:]
    tiff = Image.new("1", (40000, 40000))
    yield "tiff", saved(tiff, "tiff", compression="group4")


@pytest.mark.parametrize(("format", "data"), [pytest.param(*bomb, id=bomb[0]) for bomb in bombs()])
def test_bombs_are_refused_from_the_header(format, data):
    begin = time.perf_counter()
    for read in (probe, decode):
        with pytest.raises(TooLarge, match="pixels are more than the limit of 134217728"):
            read(data)
    assert time.perf_counter() - begin < 0.5


def test_the_limit_can_be_set():
    data = saved(photo(), "jpeg")
    assert decode(data, max_pixels=512 * 512).size == Size(512, 512)
    with pytest.raises(TooLarge, match="512x512 pixels are more than the limit of 262143"):
        decode(data, max_pixels=512 * 512 - 1)


@pytest.mark.parametrize(
    "format", ["jpeg", "progressive", "png", "webp", "avif", "tiff", "gif", "bmp"]
)
def test_a_truncated_file_is_corrupt_or_complete_and_never_partly_grey(format):
    options = {"progressive": True} if format == "progressive" else {}
    data = saved(photo()[:96, :128], format.replace("progressive", "jpeg"), **options)
    whole = decode(data).pixels
    random = np.random.default_rng(7)
    cuts = {*random.integers(1, len(data), 60).tolist(), *range(len(data) - 12, len(data))}
    complete = 0
    for cut in cuts:
        try:
            pixels = decode(data[:cut]).pixels
        except (Corrupt, NotAnImage):
            continue
        assert np.array_equal(pixels, whole), cut
        complete += 1
    assert complete <= 12  # only what hangs on behind the pixels can be missed


def test_a_jpeg_without_its_end_marker_is_whole():
    data = saved(photo(), "jpeg")
    assert np.array_equal(decode(data[:-2]).pixels, decode(data).pixels)


def test_a_jpeg_cut_and_closed_again_is_corrupt():
    data = saved(photo(), "jpeg")
    with pytest.raises(Corrupt, match="premature end"):
        decode(data[: len(data) // 2] + b"\xff\xd9")


def test_absurd_exif_is_ignored():
    whole = Framing(Size(32, 32), Size(32, 32), Box(0, 0, 32, 32))
    jpeg = saved(photo()[:32, :32], "jpeg")
    for block in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 60000):
        segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
        picture = decode(jpeg[:2] + segment + jpeg[2:])
        assert np.array_equal(picture.pixels, decode(jpeg).pixels)
        assert picture.metadata.for_variant(whole, "jpeg").exif is None
    exif = Image.Exif()
    exif[274] = 77
    assert probe(saved(photo()[:8, :8], "jpeg", exif=exif)).orientation == 1


def test_no_warning_leaks_and_no_filter_stays_when_threads_decode():
    image = Image.new("P", (300, 300))
    image.info["transparency"] = b"\x00\xff"
    jpeg = saved(photo(), "jpeg")
    files = [saved(image, "png"), jpeg, jpeg[: len(jpeg) // 2]]
    before = list(warnings.filters)
    leaked = []

    def work():
        for data in files * 5:
            try:
                decode(data)
            except DecodeError:
                pass
            except Exception as error:
                leaked.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not leaked
    assert list(warnings.filters) == before


def test_size_to_decode_asks_for_no_more_than_the_source():
    source = Size(4000, 3000)
    assert size_to_decode(source, [(Box(0, 0, 100, 100), Size(400, 400))]) == source
    wanted = size_to_decode(source, [(Box(0, 0, 4000, 2000), Size(400, 200))])
    assert 400 <= wanted.width <= 1000
    assert wanted.height * 4 == wanted.width * 3


def test_pillow_s_reader_is_not_asked_for_other_formats():
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "ppm")
    with pytest.raises(NotAnImage):
        decode(out.getvalue())
