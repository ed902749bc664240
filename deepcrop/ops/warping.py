"""Grid warps, which scale the cells of an image individually, and the sampling of mappings.

A mapping gives for each pixel of a result the point of the source that it shows. It is a tensor
(2, H, W) of columns and rows in source pixels, where pixel centres are whole numbers (x = 0 is the
centre of the first column).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def column_widths(importance: Tensor, sizes: Tensor, target: float) -> Tensor:
    """Scale columns of cells in proportion to their importance (DNR, Eq. 3), with an exact total.

    Eq. 3 as printed may enlarge a cell while others shrink. Here, if the target is narrower, no
    cell grows: cells that would grow keep their size, and the rest of the width is distributed to
    the others in proportion again (water filling). If the target is wider, no cell shrinks: the
    growth is distributed in inverse proportion to the importance.

    Args:
        importance: (N,) importance of each column, positive.
        sizes: (N,) widths of the cells, in pixels.
        target: the total width of the result, in pixels.

    Returns:
        (N,) float64 widths; they sum to ``target``.
    """
    mu = importance.double().clamp_min(1e-9)
    sizes = sizes.double()
    total = sizes.sum()
    if target >= total:
        growth = sizes / mu
        return sizes + (target - total) * growth / growth.sum()
    # The level c with sum(size * min(1, c * mu)) = target: cells fill up in the order of mu.
    order = mu.argsort(descending=True, stable=True)
    full = torch.cat([sizes.new_zeros(1), sizes[order].cumsum(0)[:-1]])
    weight = (sizes * mu)[order]
    rest = weight.flip(0).cumsum(0).flip(0)
    level = (target - full) / rest
    # The first level at which its own cell, and so all later ones, don't exceed their sizes.
    first = int((level * mu[order] <= 1).double().argmax())
    return sizes * (level[first] * mu).clamp_max(1.0)


def axis_aligned_sizes(
    importance: Tensor,
    widths: Tensor,
    heights: Tensor,
    target: tuple[float, float],
    *,
    smoothness: float,
    min_scale: float,
) -> tuple[Tensor, Tensor]:
    """Scale columns and rows together so that important cells keep their aspect ratio.

    This is the axis-aligned deformation of Panozzo, Weber and Sorkine, "Robust Image Retargeting
    via Axis-Aligned Deformation" (Eurographics 2012). It minimises the sum over cells of
    importance * (column scale - row scale)^2 and of the squared differences of neighbouring scales,
    for exact totals and with no scale below a bound. The problem is a convex quadratic programme,
    solved by an active set method.

    Args:
        importance: (R, C) importance of each cell, not negative.
        widths: (C,) of the columns, in pixels.
        heights: (R,) of the rows, in pixels.
        target: total width and height, in pixels.
        smoothness: weight of the differences between neighbours, for a mean importance of 1.
        min_scale: lower bound of the scales, as a share of the mean scale of their axis.

    Returns:
        Widths (C,) and heights (R,), float64; they sum to the target.
    """
    columns, rows = widths.numel(), heights.numel()
    area = heights.double()[:, None] * widths.double()
    cells = importance.double() * area
    cells = cells / cells.sum().clamp_min(1e-12) + 1e-3 * area / area.sum()
    size = columns + rows
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix[:columns, :columns] = torch.diag(cells.sum(0))
    matrix[columns:, columns:] = torch.diag(cells.sum(1))
    matrix[:columns, columns:] = -cells.T
    matrix[columns:, :columns] = -cells
    for start, count in ((0, columns), (columns, rows)):
        step = torch.eye(count, dtype=torch.float64).diff(dim=0)
        matrix[start : start + count, start : start + count] += smoothness / count * (step.T @ step)
    totals = torch.zeros(2, size, dtype=torch.float64)
    totals[0, :columns] = widths
    totals[1, columns:] = heights
    wanted = torch.tensor(target, dtype=torch.float64)
    mean = wanted / totals.sum(1)
    bound = min_scale * torch.cat([mean[0].expand(columns), mean[1].expand(rows)])
    held = torch.zeros(size, dtype=torch.bool)
    for _ in range(size):
        free = ~held
        count = int(free.sum())
        system = torch.zeros(count + 2, count + 2, dtype=torch.float64)
        system[:count, :count] = matrix[free][:, free]
        system[:count, count:] = totals[:, free].T
        system[count:, :count] = totals[:, free]
        right = torch.cat(
            [-matrix[free][:, held] @ bound[held], wanted - totals[:, held] @ bound[held]]
        )
        scales = bound.clone()
        scales[free] = torch.linalg.solve(system, right)[:count]
        below = free & (scales < bound - 1e-12)
        if not below.any():
            break
        held |= below
    return scales[:columns] * widths, scales[columns:] * heights


def cells(length: int, cell: int) -> Tensor:
    """Return the sizes of a side's cells in pixels: all are ``cell``, only the last may differ."""
    count = max(1, length // cell)
    sizes = torch.full((count,), float(cell), dtype=torch.float64)
    sizes[-1] = length - cell * (count - 1)
    return sizes


def positions(sizes: Tensor, scaled: Tensor, count: int) -> Tensor:
    """Return the source position of each position of the result, along one axis.

    Args:
        sizes: (N,) sizes of the cells in the source, in pixels.
        scaled: (N,) sizes of the cells in the result, in pixels; their sum is ``count``.
        count: number of positions of the result.

    Returns:
        (count,) float64 positions; pixel centres are whole numbers.
    """
    ends, starts = sizes.double().cumsum(0), scaled.double().cumsum(0)
    at = torch.arange(count, dtype=torch.float64) + 0.5
    cell = torch.searchsorted(starts, at, right=True).clamp_max(len(sizes) - 1)
    inside = (at - (starts - scaled)[cell]) / scaled[cell].clamp_min(1e-12)
    return (ends - sizes)[cell] + inside * sizes[cell] - 0.5


def identity(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Return the identity mapping, (2, H, W)."""
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return torch.stack([columns, rows])


def sample(
    image: Tensor, mapping: Tensor, mode: Literal["bilinear", "bicubic"] = "bilinear"
) -> Tensor:
    """Sample an image at the points of a mapping; border pixels are repeated outside.

    Args:
        image: (B, C, H, W).
        mapping: (B, 2, H', W'), columns and rows.
        mode: interpolation between pixels.

    Returns:
        (B, C, H', W').
    """
    height, width = image.shape[2:]
    scale = torch.tensor([2.0 / width, 2.0 / height], device=image.device, dtype=mapping.dtype)
    grid = (mapping.permute(0, 2, 3, 1) + 0.5) * scale - 1
    return functional.grid_sample(
        image, grid.to(image.dtype), mode=mode, padding_mode="border", align_corners=False
    )


def smooth_mapping(mapping: Tensor, across: float, along: float) -> Tensor:
    """Blur a mapping's displacements, so that jumps become squeezes and bends become smoother.

    The order of columns and rows is preserved. Content that was removed at the border stays
    removed.

    Args:
        mapping: (B, 2, H, W).
        across: sigma of the Gaussian along a component's own axis (horizontally for columns), in
            pixels of the result; 0 doesn't change the mapping.
        along: sigma along the other axis, in which vertical seams bend vertical lines, in pixels
            of the result.
    """
    if across <= 0:
        return mapping
    height, width = mapping.shape[2:]
    still = identity(height, width, mapping.device)
    moved = mapping - still
    columns = (
        _gaussian(height, along).to(moved) @ moved[:, 0] @ _gaussian(width, across).to(moved).T
    )
    rows = _gaussian(height, across).to(moved) @ moved[:, 1] @ _gaussian(width, along).to(moved).T
    return still + torch.stack([columns, rows], 1)


def _gaussian(side: int, sigma: float) -> Tensor:
    """Return the matrix (side, side) of a Gaussian blur; border values are repeated outside."""
    reach = math.ceil(3 * sigma)
    outside = torch.arange(-reach, side + reach)
    weights = torch.exp(-0.5 * ((outside - torch.arange(side)[:, None]) / sigma).square())
    folded = torch.zeros(side, side).index_add_(1, outside.clamp(0, side - 1), weights)
    return folded / folded.sum(1, keepdim=True)


def resize_mapping(
    mapping: Tensor, source: tuple[int, int], full: tuple[int, int], result: tuple[int, int]
) -> Tensor:
    """Scale a mapping from a working size to full resolution.

    Args:
        mapping: (2, h', w'), between images of the working size.
        source: height and width of the source at the working size.
        full: height and width of the source at full resolution.
        result: height and width of the result at full resolution.

    Returns:
        (2, H', W'). Displacements are interpolated, not positions, so that an identity mapping
        stays exact.
    """
    height, width = mapping.shape[1:]

    def straight(rows: int, columns: int, of: tuple[int, int]) -> Tensor:
        # The linear scale between a result and a source.
        line = identity(rows, columns, mapping.device)
        scale = torch.tensor([of[1] / columns, of[0] / rows], device=mapping.device)[:, None, None]
        return (line + 0.5) * scale - 0.5

    moved = mapping - straight(height, width, source)
    moved = functional.interpolate(moved[None], result, mode="bilinear", align_corners=False)[0]
    scale = torch.tensor([full[1] / source[1], full[0] / source[0]], device=mapping.device)
    return straight(*result, full) + moved * scale[:, None, None]


def render(image: Tensor, mapping: Tensor, most: int = 4, rows: int = 512) -> Tensor:
    """Sample an image at the points of a mapping, bicubically and antialiased.

    If a step of the result is more than a pixel of the source, samples at single points would
    alias. There, a pixel is the mean of samples spread evenly over the part of the step that
    exceeds one pixel, so that content that keeps its size keeps its sharpness.

    Args:
        image: (3, H, W) in [0, 1].
        mapping: (2, H', W').
        most: the most samples for each pixel along each axis.
        rows: rows of the result rendered at a time, to bound the memory.

    Returns:
        (3, H', W') in [0, 1].
    """
    excesses = []
    for axis in (2, 1):
        step = (
            torch.gradient(mapping, dim=axis)[0]
            if mapping.shape[axis] > 1
            else torch.zeros_like(mapping)
        )
        length = torch.hypot(step[0], step[1])
        excesses.append(step * (1 - 1 / length.clamp_min(1.0)))
    across, down = excesses
    counts = [
        min(most, 1 + math.ceil(torch.hypot(excess[0], excess[1]).max().item() - 1e-3))
        for excess in excesses
    ]
    parts = []
    for start in range(0, mapping.shape[1], rows):
        part = slice(start, start + rows)
        total = torch.zeros((), device=image.device)
        for i in range(counts[0]):
            for j in range(counts[1]):
                shift = ((i + 0.5) / counts[0] - 0.5) * across[:, part]
                shift = shift + ((j + 0.5) / counts[1] - 0.5) * down[:, part]
                points = (mapping[:, part] + shift)[None]
                total = total + sample(image[None], points, "bicubic")[0]
        parts.append((total / (counts[0] * counts[1])).clamp(0, 1))
    return torch.cat(parts, 1)
