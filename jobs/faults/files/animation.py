"""Animations whose first frame is smaller than the canvas."""

from __future__ import annotations

import io

from PIL import Image


def offset_gif(transparent: bool = False) -> bytes:
    """Return a canvas of 20 x 10 whose only frame is red, 8 x 4 at (6, 3); index 1 is unused."""
    image = Image.new("P", (8, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    options = {"transparency": 1} if transparent else {}
    data = bytearray(_saved(image, "gif", **options))
    data[6:10] = (20).to_bytes(2, "little") + (10).to_bytes(2, "little")
    at = data.index(b"\x2c", 13 + 6)
    data[at + 1 : at + 5] = (6).to_bytes(2, "little") + (3).to_bytes(2, "little")
    return bytes(data)


def animated_webp(alpha: bool) -> bytes:
    """Return a canvas of 20 x 10 whose first frame is 8 x 4 at (6, 2)."""
    image = Image.new("RGBA" if alpha else "RGB", (8, 4), "red")
    if alpha:
        image.putpixel((0, 0), (0, 0, 0, 0))
    bitstream = _saved(image, "webp", lossless=True)[12:]
    if bitstream[:4] == b"VP8X":
        bitstream = bitstream[18:]

    def frame(x: int, y: int, width: int, height: int) -> bytes:
        corner = _number(x // 2) + _number(y // 2) + _number(width - 1) + _number(height - 1)
        return _chunk(b"ANMF", corner + _number(100) + b"\x02" + bitstream)

    canvas = bytes([0x02 | (0x10 if alpha else 0), 0, 0, 0]) + _number(19) + _number(9)
    body = b"WEBP" + _chunk(b"VP8X", canvas) + _chunk(b"ANIM", b"\xff\xff\xff\xff\0\0")
    body += frame(6, 2, 8, 4) + frame(0, 0, 8, 4)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(name: bytes, body: bytes) -> bytes:
    """Return a RIFF chunk, padded to an even length."""
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _number(value: int) -> bytes:
    """Return a number as WebP stores it: 24 bits, little-endian."""
    return value.to_bytes(3, "little")


def _saved(image: Image.Image, form: str, **options: int | bool) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()
