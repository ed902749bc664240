"""Images of one input size go through a network together, where that pays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def group_by_shape(inputs: Sequence[Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """Join prepared images ``(3, H, W)`` into batches, and tell which of them each holds.

    Those of one size share a batch on an accelerator; on a CPU each is alone, which costs nothing
    there and makes the result independent of the company.

    Yields:
        The images' places, ascending, and ``(B, 3, H, W)`` of them, channels last.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, x in enumerate(inputs):
        key = tuple(x.shape) if x.device.type != "cpu" else (index,)
        groups.setdefault(key, []).append(index)
    for members in groups.values():
        batch = torch.stack([inputs[index] for index in members])
        yield members, batch.contiguous(memory_format=torch.channels_last)
