#!/usr/bin/env bash
# Pillow: a grey TIFF in which white is zero is right with 8 bits, a negative with 16 bits or floats
#
# Run with   pillow 13.0.0, tifffile 2026.3.3, imagecodecs 2026.3.6, numpy 2.4.6, Python 3.11, x86-64.
#
# Behaviour  PhotometricInterpretation 0 says that white is zero. Pillow inverts samples of 8 bits, so
#            that 255 is white for the caller, but returns samples of 16 bits (mode I;16) and floats
#            (mode F) as stored. The mode is the same as that of a file in which black is zero, so
#            the caller has to read the tag to notice.
#
# Expected   One rule for all depths.
#
# Seen       One picture, dark on the left (35 of 255) and light on the right (225 of 255):
#               8 bits, mode L:    left  35, right 225
#              16 bits, mode I;16: left 220, right  30
#              floats, mode F:     left 220, right  30
#
# Affects    X-rays and scans of documents are stored in this way: a pipeline that was tested with
#            8-bit files returns negatives of deeper ones, at the right size, without an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import numpy as np
import tifffile
from PIL import Image

stored = np.empty((48, 64))
stored[:, :32], stored[:, 32:] = 220, 30  # white is zero: 35 and 225 of 255 as shown


def shown(samples, white, compression):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="miniswhite", compression=compression)
    file.seek(0)
    with Image.open(file) as image:
        pixels = np.asarray(image) / white * 255
        return image.mode, round(float(pixels[24, 16])), round(float(pixels[24, 48]))


changed = False
for compression in (None, "lzw"):
    print(f"compression: {compression}")
    for name, samples, white, expected in (
        (" 8 bits", stored.astype(np.uint8), 255, ("L", 35, 225)),
        ("16 bits", (stored * 257).astype(np.uint16), 65535, ("I;16", 220, 30)),
        ("floats ", (stored / 255).astype(np.float32), 1.0, ("F", 220, 30)),
    ):
        seen = shown(samples, white, compression)
        print(f"  {name}, mode {seen[0]:5} left {seen[1]:3}, right {seen[2]:3}")
        changed |= seen != expected
if changed:
    sys.exit("changed: some depth is turned round otherwise")
print("still there")
PYTHON
