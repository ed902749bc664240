"""The crop method Mars: the window of any size that people would most probably choose.

```python
method = load("mars")                       # or load("mars", window="largest")
method.boxes([photo], ["1:1", "16:9"])
```

The network predicts a cropping area for each aspect ratio (D. Li, J. Zhang, K. Huang, "Learning to
learn cropping models for different aspect ratio requirements", CVPR 2020). By default the window is
the one with the largest expected overlap with the crop that people would choose, of all sizes and
places; option ``window`` has the paper's medians, and the largest window of the ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...flags import Flag
from ...geometry import AspectRatio, Box, Focal, RatioLike, Size
from ...ops.box_search import SumTable
from ...ops.windows import Integral, Window, best_window, expand_to_contain
from ..base import (
    Crop,
    CropMethod,
    Finder,
    Hints,
    Part,
    Photo,
    Trained,
    as_array,
    options_of,
    read_inputs,
)
from ..face_protection import face_box, head_of, head_parts
from ..notebook import Answers
from .area import exact_window, read_area
from .choice import Rules, Scorer, choose
from .networks import Looked, Looker, longest_edge, looker_of

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

    from ..subject_protection import Standing

Floats = NDArray[np.float64]

SQUARE = AspectRatio(1, 1)
"""The aspect ratio whose cropping area gives the focal point, for all requested ratios."""


@dataclass(frozen=True)
class _Image:
    """What is known about an image beside its cropping areas."""

    size: Size
    hint: Hints
    looked: Looked
    standing: Standing | None

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        found = head_parts(self.looked.faces, self.size)
        animals = self.looked.animals[:, :4].tolist()
        found += tuple(Part(face_box(each, self.size), Flag.HEAD_CUT) for each in animals)
        return found + (self.standing.parts(aspect) if self.standing else ())


class MarsCrop(CropMethod, Trained):
    """The method Mars, whose windows may be smaller than the largest of their ratio."""

    name: ClassVar[str] = "mars"
    summary: ClassVar[str] = "the window that people would most probably choose (Mars)"
    weights: ClassVar[str | None] = "mars"
    score_meaning: ClassVar[str] = (
        "the probability that a person prefers the crop to the largest centred window, 0 to 1"
    )

    @dataclass(frozen=True)
    class Options:
        """The options of Mars."""

        window: Literal["predicted", "largest", "medians"] = "predicted"
        """How a cropping area becomes a window.

        "predicted" takes the window, of any size, with the largest expected IoU with the crop that
        people would choose. "largest" does so among the largest windows of the ratio. "medians" is
        the paper's: a threshold, and medians of the cells that reach it.
        """
        minimum_zoom: Annotated[float, Field(gt=0, le=1)] = 0.5
        """Sides of the smallest allowed window relative to those of the largest, 0..1; not for
        "medians"."""
        threshold: Annotated[float, Field(gt=0, lt=1)] = 0.4
        """Least probability (theta) of a place in the cropping area, for "medians" and for the
        focal point."""
        faces: Annotated[float, Field(ge=0, le=10)] = 2.0
        """How far a window's score may fall to avoid cutting a head of a person or an animal. 0
        cuts heads like anything else; not for "medians"."""
        plain_ground: bool = True
        """Whether the window shows a subject on a plain background whole and centred if the ratio
        has room for it, as with the method ``saliency``; not for "medians"."""
        pixels: Annotated[int, Field(ge=1024, le=2**22)] | None = None
        """Area of the network's input in pixels, to which the time is proportional; None uses the
        area of the weights, 432x576."""

    def __init__(self, looker: Looker, options: Options | None = None) -> None:
        """Create the method.

        Args:
            looker: a network that is ready for inference on its device.
            options: the options; None: the defaults.
        """
        self.looker = looker
        self.options = options or self.Options()

    @property
    def analysis(self) -> int:
        """The longest edge of analysed images in pixels; see :attr:`.base.CropMethod.analysis`."""
        return self.looker.longest

    @classmethod
    def analysis_of(cls, options: DataclassInstance, metadata: Mapping[str, str]) -> int:
        """Return the longest edge of analysed images for options and the metadata of weights."""
        return longest_edge(metadata, options_of(cls.Options, options).pixels)

    @classmethod
    def from_weights(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        options: DataclassInstance | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Build the method from the contents of a weights file."""
        chosen = options_of(cls.Options, options)
        return cls(looker_of(state, metadata, device, pixels=chosen.pixels), chosen)

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return one crop for each image and ratio; see :class:`~..base.CropMethod`.

        The score is the probability that a person prefers the crop to the largest centred window of
        the ratio. The focal point is the median of the cropping area for a square.
        """
        tensors, ratios, sizes, hints = read_inputs(images, aspects, sizes, hints)
        finders = self.finders(tensors, ratios, sizes=sizes)
        crops = [find(hint) for find, hint in zip(finders, hints, strict=True)]
        return Answers.of(crops, tensors, ratios, sizes)

    def finders(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
    ) -> list[Finder]:
        """Look at images, and return what finds their crops; see :class:`..base.Remembering`."""
        tensors, ratios, sizes, _ = read_inputs(images, aspects, sizes, None)
        looked = self.looker.look(tensors, [*ratios, SQUARE])
        finders: list[Finder] = []
        for image, seen, size in zip(tensors, looked, sizes, strict=True):
            if not self.options.faces:
                seen = replace(seen, faces=seen.faces[:0], animals=seen.animals[:0])
            one = _Image(size, Hints(), seen, self._standing(image, size))
            finders.append(partial(self._crops, one, ratios))
        return finders

    def _crops(self, image: _Image, ratios: Sequence[AspectRatio], hint: Hints) -> list[Crop]:
        """Return the crops of an image for hints."""
        image, areas = replace(image, hint=hint), image.looked.logits
        centre = read_area(probability(areas[-1]), self.options.threshold).centre
        return [
            self._crop(logits, ratio, image, hint.focal or centre)
            for logits, ratio in zip(areas[:-1], ratios, strict=True)
        ]

    def maps(self, pictures: Sequence[Tensor], ratios: Sequence[AspectRatio]) -> list[Floats]:
        """Return the cropping areas ``(R, h, w)`` of each uint8 picture ``(3, H, W)``, 0..1."""
        return [probability(each.logits) for each in self.looker.look(pictures, ratios)]

    def _standing(self, image: Tensor, size: Size) -> Standing | None:
        """Find the subject on a plain background, if the option is set."""
        from ..subject_protection import find_standing

        return find_standing(as_array(image), size) if self.options.plain_ground else None

    def _crop(self, logits: Floats, aspect: AspectRatio, image: _Image, focal: Focal) -> Crop:
        """Convert one cropping area to a crop."""
        scorer = Scorer(SumTable.of(logits), self.looker.weights, image.looked.cells)
        area = probability(logits)
        if self.options.window == "medians":
            box = self._by_medians(area, aspect, image)
        else:
            box = self._by_score(scorer, area, aspect, image)
        preference = scorer.preference(box, aspect, image.size)
        crop = Crop(box, preference, focal, parts=image.parts(aspect), preference=preference)
        return crop.flagged(image.size)

    def _by_medians(self, area: Floats, aspect: AspectRatio, image: _Image) -> Box:
        """Return the paper's window, grown so that it contains kept boxes."""
        size, hint = image.size, image.hint
        found = read_area(area, self.options.threshold)
        box = exact_window(found, aspect, size, centre=hint.focal)
        box = expand_to_contain(box, hint.keep, aspect, size)
        if any(box.intersection(kept) < kept.area for kept in hint.keep):
            return best_window(Integral.of(area, size), aspect, keep=hint.keep).box
        return box

    def _by_score(self, scorer: Scorer, area: Floats, aspect: AspectRatio, image: _Image) -> Box:
        """Return the window of the largest expected IoU with the crop that people would choose."""
        size, hint = image.size, image.hint
        zoom = self.options.minimum_zoom if self.options.window == "predicted" else 1.0
        gaze = Integral.of(area, size)
        costs = self._costs(image)

        def search(keep: Sequence[Box], focal: Focal | None = None) -> Window:
            box = choose(scorer, aspect, size, Rules(zoom, keep, costs, focal))
            if box is None:  # the boxes don't fit the ratio
                return best_window(gaze, aspect, keep=keep)
            return Window(box, gaze.mass(box))

        if hint.focal is not None:
            return search(hint.keep, None if hint.keep else hint.focal).box
        if image.standing is None:
            return search(hint.keep).box
        return image.standing.window(search, aspect, hint.keep)

    def _costs(self, image: _Image) -> list[tuple[Box, float]]:
        """Return the boxes of heads, each with the cost of cutting it.

        Half of the cost of a person's head is for the face, half for the box of face and hair.
        """
        weight, size = self.options.faces, image.size
        costs = [(face_box(each, size), weight) for each in image.looked.animals[:, :4].tolist()]
        for face in image.looked.faces[:, :4].tolist():
            costs += [
                (face_box(face, size), weight / 2),
                (face_box(head_of(face), size), weight / 2),
            ]
        return costs


def probability(logits: Floats) -> Floats:
    """Return the probabilities of logits."""
    result: Floats = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    return result
