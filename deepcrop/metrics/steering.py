"""How well a crop follows a caption that names an object: where the object's box is known.

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
    """One crop that was asked for one object.

    Attributes:
        crop: what the method cut.
        target: the object's box.
        size: the photo.
        rivals: crops that the same method made of the same photo for other objects.
    """

    crop: Box
    target: Box
    size: Size
    rivals: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Steering:
    """Means over many crops.

    Attributes:
        share: of the object's box inside the crop.
        area: of the crop, as a share of the photo.
        lift: ``share / area``: 1 for a crop that takes no notice of the object.
        iou: intersection over union of crop and object.
        wins: how often the crop for the object has a higher IoU with it than the crop for
            another object of the photo; ties count half. None without rivals.
        crops: how many crops there were.
        duels: how many pairs ``wins`` is of.
    """

    share: float
    area: float
    lift: float
    iou: float
    wins: float | None
    crops: int
    duels: int


def share_inside(target: Box, crop: Box) -> float:
    """Return the share of a box that a crop holds."""
    return crop.intersection(target) / target.area


def summarise(cases: Sequence[Steered]) -> Steering:
    """Average over crops.

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
