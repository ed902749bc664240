"""What Mars reads of one pass of the saliency network: deep features, gaze, heads, subject."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..saliency.faces import TAPS as FACE_TAPS
from ..saliency.model import SaliencyNetwork
from ..saliency.sam import resize
from .cells import cover

GRID = 16
"""Number of rows and columns of the grid on which the head sees an image of any shape."""
FINE = 32
"""Number of rows and columns of the maps of gaze, heads and subject."""
DEEP = (13, 17)
"""Indices of the trunk's blocks whose features are read, 96 + 320 channels."""


class Seen(NamedTuple):
    """What the network tells about one image.

    Attributes:
        deep: features of the trunk at their own resolution, ``(416, H / 16, W / 16)``.
        guides: the density of gaze and the probabilities of heads ``(2, 32, 32)``; and that of the
            subject ``(3, 32, 32)``, if the network finds it.
        faces: faces of people ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the probability.
        animals: heads of animals ``(n, 5)``; none if the network doesn't find them.
    """

    deep: Tensor
    guides: Tensor
    faces: Tensor
    animals: Tensor


class Sight(SaliencyNetwork):
    """The saliency network, with access to its features."""

    @property
    def guides(self) -> int:
        """The number of maps in :attr:`Seen.guides`."""
        return 2 if self.scene is None else 3

    def look(self, x: Tensor) -> list[Seen]:
        """Run the trunk once.

        Args:
            x: the input of :meth:`~deepcrop.networks.saliency.model.SaliencyNetwork.forward`.
        """
        details = () if self.options.detail is None else (self.options.detail,)
        taps = sorted({*self.options.taps, *DEEP, *details, *FACE_TAPS})
        features = dict(zip(taps, self.trunk.features(x, taps), strict=True))
        wide = self._rounds(features)
        score = self.readout(wide, self._fine(features))
        gaze = self._density(score, (x.shape[-2] // 4, x.shape[-1] // 4))
        size = features[DEEP[-1]].shape[-2:]
        deep = torch.cat([resize(features[tap], size) for tap in DEEP], 1).float()
        found = self._find(features, wide)
        return [
            Seen(each, _guides(density, *more[:3]), more.faces, more.animals)
            for each, density, more in zip(deep, gaze, found, strict=True)
        ]


def _guides(gaze: Tensor, faces: Tensor, animals: Tensor, subject: Tensor | None) -> Tensor:
    """Return the guides of an image; see :class:`Seen`."""
    whole = gaze.new_tensor([0.0, 0.0, 1.0, 1.0])
    maps = [regridded(gaze[None], whole, FINE)[0], head_map(torch.cat([faces, animals]))]
    if subject is not None:
        maps.append(regridded(subject[None], whole, FINE)[0])
    return torch.stack(maps)


def regridded(maps: Tensor, frame: Tensor, cells: int = GRID) -> Tensor:
    """Return the means of maps in the cells of a square grid over a part of the image.

    Args:
        maps: ``(C, h, w)``, constant inside each of their own cells.
        frame: the part (x0, y0, x1, y1) in 0..1 of the image's sides.
        cells: number of rows and columns of the grid.

    Returns:
        ``(C, cells, cells)``.
    """
    edges = torch.linspace(0, 1, cells + 1, device=maps.device)
    weights = []
    for low, high, side in zip(frame[:2], frame[2:], maps.shape[:0:-1], strict=True):
        places = (low + (high - low) * edges).clamp(0, 1)
        found = cover(places[:-1], places[1:], side)
        weights.append(found / found.sum(-1, keepdim=True).clamp_min(1e-6))
    columns, rows = weights
    result: Tensor = rows @ maps @ columns.T
    return result


def mirror(boxes: Tensor) -> Tensor:
    """Mirror windows ``(..., 4)`` in 0..1."""
    sign, shift = boxes.new_tensor([-1.0, 1.0, -1.0, 1.0]), boxes.new_tensor([1.0, 0.0, 1.0, 0.0])
    return boxes[..., [2, 1, 0, 3]] * sign + shift


def head_map(faces: Tensor, cells: int = FINE) -> Tensor:
    """Return the share of each cell of a square grid that faces ``(n, 4+)`` cover, at most 1."""
    x0, y0, x1, y1 = faces[:, :4].T
    each = cover(y0, y1, cells)[:, :, None] * cover(x0, x1, cells)[:, None]
    return each.sum(0).clamp(max=1)
