"""All windows of an aspect ratio at evenly spaced places and several scales.

```python
windows = grid(bounds, scales(smallest=0.3))     # (M, 4)
best = windows[loss(windows).argmin()]
```

It serves scores that are sums over windows, of which an integral image gives thousands at once; for
others :mod:`.annealing` needs far fewer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .annealing import Bounds

SHRINK = 0.93
"""Factor from one scale to the next."""
PLACES = 33
"""Largest number of places along an axis."""
STEP = 0.03
"""Largest distance of neighbouring places, in -1..1, unless there would be more than PLACES."""


def scales(smallest: float) -> list[float]:
    """Return the scales from 1, relative to the largest window, to at least ``smallest``."""
    count = 1 + math.floor(math.log(smallest) / math.log(SHRINK) + 1e-9)
    return [SHRINK**number for number in range(count)]


def grid(bounds: Bounds, scales: Sequence[float]) -> Tensor:
    """Return windows of one image, ``(M, 4)`` in the form of :mod:`.window_sampling`.

    Args:
        bounds: the bounds of the image's windows, without a batch axis.
        scales: their scales; those too small for the box to hold are left out, but for the first.
    """
    least = float(bounds.least())
    found = []
    for number, scale in enumerate(scales):
        if number and scale < least:
            continue
        lower, upper = bounds.range(torch.tensor(scale))
        x, y = (
            torch.linspace(low, high, _places(high - low))
            for low, high in zip(lower.tolist(), upper.tolist(), strict=True)
        )
        centres = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1).flatten(0, 1)
        halves = (scale * bounds.extents).expand_as(centres)
        found.append(torch.cat([centres, halves], 1))
    return torch.cat(found)


def _places(room: float) -> int:
    """Return the number of places along an axis, odd so that the middle is one of them."""
    if room < 1e-6:
        return 1
    return min(PLACES, 2 * round(room / STEP / 2) + 3)
