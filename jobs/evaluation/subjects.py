"""Subjects in the largest windows: their share, and how often they are whole.

The photos have one clear subject each and are named in ``subject_photos.txt``: the teacher's masks
of photos that are not for training were filtered by :func:`clear` and then looked at. The masks
themselves are the teacher's, read from a folder of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.metrics.cropping import ASPECTS
from deepcrop.ops.windows import Integral, best_window

from .croppers import Cropper, read_photos
from .teacher_labels import subjects_of

Floats = NDArray[np.float64]

LIST = Path(__file__).with_name("subject_photos.txt")
"""Names of the photos, a line each, relative to ``shared/data``."""
WHOLE = 0.99
"""Share of the subject's mask in the window from which the subject is whole."""


def clear(mask: NDArray[np.uint8]) -> bool:
    """Return whether a mask shows one clear subject, by rules that need no look at the photo.

    Its area is 5 to 60% of the photo, little of it is unsure (0.2 to 0.8), and it touches at most
    two edges of the photo.

    Args:
        mask: ``(h, w)``, 255 inside the subject; it covers the photo.
    """
    values = mask / 255
    area = float((values > 0.5).mean())
    unsure = float(((values > 0.2) & (values < 0.8)).mean())
    inside = values > 0.5
    edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
    touched = sum(bool(edge.mean() > 0.02) for edge in edges)
    return 0.05 <= area <= 0.6 and unsure <= 0.25 * area and touched <= 2


def read_list(path: Path = LIST) -> list[str]:
    """Read the names of the photos; lines with ``#`` are comments."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def best_possible(integral: Integral, aspects: Sequence[AspectRatio]) -> list[Box]:
    """Return the largest window of each ratio with the most of a subject."""
    return [best_window(integral, aspect).box for aspect in aspects]


@dataclass(frozen=True, eq=False)
class SubjectShares:
    """Shares of subjects inside windows.

    Attributes:
        shares: ``(n, R)`` share (0..1) of each photo's subject in the window of each ratio.
    """

    shares: Floats

    @property
    def share(self) -> float:
        """The mean share over photos and ratios."""
        return float(self.shares.mean())

    @property
    def whole(self) -> float:
        """The share of pairs of a photo and a ratio whose subject is whole."""
        return float((self.shares >= WHOLE).mean())

    @property
    def error(self) -> float:
        """The standard error of :attr:`whole` over photos."""
        return float((self.shares >= WHOLE).mean(1).std() / len(self.shares) ** 0.5)


def subject_shares(
    shared: Path,
    labels: Path,
    croppers: Mapping[str, Cropper],
    *,
    names: Sequence[str] | None = None,
    aspects: Sequence[AspectRatio] = ASPECTS,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, SubjectShares]:
    """Crop photos with a clear subject in each way.

    Args:
        shared: folder that holds ``data/`` and ``weights/teachers/``.
        labels: folder of the teachers' labels.
        croppers: ways of cropping by name.
        names: names of the photos; by default those of :data:`LIST`.
        aspects: aspect ratios.
        report: called with lines on progress.

    Returns:
        The shares of each way, ``best possible`` among them.
    """
    root = shared / "data"
    chosen = read_list() if names is None else list(names)
    found = subjects_of([root / name for name in chosen], shared, labels, report)
    rows: dict[str, list[list[float]]] = {name: [] for name in ("best possible", *croppers)}
    for photo in read_photos([root / name for name in chosen], root):
        integral = Integral.of(subject(found[photo.name], photo.size), photo.size)
        boxes = {name: cropper(photo, aspects) for name, cropper in croppers.items()}
        boxes["best possible"] = best_possible(integral, aspects)
        for name, row in boxes.items():
            rows[name].append([integral.mass(box) for box in row])
    return {name: SubjectShares(np.array(each)) for name, each in rows.items()}


def subject(mask: NDArray[np.uint8], size: Size) -> Floats:
    """Return a mask of zeros and ones, at least a cell of it one: its shape is kept.

    Args:
        mask: ``(h, w)``, 255 inside the subject.
        size: size of the photo, for the message.

    Raises:
        ValueError: no cell is inside.
    """
    inside = (mask > 127).astype(np.float64)
    if not inside.any():
        raise ValueError(f"a photo of {size} has no subject")
    return inside


def subject_table(title: str, found: Mapping[str, SubjectShares]) -> Table:
    """Tabulate share and whole, and whole among the pairs where some window shows all.

    Args:
        title: title of the table.
        found: of :func:`subject_shares`; the most whole is last.
    """
    columns = ("share", "whole", "standard error of whole", "whole, where it fits")
    table = Table("window", *columns, title=title)
    fits = max(found["best possible"].whole, 1e-9)
    for name, each in sorted(found.items(), key=lambda item: item[1].whole):
        figures = (each.share, each.whole, each.error, each.whole / fits)
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    return table
