"""Dense registration of a retargeted image to its source: find the origin of each of its pixels.

The registration goes from coarse to fine and works like stereo matching on both axes at once, by
semi-global matching (Hirschmueller, TPAMI 2008) over integer displacements. Along its own axis a
displacement may grow step by step (squeezed content) or jump at a cost (removed content); along the
other axis it should be constant. Backward registration follows Zhang et al., "Backward
Registration-Based Aspect Ratio Similarity for Image Retargeting Quality Assessment" (IEEE TIP
2016), who use SIFT flow.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_ALONG = {-1: 0.01, 0: 0.0, 1: 0.01, 2: 0.02, 3: 0.03, 4: 0.05}
"""Cost of a change of displacement (in positions) between neighbours along its own axis.

Costs have the unit of the mean absolute difference of descriptors.
"""
_ACROSS = {-1: 0.03, 0: 0.0, 1: 0.03}
"""Cost of a change of displacement (in positions) between neighbours along the other axis."""
_JUMP = 0.2
"""Cost of any other change of displacement."""
_TRUNCATION = 0.25
"""Upper limit of a mismatch's cost, because content may have been removed or invented."""
_COARSEST = 48
"""Longest edge of the source at the first level, in pixels."""


def describe(image: Tensor) -> Tensor:
    """Return the descriptors (5, H, W), colour and gradients, of an RGB image (3, H, W) in 0..1."""
    grey = image.mean(0, keepdim=True)
    padded = functional.pad(grey[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return torch.cat([image, 2 * across, 2 * down])


def mismatch(
    result: Tensor, source: Tensor, base: tuple[Tensor, Tensor], window: tuple[range, range]
) -> Tensor:
    """Return the costs of displacements around an initial guess.

    Args:
        result: (C, H, W) descriptors.
        source: (C, H', W') descriptors.
        base: the guess: columns and rows of the source, each (H, W) int64.
        window: the ranges of column and of row displacements to try.

    Returns:
        (Dy, Dx, H, W), the mean absolute difference over channels and 3x3 positions.
    """
    height, width = source.shape[1:]
    flat = source.flatten(1)
    costs = []
    for down in window[1]:
        rows = base[1] + down
        for across in window[0]:
            columns = base[0] + across
            inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
            at = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
            cost = (flat[:, at] - result).abs().mean(0).clamp_max(_TRUNCATION)
            costs.append(torch.where(inside, cost, 2 * _TRUNCATION))
    volume = functional.pad(torch.stack(costs)[None], (1, 1, 1, 1), mode="replicate")
    volume = functional.avg_pool2d(volume, 3, stride=1)[0]
    return volume.view(len(window[1]), len(window[0]), *result.shape[1:])


def aggregate(costs: Tensor, rows: dict[int, float], columns: dict[int, float]) -> Tensor:
    """Accumulate costs along the last axis, from its start.

    Args:
        costs: (Dy, Dx, N, L), paths of length L for each of N lines.
        rows: cost of each change of the row displacement in one step.
        columns: cost of each change of the column displacement in one step. A change that is in
            neither table is a jump.

    Returns:
        (Dy, Dx, N, L), the cost of the cheapest path that ends there, minus a constant for each
        position on a line.
    """
    high, wide = costs.shape[:2]
    moves = [
        (dy, dx, price + other)
        for dy, price in rows.items()
        for dx, other in columns.items()
        if abs(dy) < high and abs(dx) < wide
    ]
    before = costs[..., 0]
    paths = [before]
    for step in range(1, costs.shape[3]):
        lowest = before.amin((0, 1), keepdim=True)
        best = (lowest + _JUMP).expand_as(before).clone()
        for dy, dx, price in moves:
            # A path with displacement d had d - change at the previous position.
            to = (_from(dy, high), _from(dx, wide))
            of = (_from(-dy, high), _from(-dx, wide))
            torch.minimum(best[to], before[of] + price, out=best[to])
        before = costs[..., step] + best - lowest
        paths.append(before)
    return torch.stack(paths, -1)


def _from(change: int, count: int) -> slice:
    return slice(max(change, 0), count + min(change, 0))


def _mirrored(prices: dict[int, float]) -> dict[int, float]:
    return {-change: price for change, price in prices.items()}


def _match(
    result: Tensor, source: Tensor, base: tuple[Tensor, Tensor], window: tuple[range, range]
) -> tuple[Tensor, Tensor]:
    """Improve a guess within a window of displacements."""
    costs = mismatch(result, source, base, window)
    upright = costs.transpose(2, 3)
    total = aggregate(costs, _ACROSS, _ALONG)
    total = total + aggregate(costs.flip(3), _ACROSS, _mirrored(_ALONG)).flip(3)
    total = total + aggregate(upright, _ALONG, _ACROSS).transpose(2, 3)
    total = total + aggregate(upright.flip(3), _mirrored(_ALONG), _ACROSS).flip(3).transpose(2, 3)
    best = total.flatten(0, 1).argmin(0)
    across, down = best % len(window[0]), best // len(window[0])
    columns, rows = base[0] + across + window[0][0], base[1] + down + window[1][0]
    return columns.clamp(0, source.shape[2] - 1), rows.clamp(0, source.shape[1] - 1)


def _shrink(image: Tensor, size: list[int]) -> Tensor:
    return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def register(result: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Find the source position of every pixel of a result.

    Args:
        result: (3, H, W), RGB in [0, 1].
        source: (3, H', W'), at the same scale (undistorted content has the same size). Both images
            should be small, around 200 pixels; large displacements are found at 48 pixels.

    Returns:
        Columns and rows of the source, each (H, W) int64.
    """
    scales = [1.0]
    while max(source.shape[1:]) * scales[0] >= 2 * _COARSEST:
        scales.insert(0, scales[0] / 2)
    guess: tuple[Tensor, Tensor] | None = None
    displacement = torch.zeros(0)
    for scale in scales:
        ours, theirs = (
            _shrink(image, [max(2, round(side * scale)) for side in image.shape[1:]])
            for image in (result, source)
        )
        height, width = ours.shape[1:]
        still = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")[::-1]
        if guess is None:
            base, windows = (still[0], still[1]), []
            for axis in (2, 1):
                change = theirs.shape[axis] - ours.shape[axis]
                # The range is wider than the sizes require, as warps move content in both
                # directions.
                windows.append(range(min(change, 0) - 4, max(change, 0) + 5))
            window = (windows[0], windows[1])
        else:
            grown = functional.interpolate(
                2 * displacement[None], (height, width), mode="bilinear", align_corners=False
            )[0]
            moved = grown.round().long()
            base = (still[0] + moved[0], still[1] + moved[1])
            window = (range(-2, 3), range(-2, 3))
        guess = _match(describe(ours), describe(theirs), base, window)
        displacement = torch.stack([guess[0] - still[0], guess[1] - still[1]]).float()
    assert guess is not None
    return guess
