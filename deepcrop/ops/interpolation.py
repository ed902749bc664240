"""Linear interpolation as a matrix product."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_interpolation_matrix(points: Tensor, count: int) -> Tensor:
    """Return the weights that interpolate linearly between evenly spaced nodes.

    The matrix product replaces an upsampling, whose backward pass isn't deterministic on GPUs.

    Args:
        points: ``(..., n)`` positions in units of the nodes' distance, 0 (first) to ``count`` - 1.
        count: number of nodes.

    Returns:
        ``(..., n, count)`` in the type of ``points``; each row sums to 1.
    """
    nodes = torch.arange(count, dtype=points.dtype, device=points.device)
    return (1 - (points[..., None] - nodes).abs()).clamp_min(0)
