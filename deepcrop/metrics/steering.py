"""Measure how well a crop follows a caption that names an object whose box is known.

```python
table = summarise([Steered(crop=..., target=..., other=..., size=...), ...])
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..geometry import Box, Size
from .boxes import iou


@dataclass(frozen=True)
class Steered:
    """One crop that was requested for one object.

    Attributes:
        crop: the method's crop box.
        target: the object's box.
        size: size of the photo in pixels.
        rivals: crop boxes of the same method and photo for other objects.
    """

    crop: Box
    target: Box
    size: Size
    rivals: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Steering:
    """Mean metrics over many crops.

    Attributes:
        share: share (0..1) of the object's box inside the crop.
        area: area of the crop as a share (0..1) of the photo.
        lift: ``share / area``, which is 1 for a crop that doesn't depend on the object.
        iou: intersection over union of crop and object, 0..1.
        wins: share (0..1) of pairs in which the crop for the object has a higher IoU with it than
            the crop for another object of the photo; ties count half. None without rivals.
        crops: number of crops.
        duels: number of pairs for ``wins``.
    """

    share: float
    area: float
    lift: float
    iou: float
    wins: float | None
    crops: int
    duels: int


def share_inside(target: Box, crop: Box) -> float:
    """Return the share (0..1) of a box that lies inside a crop."""
    return crop.intersection(target) / target.area


def summarise(cases: Sequence[Steered]) -> Steering:
    """Average the metrics over crops.

    Raises:
        ValueError: there is no crop.
    """
    if not cases:
        raise ValueError("no crops to summarise")
    shares = [share_inside(case.target, case.crop) for case in cases]
    areas = [case.crop.area / case.size.pixels for case in cases]
    overlaps = [iou(case.crop, case.target) for case in cases]
    duels = [
        _duel(overlap, iou(rival, case.target))
        for case, overlap in zip(cases, overlaps, strict=True)
        for rival in case.rivals
    ]
    count = len(cases)
    share, area = sum(shares) / count, sum(areas) / count
    return Steering(
        share=share,
        area=area,
        lift=share / area,
        iou=sum(overlaps) / count,
        wins=sum(duels) / len(duels) if duels else None,
        crops=count,
        duels=len(duels),
    )


def _duel(ours: float, theirs: float) -> float:
    return 0.5 if ours == theirs else float(ours > theirs)
