"""Where an image shows what a caption names: a map for each thing.

```python
maps = WordMaps(network, pixels)                 # uint8 (3, H, W)
found = maps.of(Thing("dog", "puppy", place="left"))
found.chance                                     # 0..1: how sure it is that there is one
found.values                                     # (64, 64), 0..1
```

A thing that the detector knows lies where its objects are; any other word lies where the word
detectors find it (:mod:`.word_detectors`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops.window_mass import cumulative, mass
from .coco_words import OBJECT_WORDS
from .objects import Objects
from .phrases import Thing

CELLS = 64
"""Number of rows and columns of a map."""
SEEN = 0.03
"""Least probability (0..1) with which a thing counts as seen."""
SURE = 0.15
"""Probability (0..1) from which a thing has its full weight beside aesthetics."""
ALONE = 4
"""Power of an object's prominence relative to the most prominent one of its kind: a caption in the
singular means that one, and the others barely count."""
UNSURE = 0.1
"""Probability (0..1) below which the user is told that a thing may not be there."""
LEAST = 0.02
"""Number added to shares (0..1) before the logarithm in the loss."""
FLOOR = 0.25
"""Share (0..1) of the maximum of a word's probabilities below which it is not there."""


@dataclass(frozen=True)
class Found:
    """Where a thing is.

    Attributes:
        chance: probability (0..1) that the image shows it.
        values: ``(CELLS, CELLS)`` over the whole image, 0..1.
    """

    chance: float
    values: Tensor


@dataclass(frozen=True)
class Sighting:
    """Where the things of a caption are in an image.

    Attributes:
        found: the things that are seen.
        unseen: the user's words for the others.
        unsure: the user's words for things that may not be there, of those seen.
    """

    found: tuple[Found, ...]
    unseen: tuple[str, ...]
    unsure: tuple[str, ...] = ()

    @cached_property
    def _integrals(self) -> list[tuple[Tensor, float]]:
        """The integral image of each map, and the share of the image that it covers."""
        return [(cumulative(each.values), float(each.values.mean())) for each in self.found]

    def loss(self, windows: Tensor, tightness: float) -> Tensor:
        """Return how badly windows show the things, ``(M,)``, differentiable; 0 is best.

        It is the mean over the things of ``-log(inside) - tightness * log(filled)``: the share of
        the thing inside the window, and the share of the window that the thing fills. A thing that
        may not be there counts less.

        Args:
            windows: ``(M, 4)`` in the form of :mod:`deepcrop.ops.window_sampling`.
            tightness: weight of the second term.
        """
        area = (windows[:, 2] * windows[:, 3]).clamp_min(1e-6)
        total = torch.zeros_like(area)
        for (integral, covered), found in zip(self._integrals, self.found, strict=True):
            inside = mass(integral, windows)
            filled = (inside * covered / area).clamp(max=1)
            weight = min(1.0, found.chance / SURE)
            total = total - weight * ((inside + LEAST).log() + tightness * (filled + LEAST).log())
        return total / max(len(self.found), 1)

    def fit(self, window: Tensor) -> float:
        """Return how well a window ``(4,)`` shows the things, 0..1.

        It is the geometric mean over the things of the chance that the image shows the thing, times
        the share of it inside the window. 0 if none is seen.
        """
        if not self.found:
            return 0.0
        shares = [float(mass(integral, window[None])[0]) for integral, _ in self._integrals]
        chances = [each.chance for each in self.found]
        logs = [math.log(max(c * s, 1e-6)) for c, s in zip(chances, shares, strict=True)]
        return math.exp(sum(logs) / len(logs))

    @property
    def values(self) -> Tensor:
        """The sum of the maps, ``(CELLS, CELLS)``."""
        return torch.stack([each.values for each in self.found]).sum(0)


class Words(Protocol):
    """A source of words' probabilities at each place of an image."""

    def __call__(self, word: str) -> Tensor:
        """Return a word's probability at each place ``(h, w)``, 0..1."""
        ...


class WordMaps:
    """The maps of things in one image.

    Args:
        objects: a function that returns the objects in the image, which is called at most once;
            None leaves all words to ``words``.
        words: probabilities of other words.
        pixels: the image, uint8 ``(3, H, W)``, whose colours are asked for.
    """

    def __init__(self, objects: Callable[[], Objects] | None, words: Words, pixels: Tensor) -> None:
        self._find, self._words, self._pixels = objects, words, pixels
        self._sightings: dict[tuple[Thing, ...], Sighting] = {}

    @cached_property
    def objects(self) -> Objects:
        """The objects in the image."""
        assert self._find is not None
        return self._find()

    @cached_property
    def small(self) -> Tensor:
        """The image with a pixel for each cell of a map, ``(3, CELLS, CELLS)``, 0..1."""
        pixels = self._pixels[None].float() / 255
        small = F.interpolate(pixels, (CELLS, CELLS), mode="bilinear", antialias=True)
        return small[0].clamp(0, 1)

    def sighting(self, things: tuple[Thing, ...]) -> Sighting:
        """Return where the things of a caption are, and which of them are not seen."""
        if things not in self._sightings:
            self._sightings[things] = self._sight(things)
        return self._sightings[things]

    def _sight(self, things: tuple[Thing, ...]) -> Sighting:
        found = {thing: self.of(thing) for thing in things}
        seen = {thing: each for thing, each in found.items() if each.chance >= SEEN}
        unseen = tuple(thing.said for thing in things if thing not in seen)
        unsure = tuple(thing.said for thing, each in seen.items() if each.chance < UNSURE)
        return Sighting(tuple(seen.values()), unseen, unsure)

    def of(self, thing: Thing) -> Found:
        """Return where a thing is."""
        classes = OBJECT_WORDS.get(thing.word)
        if classes is not None and self._find is not None:
            objects = self.objects.of(classes)
            if len(objects.scores):
                return self._painted(thing, objects)
            return Found(0.0, torch.zeros(CELLS, CELLS))
        likely = self._words(thing.word)
        chance = float(likely.max())
        relative = (likely / max(chance, 1e-6) - FLOOR).clamp_min(0) / (1 - FLOOR)
        values = F.interpolate(relative[None, None], (CELLS, CELLS), mode="bilinear")[0, 0]
        if thing.colour:
            values = values * colour_map(self.small, thing.colour)
        if thing.place:
            values = values * place_ramp(thing.place)
        return Found(chance, values)

    def _painted(self, thing: Thing, objects: Objects) -> Found:
        """Paint objects, each as much as it fits what the caption says of it."""
        masks = torch.stack([_box_mask(box) for box in objects.boxes])
        area = masks.sum((1, 2)).clamp_min(1e-3)
        fits = objects.scores.clone()
        if not thing.plural:
            prominence = objects.scores * area.sqrt()
            fits = fits * (prominence / prominence.max()) ** ALONE
        if thing.colour:
            coloured = (masks * colour_map(self.small, thing.colour)).sum((1, 2)) / area
            fits = fits * relative_to_most(coloured)
        if thing.place:
            placed = place_of(objects.boxes, thing.place)
            fits = fits * relative_to_most(placed)
        values = (masks * fits[:, None, None]).amax(0)
        return Found(float(objects.scores.max()), values / values.max().clamp_min(1e-6))


def relative_to_most(values: Tensor) -> Tensor:
    """Return how well each of several fits beside the one that fits best, squared."""
    return (values / values.max().clamp_min(1e-6)).square()


def _box_mask(box: Tensor) -> Tensor:
    """Return the share of each cell that a box covers, ``(CELLS, CELLS)``."""
    edges = torch.arange(CELLS, dtype=box.dtype)
    x0, y0, x1, y1 = (box * CELLS).unbind()
    across = (torch.minimum(x1, edges + 1) - torch.maximum(x0, edges)).clamp(0, 1)
    down = (torch.minimum(y1, edges + 1) - torch.maximum(y0, edges)).clamp(0, 1)
    return down[:, None] * across


def place_of(boxes: Tensor, place: str) -> Tensor:
    """Return how well boxes ``(n, 4)`` fit a place, 0..1; what is near stands low and is large."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clamp_min(0).sqrt()
    near = (boxes[:, 3] + side) / 2
    fits = {
        "left": 1 - x,
        "right": x,
        "top": 1 - y,
        "bottom": y,
        "middle": 1 - 2 * torch.maximum((x - 0.5).abs(), (y - 0.5).abs()),
        "front": near,
        "back": 1 - near,
    }
    return fits[place].clamp(0.01, 1)


def place_ramp(place: str) -> Tensor:
    """Return how well each cell fits a place, ``(CELLS, CELLS)``, 0..1."""
    along = (torch.arange(CELLS) + 0.5) / CELLS
    y, x = torch.meshgrid(along, along, indexing="ij")
    boxes = torch.stack([x, y, x, y], -1).flatten(0, 1)
    return place_of(boxes, place).view(CELLS, CELLS)


HUES = {
    "red": 0.0,
    "orange": 30.0,
    "yellow": 55.0,
    "green": 120.0,
    "blue": 220.0,
    "purple": 280.0,
    "pink": 335.0,
    "brown": 25.0,
}
"""Hues of colours in degrees."""


def colour_map(pixels: Tensor, colour: str) -> Tensor:
    """Return how well each pixel of ``(3, h, w)``, 0..1, fits a colour: ``(h, w)``, 0..1."""
    high, low = pixels.amax(0), pixels.amin(0)
    chroma = high - low
    saturation = chroma / high.clamp_min(1e-3)
    if colour in ("black", "white", "grey"):
        plain = (1 - 2 * saturation).clamp_min(0) if colour != "black" else torch.ones_like(high)
        middle = (1 - 2.5 * (high - 0.5).abs()).clamp_min(0)
        light = {"black": (1 - 3 * high).clamp_min(0), "white": (3 * high - 2).clamp_min(0)}
        return plain * light.get(colour, middle)
    distance = (hue(pixels) - HUES[colour] + 180) % 360 - 180
    near = (1 - distance.abs() / 40).clamp_min(0)
    strength = (2 * saturation).clamp(0, 1) * (3 * high).clamp(0, 1)
    dark = {"brown": (1.6 - 2 * high).clamp(0, 1), "orange": (2 * high - 0.8).clamp(0, 1)}
    return near * strength * dark.get(colour, torch.ones_like(high))


def hue(pixels: Tensor) -> Tensor:
    """Return the hue of pixels ``(3, h, w)`` in degrees, ``(h, w)``; 0 for grey ones."""
    red, green, blue = pixels
    high, low = pixels.amax(0), pixels.amin(0)
    chroma = (high - low).clamp_min(1e-6)
    sector = torch.where(
        high == red,
        ((green - blue) / chroma) % 6,
        torch.where(high == green, (blue - red) / chroma + 2, (red - green) / chroma + 4),
    )
    return torch.where(high == low, torch.zeros_like(high), 60 * sector)
