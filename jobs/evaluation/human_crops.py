"""Crops against those that people chose: FCDB's columns of Table 7 of the Mars paper.

A way of cropping answers with a window of the human crop's own ratio. IoU and the displacement of
the edges (BDE, relative to the photo's sides) are means over photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table

from deepcrop.geometry import AspectRatio, Box, Size
from jobs.training.croppings import read_fcdb
from jobs.training.datasets import read_photo
from jobs.training.fcdb import Edges, HumanCrop, fold_of, read_crops

from .croppers import LONGEST, Cropper, EvaluationPhoto

Floats = NDArray[np.float64]

PUBLISHED = {
    "Mars (published)": (0.735, 0.062),
    "VEN (published)": (0.734, 0.064),
    "VPN (published)": (0.716, 0.068),
    "A2RL (published)": (0.695, 0.073),
    "VFN (published)": (0.687, 0.077),
    "GAIC (published)": (0.673, 0.064),
}
"""IoU and BDE of the paper's Table 7 on FCDB's test part, at the human's ratio."""


def iou(box: Edges, truth: Edges) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    across = min(box.x1, truth.x1) - max(box.x0, truth.x0)
    down = min(box.y1, truth.y1) - max(box.y0, truth.y0)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (box.width * box.height + truth.width * truth.height - shared)


def displacement(box: Edges, truth: Edges, size: Size) -> float:
    """Return the mean displacement of the four edges, relative to the photo's sides."""
    across = abs(box.x0 - truth.x0) + abs(box.x1 - truth.x1)
    down = abs(box.y0 - truth.y0) + abs(box.y1 - truth.y1)
    return (across / size.width + down / size.height) / 4


def ratio_of(box: Edges) -> AspectRatio:
    """Return a box's aspect ratio, its shorter side at most 1000."""
    return AspectRatio.of(Fraction(box.ratio).limit_denominator(1000))


@dataclass(frozen=True, eq=False)
class Closeness:
    """Both figures of n photos.

    Attributes:
        iou: ``(n,)`` 0..1.
        displacement: ``(n,)`` relative to the photos' sides.
    """

    iou: Floats
    displacement: Floats

    @property
    def error(self) -> float:
        """The standard error of the mean IoU over photos."""
        return float(self.iou.std() / max(len(self.iou), 1) ** 0.5)


def shared_crops(shared: Path, fold: int | None = None) -> list[HumanCrop]:
    """Read the crops of ``data/crops_fcdb``, of one fold or of all.

    Args:
        shared: folder that holds ``data/``.
        fold: 0 to 4 (:func:`jobs.training.fcdb.fold_of`); None: all photos.
    """
    return [crop for crop in read_crops(shared) if fold in (None, fold_of(crop.name))]


def published_crops(folder: Path, images: Path, split: str = "test") -> tuple[list[HumanCrop], int]:
    """Read FCDB as its authors lay it out, and count the crops whose photo is absent.

    Args:
        folder: of the annotations (:func:`jobs.training.croppings.read_fcdb`).
        images: folder of the photos, which were on Flickr and are not all to be had.
        split: train or test.
    """
    crops, absent = [], 0
    for row in read_fcdb(folder, split):
        path = images / row.image
        if not path.exists():
            absent += 1
            continue
        with Image.open(path) as photo:
            size = Size(*photo.size)
        crops.append(HumanCrop(row.image, path, size, Edges(*map(float, row.box.corners))))
    return crops, absent


def closeness(
    crops: Sequence[HumanCrop],
    croppers: Mapping[str, Cropper],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Closeness]:
    """Ask each way of cropping for the human crop's ratio of each photo, and compare.

    Args:
        crops: the photos with their human crops.
        croppers: ways of cropping by name.
        report: called with a line for each 100 photos.
    """
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in croppers}
    for number, crop in enumerate(crops, 1):
        photo = EvaluationPhoto(crop.name, read_photo(crop.path, LONGEST)[0], crop.size)
        for name, cropper in croppers.items():
            [box] = cropper(photo, [ratio_of(crop.box)])
            edges = edges_of(box)
            figures[name].append(
                (iou(edges, crop.box), displacement(edges, crop.box, crop.size)),
            )
        if number % 100 == 0:
            report(f"{number} of {len(crops)} photos")
    columns = {name: np.array(rows).reshape(-1, 2) for name, rows in figures.items()}
    return {name: Closeness(each[:, 0], each[:, 1]) for name, each in columns.items()}


def edges_of(box: Box) -> Edges:
    """Return a box's edges as numbers."""
    return Edges(*map(float, box.corners))


def closeness_table(title: str, found: Mapping[str, Closeness]) -> Table:
    """Tabulate IoU and BDE beside the published figures, the best last."""
    table = Table("window", "IoU", "BDE", "standard error of IoU", title=title)
    rows: Iterable[tuple[str, float, float, str]] = [
        *(
            (name, float(each.iou.mean()), float(each.displacement.mean()), f"{each.error:.3f}")
            for name, each in found.items()
        ),
        *((name, *figures, "") for name, figures in PUBLISHED.items()),
    ]
    for name, overlap, edges, error in sorted(rows, key=lambda row: row[1]):
        table.add_row(name, f"{overlap:.3f}", f"{edges:.4f}", error)
    return table
