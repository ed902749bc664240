#!/usr/bin/env bash
# pylibjxl: lossy JPEG XL of 8-bit RGB takes three to four times the bytes of libjxl's own form
#
# Run with   pylibjxl 0.5.0, imagecodecs 2026.3.6 (libjxl 0.11.2), numpy 2.4.6, scikit-image 0.26.0,
#            Python 3.11, x86-64.
#
# Behaviour  pylibjxl.encode(pixels, distance=1.0) of an array (H, W, 3) of uint8 writes a file that is
#            3.5 times as large as the one that imagecodecs writes by libjxl at the same distance and
#            effort, and no nearer to the pixels. At distance 1 it is farther from them than its own
#            file at distance 2.
#
# Expected   The distance is libjxl's measure of what is visible: at one distance and effort two
#            wrappers of libjxl give about the same bytes, and a smaller distance a better picture.
#
# Seen       A photo of 512x512 pixels, effort 7; bytes, and PSNR in dB
#              distance 1: pylibjxl about 3.5 times the bytes of imagecodecs, 4 dB worse
#              distance 2: 4 times the bytes, as good
#            Files without loss are right and of the usual size.
#
# Affects    Everybody who takes pylibjxl for its permissive licence and writes lossy files: they are
#            larger than JPEGs of the same quality. It reads files well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pylibjxl==0.5.0 imagecodecs==2026.3.6 numpy==2.4.6 scikit-image==0.26.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import imagecodecs
import numpy as np
import pylibjxl
from skimage import data

photo = np.ascontiguousarray(data.astronaut())


def fidelity(encoded):
    """Return the PSNR of a file in dB; both are decoded by libjxl through imagecodecs."""
    found = imagecodecs.jpegxl_decode(encoded)[..., :3].astype(float)
    return 10 * np.log10(255**2 / np.mean((found - photo) ** 2))


ratios, psnr = [], {}
for distance in (1.0, 2.0):
    theirs = pylibjxl.encode(photo, effort=7, distance=distance)
    usual = bytes(imagecodecs.jpegxl_encode(photo, effort=7, distance=distance, numthreads=1))
    ratios.append(len(theirs) / len(usual))
    psnr[distance] = fidelity(theirs)
    print(
        f"distance {distance:g}: pylibjxl {len(theirs):,} bytes, {psnr[distance]:.1f} dB; "
        f"imagecodecs {len(usual):,} bytes, {fidelity(usual):.1f} dB"
    )
if min(ratios) < 2:
    sys.exit("changed: the files are of about the same size")
print("still there")
PYTHON
