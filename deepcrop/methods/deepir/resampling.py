"""Resize feature maps without a search, by uniform re-sampling and its alternatives.

See Lin, Zhou, Chen, "DeepIR" (arXiv 1811.07793), sections 3.2 and 4.4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...ops import resampling, seams


def resized_field(
    importance: Tensor, size: tuple[int, int], resample: str, contrast: float = 1.0
) -> Tensor:
    """Return the field phi'' of a level's map that is resized without a search.

    Columns are resized first, then rows by the importance of the remaining columns.

    Args:
        importance: (B, H, W), the importance of each position.
        size: (height, width) of the result in positions.
        resample: the option of :class:`~.options.DeepIROptions`.
        contrast: the option of :class:`~.options.DeepIROptions`.

    Returns:
        The field (B, 2, height, width).
    """
    answers = []
    for each in importance:
        x = _columns(each, size[1], resample, contrast)
        left = each.gather(1, x.round().long())
        y = _columns(left.T.contiguous(), size[0], resample, contrast).T
        answers.append(torch.stack([x.gather(0, y.round().long()), y]).float())
    return torch.stack(answers)


def _columns(importance: Tensor, target: int, resample: str, contrast: float) -> Tensor:
    """Return the source column of each of ``target`` columns in each row: (H, target) float64."""
    height, width = importance.shape
    if target == width:
        columns = torch.arange(width)
    elif resample == "seam":
        return _seams(importance, target)
    elif resample == "scale":
        columns = resampling.scaled(width, target)
    else:
        choose = {
            "uniform": resampling.kept,
            "column": resampling.least_important,
            "crop": resampling.best_window,
        }[resample]
        columns = choose(resampling.obscurity(importance) ** contrast, target)
    return columns.double().expand(height, target)


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
