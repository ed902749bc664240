"""Differentiable sums of a map over windows.

```python
integral = cumulative(values)                # once for each map
inside = mass(integral, windows)             # (M,), share of the map's sum
```

The format of windows is that of :mod:`.window_sampling`: centre and half sides in -1..1.
"""

from __future__ import annotations

from torch import Tensor


def cumulative(values: Tensor) -> Tensor:
    """Return the integral image ``(h + 1, w + 1)`` of a map ``(h, w)``, its sum scaled to 1."""
    table = values.new_zeros(values.shape[0] + 1, values.shape[1] + 1)
    table[1:, 1:] = values.cumsum(0).cumsum(1)
    return table / table[-1, -1].clamp_min(1e-12)


def mass(integral: Tensor, windows: Tensor) -> Tensor:
    """Return the share of a map inside windows ``(M, 4)``, ``(M,)``, 0..1; differentiable."""
    x, y, half_width, half_height = (windows[:, each] for each in range(4))
    rows, columns = integral.shape[0] - 1, integral.shape[1] - 1
    top, bottom = ((y + sign * half_height + 1) / 2 * rows for sign in (-1, 1))
    left, right = ((x + sign * half_width + 1) / 2 * columns for sign in (-1, 1))
    return (
        _at(integral, bottom, right)
        - _at(integral, top, right)
        - _at(integral, bottom, left)
        + _at(integral, top, left)
    ).clamp(0, 1)


def _at(table: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Interpolate a table bilinearly at places ``(M,)`` in its rows and columns."""
    row, column = row.clamp(0, table.shape[0] - 1), column.clamp(0, table.shape[1] - 1)
    above = row.detach().floor().clamp(max=table.shape[0] - 2).long()
    before = column.detach().floor().clamp(max=table.shape[1] - 2).long()
    down, across = row - above, column - before
    upper = table[above, before] * (1 - across) + table[above, before + 1] * across
    lower = table[above + 1, before] * (1 - across) + table[above + 1, before + 1] * across
    return upper * (1 - down) + lower * down
