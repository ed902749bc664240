#!/usr/bin/env bash
# Pillow: the transparent colour of a PNG is opaque unless its samples have 8 bits
#
# Run with   pillow 13.0.0, Python 3.11, x86-64.
#
# Behaviour  A PNG without an alpha channel may name one colour as transparent (chunk tRNS), in the
#            file's own sample depth. Pillow doesn't change that number, but scales or clips pixels of
#            2, 4 and 16 bits to 8. convert("RGBA") compares the two (of 16 bits, only the low byte):
#            no pixel is transparent, or wrong pixels are.
#
# Expected   The same alpha for the same picture, whatever its depth: PNG 3rd edition, 11.3.1.1.
#
# Seen       The left half has the transparent colour, the right half is white; alpha of both:
#              grey,  8 bits, colour   100: left   0, right 255
#              grey,  2 bits, colour     1: left 255, right 255
#              grey,  4 bits, colour     3: left 255, right 255
#              grey, 16 bits, colour  1000: left 255, right 255
#              RGB,   8 bits, colour   100: left   0, right 255
#              RGB,  16 bits, colour  1000: left 255, right 255
#              RGB,  16 bits, colour 16383: left 255, right   0
#
# Affects    Logos, plots and scans that PNG optimisers have made smaller (they convert an alpha
#            channel to tRNS and fewer bits if possible): a white or black background appears.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys
import zlib

from PIL import Image

SIDE = 8


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def row(samples, depth):
    """Pack samples of a depth, first the highest bits (PNG 3rd edition, 7.2), after a filter byte."""
    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    return b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def alpha(channels, depth, colour):
    """Return the alpha of the left half, whose colour is transparent, and of the right one."""
    half = SIDE // 2 * channels
    rows = row([colour] * half + [2**depth - 1] * half, depth) * SIDE
    header = struct.pack(">2I5B", SIDE, SIDE, depth, {1: 0, 3: 2}[channels], 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"tRNS", struct.pack(f">{channels}H", *[colour] * channels))
    data += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    with Image.open(io.BytesIO(data)) as image:
        found = image.convert("RGBA").getchannel("A")
    return found.getpixel((1, 4)), found.getpixel((6, 4))


SEEN = {
    ("grey", 8, 100): (0, 255),  # the only right ones: (0, 255) is right for all
    ("grey", 2, 1): (255, 255),
    ("grey", 4, 3): (255, 255),
    ("grey", 16, 1000): (255, 255),
    ("RGB", 8, 100): (0, 255),
    ("RGB", 16, 1000): (255, 255),
    ("RGB", 16, 16383): (255, 0),
}
changed = False
for (name, depth, colour), expected in SEEN.items():
    left, right = alpha({"grey": 1, "RGB": 3}[name], depth, colour)
    print(f"{name + ',':5} {depth:2} bits, colour {colour:5}: left {left:3}, right {right:3}")
    changed |= (left, right) != expected
if changed:
    sys.exit("changed: the alpha of some depth is another one")
print("still there")
PYTHON
