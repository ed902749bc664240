"""Fields, which map each position of a result to a position of its source.

A field is a tensor (B, 2, h, w). For each position of the result it holds the column (channel 0)
and the row (channel 1) in the source's map, where position centres are whole numbers. Values of
nearest-neighbour fields (NNF) are whole numbers, those of fused or upsampled fields real numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .warping import identity, sample


def _here(field: Tensor) -> Tensor:
    return identity(field.shape[2], field.shape[3], field.device)


def offsets(field: Tensor) -> Tensor:
    """Return the offset of each position's source from the position: field minus identity."""
    return field - _here(field)


def smoothed(field: Tensor, patch: int) -> Tensor:
    """Average a field's offsets over the ``patch x patch`` neighbours that lie inside the result.

    This applies the final vote of DeepIR (Section 3.3: R = 1/n sum O(Phi(x) + (p - x)) over the
    neighbourhood of p) to positions instead of pixels: no pixel is blurred, and the identity is
    preserved. If the field is smooth, both agree to first order.
    """
    pad = patch // 2
    mean = functional.avg_pool2d(offsets(field), patch, 1, pad, count_include_pad=False)
    return mean + _here(field)


def structure(features: Tensor) -> Tensor:
    """Return how much each position differs from its neighbours, hence how well it can be matched.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, 1, h, w): the squared gradient of the features of unit length.
    """
    unit = functional.normalize(features, dim=1)
    across = functional.pad((unit[..., 1:] - unit[..., :-1]).square().sum(1, keepdim=True), [0, 1])
    down = functional.pad(
        (unit[..., 1:, :] - unit[..., :-1, :]).square().sum(1, keepdim=True), [0, 0, 0, 1]
    )
    return across + down


def weighted_smoothing(field: Tensor, weight: Tensor, along: float, across: float) -> Tensor:
    """Smooth a field's offsets by a weighted Gaussian mean over neighbours.

    In flat areas all positions of a neighbourhood match equally well, and an NNF is noise. There,
    structured positions nearby get the weight (normalised convolution, Knutsson and Westin, CVPR
    1993). Column positions are smoothed more from row to row than along a row, because a column
    that shifts from row to row bends vertical lines. Row positions are smoothed more from column to
    column.

    Args:
        field: (B, 2, h, w).
        weight: (B, 1, h, w), positive weights; see `structure`.
        along: standard deviation in positions along a component's own axis: of column positions
            along a row, of row positions along a column.
        across: standard deviation in positions along the other axis.
    """
    moved = offsets(field)
    x = blurred(moved[:, :1] * weight, along, across) / blurred(weight, along, across)
    y = blurred(moved[:, 1:] * weight, across, along) / blurred(weight, across, along)
    return torch.cat([x, y], 1) + _here(field)


def blurred(values: Tensor, horizontal: float, vertical: float) -> Tensor:
    """Convolve (B, 1, h, w) with a Gaussian; positions outside the map count as zero."""
    for sigma, shape, side in ((horizontal, (1, -1), 3), (vertical, (-1, 1), 2)):
        reach = min(max(1, round(3 * sigma)), values.shape[side])
        taps = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
        kernel = (-0.5 * (taps / sigma).square()).exp().view(1, 1, *shape)
        padding = [reach * (side == 2), reach * (side == 3)]
        values = functional.conv2d(values, kernel, padding=padding)
    return values


def ordered(field: Tensor) -> Tensor:
    """Make column positions ascend along each row, and row positions down each column.

    A field that isn't monotone shows content mirrored or twice. The nearest monotone sequence is
    approximated by the mean of the running maximum and the running minimum from the other end.
    """
    x, y = field[:, 0], field[:, 1]
    x = (x.cummax(2).values + x.flip(2).cummin(2).values.flip(2)) / 2
    y = (y.cummax(1).values + y.flip(1).cummin(1).values.flip(1)) / 2
    return torch.stack([x, y], 1)


def doubled(field: Tensor, height: int, width: int) -> Tensor:
    """Upsample a field to the level of twice the resolution, each position from its parent.

    Offsets are doubled and repeated, so that the values of an NNF stay whole numbers.

    Args:
        field: (B, 2, h, w).
        height: rows of the result's finer map, 2h or 2h + 1.
        width: columns of the result's finer map.
    """
    rows = (torch.arange(height, device=field.device) // 2).clamp(max=field.shape[2] - 1)
    columns = (torch.arange(width, device=field.device) // 2).clamp(max=field.shape[3] - 1)
    parents = offsets(field)[:, :, rows][:, :, :, columns]
    return 2 * parents + identity(height, width, field.device)


def sample_bicubic(values: Tensor, field: Tensor) -> Tensor:
    """Sample like `warping.sample` but bicubically, which is sharper between pixels."""
    height, width = values.shape[2:]
    scale = torch.tensor([2.0 / width, 2.0 / height], device=values.device)
    grid = (field.permute(0, 2, 3, 1) + 0.5) * scale - 1
    return functional.grid_sample(
        values, grid, mode="bicubic", padding_mode="border", align_corners=False
    )


def vote(values: Tensor, field: Tensor, patch: int) -> Tensor:
    """Return the mean of O(Phi(x) + (p - x)) over the neighbours x of p (DeepIR's last equation).

    The paper prints it without (p - x), which blurs even for the identity map. With it, each
    neighbour votes for the pixel that it expects at p, and the identity is exact. Neighbours
    outside the result don't vote.

    Args:
        values: (B, C, H, W), the source's pixels.
        field: (B, 2, h, w).
        patch: side of the neighbourhood in positions, odd.
    """
    height, width = field.shape[2:]
    here = _here(field)
    reach = patch // 2
    moved = functional.pad(offsets(field), [reach] * 4)
    valid = functional.pad(field.new_ones(1, 1, height, width), [reach] * 4)
    total, votes = field.new_zeros(()), field.new_zeros(())
    for dy in range(patch):
        for dx in range(patch):
            window = (..., slice(dy, dy + height), slice(dx, dx + width))
            inside = valid[window]
            total = total + inside * sample(values, here + moved[window])
            votes = votes + inside
    return total / votes
