"""Convert L*a*b* of more than 8 bits to sRGB: whole steps of a* and b* are off by 11 levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .space import BT709, D50
from .tone_mapping import srgb_levels

_ROWS = 256
_DELTA = 6 / 29


def lab_to_srgb(lab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert L*a*b* of the white D50 (CIE 15:2018, section 8.2.1), white staying white.

    Args:
        lab: (H, W, 3), L* from 0 to 100.

    Returns:
        (H, W, 3) uint8.
    """
    matrix = (np.linalg.inv(BT709.to_xyz) * np.array(D50)).T.astype(np.float32)
    result, encoded = np.empty(lab.shape, np.uint8), srgb_levels()
    for top in range(0, len(lab), _ROWS):
        rows = lab[top : top + _ROWS]
        y = (rows[..., 0] + 16) / 116
        steps = np.stack([y + rows[..., 1] / 500, y, y - rows[..., 2] / 200], axis=2)
        light = np.where(steps > _DELTA, steps**3, 3 * _DELTA**2 * (steps - 4 / 29)) @ matrix
        levels = np.rint(light.clip(0, 1) * 65535).astype(np.uint16)
        result[top : top + _ROWS] = encoded[levels]
    return result
