"""Resize feature maps without a search, by uniform re-sampling and its alternatives.

See Lin, Zhou, Chen, "DeepIR" (arXiv 1811.07793), sections 3.2 and 4.4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...ops import resampling, seams, warping
from .options import DeepIROptions


def resized_field(importance: Tensor, size: tuple[int, int], options: DeepIROptions) -> Tensor:
    """Return the field phi'' of a level's map that is resized without a search.

    Columns are resized first, then rows by the importance of the remaining columns.

    Args:
        importance: (B, H, W), the importance of each position, not negative.
        size: (height, width) of the result in positions.
        options: ``resample``, ``obscurity`` and ``contrast`` are used.

    Returns:
        The field (B, 2, height, width).
    """
    answers = []
    for each in importance:
        x = _columns(each, size[1], options)
        left = each.gather(1, x.round().long())
        y = _columns(left.T.contiguous(), size[0], options).T
        answers.append(torch.stack([x.gather(0, y.round().long()), y]).float())
    return torch.stack(answers)


def _columns(importance: Tensor, target: int, options: DeepIROptions) -> Tensor:
    """Return the source column of each of ``target`` columns in each row: (H, target) float64."""
    height, width = importance.shape
    if target == width:
        columns = torch.arange(width)
    elif options.resample == "seam":
        return _seams(importance, target)
    elif options.resample == "scale":
        columns = resampling.scaled(width, target)
    else:
        weights = _obscurity(importance, options)
        if options.resample == "uniform":
            if options.obscurity == "inverse":
                weights = changes(weights, target)
            columns = resampling.kept(weights, target)
        elif options.resample == "column":
            columns = resampling.least_important(weights, target)
        else:
            columns = resampling.best_window(weights, target)
    return columns.double().expand(height, target)


def _obscurity(importance: Tensor, options: DeepIROptions) -> Tensor:
    """Return the obscurity of each column, (W,), not negative."""
    if options.obscurity == "linear":
        return resampling.obscurity(importance) ** options.contrast
    total = importance.sum(0)
    # The bound keeps columns without any importance, such as those of a black area, finite.
    relative = (total / total.mean().clamp_min(1e-12)).clamp_min(1e-3)
    return relative**-options.contrast


def changes(obscurity: Tensor, target: int) -> Tensor:
    """Return the share of each column that is removed, or repeated if the result is wider.

    The shares are in proportion to the obscurity, and at most 1. If the obscurity is the inverse of
    the importance, they minimise the sum over columns of importance * share^2.

    Args:
        obscurity: (W,), positive.
        target: the result's number of columns.

    Returns:
        (W,) float64, 0..1. Their sum is the number of removed columns, or of columns that are
        repeated at a time: at most half of the width.
    """
    width = obscurity.numel()
    count = width - target if target < width else min(target - width, max(width // 2, 1))
    return warping.column_widths(obscurity, torch.ones(width), count)


def _seams(importance: Tensor, target: int) -> Tensor:
    width = importance.shape[1]
    if target < width:
        order = seams.carve(importance[None], width - target)
        return seams.kept_columns(order, width - target)[0].double()
    columns = torch.arange(width).expand_as(importance).double()
    while (missing := target - columns.shape[1]) > 0:
        count = min(missing, columns.shape[1] // 2)
        order = seams.carve(importance.gather(1, columns.round().long())[None], count)
        between = seams.doubled_columns(order, count)
        columns = seams.sample_columns(columns[None, None], between.double())[0, 0]
    return columns
