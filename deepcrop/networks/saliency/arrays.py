"""What the saliency network sees in an image, as arrays that need no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SaliencyArrays:
    """The network's output for one image; see :class:`.model.SaliencyOutput`.

    Attributes:
        saliency: map ``(h', w')`` that covers the image exactly.
        faces: faces of people ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the probability.
        animals: heads of animals, in the same form.
        subject: probability that a place belongs to the subject ``(h'', w'')``; None if the network
            doesn't predict it.
        text: the same of lines of text.
    """

    saliency: Floats
    faces: Floats
    animals: Floats
    subject: Floats | None = None
    text: Floats | None = None
