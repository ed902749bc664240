"""The part of DNR's importance that comes from saliency."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def saliency_factors(saliency: Tensor | None, weight: float, shape: tuple[int, int]) -> Tensor:
    """Return the factors by which a saliency map changes the importance.

    Args:
        saliency: the map (h, w), of any resolution; None gives factors of 1.
        weight: the share (0..1) of the importance that is proportional to the saliency.
        shape: height and width of the factors.

    Returns:
        (1, 1, *shape) with mean 1, at least 1 - ``weight`` everywhere.
    """
    if saliency is None:
        return torch.ones(1, 1, *shape)
    resized = functional.interpolate(saliency[None, None], shape, mode="bilinear", antialias=True)
    return 1 - weight + weight * resized / resized.mean().clamp_min(1e-12)
