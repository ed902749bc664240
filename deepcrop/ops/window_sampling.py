"""Sample windows of an image or feature map bilinearly, differentiable in the windows' place.

A **window** is ``(cx, cy, hw, hh)``: centre and half sides in coordinates that run from -1 to 1
over the image, which are equal at every scale of a pyramid (CAGIC, section 3.1).

```python
levels = pyramid(image)                                    # image: (3, H, W)
crop = sample_levels(levels, windows, (224, 224))          # Eq. 1: (M, 3, 224, 224)
same = sample(merge(levels), windows, (224, 224))          # the levels averaged once
```
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from .interpolation import linear_interpolation_matrix

SCALES = (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1))


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur ``(C, H, W)`` by a Gaussian of ``sigma`` pixels, cut off at 3 sigma, edges repeated."""
    reach = max(1, round(3 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(image.shape[0], 1, 1, -1)
    padded = F.pad(image[None], (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernel, groups=image.shape[0])
    return F.conv2d(across, kernel.transpose(2, 3), groups=image.shape[0])[0]


def pyramid(image: Tensor, scales: Sequence[Fraction] = SCALES) -> list[Tensor]:
    """Blur and resize an image ``(C, H, W)`` to each scale; sigma is 0.5 / scale pixels.

    Scale 1 is the image itself.
    """
    height, width = image.shape[-2:]
    levels = []
    for scale in scales:
        if scale == 1:
            levels.append(image)
            continue
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        blurred = blur(image, 0.5 / float(scale))
        levels.append(F.interpolate(blurred[None], size, mode="bilinear", align_corners=False)[0])
    return levels


def merge(levels: Sequence[Tensor]) -> Tensor:
    """Average the levels of a pyramid at the last one's size: ``(C, H, W)``.

    Sampling is linear, so a window of the average is the average of the windows, except that coarse
    levels are interpolated twice.
    """
    size = levels[-1].shape[-2:]
    raised = [F.interpolate(level[None], size, mode="bilinear") for level in levels]
    return torch.stack(raised).mean(0)[0]


def positions(windows: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the centres of the cells of windows ``(M, 4)``: ``(M, h, w, 2)``."""
    height, width = size
    cells = [
        (2 * torch.arange(n, dtype=windows.dtype, device=windows.device) + 1) / n - 1
        for n in (width, height)
    ]
    x = windows[:, 0, None] + windows[:, 2, None] * cells[0]
    y = windows[:, 1, None] + windows[:, 3, None] * cells[1]
    return torch.stack(
        [x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], -1
    )


def sample(image: Tensor, windows: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample windows of one image or feature map, edges repeated.

    Args:
        image: ``(C, H, W)``.
        windows: ``(M, 4)``.
        size: (height, width) of the result.

    Returns:
        ``(M, C, height, width)``, differentiable in image and windows.
    """
    height, width = size
    where = positions(windows, size).reshape(1, -1, width, 2)
    sampled = F.grid_sample(
        image[None], where, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled[0].reshape(image.shape[0], -1, height, width).transpose(0, 1)


def sample_rows(
    rows: Tensor, shape: tuple[int, int], windows: Tensor, size: tuple[int, int]
) -> Tensor:
    """Sample windows of a feature map that has one row for each place.

    The result is that of :func:`sample`, but computed many times faster for wide maps: each cell of
    a window is a weighted sum of four rows.

    Args:
        rows: ``(H * W, C)``.
        shape: (H, W), both 2 or more.
        windows: ``(M, 4)``.
        size: (height, width) of the result.

    Returns:
        ``(M, C, height, width)``, channels last in memory, differentiable in the windows.
    """
    where = positions(windows, size)
    columns, x = _cell(where[..., 0], shape[1])
    lines, y = _cell(where[..., 1], shape[0])
    first = lines * shape[1] + columns
    corners = torch.stack([first, first + 1, first + shape[1], first + shape[1] + 1], -1)
    weights = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], -1)
    sampled = F.embedding_bag(
        corners.view(-1, 4), rows, per_sample_weights=weights.view(-1, 4), mode="sum"
    )
    return sampled.view(-1, *size, rows.shape[1]).permute(0, 3, 1, 2)


def _cell(points: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Return the cell whose centre precedes each point (-1..1) of an axis, and the distance to it.

    The distance is in cells.
    """
    at = ((points + 1) * cells / 2 - 0.5).clamp(0, cells - 1)
    before = at.detach().floor().clamp_max(cells - 2)
    return before.long(), at - before


def sample_levels(levels: Sequence[Tensor], windows: Tensor, size: tuple[int, int]) -> Tensor:
    """Average the windows of each level of a pyramid, Eq. 1: ``(M, C, height, width)``."""
    return torch.stack([sample(level, windows, size) for level in levels]).mean(0)


def mean_weights(windows: Tensor, size: tuple[int, int], cells: int) -> Tensor:
    """Return the weights of a map's cells in the mean of each window: ``(M, H * W)``.

    ``mean_weights(w, (H, W), n) @ map`` with the map as ``(H * W, C)`` is the mean of
    ``sample(map, w, (n, n))``: bilinear weights are products of those of rows and columns.
    """
    where = positions(windows, (cells, cells))
    across = _mean_weights(where[:, 0, :, 0], size[1])
    down = _mean_weights(where[:, :, 0, 1], size[0])
    return (down[:, :, None] * across[:, None, :]).flatten(1)


def _mean_weights(points: Tensor, cells: int) -> Tensor:
    """Return the mean interpolation weights of points ``(M, n)`` in -1..1: ``(M, cells)``."""
    at = ((points + 1) * cells / 2 - 0.5).clamp(0, cells - 1)
    return linear_interpolation_matrix(at, cells).mean(1)
