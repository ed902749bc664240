"""Find the connected regions of a mask.

```python
boxes = region_boxes(mask)      # (h, w) bool -> [(x0, y0, x1, y1), ...] in cells, half-open
```
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Corners = tuple[int, int, int, int]
"""x0, y0, x1, y1 in cells, half-open."""


def region_boxes(mask: NDArray[np.bool_]) -> list[Corners]:
    """Return the box around each region of true cells that touch at sides or corners.

    Runs of true cells in a row are joined with the runs of the row above that they touch, so that
    the time depends on the number of runs and not on that of cells.

    Args:
        mask: ``(h, w)``.

    Returns:
        The boxes from top to bottom, by the first row of each region.
    """
    parent: list[int] = []
    boxes: list[list[int]] = []

    def root(label: int) -> int:
        while parent[label] != label:
            parent[label] = label = parent[parent[label]]
        return label

    above: list[tuple[int, int, int]] = []  # start, stop, label
    padded = np.zeros(mask.shape[1] + 2, np.int8)
    for row, cells in enumerate(mask):
        padded[1:-1] = cells
        edges = np.flatnonzero(np.diff(padded)).tolist()
        runs = []
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            label = len(parent)
            parent.append(label)
            boxes.append([start, row, stop, row + 1])
            for first, last, other in above:
                if first <= stop and start <= last:
                    one, two = sorted((root(label), root(other)))
                    if one != two:
                        parent[two] = one
                        boxes[one] = _joined(boxes[one], boxes[two])
            runs.append((start, stop, label))
        above = runs
    return [(*boxes[label],) for label in range(len(parent)) if parent[label] == label]  # type: ignore[misc]


def _joined(one: list[int], other: list[int]) -> list[int]:
    """Return the box around two boxes."""
    return [
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    ]
