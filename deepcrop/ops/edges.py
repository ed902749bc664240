"""How much of a map the edges of a window run through.

```python
on_edges(mask, box, size)          # 0 if the window's edges miss everything in the mask
```
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box, Size

Floats = NDArray[np.float64]


def on_edges(values: Floats, box: Box, size: Size) -> float:
    """Return the integral of a map along the edges of a window.

    Edges that are those of the image cut nothing, and don't count. The unit of length is the
    image's height for upright edges and its width for level ones, so that an edge from end to end
    through a map of ones brings 1.

    Args:
        values: the map ``(h, w)``, which covers the image.
        box: the window in source pixels.
        size: size of the image in source pixels.
    """
    height, width = values.shape
    rows = _cells(box.y0, box.y1, size.height, height)
    columns = _cells(box.x0, box.x1, size.width, width)
    total = 0.0
    for x, inside in ((box.x0, box.x0 > 0), (box.x1, box.x1 < size.width)):
        if inside:
            total += float(values[rows, _cell(x, size.width, width)].sum()) / height
    for y, inside in ((box.y0, box.y0 > 0), (box.y1, box.y1 < size.height)):
        if inside:
            total += float(values[_cell(y, size.height, height), columns].sum()) / width
    return total


def _cell(place: int, pixels: int, cells: int) -> int:
    """Return the cell of a map that a pixel lies in."""
    return min(cells - 1, place * cells // pixels)


def _cells(start: int, stop: int, pixels: int, cells: int) -> slice:
    """Return the cells of a map from one pixel to another, one at least."""
    first = _cell(start, pixels, cells)
    return slice(first, max(first + 1, stop * cells // pixels))
