"""Animations whose first frame is smaller than the canvas."""

from PIL import Image

from tests.image.samples import saved


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
