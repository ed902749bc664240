#!/usr/bin/env bash
# Pillow: a 16-bit RGB TIFF in separate planes opens, and is another picture
#
# Run with   pillow 13.0.0, tifffile 2026.3.3, numpy 2.4.6, Python 3.11, x86-64.
#
# Behaviour  In an uncompressed RGB TIFF with 16-bit samples and PlanarConfiguration 2 (each colour in
#            a separate plane), Pillow reads the two bytes of a sample as two pixels: the picture
#            is stretched to twice its width, of which the left half is shown. The size is right, and
#            nothing is raised. The same pixels compressed (LZW, Deflate), or with 8 bits, are right.
#
# Expected   The picture, or UnidentifiedImageError, as Pillow answers for TIFFs that it can't read.
#
# Seen       A picture of 64x48, (200, 60, 30) in the left half and (20, 90, 180) in the right half:
#              LZW   left (200, 60, 30), right (20, 90, 180)
#              none  left (200, 60, 30), right (200, 60, 30)
#            tifffile reads both alike.
#
# Affects    Scans, microscopes and remote sensing write planes: thumbnails and training data made
#            with Pillow show only the left half, at the right size, without an error.
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

LEFT, RIGHT = (200, 60, 30), (20, 90, 180)
planes = np.empty((3, 48, 64), np.uint16)
for plane, left, right in zip(planes, LEFT, RIGHT):
    plane[:, :32], plane[:, 32:] = left * 257, right * 257


def opened(samples, compression):
    file = io.BytesIO()
    tifffile.imwrite(
        file, samples, photometric="rgb", planarconfig="separate", compression=compression
    )
    file.seek(0)
    assert np.array_equal(tifffile.imread(file), samples)  # an independent reader agrees
    file.seek(0)
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (48, 64, 3)
    return tuple(map(int, pixels[24, 16])), tuple(map(int, pixels[24, 48]))


lzw, plain = opened(planes, "lzw"), opened(planes, None)
eight = opened((planes // 257).astype(np.uint8), None)
print("16 bits, LZW:          left", lzw[0], "right", lzw[1])
print("16 bits, uncompressed: left", plain[0], "right", plain[1])
print(" 8 bits, uncompressed: left", eight[0], "right", eight[1])
if not (lzw == eight == (LEFT, RIGHT) and plain == (LEFT, LEFT)):
    sys.exit("changed: the uncompressed planes aren't read stretched, or the others aren't right")
print("still there")
PYTHON
