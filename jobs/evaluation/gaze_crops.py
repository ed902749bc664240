"""Crop boxes for Mars from where people looked: the training set that our own weights had.

For a view of a photo (the whole, or a random part of it) and a ratio, the box is the smallest
window of the ratio that holds a given part of what the largest such window could hold of a
fixation density. Each box is made from a random half of the viewers and with a random part, so
that the boxes of a view disagree where people do: what the network learns by binary cross-entropy,
the share of boxes over each pixel, is then a graded cropping area. A part is ``1 - u ** 2``, u
uniform in 0..1: every size of box occurs, and large ones more often. Some boxes are
the smallest windows around one fixation each instead, which tell exactly where people looked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepcrop.geometry import AspectRatio, Box, Focal, Size
from deepcrop.methods.saliency import SaliencyCrop
from deepcrop.ops.coverage import coverage
from jobs.training.croppings import Cropping
from jobs.training.datasets import Floats, GazePhoto, density, gaze, read_photo, unlabelled_paths

CELLS = 32
"""Longer side of the grid on which fixations are blurred; windows lie between its cells too."""
SIZES = 14
"""Sizes that are tried, from the smallest to the largest."""
PLACES = 25
"""Places that are tried along each axis."""
VIEWERS, LOOKS = 15, 9
"""Viewers of a photo without gaze, and fixations of each, about as many as OSIE's."""
LOOKED_AT = 640
"""Longest edge of such a photo when its map is made."""


@dataclass(frozen=True)
class GazeCrops:
    """The parameters by which boxes are made from fixations.

    Attributes:
        views: views of each photo; the first is the whole photo.
        ratios: random aspect ratios in [0.5, 2] of each view.
        samples: boxes of each view and ratio, from as many random choices of viewers.
        point_boxes: share of the boxes that are drawn around single points, 0..1.
        smallest: sides of the smallest box over those of the largest window.
        viewers: share of the viewers that one box is made from.
        seed: seed of all random choices.
    """

    views: int = 3
    ratios: int = 6
    samples: int = 16
    point_boxes: float = 0.3
    smallest: float = 0.08
    viewers: float = 0.5
    seed: int = 0

    def of(self, photos: Iterable[GazePhoto]) -> Iterator[Cropping]:
        """Make all boxes of all views of photos."""
        for index, photo in enumerate(photos):
            random = np.random.default_rng((self.seed, index))
            for number in range(self.views):
                whole = Box(0, 0, photo.size.width, photo.size.height)
                view = random_view(photo.size, random) if number else whole
                yield from self._view(photo, view, random)

    def _view(self, photo: GazePhoto, view: Box, random: np.random.Generator) -> Iterator[Cropping]:
        """Make the boxes of one view."""
        points, inside = points_in(photo, view)
        if inside.sum() < 8:
            return
        viewers, size = photo.viewers[inside], view.size
        people = np.unique(viewers)
        count = max(1, round(self.viewers * len(people)))
        halves = [np.isin(viewers, random.permutation(people)[:count]) for _ in range(self.samples)]
        grid = size.fit(CELLS)
        densities = np.stack(
            [density(points[half], grid.height, grid.width).numpy() for half in halves]
        )
        ratios = 2 ** random.uniform(-1, 1, self.ratios)
        shapes = ratios * size.height / size.width
        parts = 1 - random.uniform(0, 1, (self.samples, self.ratios)) ** 2
        boxes = windows(densities, shapes, parts, self.smallest)
        chosen = points[random.integers(0, len(points), parts.shape)]
        around_point = random.uniform(0, 1, parts.shape) < self.point_boxes
        boxes = np.where(around_point[..., None], windows_at(chosen, shapes, self.smallest), boxes)
        for row in (boxes * ([size.width, size.height] * 2)).round().astype(int):
            for ratio, (x0, y0, x1, y1) in zip(ratios, row, strict=True):
                box = Box(view.x0 + x0, view.y0 + y0, view.x0 + x1, view.y0 + y1)
                yield Cropping(photo.name, float(ratio), box, view)

    def boxes_of(
        self, points: Floats, size: Size, aspects: Sequence[AspectRatio], enough: float
    ) -> list[Box]:
        """Return the boxes of all viewers together, for some aspect ratios.

        Args:
            points: ``(n, 2)`` fixations in 0..1 of the photo.
            size: size of the photo in pixels.
            aspects: the ratios.
            enough: part of what the largest window can hold.
        """
        grid = size.fit(CELLS)
        densities = density(points, grid.height, grid.width).numpy()[None]
        ratios = np.array([float(aspect) for aspect in aspects]) * size.height / size.width
        parts = np.full((1, len(aspects)), enough)
        boxes = windows(densities, ratios, parts, self.smallest)[0]
        scaled = (boxes * ([size.width, size.height] * 2)).round().astype(int)
        return [Box(*(int(corner) for corner in corners)) for corners in scaled]


def windows(densities: Floats, ratios: Floats, enough: Floats, smallest: float) -> Floats:
    """Find the smallest windows that hold enough of what the largest ones can hold.

    All sizes and places are tried at once: the share inside a window is ``rows @ density @
    columns``, with how much of each row and column the window covers.

    Args:
        densities: ``(S, h, w)``, each with the sum 1.
        ratios: ``(R,)`` width over height, both in 0..1 of the view.
        enough: ``(S, R)`` part of the largest window's share.
        smallest: sides of the smallest window over those of the largest.

    Returns:
        ``(S, R, 4)`` x0, y0, x1, y1 in 0..1 of the view.
    """
    zoom = np.linspace(smallest, 1, SIZES)
    width = zoom * np.minimum(1, ratios)[:, None]  # (R, K)
    height = zoom * np.minimum(1, 1 / ratios)[:, None]
    place = np.linspace(0, 1, PLACES)
    x0, y0 = place * (1 - width)[..., None], place * (1 - height)[..., None]  # (R, K, P)
    across = coverage(x0, x0 + width[..., None], densities.shape[2])  # (R, K, P, w)
    down = coverage(y0, y0 + height[..., None], densities.shape[1])
    half = np.einsum("rkph,shw->srkpw", down, densities, optimize=True)
    share = half @ across.swapaxes(-1, -2)  # (S, R, K, Py, Px)
    share = share.reshape(*share.shape[:3], -1)
    best = share.max(-1)
    size = (best >= enough[..., None] * best[..., -1:]).argmax(-1)  # (S, R)
    s, r = np.indices(size.shape)
    row, column = np.divmod(share[s, r, size].argmax(-1), PLACES)
    left, top = x0[r, size, column], y0[r, size, row]
    return np.stack([left, top, left + width[r, size], top + height[r, size]], -1)


def windows_at(centres: Floats, ratios: Floats, zoom: float) -> Floats:
    """Return windows around points, shifted inside: ``(S, R, 4)`` x0, y0, x1, y1 in 0..1.

    Args:
        centres: ``(S, R, 2)`` x, y in 0..1 of the view.
        ratios: ``(R,)`` width over height, both in 0..1 of the view.
        zoom: sides over those of the largest window.
    """
    sides = zoom * np.stack([np.minimum(1, ratios), np.minimum(1, 1 / ratios)], -1)  # (R, 2)
    corner = np.clip(centres - sides / 2, 0, 1 - sides)
    return np.concatenate([corner, corner + sides], -1)


def training_photos(shared: Path) -> list[GazePhoto]:
    """Read the gaze photos that are for training, their names relative to ``shared/data``."""
    return [
        replace(photo, name=photo.name.replace("/", "/images/"))
        for photo in gaze(shared, longest=64).train
    ]


def pseudo_gaze_photos(
    shared: Path, maps: Callable[[Tensor], Tensor], seed: int = 0
) -> Iterator[GazePhoto]:
    """Read the photos without gaze, with fixations drawn from maps of where people look.

    Args:
        shared: folder that holds ``data/``; names are relative to ``shared/data``.
        maps: from a photo, uint8 ``(3, h, w)``, to a non-negative map of any size.
        seed: seed of the drawn fixations.
    """
    for index, path in enumerate(unlabelled_paths(shared)):
        image, size = read_photo(path, LOOKED_AT)
        random = np.random.default_rng((seed, index))
        points = drawn(maps(image).double().numpy(), VIEWERS * LOOKS, random)
        viewers = np.repeat(np.arange(VIEWERS), LOOKS)
        yield GazePhoto(str(path.relative_to(shared / "data")), image, size, points, viewers)


def mean_map(methods: Sequence[SaliencyCrop], image: Tensor) -> Tensor:
    """Return the mean of methods' maps of a photo and of its mirror image, ``(h, w)``, sum 1.

    Args:
        methods: methods that analyse the same number of pixels.
        image: uint8 ``(3, h, w)``.
    """
    total = torch.zeros(())
    for method in methods:
        straight, mirrored = method.maps([image, image.flip(-1)])
        total = total + straight / straight.sum() + mirrored.flip(-1) / mirrored.sum()
    return total / (2 * len(methods))


def drawn(saliency: Floats, count: int, random: np.random.Generator) -> Floats:
    """Draw points ``(count, 2)``, x and y in 0..1, with the probabilities of a map ``(h, w)``."""
    height, width = saliency.shape
    chosen = random.choice(saliency.size, count, p=saliency.ravel() / saliency.sum())
    row, column = np.divmod(chosen, width)
    corner = np.stack([column, row], 1)
    points: Floats = (corner + random.uniform(0, 1, (count, 2))) / (width, height)
    return points


def points_in(photo: GazePhoto, view: Box) -> tuple[Floats, np.ndarray]:
    """Return the fixations inside a view in 0..1 of it, and which of the photo's they are."""
    sides = np.array([photo.size.width, photo.size.height])
    moved = (photo.points * sides - (view.x0, view.y0)) / (view.size.width, view.size.height)
    inside = ((moved >= 0) & (moved < 1)).all(1)
    return moved[inside], inside


def random_view(size: Size, random: np.random.Generator) -> Box:
    """Choose a part of a photo, of a random shape between 2:3 and 3:2 and a random size."""
    shape = 1.5 ** random.uniform(-1, 1)
    aspect = AspectRatio(round(1000 * shape), 1000)
    largest = aspect.largest_window(size)
    zoom = math.sqrt(random.uniform(0.45, 1.0))
    window = Size(max(1, round(zoom * largest.width)), max(1, round(zoom * largest.height)))
    centre: Focal = (random.uniform(0, 1), random.uniform(0, 1))
    return Box.centred(window, centre, size)
