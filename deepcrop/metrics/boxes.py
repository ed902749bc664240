"""Compare crops with crops that people drew, by the metrics of cropping papers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import Box, Size


def iou(box: Box, truth: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    shared = box.intersection(truth)
    return shared / (box.area + truth.area - shared)


def boundary_displacement(box: Box, truth: Box, size: Size) -> float:
    """Return the mean displacement (BDE) of the four edges, relative to the image's sides."""
    across = abs(box.x0 - truth.x0) + abs(box.x1 - truth.x1)
    down = abs(box.y0 - truth.y0) + abs(box.y1 - truth.y1)
    return (across / size.width + down / size.height) / 4


def centre_offset(box: Box, truth: Box) -> float:
    """Return the distance of two boxes' centres in pixels of the image (Fast-AT's offset)."""
    across = box.x0 + box.x1 - truth.x0 - truth.x1
    down = box.y0 + box.y1 - truth.y0 - truth.y1
    return math.hypot(across, down) / 2


@dataclass(frozen=True)
class Agreement:
    """Mean metrics over all annotations, and over the best annotation of each image."""

    annotations: int
    iou: float
    displacement: float
    offset: float
    best_iou: float
    best_displacement: float

    @classmethod
    def of(cls, images: Sequence[Sequence[tuple[Box, Box]]], sizes: Sequence[Size]) -> Agreement:
        """Compare boxes with annotated boxes.

        Args:
            images: for each image, pairs of a method's box and an annotated box of its ratio.
            sizes: sizes of the images, in the pixels of the boxes.
        """
        ious = [[iou(*pair) for pair in pairs] for pairs in images]
        displacements = [
            [boundary_displacement(*pair, size) for pair in pairs]
            for pairs, size in zip(images, sizes, strict=True)
        ]
        offsets = [centre_offset(*pair) for pairs in images for pair in pairs]
        return cls(
            annotations=len(offsets),
            iou=float(np.mean(np.concatenate(ious))),
            displacement=float(np.mean(np.concatenate(displacements))),
            offset=float(np.mean(offsets)),
            best_iou=float(np.mean([max(each) for each in ious])),
            best_displacement=float(np.mean([min(each) for each in displacements])),
        )
