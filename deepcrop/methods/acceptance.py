"""The chance that a person accepts a crop: that its edges slice nothing that matters.

```python
slicing = Slicing.of(output, scene)              # once for each image
acceptance(slicing.by(box))                      # once for each crop box
```

Three numbers tell what the edges of a crop box cut: how much of the subject and how much of what
people look at lies on them, and the heads that they cut. A logistic function of them was fitted to
a person's judgements, see :data:`FITTED`. It tells bad crops from others, which the chance that a
person prefers a crop to the centre crop doesn't: near the centre that is one half, good or bad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box, Size
from ..ops.edges import on_edges

if TYPE_CHECKING:
    from ..networks.saliency.arrays import SaliencyArrays
    from .scene import Scene

Floats = NDArray[np.float64]


class Sliced(NamedTuple):
    """What the edges of a crop box slice; each number is 0 where they slice nothing."""

    subject: float
    """Length of the edges on the subject, in sides of the image: see :func:`.edges.on_edges`."""
    gaze: float
    """The same of the saliency map, which is relative to its maximum."""
    heads: float
    """Root of the sum of the sizes of the cut heads, relative to the image's longer edge."""


class Coefficients(NamedTuple):
    """The logistic function of :class:`Sliced` that is the chance of a bad crop."""

    subject: float
    gaze: float
    heads: float
    constant: float


FITTED = Coefficients(subject=2.63, gaze=12.19, heads=2.26, constant=-5.19)
"""Fitted on judged crops by ``python -m jobs.evaluate acceptance``; figures: docs/quality.md."""
PEAK = 8.0
"""Least maximum of a saliency map, relative to its mean: a flatter one has no peak to slice."""
WHOLE = 0.98
"""Share (0..1) of a head's box from which it is whole."""


@dataclass(frozen=True)
class Slicing:
    """What of an image a crop box may slice.

    Attributes:
        size: size of the source in pixels.
        gaze: saliency map ``(h, w)``, 0..1 of its maximum; less where it is flat.
        subject: probability ``(h', w')`` that a place is of the subject; None if there is none.
        heads: boxes of heads in source pixels.
    """

    size: Size
    gaze: Floats
    subject: Floats | None
    heads: tuple[Box, ...]

    @classmethod
    def of(cls, output: SaliencyArrays, scene: Scene) -> Slicing:
        """Read it from the network's output for an image and the scene read from that."""
        gaze = output.saliency.astype(np.float64)
        peak = max(float(gaze.max()), PEAK * float(gaze.mean()), 1e-12)
        return cls(scene.size, gaze / peak, scene.mask, scene.heads)

    def by(self, box: Box) -> Sliced:
        """Return what a crop box slices."""
        subject = 0.0 if self.subject is None else on_edges(self.subject, box, self.size)
        return Sliced(subject, on_edges(self.gaze, box, self.size), self._heads(box))

    def _heads(self, box: Box) -> float:
        cut = [head for head in self.heads if 0 < box.intersection(head) < WHOLE * head.area]
        return math.sqrt(sum(math.sqrt(head.area) for head in cut) / self.size.longest)


def acceptance(sliced: Sliced, fitted: Coefficients = FITTED) -> float:
    """Return the chance (0..1) that a person doesn't find a crop bad.

    Args:
        sliced: what its edges slice.
        fitted: the coefficients.
    """
    bad = fitted.constant + sum(a * b for a, b in zip(fitted[:3], sliced, strict=True))
    return 1 / (1 + math.exp(min(bad, 50.0)))
