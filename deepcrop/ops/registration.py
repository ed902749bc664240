"""Dense registration of a retargeted image to its source: where did each of its pixels come from?

Both axes are solved one after the other, the one that changed more first, as stereo matching along
that axis: semi-global matching (Hirschmueller, TPAMI 2008) over integer displacements. Along the
axis the displacement may grow step by step (content removed or squeezed) or jump at a price
(a seam); across it, it should stay. Backward registration is after Zhang et al., "Backward
Registration-Based Aspect Ratio Similarity for Image Retargeting Quality Assessment" (IEEE TIP
2016), who use SIFT flow.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

_ALONG: Mapping[int, float] = {-2: 0.05, -1: 0.02, 0: 0.0, 1: 0.0, 2: 0.02, 3: 0.05}
"""Price of a change of displacement from one position to the next along the axis."""
_ACROSS: Mapping[int, float] = {-2: 0.1, -1: 0.04, 0: 0.0, 1: 0.04, 2: 0.1}
_JUMP = 0.25
"""Price of any other change."""
_MARGIN = 6
"""Displacements allowed beyond what the difference of the sizes explains, in pixels."""
_TRUNCATION = 0.25
"""No mismatch costs more: content may have been removed or invented."""


def describe(image: Tensor) -> Tensor:
    """Return colour and gradients, (5, H, W), of an RGB image (3, H, W) in [0, 1]."""
    grey = image.mean(0, keepdim=True)
    padded = functional.pad(grey[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return torch.cat([image, 2 * across, 2 * down])


def mismatch(result: Tensor, source: Tensor, displacements: range) -> Tensor:
    """Return the matching costs along rows.

    Args:
        result: (C, H, W) descriptors.
        source: (C, H, W') descriptors, the same height.
        displacements: source column minus result column.

    Returns:
        (D, H, W): mean absolute difference, averaged over 3x5 pixels, the best of three rows.
    """
    height, width = result.shape[1:]
    columns = torch.arange(width)
    costs = []
    rows = functional.pad(source[None], (0, 0, 1, 1), mode="replicate")[0]
    for displacement in displacements:
        at = columns + displacement
        inside = (at >= 0) & (at < source.shape[2])
        sampled = rows[:, :, at.clamp(0, source.shape[2] - 1)]
        cost = torch.stack(
            [(sampled[:, d : d + height] - result).abs().mean(0) for d in range(3)]
        ).amin(0)
        costs.append(torch.where(inside, cost.clamp_max(_TRUNCATION), 2 * _TRUNCATION))
    volume = functional.pad(torch.stack(costs)[None], (2, 2, 1, 1), mode="replicate")
    return functional.avg_pool2d(volume, (3, 5), stride=1)[0]


def aggregate(costs: Tensor, prices: Mapping[int, float]) -> Tensor:
    """Accumulate costs along the last axis, from its start.

    Args:
        costs: (D, N, L), paths of length L for each of N lines and D displacements.
        prices: of a step's change of displacement; any other change costs a jump.

    Returns:
        (D, N, L): the cheapest path that ends there, less a constant for each end.
    """
    paths = [costs[..., 0]]
    count = costs.shape[0]
    for step in range(1, costs.shape[2]):
        before = paths[-1]
        lowest = before.amin(0, keepdim=True)
        best = (lowest + _JUMP).expand_as(before).clone()
        for change, price in prices.items():
            # A path that has displacement d now had d - change before.
            to = slice(max(change, 0), count + min(change, 0))
            of = slice(max(-change, 0), count + min(-change, 0))
            best[to] = torch.minimum(best[to], before[of] + price)
        paths.append(costs[..., step] + best - lowest)
    return torch.stack(paths, -1)


def match_rows(result: Tensor, source: Tensor) -> Tensor:
    """Return for each position of the result the column of the source, (H, W) int64.

    Args:
        result: (C, H, W) descriptors.
        source: (C, H, W') descriptors, the same height.
    """
    change = source.shape[2] - result.shape[2]
    displacements = range(min(change, 0) - _MARGIN, max(change, 0) + _MARGIN + 1)
    costs = mismatch(result, source, displacements)
    reverse = {-change: price for change, price in _ALONG.items()}
    total = aggregate(costs, _ALONG) + aggregate(costs.flip(2), reverse).flip(2)
    upright = costs.transpose(1, 2)
    total = total + aggregate(upright, _ACROSS).transpose(1, 2)
    total = total + aggregate(upright.flip(2), _ACROSS).flip(2).transpose(1, 2)
    chosen = total.argmin(0) + displacements[0]
    return (torch.arange(result.shape[2]) + chosen).clamp(0, source.shape[2] - 1)


def _turn(image: Tensor) -> Tensor:
    return image.transpose(1, 2)


def _register(result: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Return columns and rows (H, W) of the source; columns are matched first."""
    height = source.shape[1]
    level = functional.interpolate(
        result[None], (height, result.shape[2]), mode="bilinear", antialias=True
    )[0]
    columns = match_rows(describe(level), describe(source))
    aligned = source.gather(2, columns.expand(3, -1, -1))  # as high as the source, as wide as ours
    rows = match_rows(_turn(describe(result)), _turn(describe(aligned))).T
    return columns.gather(0, rows), rows


def register(result: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Find the source position of every pixel of a result.

    Args:
        result: (3, H, W), RGB in [0, 1].
        source: (3, H', W'), at the same scale (content that kept its shape has the same size).
            Both should be small, around 200 pixels: the work grows with the cube of the side.

    Returns:
        Columns and rows of the source, each (H, W) int64.
    """
    across = abs(source.shape[2] - result.shape[2]) / source.shape[2]
    down = abs(source.shape[1] - result.shape[1]) / source.shape[1]
    if across >= down:
        return _register(result, source)
    rows, columns = _register(_turn(result), _turn(source))
    return columns.T, rows.T
