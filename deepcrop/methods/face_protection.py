"""Heads, which a window should contain or leave out but not cut.

```python
box = face_box(head_of(face), size)         # face: x0, y0, x1, y1 in 0..1 of the sides
crop = Crop(..., parts=head_parts(output.faces, size))
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..flags import Flag
from ..geometry import Box, Size
from .base import Part

if TYPE_CHECKING:
    from torch import Tensor

HAIR_RATIO = 0.4
"""Height of the hair above a face, relative to the height of the face."""


def head_parts(faces: Tensor, size: Size) -> tuple[Part, ...]:
    """Return the heads of faces, as parts that a crop box should not cut.

    Args:
        faces: ``(n, 4)`` or more columns: x0, y0, x1, y1 in 0..1 of the image's sides.
        size: size of the source in pixels.
    """
    found = faces[:, :4].tolist()
    return tuple(Part(face_box(head_of(each), size), Flag.HEAD_CUT) for each in found)


def head_of(face: Sequence[float], hair: float = HAIR_RATIO) -> tuple[float, float, float, float]:
    """Add the hair to a face (x0, y0, x1, y1 in 0..1), because face boxes end at the forehead."""
    x0, y0, x1, y1 = face
    return x0, max(0.0, y0 - hair * (y1 - y0)), x1, y1


def face_box(face: Sequence[float], size: Size) -> Box:
    """Convert a face (x0, y0, x1, y1 in 0..1 of the sides) to a box in source pixels."""
    x0, y0, x1, y1 = face
    left, top = (
        min(int(x0 * size.width), size.width - 1),
        min(int(y0 * size.height), size.height - 1),
    )
    return Box(
        left, top, max(left + 1, round(x1 * size.width)), max(top + 1, round(y1 * size.height))
    )
