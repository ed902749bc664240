"""Compute nearest-neighbour fields between feature maps by PatchMatch, in batches, on CPU and GPU.

```python
>>> field, similarity = search(result, source, start, patch=3, radius=6)
>>> field.shape                                  # (B, 2, h, w): source column and row
```

This is PatchMatch (Barnes et al., SIGGRAPH 2009) in feature space as in Liao et al., "Visual
Attribute Transfer through Deep Image Analogy" (arXiv 1705.01088), which DeepIR uses: features of
unit length, the negative inner product over patches as distance, propagation by jump flooding (8,
4, 2, 1 positions, four neighbours), and random search with a radius that halves.

Each step reads its candidates from a copy of the field before the step, and the random numbers
depend only on the seed and the map's size. So the result is deterministic on a device, and an
image's field is equal in any batch. Positions whose candidate equals their current match are
skipped.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class Patches:
    """Inner products between the patches of two feature maps.

    Args:
        result: (B, C, h, w) features of the result.
        source: (B, C, H, W) features of the source.
        patch: side of the patches in positions, odd.
    """

    def __init__(self, result: Tensor, source: Tensor, patch: int) -> None:
        """Normalise and pad the features, and store them so that a row of a patch is contiguous."""
        self.patch = patch
        self.shape = result.shape[-2:]
        self.within = source.shape[-2:]
        self._result, self._result_width = self._rows(result)
        self._source, self._source_width = self._rows(source)
        self._result_size = (result.shape[2] + patch - 1) * self._result_width
        self._source_size = (source.shape[2] + patch - 1) * self._source_width

    def _rows(self, features: Tensor) -> tuple[Tensor, int]:
        unit = functional.normalize(features.float(), dim=1, eps=1e-12)
        reach = self.patch // 2
        padded = functional.pad(unit.permute(0, 2, 3, 1), [0, 0, reach, reach, reach, reach])
        batch, height, width, channels = padded.shape
        flat = functional.pad(padded.reshape(-1, channels), [0, 0, 0, self.patch])
        rows = flat.as_strided(
            (batch * height * width, self.patch * channels), (channels, 1), flat.storage_offset()
        )
        return rows, width

    def similarity(self, image: Tensor, at: Tensor, candidate: Tensor) -> Tensor:
        """Return the mean inner product of two patches over the positions that are in both maps.

        Args:
            image: (N,) index of the image in the batch.
            at: (2, N) column and row in the result.
            candidate: (2, N) column and row in the source.

        Returns:
            (N,), -1 to 1; its negative is the distance.
        """
        here = image * self._result_size + at[1] * self._result_width + at[0]
        there = image * self._source_size + candidate[1] * self._source_width + candidate[0]
        total = torch.zeros(here.shape, device=here.device)
        for _ in range(self.patch):
            # The padding is zero, so positions outside the map add nothing.
            mine = self._result.index_select(0, here)
            total += (mine * self._source.index_select(0, there)).sum(-1)
            here = here + self._result_width
            there = there + self._source_width
        return total / self._valid(at, candidate)

    def _valid(self, at: Tensor, candidate: Tensor) -> Tensor:
        reach = self.patch // 2
        sides = []
        for axis, (mine, theirs) in enumerate(
            zip(reversed(self.shape), reversed(self.within), strict=True)
        ):
            before = torch.minimum(at[axis], candidate[axis]).clamp(max=reach)
            after = torch.minimum(mine - 1 - at[axis], theirs - 1 - candidate[axis])
            sides.append(before + after.clamp(max=reach) + 1)
        return (sides[0] * sides[1]).float()


def search(
    result: Tensor,
    source: Tensor,
    start: Tensor,
    *,
    patch: int = 3,
    radius: int | tuple[int, int] = 6,
    iterations: int = 10,
    steps: tuple[int, ...] = (8, 4, 2, 1),
    settled: float = 0.001,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return, for each position of ``result``, the most similar position of ``source``.

    Args:
        result: (B, C, h, w) features.
        source: (B, C, H, W) features of the same network layer.
        start: (B, 2, h, w) initial field; it is rounded, and clamped to the source.
        patch: side of the compared patches in positions, odd.
        radius: initial radius of the random search in positions, one for both axes or (columns,
            rows); along an axis with 0 the field keeps the values of ``start``.
        iterations: the most rounds of propagation and random search.
        steps: distances of propagation in each round, in positions.
        settled: an image's search ends after a round that changes fewer than this share (0..1) of
            its positions.
        seed: seed of the random search.

    Returns:
        The field (B, 2, h, w), whole numbers in float32, and the similarity (B, h, w), -1 to 1.
    """
    batch, _, height, width = result.shape
    limit = torch.tensor([source.shape[3] - 1, source.shape[2] - 1], device=result.device)
    state = _State(Patches(result, source, patch), start, limit)
    generator = torch.Generator().manual_seed(seed)
    reaches = (radius, radius) if isinstance(radius, int) else radius
    halvings = range(max(reaches).bit_length())
    active = torch.ones(batch, dtype=torch.bool, device=result.device)
    for _ in range(iterations):
        before = state.field.clone()
        for step in steps:
            _propagate(state, step, active)
        for halving in halvings:
            shift = torch.stack(
                [
                    torch.randint(-r, r + 1, (height * width,), generator=generator)
                    for r in (reach >> halving for reach in reaches)
                ]
            )
            state.offer(state.field + shift.to(result.device), active)
        changed = (state.field != before).any(1).float().mean(1)
        active &= changed >= settled
        if not active.any():
            break
    shape = (batch, 2, height, width)
    return state.field.view(shape).float(), state.best.view(batch, height, width)


class _State:
    """The current field (B, 2, hw) and its similarity."""

    def __init__(self, patches: Patches, start: Tensor, limit: Tensor) -> None:
        self.patches = patches
        self.batch, _, self.height, self.width = start.shape
        self.limit = limit.view(1, 2, 1)
        positions = torch.arange(self.height * self.width, device=start.device)
        self.at = torch.stack([positions % self.width, positions // self.width])
        self.field = self._inside(start.flatten(2).round().long())
        image = torch.arange(self.batch, device=start.device)
        images = image.repeat_interleave(positions.numel())
        self.best = patches.similarity(
            images, self.at.repeat(1, self.batch), self.field.transpose(0, 1).flatten(1)
        ).view(self.batch, -1)

    def _inside(self, field: Tensor) -> Tensor:
        return field.clamp(min=0).minimum(self.limit)

    def offer(self, candidate: Tensor, active: Tensor) -> None:
        """Accept the candidate (B, 2, hw) at positions where it is better, in active images."""
        candidate = self._inside(candidate)
        new = (candidate != self.field).any(1) & active[:, None]
        image, position = new.nonzero(as_tuple=True)
        if not image.numel():
            return
        proposed = candidate[image, :, position].T
        similarity = self.patches.similarity(image, self.at[:, position], proposed)
        better = similarity > self.best[image, position]
        image, position = image[better], position[better]
        self.best[image, position] = similarity[better]
        self.field[image, :, position] = proposed[:, better].T


def _propagate(state: _State, step: int, active: Tensor) -> None:
    """Try the matches of each position's four neighbours at a distance, shifted accordingly."""
    grid = state.field.view(state.batch, 2, state.height, state.width).clone()
    for dx, dy in ((-step, 0), (step, 0), (0, -step), (0, step)):
        rows = (torch.arange(state.height, device=grid.device) + dy).clamp(0, state.height - 1)
        columns = (torch.arange(state.width, device=grid.device) + dx).clamp(0, state.width - 1)
        neighbour = grid[:, :, rows][:, :, :, columns].flatten(2)
        # The actual distance, which is less than the step at the border.
        moved = torch.stack(
            [
                columns.repeat(state.height) - state.at[0],
                rows.repeat_interleave(state.width) - state.at[1],
            ]
        )
        state.offer(neighbour - moved, active)


def exhaustive(result: Tensor, source: Tensor, *, patch: int = 3) -> tuple[Tensor, Tensor]:
    """Return the exact field by trying every position of the source, for small maps.

    Args:
        result: (B, C, h, w) features.
        source: (B, C, H, W) features of the same network layer.
        patch: side of the compared patches in positions, odd.

    Returns:
        The field and the similarity as of `search`; ties go to the first position in row order.
    """
    batch, _, height, width = result.shape
    patches = Patches(result, source, patch)
    rows, columns = source.shape[-2:]
    device = result.device
    candidates = torch.arange(rows * columns, device=device)
    candidate = torch.stack([candidates % columns, candidates // columns])
    field = torch.zeros(batch, 2, height, width, device=device)
    best = torch.zeros(batch, height, width, device=device)
    for image in range(batch):
        number = torch.full_like(candidates, image)
        for y in range(height):
            for x in range(width):
                at = torch.tensor([[x], [y]], device=device).expand(-1, candidates.numel())
                similarity, index = patches.similarity(number, at, candidate).max(0)
                best[image, y, x] = similarity
                field[image, :, y, x] = candidate[:, index].float()
    return field, best
