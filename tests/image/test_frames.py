"""The first frame of an animation: what browsers show, and a word about the others."""

import time

import numpy as np
import pytest
from PIL import Image

from deepcrop.flags import Flag
from deepcrop.image import decode
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


def offset_gif(transparent=False):
    """Return a canvas of 20 x 10 whose only frame is red, 8 x 4 at (6, 3); index 1 is unused."""
    image = Image.new("P", (8, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    options = {"transparency": 1} if transparent else {}
    data = bytearray(saved(image, "gif", **options))
    data[6:10] = (20).to_bytes(2, "little") + (10).to_bytes(2, "little")
    at = data.index(b"\x2c", 13 + 6)
    data[at + 1 : at + 5] = (6).to_bytes(2, "little") + (3).to_bytes(2, "little")
    return bytes(data)


@pytest.mark.parametrize("transparent", [False, True])
def test_a_gif_frame_smaller_than_its_canvas(transparent):
    pixels = decode(offset_gif(transparent)).pixels
    wanted = np.zeros((10, 20), np.uint8)
    wanted[3:7, 6:14] = 255
    assert np.array_equal(pixels[..., 3], wanted)
    assert (pixels[3:7, 6:14, :3] == [255, 0, 0]).all()


def animated_webp(alpha):
    """Return a canvas of 20 x 10 whose first frame is 8 x 4 at (6, 2)."""
    image = Image.new("RGBA" if alpha else "RGB", (8, 4), "red")
    if alpha:
        image.putpixel((0, 0), (0, 0, 0, 0))
    still = saved(image, "webp", lossless=True)
    bitstream = still[12:]
    if bitstream[:4] == b"VP8X":
        bitstream = bitstream[18:]

    def chunk(name, body):
        return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)

    def number(value):
        return value.to_bytes(3, "little")

    def frame(x, y, width, height):
        place = number(x // 2) + number(y // 2) + number(width - 1) + number(height - 1)
        return chunk(b"ANMF", place + number(100) + b"\x02" + bitstream)

    canvas = bytes([0x02 | (0x10 if alpha else 0), 0, 0, 0]) + number(19) + number(9)
    body = b"WEBP" + chunk(b"VP8X", canvas) + chunk(b"ANIM", b"\xff\xff\xff\xff\0\0")
    body += frame(6, 2, 8, 4) + frame(0, 0, 8, 4)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


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
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.roll(noise, i, axis=0)) for i in range(40)]
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
