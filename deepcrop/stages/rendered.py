"""The pixels of a variant that is about to be encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box, Size
from ..methods.base import Crop
from ..outputs.rules import Fit


@dataclass(frozen=True, eq=False)
class Rendered:
    """The pixels of a variant, and what its row says of them."""

    index: int
    """Index of its request."""
    pixels: NDArray[np.uint8]
    """uint8 (H, W, C)."""
    upscaled: bool = False
    """Whether it has more pixels than what it was made of."""
    crop: Crop | None = None
    """The crop that it shows; None where it shows the whole photo."""
    fit: Fit | None = None
    """What a preset's rules say; None where no preset asks for it."""

    @property
    def box(self) -> Box | None:
        """The crop box in source pixels; None where it shows the whole photo."""
        return self.crop.box if self.crop else None


def size_of(pixels: NDArray[np.uint8]) -> Size:
    """Return the size of pixels, uint8 (H, W, C)."""
    return Size(pixels.shape[1], pixels.shape[0])
