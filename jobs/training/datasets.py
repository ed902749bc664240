"""Photos with human gaze, as the training and the evaluation of saliency read them.

```python
photos = read_gaze(shared / "data" / "gaze_osie", longest=480)
parts = split(photos, validation=50, test=100)      # the same on every machine, for ever
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deepcrop.geometry import Size

Floats = NDArray[np.float64]

SIGMA = 0.035
"""Sigma of a fixation's blur over the root of the image's area: 24 of OSIE's 800x600 pixels, one
degree of visual angle there."""


@dataclass(frozen=True)
class GazePhoto:
    """One photo and where its viewers looked.

    Attributes:
        name: folder and file, such as ``gaze_osie/1001.jpg``.
        image: uint8 RGB ``(3, h, w)``, scaled down for work.
        size: the photo's own size in pixels.
        points: ``(n, 2)`` fixations (x, y), 0..1 of the photo's sides; each viewer's first is
            left out, because it starts where the display's cross was.
        viewers: ``(n,)`` the viewer of each fixation.
    """

    name: str
    image: Tensor
    size: Size
    points: Floats
    viewers: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The three parts of a dataset; no photo is in two of them."""

    train: list[GazePhoto]
    validation: list[GazePhoto]
    test: list[GazePhoto]


def read_photo(path: Path, longest: int) -> tuple[Tensor, Size]:
    """Read a photo, scaled down to ``longest``: uint8 ``(3, h, w)`` and its own size."""
    with Image.open(path) as photo:
        size = Size(*photo.size)
        fitted = size.fit(longest)
        photo.draft("RGB", (fitted.width, fitted.height))
        scaled = photo.convert("RGB").resize(
            (fitted.width, fitted.height), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
    return torch.from_numpy(np.array(scaled)).permute(2, 0, 1).contiguous(), size


def read_gaze(folder: Path, longest: int = 480) -> list[GazePhoto]:
    """Read ``fixations.parquet`` (image, viewer, order, x, y in pixels) and ``images/``."""
    table = pq.read_table(folder / "fixations.parquet").sort_by("image")
    table = table.filter(np.asarray(table["order"]) > 0)
    names = np.asarray(table["image"].to_pylist())
    points = np.stack([np.asarray(table["x"]), np.asarray(table["y"])], 1).astype(np.float64)
    viewers = np.asarray(table["viewer"]).astype(np.int64)
    unique = sorted(set(names.tolist()))

    def read(name: str) -> GazePhoto:
        image, size = read_photo(folder / "images" / name, longest)
        rows = names == name
        inside = points[rows] / (size.width, size.height)
        seen = ((inside >= 0) & (inside < 1)).all(1)
        return GazePhoto(f"{folder.name}/{name}", image, size, inside[seen], viewers[rows][seen])

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(read, unique))


def split(photos: Sequence[GazePhoto], *, validation: int, test: int) -> Split:
    """Split by the SHA-256 of the names: smallest hashes test, next validation, the rest train."""
    ranked = sorted(photos, key=lambda photo: hashlib.sha256(photo.name.encode()).digest())
    return Split(
        train=ranked[test + validation :],
        validation=ranked[test : test + validation],
        test=ranked[:test],
    )


def counts(points: Floats, height: int, width: int) -> Tensor:
    """Count fixations (x, y in 0..1) in the cells of a grid: float32 ``(height, width)``."""
    column = np.minimum((points[:, 0] * width).astype(int), width - 1)
    row = np.minimum((points[:, 1] * height).astype(int), height - 1)
    grid = np.zeros((height, width), np.float32)
    np.add.at(grid, (row, column), 1)
    return torch.from_numpy(grid)


def density(points: Floats, height: int, width: int, sigma: float = SIGMA) -> Tensor:
    """Blur fixations to a density over a grid that sums to 1: float32 ``(height, width)``.

    Each fixation is an exact Gaussian at its own place, not at its cell's; ``sigma`` is relative
    to the root of the area. Without fixations the density is uniform.
    """
    if not len(points):
        return torch.full((height, width), 1 / (height * width))
    side = (height * width) ** 0.5 * sigma
    across = _bumps(points[:, 0] * width, width, side)
    down = _bumps(points[:, 1] * height, height, side)
    total = np.einsum("nh,nw->hw", down, across)
    return torch.from_numpy((total / total.sum()).astype(np.float32))


def _bumps(at: Floats, cells: int, sigma: float) -> Floats:
    """Draw 1-D Gaussians ``(n, cells)`` centred at ``at``, sampled at the cells' centres."""
    bumps: Floats = np.exp(-0.5 * ((np.arange(cells) + 0.5 - at[:, None]) / sigma) ** 2)
    return bumps


PARTS = {"gaze_osie": (50, 100), "gaze_nus_scene": (30, 70), "gaze_pascals": (28, 70)}
"""Numbers of photos for validation and for the test in each gaze dataset; others are for training.
"""


def gaze(
    shared: Path, longest: int = 480, parts_of: Mapping[str, tuple[int, int]] = PARTS
) -> Split:
    """Read and split the gaze datasets under ``shared/data``.

    Those of ``parts_of`` must be there. Any other folder ``gaze_*`` that :func:`read_gaze` can
    read, such as a user's own, is all for training.
    """
    others = {path.parent.name for path in (shared / "data").glob("gaze_*/fixations.parquet")}
    names = [*parts_of, *sorted(others - set(parts_of))]
    parts = []
    for name in names:
        validation, test = parts_of.get(name, (0, 0))
        photos = read_gaze(shared / "data" / name, longest)
        parts.append(split(photos, validation=validation, test=test))
    return Split(
        train=[photo for part in parts for photo in part.train],
        validation=[photo for part in parts for photo in part.validation],
        test=[photo for part in parts for photo in part.test],
    )
