"""Photos of animals with boxes and the points of their heads (Animal-Pose).

```python
photos = read_animals(shared)
training, unseen = split_animals(photos, shared)
photos[0].animals[0].head          # x0, y0, x1, y1 in pixels of the file, or None
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from deepcrop.geometry import Size

Floats = NDArray[np.float64]
Corners = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the file."""

POINTS = ("left_eye", "right_eye", "nose", "left_ear", "right_ear", "throat")
"""The points of an animal's head, in the order of the rows of :attr:`Animal.points`."""
ENOUGH_POINTS = 3
"""Seen points from which the head's box is known; two may lie on one line through the head."""
MARGIN = 0.25
"""Margin around the points' box relative to its longer side: ears are marked at their bases, and
noses at their tips, so a head reaches past its points."""


@dataclass(frozen=True)
class Animal:
    """One animal of a photo.

    Attributes:
        kind: dog, cat, sheep, horse or cow.
        box: the whole animal, as far as it is seen.
        head: the head, inside the photo; None where fewer than :data:`ENOUGH_POINTS` are seen.
        points: ``(6, 2)`` x, y of :data:`POINTS` in pixels of the file; NaN where not seen.
    """

    kind: str
    box: Corners
    head: Corners | None
    points: Floats


@dataclass(frozen=True)
class AnimalPhoto:
    """A photo, its size in pixels, and its animals."""

    name: str
    path: Path
    size: Size
    animals: tuple[Animal, ...]


def read_animals(shared: Path) -> list[AnimalPhoto]:
    """Read ``data/heads_animals`` under a folder, ordered by the photos' names."""
    folder = shared / "data" / "heads_animals"
    rows: dict[str, list[dict[str, str | float | None]]] = {}
    for row in pq.read_table(folder / "animals.parquet").to_pylist():
        rows.setdefault(row["image"], []).append(row)
    photos = []
    for name, found in sorted(rows.items()):
        size = Size(int(_number(found[0], "width")), int(_number(found[0], "height")))
        animals = tuple(_animal(row, size) for row in found)
        photos.append(AnimalPhoto(name, folder / "images" / name, size, animals))
    return photos


def _animal(row: dict[str, str | float | None], size: Size) -> Animal:
    points = np.array([[_number(row, f"{name}_{axis}") for axis in "xy"] for name in POINTS])
    box = (_number(row, "x0"), _number(row, "y0"), _number(row, "x1"), _number(row, "y1"))
    return Animal(str(row["category"]), box, head_box(points, size), points)


def _number(row: dict[str, str | float | None], name: str) -> float:
    """Return a field as a number; NaN where it is absent."""
    value = row[name]
    return float("nan") if value is None else float(value)


def head_box(points: Floats, size: Size) -> Corners | None:
    """Return the box around a head's points with a margin of :data:`MARGIN`, inside the photo.

    Args:
        points: ``(n, 2)`` x, y in pixels; NaN where not seen.
        size: size of the photo in pixels.

    Returns:
        None if fewer than :data:`ENOUGH_POINTS` are seen, or if the box is outside the photo.
    """
    seen = points[~np.isnan(points).any(1)]
    if len(seen) < ENOUGH_POINTS:
        return None
    low, high = seen.min(0), seen.max(0)
    margin = MARGIN * (high - low).max()
    x0, y0 = (max(0.0, float(value)) for value in low - margin)
    x1 = min(float(size.width), float(high[0] + margin))
    y1 = min(float(size.height), float(high[1] + margin))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def held_out(name: str) -> bool:
    """Return whether a photo is held out: the SHA-256 of its file name is a multiple of 5."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()) % 5 == 0


def split_animals(
    photos: Sequence[AnimalPhoto], shared: Path
) -> tuple[list[AnimalPhoto], list[AnimalPhoto]]:
    """Split photos into those for training and those held out (:func:`held_out`).

    Photos that are also in ``data/gaze_pascals``, where gaze is evaluated, are in neither part
    unless they are held out.

    Args:
        photos: of :func:`read_animals`.
        shared: folder that holds ``data/``.
    """
    watched = {path.name for path in (shared / "data/gaze_pascals/images").glob("*")}
    return (
        [photo for photo in photos if not held_out(photo.name) and photo.name not in watched],
        [photo for photo in photos if held_out(photo.name)],
    )
