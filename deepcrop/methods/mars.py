"""The crop method Mars, which converts the network's cropping areas to exact windows (section 3.4).

```python
method = load("mars")                       # or load("mars", window="predicted")
method.boxes([photo], ["1:1", "16:9"])
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..geometry import AspectRatio, Box, Focal, RatioLike, Size
from ..networks.mars.options import MarsOptions
from ..ops.coverage import coverage
from ..ops.windows import Integral, Window, best_window, expand_to_contain
from .base import Crop, CropMethod, Hints, Part, Photo, Trained, options_of, read_inputs
from .face_protection import head_costs, head_parts

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

    from ..networks.mars.model import Mars, RatioParameters
    from .subject_protection import Standing

Floats = NDArray[np.float64]

SQUARE = AspectRatio(1, 1)
"""The aspect ratio whose cropping area gives the focal point, for all requested ratios."""


@dataclass(frozen=True)
class Area:
    """Centre and size of a cropping area, computed by medians, in 0..1 of the image's sides."""

    centre: Focal
    width: float
    height: float


@dataclass(frozen=True)
class Scene:
    """The information about an image beside its cropping areas."""

    size: Size
    """The size of the source in pixels."""
    hint: Hints
    faces: Tensor
    """The detected faces; see :attr:`deepcrop.networks.mars.model.MarsOutput.faces`."""
    standing: Standing | None
    """The subject on a plain background; None if there is none."""

    def parts(self, aspect: AspectRatio) -> tuple[Part, ...]:
        """Return the parts that a window of a ratio should not cut."""
        found = head_parts(self.faces, self.size)
        return found + (self.standing.parts(aspect) if self.standing else ())


class MarsCrop(CropMethod, Trained):
    """The method Mars, whose windows follow cropping areas and may be smaller than the largest."""

    name: ClassVar[str] = "mars"
    summary: ClassVar[str] = "learned cropping areas for any aspect ratio (Mars)"
    weights: ClassVar[str | None] = "mars"
    score_meaning: ClassVar[str] = "how well the crop and the predicted area overlap, 0 to 1"

    @dataclass(frozen=True)
    class Options:
        """The options of Mars."""

        threshold: Annotated[float, Field(gt=0, lt=1)] = 0.4
        """Least probability (theta) of a pixel in the cropping area; a lower one cuts less."""
        window: Literal["predicted", "largest"] = "largest"
        """The size of the window: the largest of the ratio, or the predicted one.

        "largest" takes the largest window of the ratio where it contains most of the area.
        "predicted" (the paper's) has the size of the area, which our weights predict too small (see
        their card).
        """
        plain_ground: bool = True
        """Whether the largest window shows a subject on a plain background whole, as with the
        method ``saliency``."""
        faces: Annotated[float, Field(ge=0, le=10)] = 0.2
        """The share of a face's odds that the largest window may lose to avoid cutting its head, as
        with the method ``saliency``; ``mars-fast`` detects no faces."""

    def __init__(self, network: Mars, options: Options | None = None) -> None:
        """Create the method from a network that is ready for inference on its device."""
        self.network = network
        self.options = options or self.Options()
        self._parameters = lru_cache(maxsize=1024)(self._predict)

    @property
    def analysis(self) -> int:
        """The longest edge of analysed images in pixels; see :attr:`.base.CropMethod.analysis`."""
        return self.network.options.longest

    @classmethod
    def analysis_of(cls, options: DataclassInstance, metadata: Mapping[str, str]) -> int:
        """Return the longest edge in training: 640 pixels for ``mars``, 256 for ``mars-fast``."""
        return MarsOptions.from_json(metadata["options"]).longest

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
        from ..networks.mars.model import Mars  # imports torch, which option checks must not load
        from ..networks.precision import inference_dtype

        network = Mars.from_state(state, metadata).to(device)
        network.trunk.to(inference_dtype(device))
        return cls(network, options_of(cls.Options, options))

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return one crop for each image and ratio; see :class:`~.base.CropMethod`.

        The score is the soft IoU of the window and the predicted cropping area. The focal point
        is the median of the area for a square.
        """
        tensors, ratios, sizes, hints = read_inputs(images, aspects, sizes, hints)
        outputs = self.network.predict(
            tensors, self._parameters_of([*ratios, SQUARE]), faces=self.options.faces > 0
        )
        answers = []
        for image, output, size, hint in zip(tensors, outputs, sizes, hints, strict=True):
            *areas, square = output.areas.double().numpy()
            focal = hint.focal or read_area(square, self.options.threshold).centre
            scene = Scene(size, hint, output.faces, self._standing(image, size))
            crops = (
                self._crop(area, ratio, scene, focal)
                for area, ratio in zip(areas, ratios, strict=True)
            )
            answers.append([crop.flagged(size) for crop in crops])
        return answers

    def _standing(self, image: Tensor, size: Size) -> Standing | None:
        """Find the subject on a plain background, if the option is set."""
        from .subject_protection import find_standing  # imports torch; option checks must not

        return find_standing(image, size) if self.options.plain_ground else None

    def maps(self, pictures: Sequence[Tensor], ratios: Sequence[AspectRatio]) -> list[Floats]:
        """Return the cropping areas ``(R, h, w)`` of each uint8 picture ``(3, H, W)``, 0..1."""
        maps = self.network.maps(pictures, self._parameters_of(ratios))
        return [each.double().numpy() for each in maps]

    def _parameters_of(self, ratios: Sequence[AspectRatio]) -> RatioParameters:
        """Return the network's parameters for some ratios; the parameters of a ratio are cached."""
        from ..networks.mars.model import RatioParameters

        return RatioParameters.stack([self._parameters(ratio) for ratio in ratios])

    def _predict(self, ratio: AspectRatio) -> RatioParameters:
        """Run the meta-learners for one ratio."""
        import torch

        with torch.inference_mode():
            device = self.network.reduce.weight.device
            return self.network.parameters_of(torch.tensor([float(ratio)], device=device))

    def _crop(self, area: Floats, aspect: AspectRatio, scene: Scene, focal: Focal) -> Crop:
        """Convert one cropping area to a crop."""
        size, hint = scene.size, scene.hint
        if self.options.window == "predicted":
            found = read_area(area, self.options.threshold)
            box = exact_window(found, aspect, size, centre=hint.focal)
            box = expand_to_contain(box, hint.keep, aspect, size)
        elif hint.focal is not None and not hint.keep:
            box = Box.centred(aspect.largest_window(size), hint.focal, size)
        else:
            box = self._largest(area, aspect, scene)
        if any(box.intersection(kept) < kept.area for kept in hint.keep):
            box = self._largest(area, aspect, scene)
        return Crop(box, soft_iou(box, area, size), focal, parts=scene.parts(aspect))

    def _largest(self, area: Floats, aspect: AspectRatio, scene: Scene) -> Box:
        """Return the largest window of a ratio at the place with most of an area's odds."""
        integral = Integral.of(odds(area), scene.size)
        avoid_cutting = head_costs(scene.faces, integral, self.options.faces)
        avoid_cutting += scene.standing.costs(integral) if scene.standing else []

        def search(keep: Sequence[Box]) -> Window:
            return best_window(integral, aspect, keep=keep, avoid_cutting=avoid_cutting)

        if scene.standing is None:
            return search(scene.hint.keep).box
        return scene.standing.window(search, aspect, scene.hint.keep)


def odds(area: Floats) -> Floats:
    """Return the odds of probabilities, whose sum the largest window of a ratio maximises.

    In a broad area probabilities are similar, and so are their sums in different windows; odds are
    highest where all boxes of the training data agree. Our weights were trained so that the odds
    are proportional to a density.
    """
    return area / np.maximum(1 - area, 1e-6)


def soft_iou(box: Box, area: Floats, size: Size) -> float:
    """Return the IoU of a window and a cropping area of probabilities ``(h, w)``, 0 to 1."""
    down = coverage(box.y0 / size.height, box.y1 / size.height, area.shape[0])
    across = coverage(box.x0 / size.width, box.x1 / size.width, area.shape[1])
    inside = float(down @ area @ across)
    window = float(down.sum() * across.sum())
    return min(max(inside / (window + float(area.sum()) - inside), 0.0), 1.0)


def read_area(probability: Floats, threshold: float) -> Area:
    """Compute the centre and the size of a cropping area by medians.

    The centre is the median of the coordinates of all cells that reach the threshold. The height
    (width) is the median of the non-zero counts of these cells in the columns (rows). If no cell
    reaches the threshold, the map's maximum is the threshold.

    Args:
        probability: ``(h, w)``, 0..1.
        threshold: theta, 0.4 in the paper.
    """
    mask = probability >= min(threshold, float(probability.max()))
    rows, columns = mask.sum(1), mask.sum(0)
    height, width = mask.shape
    return Area(
        centre=((_middle(columns) + 0.5) / width, (_middle(rows) + 0.5) / height),
        width=_median(rows[rows > 0]) / width,
        height=_median(columns[columns > 0]) / height,
    )


def _median(values: NDArray[np.int64]) -> float:
    """Return the median; for few values a sort takes a tenth of numpy.median's time."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _middle(counts: NDArray[np.int64]) -> float:
    """Return the median of positions, each of which occurs ``counts[position]`` times."""
    below = counts.cumsum()
    total = int(below[-1])
    first, second = np.searchsorted(below, [(total - 1) // 2 + 1, total // 2 + 1])
    return (int(first) + int(second)) / 2


def exact_window(area: Area, aspect: AspectRatio, size: Size, centre: Focal | None = None) -> Box:
    """Reduce the width or the height to the ratio, and shift the window inside the image.

    Args:
        area: the cropping area of the image.
        aspect: the aspect ratio of the window.
        size: size of the image in source pixels.
        centre: centre of the window, 0..1 of the sides; None uses the area's.
    """
    around = Size(
        min(max(round(area.width * size.width), 1), size.width),
        min(max(round(area.height * size.height), 1), size.height),
    )
    return Box.centred(aspect.largest_window(around), centre or area.centre, size)
