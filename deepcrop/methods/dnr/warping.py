"""The warp, the last step of DNR, which scales the cells of an image by their importance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...geometry import Size
from ...ops.warping import axis_aligned_sizes, cells, column_widths, positions
from .carving import Layers
from .options import DNROptions


def warp(layers: Layers, target: Size, options: DNROptions) -> Tensor:
    """Return the warp of a carved image to a size.

    Args:
        layers: the layers of one image after carving.
        target: size of the result in working pixels.
        options: the kind of the warp and its parameters.

    Returns:
        The mapping (1, 2, h, w) from the target to the carved image, in working pixels.
    """
    importance = aggregate(layers, options.importance[::-1]) ** options.sharpness
    height, width = importance.shape
    across, down = cells(width, options.cell), cells(height, options.cell)
    grid = functional.adaptive_avg_pool2d(importance[None], (len(down), len(across)))[0].cpu()
    if options.warp == "columns":
        widths = column_widths(grid.mean(0), across, target.width)
        heights = column_widths(grid.mean(1), down, target.height)
    else:
        widths, heights = axis_aligned_sizes(
            grid,
            across,
            down,
            (target.width, target.height),
            smoothness=options.smoothness,
            min_scale=options.least,
        )
    columns = positions(across, widths, target.width).float()
    rows = positions(down, heights, target.height).float()
    both = torch.stack([columns.expand(target.height, -1), rows[:, None].expand(-1, target.width)])
    return both[None].to(importance.device)


def aggregate(layers: Layers, weights: Sequence[float]) -> Tensor:
    """Add the importance maps of all levels, upsampled to the image (section 3.1).

    Each map is divided by its mean first, because activations of different layers have no common
    scale.

    Args:
        layers: the layers of one image.
        weights: the weights of the levels, in the order of ``layers``.

    Returns:
        (H, W), not negative, with a mean of 1 if the weights sum to 1.
    """
    size = layers.mapping.shape[2:]
    total = torch.zeros(size, device=layers.mapping.device)
    for weight, importance, maps in zip(weights, layers.importances, layers.maps, strict=True):
        if weight > 0:
            mean = maps.square().sum(1).sqrt().mean().clamp_min(1e-12)
            scaled = (importance / mean).clamp_min(0)[None]
            total = (
                total
                + weight
                * functional.interpolate(scaled, size, mode="bilinear", align_corners=False)[0, 0]
            )
    return total
