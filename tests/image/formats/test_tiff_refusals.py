"""TIFF that isn't read: unsupported, cut short or too large, each told for what it is."""

import numpy as np
import pytest

from deepcrop.errors import Corrupt, TooLarge, Unsupported
from deepcrop.image import decode, probe
from jobs.faults.files.tiff import COMPRESSIONS, page, tiff
from tests.image.tiff_samples import (
    BLACK_IS_ZERO,
    CMYK,
    COUNT,
    RGB,
    deep,
    levels,
    rgb_page,
    shares_of,
    typed,
)


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
