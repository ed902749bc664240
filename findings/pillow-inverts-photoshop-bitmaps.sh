#!/usr/bin/env bash
# Pillow: a Photoshop file in bitmap mode is shown as its negative
#
# Run with   pillow 13.0.0, psd-tools 1.10.9, numpy 2.4.6, Python 3.11, x86-64.
#
# Behaviour  In Photoshop's bitmap mode (1 bit a pixel) a set bit is black. Pillow returns mode "1" with
#            the bits as stored, and in Pillow's mode "1" a set bit is white. psd-tools, which exists
#            for these files alone, inverts them.
#
# Expected   The picture that Photoshop shows, as for grey, RGB and (inverted on disk, too) CMYK.
#
# Seen       A page of white with one black pixel in four: Pillow 25% white, psd-tools 75% white.
#
# Affects    Scans of line art and documents: white on black, at the right size, without an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pillow==13.0.0 psd-tools==1.10.9 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import numpy as np
from PIL import Image
from psd_tools import PSDImage

SIZE = 64
bits = np.zeros((SIZE, SIZE), np.uint8)
bits[::2, ::2] = 1  # one pixel in four is black
data = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, SIZE, SIZE, 1, 0)  # version 1, 1 bit, bitmap mode
data += struct.pack(">III", 0, 0, 0)  # no colour data, no resources, no layers
data += struct.pack(">H", 0) + np.packbits(bits, axis=1).tobytes()  # not compressed


def white(image):
    return np.asarray(image.convert("L")).mean() / 255


by_pillow = white(Image.open(io.BytesIO(data)))
by_psd_tools = white(PSDImage.open(io.BytesIO(data)).topil())
print(f"white in the page: Pillow {by_pillow:.0%}, psd-tools {by_psd_tools:.0%}")
if abs(by_pillow - by_psd_tools) < 0.01:
    print("changed: both show the same picture")
    sys.exit(1)
PYTHON
