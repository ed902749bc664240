"""What CenterNet's maps of heads learn: the target of a view, and the loss.

X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as Points" (arXiv 1904.07850).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

SURE = 0.9
"""Score (0..1) from which a box is a head; others are neither head nor background."""
CELLS = 1.5
"""Shorter side, in cells of the map, of the smallest head that is taught."""


def targets(faces: Floats, cells: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the target of the head for a view.

    Args:
        faces: ``(n, 5)`` x0, y0, x1, y1 in 0..1 of the view (they may reach outside), score.
        cells: (height, width) of the head's map.

    Returns:
        ``(h, w)`` 1 at the cells of faces' centres, falling off around them as a Gaussian; ``(4, h,
        w)`` place and size at those cells; ``(h, w)`` 0 where nothing is to be learned.
    """
    height, width = cells
    heat, weight = torch.zeros(cells), torch.ones(cells)
    shape = torch.zeros(4, *cells)
    x = torch.arange(width) + 0.5
    y = torch.arange(height) + 0.5
    for x0, y0, x1, y1, score in faces * [width, height, width, height, 1]:
        middle, centre, across, down = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        column, row = math.floor(middle), math.floor(centre)
        inside = 0 <= column < width and 0 <= row < height
        whole = x0 >= -across / 4 and y0 >= -down / 4 and x1 <= width + across / 4
        whole = whole and y1 <= height + down / 4
        if not (inside and whole and score >= SURE and min(across, down) >= CELLS):
            near = ((x > x0 - 1) & (x < x1 + 1))[None] & ((y > y0 - 1) & (y < y1 + 1))[:, None]
            weight[near] = 0
            continue
        spread = max(0.6, 0.12 * math.sqrt(across * down))
        bump = torch.exp(
            -0.5
            * (((x - column - 0.5)[None] / spread) ** 2 + ((y - row - 0.5)[:, None] / spread) ** 2)
        )
        heat = torch.maximum(heat, bump)
        shape[:, row, column] = torch.tensor(
            [middle - column - 0.5, centre - row - 0.5, math.log(across), math.log(down)]
        )
    weight[heat == 1] = 1
    return heat, shape, weight


def heads_loss(found: Tensor, heat: Tensor, shape: Tensor, weight: Tensor) -> Tensor:
    """CenterNet's penalty-reduced focal loss (Eq. 1; alpha 2, beta 4) and L1 of place and size."""
    logit = found[:, 0]
    p = logit.sigmoid()
    centre = heat == 1
    hit = F.logsigmoid(logit) * (1 - p).square() * centre
    miss = F.logsigmoid(-logit) * p.square() * (1 - heat) ** 4 * ~centre * weight
    count = centre.sum().clamp_min(1)
    off = (found[:, 1:] - shape).abs().sum(1) * centre
    return (-(hit + miss).sum() + 0.5 * off.sum()) / count
