"""The first frame of an animation: what browsers show, and a word about the others."""

import time

import numpy as np
import pytest
from PIL import Image

from deepcrop.flags import Flag
from deepcrop.image import decode
from jobs.faults.files.animation import animated_webp, offset_gif
from tests.image.samples import saved

ANIMATED = ("gif", "webp", "png", "avif")


def frames_of(*colours):
    return [Image.new("RGB", (24, 16), colour) for colour in colours]


@pytest.mark.parametrize("format", ANIMATED)
def test_a_flattened_animation_is_told(format):
    first, *others = frames_of("red", "lime", "blue")
    (note,) = decode(saved(first, format, save_all=True, append_images=others)).notes
    assert note.flag is Flag.ANIMATION_FLATTENED
    assert note.text == (
        "first frame of an animation" if format == "gif" else "frame 1 of 3 of an animation"
    )


@pytest.mark.parametrize("format", [*ANIMATED, "jpeg", "tiff", "bmp"])
def test_a_still_image_has_no_note(format):
    assert decode(saved(frames_of("red")[0], format)).notes == ()


@pytest.mark.parametrize("transparent", [False, True])
def test_a_gif_frame_smaller_than_its_canvas(transparent):
    pixels = decode(offset_gif(transparent)).pixels
    wanted = np.zeros((10, 20), np.uint8)
    wanted[3:7, 6:14] = 255
    assert np.array_equal(pixels[..., 3], wanted)
    assert (pixels[3:7, 6:14, :3] == [255, 0, 0]).all()


@pytest.mark.parametrize("alpha", [False, True])
def test_a_webp_frame_smaller_than_its_canvas(alpha):
    pixels = decode(animated_webp(alpha)).pixels
    wanted = np.zeros((10, 20), np.uint8)
    wanted[2:6, 6:14] = 255
    if alpha:
        wanted[2, 6] = 0
    assert np.array_equal(pixels[..., 3], wanted)
    assert (pixels[3:6, 7:14, :3] == [255, 0, 0]).all()


def test_the_note_decodes_no_further_frame():
    """A broken second frame is no obstacle, and a long animation takes no longer."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.roll(noise, i, axis=0)) for i in range(20)]
    long = saved(frames[0], "gif", save_all=True, append_images=frames[1:])
    short = saved(frames[0], "gif", save_all=True, append_images=frames[1:2])

    def seconds(data):
        taken = []
        for _ in range(7):
            begin = time.process_time()
            assert decode(data).notes
            taken.append(time.process_time() - begin)
        return min(taken)

    assert seconds(long) < 3 * seconds(short)
    cut = short[: len(short) * 3 // 4]
    assert np.array_equal(decode(cut).pixels, decode(short).pixels)
