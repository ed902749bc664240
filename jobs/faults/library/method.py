"""A method that is quick, looks at the pixels, and can be "trained" anew.

It is registered by an entry point, as a method of another package is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from deepcrop.geometry import Box, RatioLike, Size
from deepcrop.methods import registry
from deepcrop.methods.base import Crop, CropMethod, Hints, Photo, read_inputs

NAME = "brightest"
COUNTS: Counter[str] = Counter()
"""Numbers of calls in this process, by what was called; ``passes`` counts images."""


class Brightest(CropMethod):
    """The window around the brightest cell of a coarse grid."""

    name: ClassVar[str] = NAME
    summary: ClassVar[str] = "the window around the brightest place"
    weights: ClassVar[str | None] = None
    analysis: ClassVar[int] = 32
    cheap_boxes: ClassVar[bool] = True

    @dataclass(frozen=True)
    class Options:
        """What takes the place of weights."""

        cells: int = 4
        """Cells along each side of the grid."""

    def __init__(self, options: Options | None = None) -> None:
        """Create the method."""
        self.options = options or self.Options()

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return the largest windows around the brightest cell, or around a given focal point."""
        tensors, ratios, sizes, hints = read_inputs(images, aspects, sizes, hints)
        COUNTS["passes"] += len(tensors)
        answers = []
        for image, size, hint in zip(tensors, sizes, hints, strict=True):
            focal = hint.focal or self._brightest(image)
            boxes = [Box.centred(ratio.largest_window(size), focal, size) for ratio in ratios]
            answers.append([Crop(box, box.area / size.pixels, focal) for box in boxes])
        return answers

    def _brightest(self, image: Photo) -> tuple[float, float]:
        import torch

        cells = self.options.cells
        grey = torch.as_tensor(image).float().mean(0)[None, None]
        grid = torch.nn.functional.adaptive_avg_pool2d(grey, cells)[0, 0]
        at = int(grid.argmax())
        return (at % cells + 0.5) / cells, (at // cells + 0.5) / cells


def install(folder: Path) -> None:
    """Register the method in this process."""
    info = folder / "brightest-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brightest\nVersion: 1.0\n")
    points = f"[{registry.GROUP}]\n{NAME} = {__name__}:Brightest\n"
    (info / "entry_points.txt").write_text(points)
    sys.path.insert(0, str(folder))
    registry.entries.cache_clear()


def uninstall(folder: Path) -> None:
    """Undo :func:`install`."""
    sys.path.remove(str(folder))
    registry.entries.cache_clear()
