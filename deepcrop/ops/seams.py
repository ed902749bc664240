"""Seam carving: remove or double connected paths of least importance (Avidan and Shamir, 2007).

A seam here runs from the top to the bottom and has one position in each row; for horizontal seams,
transpose the map. One carve serves all widths: ``order`` holds the step at which each position is
removed, so that removing k seams removes the positions whose order is below k.

```python
>>> order = carve(importance, 40)                       # (B, H, W), once
>>> columns = kept_columns(order, 25)                   # (B, H, W - 25): 25 seams removed
>>> columns = doubled_columns(order, 25)                # (B, H, W + 25): 25 seams inserted
>>> narrow = sample_columns(maps, columns)              # any maps (B, C, H, W)
```

`hierarchical_carve` is the deep seam carving of DNR (Eq. 1 and 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Array = npt.NDArray[Any]


def minimal_seam(importance: Array) -> Array:
    """Find the seam with the least sum; ties go to the leftmost position, from the bottom up.

    Args:
        importance: (B, H, W).

    Returns:
        (B, H) int64: the column in each row; neighbours differ by at most 1.
    """
    # Rows depend on each other, so this is a loop of tiny operations, for which numpy's overhead
    # for each call is a fraction of torch's and of a kernel launch. Rows are the first axis, so
    # that each row is contiguous for the whole batch.
    batch, height, width = importance.shape
    sums = np.full((height, batch, width + 2), np.inf, importance.dtype)
    sums[:, :, 1:-1] = importance.transpose(1, 0, 2)
    best = np.empty((batch, width), importance.dtype)
    for y in range(1, height):
        above = sums[y - 1]
        np.minimum(above[:, :-2], above[:, 1:-1], out=best)
        np.minimum(best, above[:, 2:], out=best)
        sums[y, :, 1:-1] += best
    seam = np.empty((batch, height), np.int64)
    seam[:, -1] = sums[-1, :, 1:-1].argmin(1)  # the first of equal sums
    lines = sums.reshape(height, -1)
    three = np.arange(3) + (width + 2) * np.arange(batch)[:, None]
    for y in range(height - 2, -1, -1):
        below = seam[:, y + 1]
        seam[:, y] = below + lines[y][three + below[:, None]].argmin(1) - 1
    return seam


class Carving:
    """A carve in progress: the maps after some seams, and the source of each position.

    Args:
        importance: (B, H, W), the map in which seams are searched.
    """

    def __init__(self, importance: Tensor) -> None:
        self.importance = importance
        """Importance of the source, (B, H, W)."""
        self.steps = 0
        """Number of seams removed so far."""
        self._left = importance.cpu().numpy()
        shape = self._left.shape
        self._columns = np.broadcast_to(np.arange(shape[2]), shape)
        self._order = np.full(shape, np.iinfo(np.int64).max)

    @property
    def order(self) -> Tensor:
        """The step at which each position was removed, (B, H, W) int64; the largest int if kept."""
        return torch.from_numpy(self._order.copy()).to(self.importance.device)

    def lower(self, where: Tensor, alpha: float) -> None:
        """Multiply the importance of some positions by alpha, from this seam on (Eq. 2).

        Args:
            where: (B, H, W) bool, positions of the source; replaces those of earlier calls.
            alpha: the factor, 0..1.
        """
        importance = torch.where(where, alpha * self.importance, self.importance)
        self._left = np.take_along_axis(importance.cpu().numpy(), self._columns, 2)

    def remove(self) -> Tensor:
        """Remove one more seam; return its source column in each row, (B, H) int64."""
        batch, height, width = self._columns.shape
        seam = minimal_seam(self._left)[..., None]
        gone = np.take_along_axis(self._columns, seam, 2)
        np.put_along_axis(self._order, gone, self.steps, 2)
        self.steps += 1
        rest = np.ones(self._columns.shape, bool)
        np.put_along_axis(rest, seam, False, 2)
        self._columns = self._columns[rest].reshape(batch, height, width - 1)
        self._left = self._left[rest].reshape(batch, height, width - 1)
        return torch.from_numpy(gone[..., 0]).to(self.importance.device)


def carve(importance: Tensor, count: int) -> Tensor:
    """Remove ``count`` seams and return the order in which positions are removed.

    Args:
        importance: (B, H, W).
        count: number of seams, at most W - 1.

    Returns:
        (B, H, W) int64: 0 for the first seam; the largest int for positions that are kept.
    """
    carving = Carving(importance)
    for _ in range(count):
        carving.remove()
    return carving.order


def kept_columns(order: Tensor, count: int) -> Tensor:
    """Return the source columns that are left after ``count`` seams: (B, H, W) to (B, H, W - k)."""
    batch, height, width = order.shape
    columns = torch.arange(width, device=order.device).expand_as(order)
    return columns[order >= count].view(batch, height, width - count)


def doubled_columns(order: Tensor, count: int) -> Tensor:
    """Return the source columns after the first ``count`` seams are doubled.

    Args:
        order: (B, H, W).
        count: seams to insert, at most those that ``order`` has.

    Returns:
        (B, H, W + k) float: whole numbers for source positions. The inserted position lies halfway
        between a seam and its right neighbour (its left neighbour at the right edge), so that it
        gets their average.
    """
    batch, height, width = order.shape
    columns = torch.arange(width, device=order.device).expand_as(order)
    seams = columns[order < count].view(batch, height, count).float()
    between = torch.where(seams < width - 1, seams + 0.5, seams - 0.5)
    return torch.cat([columns.float(), between], 2).sort(dim=2, stable=True).values


def sample_columns(maps: Tensor, columns: Tensor) -> Tensor:
    """Sample maps at given columns of each row, with linear interpolation.

    Args:
        maps: (B, C, H, W).
        columns: (B, H, W'), source columns in 0..W - 1, whole or fractional.

    Returns:
        (B, C, H, W').
    """
    left = columns.floor().long().clamp(0, maps.shape[3] - 1)
    right = (left + 1).clamp_max(maps.shape[3] - 1)
    shape = (-1, maps.shape[1], -1, -1)
    low = maps.gather(3, left[:, None].expand(shape))
    if not columns.is_floating_point():
        return low
    weight = (columns - left)[:, None]
    return low + weight * (maps.gather(3, right[:, None].expand(shape)) - low)


def seams_at(count: int, deepest: int, width: int) -> int:
    """Return the number of seams of a level that corresponds to ``count`` at the deepest level.

    The share of the width is equal in all levels.

    Args:
        count: number of seams at the deepest level.
        deepest: width of the deepest level in positions.
        width: width of the other level in positions.
    """
    return (2 * count * width + deepest) // (2 * deepest)  # exact rounding, halves up


def footprint(seams: Tensor, deep: tuple[int, int], fine: tuple[int, int], reach: int) -> Tensor:
    """Mark the positions of a finer level in the receptive fields of a deeper level's seams.

    Args:
        seams: (B, h, S) columns in the deep level.
        deep: height and width of the deep level.
        fine: height and width of the finer level.
        reach: extent of the receptive field beyond the stride's square, in finer positions.

    Returns:
        (B, H, W) bool.
    """
    marks = torch.zeros((*seams.shape[:2], deep[1]), device=seams.device)
    marks.scatter_(2, seams, 1.0)
    rows = torch.arange(fine[0], device=seams.device) * deep[0] // fine[0]
    columns = torch.arange(fine[1], device=seams.device) * deep[1] // fine[1]
    marked = marks[:, rows][:, :, columns]
    if reach:
        marked = functional.max_pool2d(marked, 2 * reach + 1, stride=1, padding=reach)
    return marked > 0


def hierarchical_carve(
    importances: Sequence[Tensor], count: int, *, alpha: float, reaches: Sequence[int]
) -> list[Carving]:
    """Carve all levels together, guided by the deepest level (DNR, section 3.1).

    After each seam of the deepest level, the corresponding share of seams is removed from the other
    levels, level by level. In each of them importance is lowered in the receptive fields of the
    seams removed so far in the next deeper level (Eq. 2). So the seams of all levels up to the k-th
    deep seam don't depend on the target, and one carve serves all widths.

    Args:
        importances: (B, H_l, W_l) for each level, the deepest first (Eq. 1).
        count: number of deep seams, at most the deepest level's width - 1.
        alpha: factor (0..1) of the importance in receptive fields of deeper seams; it is applied
            once, even where several fields overlap.
        reaches: for each level but the first, the extent of a receptive field of the next deeper
            level beyond its stride's square, in positions.

    Returns:
        The carving of each level, in the order of ``importances``.
    """
    carvings = [Carving(importance) for importance in importances]
    seen = [torch.zeros_like(importance, dtype=torch.bool) for importance in importances]
    deepest = importances[0].shape[2]
    for step in range(1, count + 1):
        new = [carvings[0].remove()]
        for level in range(1, len(importances)):
            importance = importances[level]
            (_, *deep), (_, *fine) = importances[level - 1].shape, importance.shape
            if new:
                seen[level] |= footprint(
                    torch.stack(new, 2), (deep[0], deep[1]), (fine[0], fine[1]), reaches[level - 1]
                )
            carvings[level].lower(seen[level], alpha)
            wanted = seams_at(step, deepest, importance.shape[2])
            new = [carvings[level].remove() for _ in range(wanted - carvings[level].steps)]
    return carvings


def affordable(carving: Carving, percentile: float) -> Tensor:
    """Count the first seams whose mean importance is within a percentile of the source's map.

    This is the multi-operator threshold of DNR: the carve ends before the first seam above it.

    Args:
        carving: the completed carving of the deepest level.
        percentile: the percentile, 0..100.

    Returns:
        The number of seams, (B,) int64.
    """
    batch = carving.importance.shape[0]
    flat = carving.importance.flatten(1)
    limit = torch.quantile(flat, percentile / 100, dim=1)
    steps = torch.arange(carving.steps, device=flat.device)
    of_step = carving.order.flatten(1)[:, None] == steps[:, None]
    means = (flat[:, None] * of_step).sum(2) / carving.importance.shape[1]
    within = torch.cat(
        [means <= limit[:, None], torch.zeros(batch, 1, dtype=torch.bool).to(flat.device)], 1
    )
    return within.long().cumprod(1).sum(1)
