"""The corpus: JPEG files of 2 to 12 megapixels with the detail of real photos.

The photos inside scikit-image are small (0.1 to 2 megapixels). Enlarged ones would have few bits a
pixel and decode too fast, so each picture is a mosaic of photos at their own scale, mirrored at
random and laid row after row, saved at quality 90 with 4:2:0 chroma. That keeps the bits a pixel of
the photos (about 2), on which the cost of decoding depends.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

PHOTOS = ("astronaut", "cat", "coffee", "rocket", "retina")
SHAPES = ((1632, 1224), (2048, 1536), (1824, 2736), (3000, 2000), (3264, 2448), (4000, 3000))
"""Width and height in pixels: 2, 3, 5, 6, 8 and 12 megapixels."""
ORIGINALS = 24
"""Number of different images, four of each shape; the other files are hard links to them."""
SUFFIXES = (".jpg", ".jpeg")


def write_corpus(folder: Path, count: int, photos: Path | None = None) -> Path:
    """Write a corpus of ``count`` JPEG files; return its folder.

    Args:
        folder: must not exist.
        count: number of files.
        photos: a folder of JPEG files to copy in place of the mosaics.
    """
    folder.mkdir(parents=True)
    if photos is None:
        originals = []
        for number in range(min(count, ORIGINALS)):
            path = folder / f"{number:06d}.jpg"
            mosaic(number).save(path, quality=90, subsampling="4:2:0")
            originals.append(path)
    else:
        originals = sorted(each for each in photos.iterdir() if each.suffix.lower() in SUFFIXES)
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        if photos is not None:
            path.write_bytes(originals[number % len(originals)].read_bytes())
        elif number >= len(originals):
            os.link(originals[number % len(originals)], path)
    return folder


def mosaic(number: int) -> Image.Image:
    """Draw one image; the same number gives the same pixels."""
    random = np.random.default_rng(number)
    tiles = [np.asarray(getattr(data, name)())[..., :3] for name in PHOTOS]
    width, height = SHAPES[number % len(SHAPES)]
    rows, filled = [], 0
    while filled < height:
        rows.append(_row(tiles, width, random))
        filled += len(rows[-1])
    return Image.fromarray(np.concatenate(rows)[:height])


def _row(
    tiles: list[NDArray[np.uint8]], width: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Lay photos side by side, each cropped to the height of the lowest."""
    parts: list[NDArray[np.uint8]] = []
    while sum(part.shape[1] for part in parts) < width:
        tile = tiles[random.integers(len(tiles))]
        parts.append(tile[:, ::-1] if random.integers(2) else tile)
    height = min(len(part) for part in parts)
    return np.concatenate([part[:height] for part in parts], axis=1)[:, :width]
