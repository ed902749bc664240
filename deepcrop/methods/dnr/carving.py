"""Remove and insert DNR's seams in feature maps, along either axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ...networks.vgg import VARIANTS, position, stride
from ...ops.seams import (
    affordable,
    doubled_columns,
    hierarchical_carve,
    kept_columns,
    sample_columns,
    seams_at,
)


@dataclass(frozen=True)
class Layers:
    """An image in feature space: all maps from which seams are removed."""

    taps: tuple[str, ...]
    """The names of the levels, the deepest first."""
    maps: tuple[Tensor, ...]
    """The feature map of each level, (1, C, h, w)."""
    emphasis: tuple[Tensor, ...]
    """The factors of the importance by saliency in each level, (1, 1, h, w)."""
    mapping: Tensor
    """The position of each pixel in the source, (1, 2, H, W) in working pixels."""

    @property
    def importances(self) -> tuple[Tensor, ...]:
        """The importance map of each level, (1, h, w): emphasis times channel norm (Eq. 1)."""
        return tuple(
            maps.square().sum(1).sqrt() * emphasis[:, 0]
            for maps, emphasis in zip(self.maps, self.emphasis, strict=True)
        )

    def transposed(self) -> Layers:
        """Return the layers with rows and columns exchanged."""
        return replace(
            self,
            maps=tuple(m.transpose(2, 3) for m in self.maps),
            emphasis=tuple(e.transpose(2, 3) for e in self.emphasis),
            mapping=self.mapping.transpose(2, 3),
        )


def reaches(taps: Sequence[str], variant: str, whole: bool) -> list[int]:
    """Return the extent of each receptive field beyond its stride's square, level by level.

    The theoretical receptive field of a deep neuron is most of the image. Here, only the
    convolutions between a level and the next deeper one count.

    Args:
        taps: the names of the levels, the deepest first.
        variant: the variant of VGG.
        whole: whether to count these convolutions; otherwise the extent is 0.

    Returns:
        The extent of the next deeper level's field for each level but the deepest, in positions of
        the finer level.
    """
    found = []
    for deep, fine in pairwise(taps):
        seen = 0
        first, last = position(fine, variant), position(deep, variant)
        for block, convolutions in enumerate(VARIANTS[variant], start=1):
            for index in range(1, len(convolutions) + 1):
                tap = f"relu{block}_{index}"
                if first < position(tap, variant) <= last:
                    seen += stride(tap) // stride(fine)
        found.append(seen if whole else 0)
    return found


def deep_seams(change: int, width: int, deepest: int, seam_share: float) -> int:
    """Return the number of deep seams for a change of width; the warp makes the rest of the change.

    Args:
        change: pixels to remove (positive) or to insert (negative).
        width: width of the image in pixels.
        deepest: width of the deepest level in positions.
        seam_share: the largest share (0..1) of the change that seams make. At most half of the
            width is inserted.
    """
    pixels = seam_share * change if change > 0 else min(seam_share * -change, width / 2)
    return min(int(pixels * deepest / width + 1e-9), deepest - 1)


def carve(
    layers: Sequence[Layers],
    changes: Sequence[Sequence[int]],
    *,
    seam_share: float,
    percentile: float,
    alpha: float,
    reach: Sequence[int],
) -> list[list[Layers]]:
    """Remove or insert deep seams for all requested changes of width.

    An image is carved once for all its changes, together with the other images of its shape,
    because carving is a loop of small steps whose overhead a batch shares. The results of images
    are independent: each has its own importance and threshold.

    Args:
        layers: the layers of each image; the last level must have one position for each pixel.
        changes: for each image, the numbers of pixels to remove (positive) or to insert (negative).
        seam_share: the largest share (0..1) of a change that seams make.
        percentile: the multi-operator threshold, 0..100 (see `ops.seams.affordable`).
        alpha: the factor alpha of Eq. 2, 0..1.
        reach: the result of `reaches`.

    Returns:
        For each image and change the layers after carving, on the device of the input.
    """
    wanted = [
        [
            deep_seams(change, one.mapping.shape[3], one.maps[0].shape[3], seam_share)
            for change in row
        ]
        for one, row in zip(layers, changes, strict=True)
    ]
    cut = [[one] * len(row) for one, row in zip(layers, changes, strict=True)]
    for group in same_shape(layers, [i for i, row in enumerate(wanted) if any(row)]):
        importances = [
            torch.cat(level).cpu()
            for level in zip(*(layers[i].importances for i in group), strict=True)
        ]
        longest = max(max(wanted[i]) for i in group)
        carvings = hierarchical_carve(importances, longest, alpha=alpha, reaches=reach)
        allowed = affordable(carvings[0], percentile).tolist()
        orders = [carving.order for carving in carvings]
        for at, index in enumerate(group):
            own = [order[at : at + 1] for order in orders]
            cut[index] = [
                _cut(layers[index], own, min(count, allowed[at]), change < 0)
                for count, change in zip(wanted[index], changes[index], strict=True)
            ]
    return cut


def same_shape(layers: Sequence[Layers], indices: Iterable[int]) -> list[list[int]]:
    """Group the indices of images whose levels have equal shapes."""
    groups: dict[tuple[torch.Size, ...], list[int]] = {}
    for index in indices:
        one = layers[index]
        shape = (one.mapping.shape, *(maps.shape for maps in one.maps))
        groups.setdefault(shape, []).append(index)
    return list(groups.values())


def _cut(layers: Layers, orders: Sequence[Tensor], count: int, insert: bool) -> Layers:
    """Remove or insert the first deep seams of an image, and the corresponding finer seams."""
    if count == 0:
        return layers
    deepest = orders[0].shape[2]
    pick = doubled_columns if insert else kept_columns
    columns = [
        pick(order, seams_at(count, deepest, order.shape[2])).to(layers.mapping.device)
        for order in orders
    ]
    return replace(
        layers,
        maps=tuple(map(sample_columns, layers.maps, columns)),
        emphasis=tuple(map(sample_columns, layers.emphasis, columns)),
        mapping=sample_columns(layers.mapping, columns[-1]),
    )
