"""Group images into batches of one input size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def group_by_shape(inputs: Sequence[Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """Group preprocessed images ``(3, H, W)`` into batches of one size.

    On an accelerator, images of one size share a batch. On a CPU each image is a batch of its own,
    which isn't slower there and makes its result independent of the other images.

    Yields:
        The images' indices in ascending order, and their batch ``(B, 3, H, W)``, channels last.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, x in enumerate(inputs):
        key = tuple(x.shape) if x.device.type != "cpu" else (index,)
        groups.setdefault(key, []).append(index)
    for members in groups.values():
        batch = torch.stack([inputs[index] for index in members])
        yield members, batch.contiguous(memory_format=torch.channels_last)
