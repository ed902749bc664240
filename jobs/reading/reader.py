"""What a reader of another project is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture as shown: (H, W, 3), or (H, W, 4) with straight alpha, in sRGB."""

Closeness = Literal["levels", "mean", "look"]
"""How close a reading must be: each level; the mean, as the file was coded with loss; or the look
alone, as the reader developed a raw file."""


class Absent(Exception):
    """The reader isn't installed, or doesn't read files of this kind."""


@dataclass(frozen=True)
class Reader:
    """A reader of another project.

    Attributes:
        name: what the table calls it.
        read: returns the picture; raises `Absent`, or any other error for a refusal.
        closeness: how close deepcrop's reading must be.
    """

    name: str
    read: Callable[[Path], Pixels]
    closeness: Closeness = "levels"
