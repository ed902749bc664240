"""A crop method against crops that people drew."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageOps

from deepcrop.geometry import AspectRatio, Size
from deepcrop.methods.base import CropMethod
from deepcrop.metrics.boxes import Agreement
from jobs.training.croppings import Cropping


def agreement(method: CropMethod, rows: Sequence[Cropping], images: Path) -> Agreement:
    """Ask a method for each annotated ratio of each image, and compare.

    Args:
        method: the crop method.
        rows: annotations; those of one image are evaluated together.
        images: folder that the rows' paths are relative to.
    """
    by_image: dict[str, list[Cropping]] = {}
    for row in rows:
        by_image.setdefault(row.image, []).append(row)
    pairs, sizes = [], []
    for name, drawn in by_image.items():
        with Image.open(images / name) as photo:
            upright = ImageOps.exif_transpose(photo).convert("RGB")
        size = Size(*upright.size)
        aspects = [AspectRatio.of(Fraction(row.ratio).limit_denominator(1000)) for row in drawn]
        upright.thumbnail((method.analysis, method.analysis))
        [crops] = method.boxes([upright], aspects, sizes=[size])
        pairs.append([(crop.box, row.box) for crop, row in zip(crops, drawn, strict=True)])
        sizes.append(size)
    return Agreement.of(pairs, sizes)
