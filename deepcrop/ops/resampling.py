"""Uniform re-sampling (UrS) of a feature map's columns and rows, Section 3.2 of DeepIR.

```python
>>> obscurity = normalise(-importance_map(features).sum(0))      # (W,)
>>> kept(obscurity, 240)                                         # 240 source columns, ascending
```

DeepIR: Lin, Zhou, Chen, "DeepIR: A deep semantics driven framework for image retargeting"
(arXiv 1811.07793). Everything said about columns applies to rows too.
"""

from __future__ import annotations

import torch
from torch import Tensor


def importance_map(features: Tensor) -> Tensor:
    """Return the importance of each position, Eq. 1: the sum of all channels.

    Args:
        features: (..., C, H, W), after a ReLU.

    Returns:
        (..., H, W), float64 on the CPU, so that long sums don't depend on their order.
    """
    return features.sum(-3, dtype=torch.float64).cpu()


def normalise(obscurity: Tensor) -> Tensor:
    """Scale a vector linearly to 0..1; a constant vector becomes all ones.

    With a constant obscurity all columns are equal, and ones make the sampling evenly spaced.
    """
    low, high = obscurity.min(), obscurity.max()
    if high <= low:
        return torch.ones_like(obscurity)
    return (obscurity - low) / (high - low)


def obscurity(importance: Tensor) -> Tensor:
    """Return the obscurity of the columns of an importance map, Eq. 2, scaled to 0..1.

    Args:
        importance: (H, W).

    Returns:
        (W,), 0 for the most important column and 1 for the least.
    """
    return normalise(-importance.sum(0))


def removed(weights: Tensor, count: int) -> Tensor:
    """Return the ``count`` columns that uniform re-sampling removes, Eq. 3 and 4.

    Eq. 4 as printed removes fewer: its strict ``<`` never fires for r = n, and several samples can
    fall into one tall bin. Here bins are open on the left, (s(j-1), s(j)], the last sample is
    clamped to the last bin, and a sample whose bin is taken moves to the nearest free column, to
    the more obscure one of two at the same distance.

    Args:
        weights: (W,) obscurity of the columns, 0..1.
        count: number of columns to remove, 0 to W.

    Returns:
        (count,) int64, ascending, without repetition.

    Raises:
        ValueError: ``count`` is out of range.
    """
    width = weights.numel()
    if not 0 <= count <= width:
        raise ValueError(f"{count} of {width} columns cannot be removed")
    if count == 0:
        return torch.empty(0, dtype=torch.int64)
    cumulative = weights.to("cpu", torch.float64).cumsum(0)
    # r * tau with tau = s(W) / n, multiplied first: exact where the obscurity sum is an integer.
    samples = torch.arange(1, count + 1, dtype=torch.float64) * cumulative[-1] / count
    bins = torch.searchsorted(cumulative, samples).clamp_(max=width - 1).tolist()
    heights = weights.tolist()
    taken = set(bins)
    seen: set[int] = set()
    for column in bins:
        if column in seen:
            taken.add(_nearest_free(column, taken, heights))
        seen.add(column)
    return torch.tensor(sorted(taken), dtype=torch.int64)


def _nearest_free(column: int, taken: set[int], heights: list[float]) -> int:
    for distance in range(1, len(heights)):
        sides = [column - distance, column + distance]
        free = [side for side in sides if 0 <= side < len(heights) and side not in taken]
        if free:
            return max(free, key=lambda side: heights[side])
    raise AssertionError("more samples than columns")


def kept(weights: Tensor, target: int) -> Tensor:
    """Return the source column of each column of the result, which is the list p of Eq. 5.

    A narrower result has the columns that are not `removed`. A wider one has every column, and the
    columns that would be removed twice; at most half of the width is added at a time, so that no
    column is repeated many times.

    Args:
        weights: (W,) obscurity of the columns, 0..1.
        target: the result's number of columns, at least 1.

    Returns:
        (target,) int64, ascending.
    """
    width = weights.numel()
    if target <= width:
        keep = torch.ones(width, dtype=torch.bool)
        keep[removed(weights, width - target)] = False
        return keep.nonzero().flatten()
    columns = torch.arange(width)
    while columns.numel() < target:
        chunk = min(target - columns.numel(), max(columns.numel() // 2, 1))
        repeated = columns[removed(weights[columns], chunk)]
        columns = torch.cat([columns, repeated]).sort().values
    return columns


def least_important(weights: Tensor, target: int) -> Tensor:
    """Return the columns that are left without the most obscure ones: column removal (Section 4.4).

    Args:
        weights: (W,) obscurity of the columns.
        target: the result's number of columns. Above W, the most obscure columns are repeated, all
            columns equally often before any is repeated once more.

    Returns:
        (target,) int64, ascending.
    """
    width = weights.numel()
    order = weights.sort(stable=True).indices
    if target <= width:
        return order[:target].sort().values
    whole, rest = divmod(target - width, width)
    columns = torch.arange(width).repeat(1 + whole)
    return torch.cat([columns, order[width - rest :]]).sort().values


def best_window(weights: Tensor, target: int) -> Tensor:
    """Return the contiguous columns with the least total obscurity: cropping (Section 4.4).

    Ties go to the columns nearest to the centre. Above W, the outermost columns are repeated,
    equally often on both sides.

    Args:
        weights: (W,) obscurity of the columns.
        target: the result's number of columns.

    Returns:
        (target,) int64, ascending.
    """
    width = weights.numel()
    if target >= width:
        return (torch.arange(target) - (target - width) // 2).clamp(0, width - 1)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), weights.double().cumsum(0)])
    windows = sums[target:] - sums[:-target]
    starts = torch.arange(windows.numel())
    best = starts[windows <= windows.min() + 1e-9]
    centre = (width - target) / 2
    start = best[(best - centre).abs().argmin()]
    return start + torch.arange(target)


def scaled(width: int, target: int) -> Tensor:
    """Return the source coordinate of each column under uniform scaling (SCL).

    Returns:
        (target,) float64; column centres are whole numbers, and all lie in 0..width - 1.
    """
    centres = (torch.arange(target, dtype=torch.float64) + 0.5) * width / target - 0.5
    return centres.clamp(0, width - 1)
