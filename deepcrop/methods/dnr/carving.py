"""Seams of DNR on feature maps: along either axis, removed or inserted."""

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
    """An image in feature space: all that seams are cut through."""

    taps: tuple[str, ...]
    """Names of the levels, the deepest first."""
    maps: tuple[Tensor, ...]
    """(1, C, h, w) of each level."""
    emphasis: tuple[Tensor, ...]
    """(1, 1, h, w) of each level: factors on the importance by where people look."""
    mapping: Tensor
    """(1, 2, H, W): where each pixel of the image lies in the source, in working pixels."""

    @property
    def importances(self) -> tuple[Tensor, ...]:
        """(1, h, w) of each level: the norm over the channels (Eq. 1), emphasised."""
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
    """Return how far beyond its stride's square each level is seen by the next deeper one.

    The theoretical receptive field of a deep neuron is most of the image; the convolutions between
    the two levels are what it adds to the one before.

    Args:
        taps: the deepest first.
        variant: of the network.
        whole: count those convolutions; else only the stride's square is seen.

    Returns:
        One less than there are taps, in positions of the finer level.
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
    """Return the whole deep seams in a change of width; what is left over is for the warp.

    Args:
        change: pixels to lose (positive) or to gain (negative).
        width: of the image in pixels.
        deepest: width of the deepest level.
        seam_share: part of the change that seams may make, 0..1. Insertion makes at most half a
            width.
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
    """Remove or insert whole deep seams, for every change of width that is asked for.

    An image is carved once for all its changes, and together with the others of its shape: seams
    are a loop of small steps, whose cost a batch shares. Each image follows its own importance, to
    its own threshold, so none depends on the others.

    Args:
        layers: of each image; the last level must have one position a pixel.
        changes: of each image, pixels to lose (positive) or to gain (negative).
        seam_share: of a change, the part that seams may make, 0..1.
        percentile: the multi-operator threshold, 0..100 (see `ops.seams.affordable`).
        alpha: of Eq. 2.
        reach: see `reaches`.

    Returns:
        Per image and change what the seams leave, on the device that it came from.
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
    """Group indices of images whose levels all have the same shapes."""
    groups: dict[tuple[torch.Size, ...], list[int]] = {}
    for index in indices:
        one = layers[index]
        shape = (one.mapping.shape, *(maps.shape for maps in one.maps))
        groups.setdefault(shape, []).append(index)
    return list(groups.values())


def _cut(layers: Layers, orders: Sequence[Tensor], count: int, insert: bool) -> Layers:
    """Remove or insert the first deep seams of an image, and their followers."""
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
