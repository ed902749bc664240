"""The share of each cell of an axis that a span covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def coverage(low: ArrayLike, high: ArrayLike, cells: int) -> NDArray[np.float64]:
    """Return the share of each cell of an axis that lies in a span.

    Args:
        low: ``(...)`` starts of the spans, in 0..1 of the axis.
        high: ``(...)`` ends of the spans.
        cells: number of cells of the axis.

    Returns:
        ``(..., cells)``, 0 (outside) to 1 (covered).
    """
    start, end = (np.asarray(each, np.float64)[..., None] * cells for each in (low, high))
    edge = np.arange(cells)
    inside: NDArray[np.float64] = np.minimum(edge + 1, end) - np.maximum(edge, start)
    return inside.clip(0, 1)
