"""The crop method ``saliency``: the window of a ratio with the most saliency.

M. Cornia et al., "Predicting human eye fixations via an LSTM-based saliency attentive model"
(arXiv 1611.09571) predicts where people look. The window follows "Smart Cropping": it is the
largest window of the ratio, placed where it contains the most saliency. Faces with the hair above
them are kept whole or left out rather than cut (:attr:`SaliencyCrop.Options.faces`). A subject on a
plain background is kept whole if it fits (:attr:`SaliencyCrop.Options.plain_ground`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy
from pydantic import Field

from ..errors import RequestError
from ..geometry import AspectRatio, Box, Focal, RatioLike, Size
from ..ops.windows import Integral, Window, best_window
from .base import Crop, CropMethod, Hints, Photo, Trained, as_tensor, options_of, read_inputs
from .face_protection import head_costs, head_parts

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

    from ..networks.saliency.model import SaliencyNetwork, SaliencyOutput
    from .subject_protection import Standing


LONGEST = 640
"""The longest edge of analysed images in pixels, unless the option ``pixels`` requires more."""


class SaliencyCrop(CropMethod, Trained):
    """The method ``saliency``, which returns the windows with the most saliency."""

    name: ClassVar[str] = "saliency"
    summary: ClassVar[str] = "the window that holds most of what people look at"
    weights: ClassVar[str | None] = "saliency"
    score_meaning: ClassVar[str] = "the share of the photo's saliency inside the crop, 0 to 1"

    @dataclass(frozen=True)
    class Options:
        """The options of the saliency crop."""

        enough: float | None = None
        """The share (0..1) of the largest window's saliency with which a smaller window is enough.

        None takes the largest window.
        """
        minimum_zoom: float = 0.5
        """Sides of the smallest allowed window relative to those of the largest, 0..1."""
        faces: Annotated[float, Field(ge=0, le=10)] = 0.4
        """The share of a face's saliency that the window may lose to avoid cutting its head.

        Half of it is for the face, half for the hair. 0 detects no faces; 10 cuts a face only if
        every window does.
        """
        plain_ground: bool = True
        """Whether a subject on a plain background, such as a product on white, is shown whole and
        centred if the ratio has room for it."""
        pixels: int | None = None
        """Area of the network's input in pixels, to which the time is proportional.

        None uses the area of the weights: 432x576, and 288x384 for ``saliency-fast``, which was
        trained for it.
        """

        def __post_init__(self) -> None:
            """Check the ranges of the options.

            Raises:
                RequestError: an option is outside its range.
            """
            for field in ("enough", "minimum_zoom"):
                value = getattr(self, field)
                if value is not None and not 0 < value <= 1:
                    raise RequestError(f"option {field!r}: {value}: expected above 0, at most 1")
            if self.pixels is not None and not 1024 <= self.pixels <= 2**22:
                raise RequestError(f"option 'pixels': {self.pixels}: expected 1024 to 4194304")

    def __init__(self, network: SaliencyNetwork, options: Options | None = None) -> None:
        """Create the method from a network that is ready for inference."""
        self.network = network
        self.options = options or self.Options()
        if self.options.pixels is not None:
            network.options = replace(network.options, pixels=self.options.pixels)

    @property
    def analysis(self) -> int:
        """The longest edge of analysed images in pixels; see :attr:`.base.CropMethod.analysis`."""
        return self.analysis_of(self.options, {})

    @classmethod
    def analysis_of(cls, options: DataclassInstance, metadata: Mapping[str, str]) -> int:
        """Return the longer edge of a 4:3 photo that has the area of the option ``pixels``.

        The result is at least ``LONGEST``, which is enough for all weights.
        """
        pixels = options_of(cls.Options, options).pixels or 0
        return max(LONGEST, math.ceil(math.sqrt(pixels * 4 / 3)))

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
        from ..networks.precision import inference_dtype  # imports torch; option checks must not
        from ..networks.saliency.model import SaliencyNetwork

        network = SaliencyNetwork.from_state(state, metadata)
        return cls(network.to(device, inference_dtype(device)), options_of(cls.Options, options))

    def maps(self, images: Sequence[Photo]) -> list[Tensor]:
        """Return a non-negative saliency map (h, w) for each image, which it covers exactly."""
        return [each.cpu() for each in self.network.maps([as_tensor(image) for image in images])]

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return the best window of each ratio; see :class:`~deepcrop.methods.base.CropMethod`.

        The score is the share of the image's saliency inside the window. A focal point in the hints
        overrides the network. No window cuts a box to keep, unless it doesn't fit the ratio.
        """
        tensors, ratios, sizes, hints = read_inputs(images, aspects, sizes, hints)
        outputs = self.network.predict(tensors, faces=self.options.faces > 0)
        plain = self.options.plain_ground
        return [
            self._crops(output, _standing(image, size) if plain else None, size, hint, ratios)
            for image, output, size, hint in zip(tensors, outputs, sizes, hints, strict=True)
        ]

    def _crops(
        self,
        output: SaliencyOutput,
        standing: Standing | None,
        size: Size,
        hint: Hints,
        ratios: Sequence[AspectRatio],
    ) -> list[Crop]:
        saliency = output.saliency.cpu().numpy()
        integral = Integral.of(saliency, size)
        focal = hint.focal or argmax_point(saliency)
        avoid_cutting = head_costs(output.faces, integral, self.options.faces)
        avoid_cutting += standing.costs(integral) if standing else []
        parts = head_parts(output.faces, size)
        crops = []
        for ratio in ratios:
            box, share = self._window(integral, hint, avoid_cutting, standing, ratio)
            found = parts + (standing.parts(ratio) if standing else ())
            crops.append(Crop(box, share, focal, parts=found).flagged(size))
        return crops

    def _window(
        self,
        integral: Integral,
        hint: Hints,
        avoid_cutting: Sequence[tuple[Box, float]],
        standing: Standing | None,
        ratio: AspectRatio,
    ) -> tuple[Box, float]:
        """Return the window of a ratio, and the share of the saliency inside it."""
        if hint.focal is not None:
            box = Box.centred(ratio.largest_window(integral.size), hint.focal, integral.size)
            return box, integral.mass(box)

        def search(keep: Sequence[Box]) -> Window:
            return best_window(
                integral,
                ratio,
                keep=keep,
                avoid_cutting=avoid_cutting,
                min_saliency=self.options.enough,
                minimum_zoom=self.options.minimum_zoom,
            )

        if standing is None:
            window = search(hint.keep)
            return window.box, window.share
        box = standing.window(search, ratio, hint.keep)
        return box, integral.mass(box)


def _standing(image: Tensor, size: Size) -> Standing | None:
    """Find the subject on a plain background."""
    from .subject_protection import find_standing  # imports torch; option checks must not

    return find_standing(image, size)


def argmax_point(saliency: numpy.ndarray) -> Focal:
    """Return the place of a map's maximum, in 0..1 of the sides of (h, w); the middle of ties."""
    rows, columns = numpy.nonzero(saliency == saliency.max())
    height, width = saliency.shape
    return (float(columns.mean()) + 0.5) / width, (float(rows.mean()) + 0.5) / height
