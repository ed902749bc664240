"""The part of Mars' head that reads a window's cells: what lies inside, along its edges, outside.

```python
cells = CellNetwork(WindowOptions())
scores = cells(x, guides, boxes, shape)     # (B, N), of windows (B, N, 4) in 0..1
```
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .window_options import WindowOptions

BREAKS = (-9.0, -0.12, 0.0, 0.12, 0.373, 0.627, 0.88, 1.0, 1.12, 10.0)
"""Borders of the cells along an axis, relative to the window (0..1); the outer ones are clipped to
the image."""
CELLS = len(BREAKS) - 1
"""Number of cells along an axis."""
GEOMETRY = 8
"""Number of inputs that describe the window's size and place."""


class CellNetwork(nn.Module):
    """The network that reads a window's cells, 9x9 inside and around it."""

    def __init__(self, options: WindowOptions) -> None:
        super().__init__()
        o = options
        self.learned = nn.Conv2d(o.width, o.learned, 1) if o.learned else None
        self.first = nn.Linear(CELLS * CELLS * (o.learned + o.guides) + GEOMETRY, o.hidden)
        self.second = nn.Linear(o.hidden, o.hidden)
        self.last = nn.Linear(o.hidden, 1, bias=False)
        self.dropped = o.dropout
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor, guides: Tensor, boxes: Tensor, shape: Tensor) -> Tensor:
        """Return the scores ``(B, N)`` of windows.

        Args:
            x: the head's features ``(B, width, G, G)``.
            guides: the maps ``(B, guides, H, W)`` of :meth:`WindowHead.features`.
            boxes: windows ``(B, N, 4)`` in 0..1 of the image's sides.
            shape: natural logarithm of the images' aspect ratios, ``(B,)``.
        """
        x0, y0, x1, y1 = boxes.unbind(-1)
        width, height = x1 - x0, y1 - y0
        breaks = boxes.new_tensor(BREAKS)
        columns = (x0[..., None] + width[..., None] * breaks).clamp(0, 1)
        rows = (y0[..., None] + height[..., None] * breaks).clamp(0, 1)
        masses = guides / guides.sum((2, 3), keepdim=True).clamp_min(1e-4)
        sums = [
            cover(edges[..., :-1], edges[..., 1:], side)
            for edges, side in zip((rows, columns), guides.shape[-2:], strict=True)
        ]
        seen = [_pooled(masses, *sums).clamp_min(0).sqrt()]
        if self.learned is not None:
            means = [_mean_cover(rows, x.shape[-2]), _mean_cover(columns, x.shape[-1])]
            seen.append(_pooled(self.learned(x.detach()), *means))
        left, top = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
        ratio = shape[:, None].expand_as(width)
        geometry = [width, height, (width * height).clamp_min(1e-4).log(), left, top]
        geometry += [left.abs(), top.abs(), ratio]
        inputs = torch.cat([*seen, torch.stack(geometry, -1)], -1)
        hidden = F.relu(self.first(self._drop(inputs)))
        score: Tensor = self.last(F.relu(self.second(self._drop(hidden))))[..., 0]
        return score

    def _drop(self, x: Tensor) -> Tensor:
        """Drop inputs ``(B, N, C)`` in training, the same ones for all windows of an image."""
        if not self.training:
            return x
        return x * F.dropout(x.new_ones(len(x), 1, x.shape[-1]), self.dropped)


def cover(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """Return the share (0..1) of each of ``cells`` cells between two places ``(...)`` in 0..1.

    Returns:
        ``(..., cells)``.
    """
    edge = torch.arange(cells, device=low.device, dtype=low.dtype)
    last = torch.minimum(high[..., None] * cells, edge + 1)
    return (last - torch.maximum(low[..., None] * cells, edge)).clamp(0, 1)


def _mean_cover(edges: Tensor, cells: int) -> Tensor:
    """Return the weights of ``cells`` cells in the mean between neighbouring edges.

    Spans of less than a quarter of a cell, such as those outside the image, count less.
    """
    found = cover(edges[..., :-1], edges[..., 1:], cells)
    return found / found.sum(-1, keepdim=True).clamp_min(0.25)


def _pooled(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sum maps ``(B, C, H, W)`` by weights ``(B, N, n, H)``, ``(B, N, n, W)``: ``(B, N, nCn)``."""
    batch, channels, height, width = maps.shape
    count, cells = rows.shape[1:3]
    flat = maps.permute(0, 2, 1, 3).reshape(batch, height, channels * width)
    down = torch.matmul(rows.reshape(batch, count * cells, height), flat)
    across = down.view(batch, count, cells * channels, width)
    return torch.matmul(across, columns.transpose(-1, -2)).flatten(2)
