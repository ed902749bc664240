"""What raises and lowers DNR's importance beside the features: where people look, and masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import RequestError
from ...geometry import Box, Size

Mask = Tensor | Sequence[Box]
"""A part of an image: (H, W) bool in source pixels, or boxes."""

PROTECTED = 1e3
"""Factor on the importance of what must stay."""
REMOVED = -1.0
"""Factor on the importance of what must go: below every other seam."""


def mask_factors(source: Size, protect: Mask | None, remove: Mask | None) -> Tensor | None:
    """Return the factors on the importance that masks ask for.

    Args:
        source: size of the image.
        protect: what must keep its shape.
        remove: what should go first; of what is in both, it goes.

    Returns:
        (1, 1, H, W) on the CPU, 1 where nothing was asked for; None where there is no mask.

    Raises:
        RequestError: a mask has another size than the image.
    """
    if protect is None and remove is None:
        return None
    factors = torch.ones(1, 1, source.height, source.width)
    for mask, factor in ((protect, PROTECTED), (remove, REMOVED)):
        if mask is None:
            continue
        if not isinstance(mask, Tensor):
            boxes, mask = mask, torch.zeros(source.height, source.width, dtype=torch.bool)
            for box in boxes:
                mask[box.y0 : box.y1, box.x0 : box.x1] = True
        if mask.shape != factors.shape[2:]:
            raise RequestError(
                f"mask of shape {tuple(mask.shape)}: expected {tuple(factors.shape[2:])}"
            )
        factors[0, 0, mask.cpu()] = factor
    return factors


def attention_of(saliency: Tensor | None, share: float, shape: tuple[int, int]) -> Tensor:
    """Return the factors on the importance by where people look.

    Args:
        saliency: (h, w), any resolution; None says nothing.
        share: of the importance that goes by it, 0..1.
        shape: height and width of the factors.

    Returns:
        (1, 1, *shape) with mean 1: at least 1 - share everywhere.
    """
    if saliency is None:
        return torch.ones(1, 1, *shape)
    look = functional.interpolate(saliency[None, None], shape, mode="bilinear", antialias=True)
    return 1 - share + share * look / look.mean().clamp_min(1e-12)


def emphasised(attention: Tensor, factors: Tensor | None, shape: tuple[int, int]) -> Tensor:
    """Bring attention and the factors of masks to a level of the network.

    Args:
        attention: (1, 1, h, w), see `attention_of`.
        factors: (1, 1, H, W), see `mask_factors`.
        shape: height and width of the level.

    Returns:
        (1, 1, *shape). Masks overrule attention; a position that touches what is protected is,
        and what is removed comes after.
    """
    emphasis = functional.adaptive_avg_pool2d(attention, shape)
    if factors is None:
        return emphasis
    least = -functional.adaptive_max_pool2d(-factors, shape)
    most = functional.adaptive_max_pool2d(factors, shape)
    return torch.where(most > 1, most, torch.where(least < 0, least, emphasis))
