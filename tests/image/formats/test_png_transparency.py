"""PNG: transparency told by one colour (tRNS), at every depth, and the first frame of APNG."""

import numpy as np
import pytest
from PIL import Image

from deepcrop.flags import Flag
from deepcrop.image import decode
from jobs.faults.files.png import chunk, keyed_png
from tests.image.samples import saved

GREY, RGB, PALETTE = 0, 2, 3


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey(depth):
    top = (1 << depth) - 1
    values = np.random.default_rng(depth).integers(0, top + 1, (13, 21, 1))
    for key in {0, 1, top, top // 2, int(values[3, 3, 0])}:
        pixels = decode(keyed_png(values, depth, GREY, (key,))).pixels
        wanted = np.where(values[..., 0] == key, 0, 255)
        if (wanted == 255).all():
            assert pixels.shape[2] == 3
        else:
            assert np.array_equal(pixels[..., 3], wanted), key
        assert np.abs(pixels[..., 0] - values[..., 0] * 255 / top).max() <= 0.51


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_grey_all_over(depth, value):
    """Samples of 0 and 1 alone must not be taken for another depth's."""
    values = np.full((5, 9, 1), value)
    for key in (0, 1):
        pixels = decode(keyed_png(values, depth, GREY, (key,))).pixels
        assert pixels.shape[2] == (4 if key == value else 3)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour(depth):
    unit = 1 if depth == 8 else 257
    values = np.random.default_rng(depth).integers(0, 3, (13, 21, 3)) * unit
    key = values[2, 2]
    pixels = decode(keyed_png(values, depth, RGB, key.tolist())).pixels
    assert np.array_equal(pixels[..., 3], np.where((values == key).all(axis=2), 0, 255))


@pytest.mark.parametrize("kind", [GREY, RGB])
def test_low_bytes_of_sixteen_bits_count(kind):
    channels = 1 if kind == GREY else 3
    values = np.full((4, 8, channels), 0x1234)
    values[:, 4:] += 1
    alpha = decode(keyed_png(values, 16, kind, [0x1234] * channels)).pixels[..., 3]
    assert (alpha[:, :4] == 0).all() and (alpha[:, 4:] == 255).all()


def test_bits_beyond_the_depth_are_ignored():
    """The standard says that they are zero; libpng masks them."""
    values = np.array([[[0], [1], [2], [3]]])
    assert decode(keyed_png(values, 2, GREY, (0xFF02,))).pixels[0, :, 3].tolist() == [
        255,
        255,
        0,
        255,
    ]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_with_alpha(depth):
    colours = np.random.default_rng(1).integers(0, 256, ((1 << depth), 3), dtype=np.uint8)
    values = np.arange(1 << depth).reshape(1, -1, 1)
    alpha = bytes([0, 128][: 1 << depth])
    data = keyed_png(values, depth, PALETTE, palette=colours.tobytes())
    at = data.index(b"IDAT") - 4
    pixels = decode(data[:at] + chunk(b"tRNS", alpha) + data[at:]).pixels[0]
    assert pixels[:2, 3].tolist() == [0, 128]
    assert (pixels[2:, 3] == 255).all()
    assert np.array_equal(pixels[..., :3], colours)


def frames_of(*colours):
    return [Image.new("RGB", (24, 16), colour) for colour in colours]


def test_a_default_image_is_no_frame_of_the_animation():
    """Browsers show the animation, readers that don't know it the default image."""
    first, *others = frames_of("red", "lime", "blue")
    data = saved(first, "png", save_all=True, append_images=others, default_image=True)
    picture = decode(data)
    assert (picture.pixels[..., :3] == [0, 255, 0]).all()
    assert [note.flag for note in picture.notes] == [Flag.ANIMATION_FLATTENED]
    assert picture.notes[0].text == "frame 1 of 2 of an animation"
