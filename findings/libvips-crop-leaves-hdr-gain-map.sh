#!/usr/bin/env bash
# libvips: a crop of an Ultra HDR photo keeps the gain map of the whole photo
#
# Run with   pyvips 3.2.0 and pyvips-binary 8.18.7 (libvips 8.18.7), numpy 2.4.6, Python 3.11, x86-64.
#
# Behaviour  libvips reads the gain map of an Ultra HDR JPEG into the metadata field "gainmap-data"
#            and writes it back on saving. crop, smartcrop, rot90, fliphor and thumbnail(crop=...)
#            change the pixels but not the field. So the saved file is a valid Ultra HDR JPEG whose
#            gain map belongs to another picture: it is stretched over the crop.
#
# Expected   The gain map is cut and turned with the picture, or dropped. The page "Processing UltraHDR
#            images" of the documentation does say that one "will sometimes need to update the gainmap
#            during processing"; code written for JPEGs before 8.18 now needs it, without a warning.
#
# Seen       The source is 0.2 of white on the left and 3 times white (a lamp) on the right. A crop
#            of the lamp alone, saved and read again, is on an HDR screen
#              crop of the lamp alone: left edge 0.90, right edge 2.98, both should be 3
#              gain map of the whole photo left as it was by: crop rot90 fliphor smartcrop thumbnail
#            On an SDR screen all looks right.
#
# Affects    Everybody who makes thumbnails or crops of phone photos (Android's are Ultra HDR) with
#            libvips 8.18 or tools built on it, and keeps metadata: unexplained bright and dark
#            patches in the crop, visible only on an HDR screen.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pyvips

SIDE = 512


def gain_map(image):
    decoded = pyvips.Image.new_from_buffer(image.get("gainmap-data"), "").numpy()
    return decoded if decoded.ndim == 2 else decoded[..., 0]


def linear(image):
    """Return the picture as an HDR screen shows it: 1 is SDR's white."""
    return pyvips.Operation.call("uhdr2scRGB", image).numpy()


scene = np.full((SIDE, SIDE, 3), 0.2, np.float32)
scene[:, SIDE // 2 :] = 3.0
pyvips.Image.new_from_array(scene).copy(interpretation="scrgb").uhdrsave("photo.jpg")
photo = pyvips.Image.new_from_file("photo.jpg")
lit = linear(photo)
print(f"photo: left {lit[:, :200].mean():.2f}, right {lit[:, -200:].mean():.2f}")

photo.crop(SIDE // 2 + 20, 0, 200, SIDE).write_to_file("lamp.jpg")
lamp = pyvips.Image.new_from_file("lamp.jpg")
lit = linear(lamp)
left, right = lit[:, 5:40].mean(), lit[:, -40:-5].mean()
print(f"crop of the lamp alone: left edge {left:.2f}, right edge {right:.2f}, both should be 3")

unchanged = {"crop": np.array_equal(gain_map(photo), gain_map(lamp))}
for name, made in {
    "rot90": photo.rot90(),
    "fliphor": photo.fliphor(),
    "smartcrop": photo.smartcrop(100, SIDE),
    "thumbnail": pyvips.Image.thumbnail("photo.jpg", 100, height=200, crop="centre"),
}.items():
    unchanged[name] = np.array_equal(gain_map(photo), gain_map(made))
print("gain map of the whole photo left as it was by:", *(k for k, v in unchanged.items() if v))
if not (left < 1.5 and right > 2.5 and all(unchanged.values())):
    sys.exit("changed: the gain map follows the picture, at least in part")
print("still there")
PYTHON
