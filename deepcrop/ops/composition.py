"""What a crop window is worth beside gaze: the subject, heads and lines of text.

A window's worth is the share of gaze inside it plus this bonus. The subject's share is additive, so
an integral image gives it at every place. Heads and lines of text are boxes, which are whole, cut,
or left out.

```python
bonus = Composition(subject=Integral.of(mask, size), share=0.2, whole=0.1, things=things)
best_window(integral, aspect, bonus=bonus)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box, Size
from .windows import Floats, Integral

WHOLE = 0.95
"""Share (0..1) of the subject's mask from which a window shows it whole; masks have soft edges."""
SOFTNESS = 0.015
"""Width of the step at :data:`WHOLE`, as a share of the mask."""


@dataclass(frozen=True)
class Thing:
    """A box that a window shows whole, cuts, or leaves out.

    Attributes:
        box: the box in source pixels.
        inside: bonus of a window that contains it, as a share (0..1) of the image's gaze.
        cut: penalty of a window that contains a part of it, in the same unit.
    """

    box: Box
    inside: float
    cut: float


@dataclass(frozen=True)
class Composition:
    """The bonus of a window.

    Attributes:
        subject: integral image of the probability that a place belongs to the subject; None if
            there is no subject.
        share: bonus of the whole subject; a part of it brings its share.
        whole: additional bonus of a window that contains the subject whole.
        things: heads and lines of text.
    """

    subject: Integral | None = None
    share: float = 0.0
    whole: float = 0.0
    things: Sequence[Thing] = ()

    def __call__(self, y0: NDArray[np.int64], x0: NDArray[np.int64], window: Size) -> Floats:
        """Return the bonus of a window at each place, ``(len(y0), len(x0))``.

        Args:
            y0: the window's first rows, in source pixels.
            x0: the window's first columns, in source pixels.
            window: the window's size in source pixels.
        """
        bonus: Floats = np.zeros((len(y0), len(x0)))
        if self.subject is not None and (self.share or self.whole):
            shown = self.subject.shares(y0, x0, window)
            bonus += self.share * shown + self.whole * _step(shown)
        y1, x1 = y0 + window.height, x0 + window.width
        for thing in self.things:
            box = thing.box
            if box.size.width > window.width or box.size.height > window.height:
                continue  # every window cuts it or leaves it out, and to leave it out is worse
            down, across = (y0 <= box.y0) & (box.y1 <= y1), (x0 <= box.x0) & (box.x1 <= x1)
            inside = down[:, None] & across
            touched = ((y0 < box.y1) & (box.y0 < y1))[:, None] & ((x0 < box.x1) & (box.x0 < x1))
            bonus += thing.inside * inside - thing.cut * (touched & ~inside)
        return bonus


def _step(share: Floats) -> Floats:
    """Return a step from 0 to 1 at :data:`WHOLE`, soft as masks are."""
    return 1 / (1 + np.exp(np.clip((WHOLE - share) / SOFTNESS, -50, 50)))
