"""Seams of DNR on real feature maps: along either axis, removing or inserting, with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ..networks.vgg import VARIANTS, position, stride
from ..ops.seams import (
    Carving,
    affordable,
    doubled_columns,
    hierarchical_carve,
    kept_columns,
    sample_columns,
    seams_at,
)

PROTECTED = 1e3
"""Factor on the importance of what must stay."""
REMOVED = -1.0
"""Factor on the importance of what must go: below every other seam."""


@dataclass(frozen=True)
class Layers:
    """An image in feature space: all that seams are cut through."""

    taps: tuple[str, ...]
    """Names of the levels, the deepest first."""
    maps: tuple[Tensor, ...]
    """(1, C, h, w) of each level."""
    emphasis: tuple[Tensor, ...]
    """(1, 1, h, w) of each level: factors on the importance, 1 where nothing was asked for."""
    mapping: Tensor
    """(1, 2, H, W): where each pixel of the image lies in the source, in working pixels."""

    @property
    def importances(self) -> tuple[Tensor, ...]:
        """(1, h, w) of each level: the norm over the channels (Eq. 1), emphasised."""
        return tuple(
            maps.square().sum(1).sqrt() * emphasis[:, 0]
            for maps, emphasis in zip(self.maps, self.emphasis, strict=True)
        )

    def turned(self) -> Layers:
        """Return the same with rows and columns exchanged."""
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


@dataclass(frozen=True)
class Carve:
    """The longest carve along one axis (columns), and how much of it is affordable."""

    layers: Layers
    carvings: list[Carving]
    affordable: int
    """Deep seams within the threshold."""

    def apply(self, change: int, share: float) -> Layers:
        """Remove or insert as many deep seams as a change of width asks for and permits.

        Args:
            change: pixels of width to lose (positive) or to gain (negative).
            share: of the change, the part that seams may make, 0..1.
        """
        width = self.layers.mapping.shape[3]
        deepest = self.layers.maps[0].shape[3]
        count = min(deep_seams(change, width, deepest, share), self.affordable)
        if count == 0:
            return self.layers
        columns = []
        for carving in self.carvings:
            seams = seams_at(count, deepest, carving.importance.shape[2])
            pick = kept_columns if change > 0 else doubled_columns
            columns.append(pick(carving.order, seams))
        return replace(
            self.layers,
            maps=tuple(map(sample_columns, self.layers.maps, columns)),
            emphasis=tuple(map(sample_columns, self.layers.emphasis, columns)),
            mapping=sample_columns(self.layers.mapping, columns[-1]),
        )


def deep_seams(change: int, width: int, deepest: int, share: float) -> int:
    """Return the whole deep seams in a change of width; what is left over is for the warp.

    Args:
        change: pixels to lose (positive) or to gain (negative).
        width: of the image in pixels.
        deepest: width of the deepest level.
        share: of the change, the part that seams may make. Insertion makes at most half a width.
    """
    pixels = share * change if change > 0 else min(share * -change, width / 2)
    return min(int(pixels * deepest / width + 1e-9), deepest - 1)


def carve(
    layers: Layers,
    changes: Sequence[int],
    *,
    share: float,
    percentile: float,
    alpha: float,
    reach: Sequence[int],
) -> Carve:
    """Carve columns once for all changes of width that will be asked for.

    Args:
        layers: of one image; its last level must have one position a pixel.
        changes: pixels to lose (positive) or to gain (negative).
        share: see `Carve.apply`.
        percentile: the multi-operator threshold, 0..100 (see `ops.seams.affordable`).
        alpha: of Eq. 2.
        reach: see `reaches`.
    """
    width, deepest = layers.mapping.shape[3], layers.maps[0].shape[3]
    longest = max((deep_seams(c, width, deepest, share) for c in changes), default=0)
    carvings = hierarchical_carve(layers.importances, longest, alpha=alpha, reaches=reach)
    allowed = int(affordable(carvings[0], percentile)) if longest else 0
    return Carve(layers, carvings, allowed)


def aggregate(layers: Layers, weights: Sequence[float]) -> Tensor:
    """Add the importance maps of all levels, upsampled to the image (section 3.1).

    Each is divided by its mean first: activations of different layers have no common scale.

    Args:
        layers: of one image.
        weights: of the levels, in the order of ``layers``.

    Returns:
        (H, W), not negative, with mean 1 where the weights sum to 1 and no mask was given.
    """
    size = layers.mapping.shape[2:]
    total = torch.zeros(size, device=layers.mapping.device)
    for weight, importance, maps in zip(weights, layers.importances, layers.maps, strict=True):
        if weight > 0:
            mean = maps.square().sum(1).sqrt().mean().clamp_min(1e-12)
            scaled = (importance / mean).clamp_min(0)[None]
            total = (
                total
                + weight
                * torch.nn.functional.interpolate(
                    scaled, size, mode="bilinear", align_corners=False
                )[0, 0]
            )
    return total
