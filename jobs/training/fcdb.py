"""Crops and votes of people on the photos of FCDB's training part.

FCDB (Chen et al., "Quantitative analysis of automatic image cropping algorithms", WACV 2017) has a
crop that people chose for each photo, and pairs of crops of a photo with the votes of five people.

```python
crops = read_crops(shared)                    # one box for each photo
pairs = read_pairs(shared)                    # ten pairs for each photo
held_out = [crop for crop in crops if fold_of(crop.name) == 0]
```
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from deepcrop.geometry import Size

FOLDER = Path("data", "crops_fcdb")
"""Folder of the annotations under the shared folder; the photos are in its ``images``."""
PIXEL = 1.0
"""Largest difference, in pixels, between the sides of two crops of one size."""


class Edges(NamedTuple):
    """The edges of a crop in pixels of its photo; they need not be whole numbers."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """The width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """The height in pixels."""
        return self.y1 - self.y0

    @property
    def ratio(self) -> float:
        """The aspect ratio, width over height."""
        return self.width / self.height


@dataclass(frozen=True)
class HumanCrop:
    """The crop that people chose for a photo.

    Attributes:
        name: file name of the photo.
        path: the photo's file.
        size: size of the photo in pixels.
        box: the crop in pixels.
    """

    name: str
    path: Path
    size: Size
    box: Edges


@dataclass(frozen=True)
class VotedPair:
    """Two crops of one photo, and how many of five people preferred each.

    Attributes:
        name: file name of the photo.
        size: size of the photo in pixels.
        a: the first crop in pixels.
        a_votes: votes for the first crop, 0 to 5.
        b: the second crop in pixels.
        b_votes: votes for the second crop, 0 to 5.
    """

    name: str
    size: Size
    a: Edges
    a_votes: int
    b: Edges
    b_votes: int

    @property
    def one_size(self) -> bool:
        """Whether both crops have the same width and height, to the nearest pixel."""
        across = abs(self.a.width - self.b.width)
        return max(across, abs(self.a.height - self.b.height)) < PIXEL

    @property
    def agreed(self) -> bool:
        """Whether four or five of the five people preferred the same crop."""
        return max(self.a_votes, self.b_votes) >= 4


def read_crops(shared: Path) -> list[HumanCrop]:
    """Read the crop that people chose for each photo, in the order of the names.

    Args:
        shared: the folder that holds ``data/crops_fcdb``.
    """
    folder = shared / FOLDER
    rows = pq.read_table(folder / "crops.parquet").sort_by("image").to_pylist()
    return [
        HumanCrop(
            row["image"],
            folder / "images" / row["image"],
            Size(row["width"], row["height"]),
            _edges(row, ""),
        )
        for row in rows
    ]


def read_pairs(shared: Path) -> list[VotedPair]:
    """Read the pairs of crops with their votes, in the order of the names.

    Args:
        shared: the folder that holds ``data/crops_fcdb``.
    """
    sizes = {crop.name: crop.size for crop in read_crops(shared)}
    table = pq.read_table(shared / FOLDER / "pairs.parquet").sort_by("image")
    return [
        VotedPair(
            row["image"],
            sizes[row["image"]],
            _edges(row, "a_"),
            row["a_votes"],
            _edges(row, "b_"),
            row["b_votes"],
        )
        for row in table.to_pylist()
    ]


def fold_of(name: str, folds: int = 5) -> int:
    """Return the fold of a photo, 0 to ``folds`` - 1, by the SHA-256 of its file name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()) % folds


def _edges(row: dict[str, float], prefix: str) -> Edges:
    """Return the crop whose columns have a prefix."""
    return Edges(*(float(row[prefix + edge]) for edge in Edges._fields))
