"""The crop method ``saliency``: the window of a ratio with the most saliency.

M. Cornia et al., "Predicting human eye fixations via an LSTM-based saliency attentive model"
(arXiv 1611.09571) predicts where people look. The window follows "Smart Cropping": it is the
largest window of the ratio, placed where it contains the most saliency. The network also finds the
subject, the heads of people and animals, and text, in the same pass: a window is worth more if it
shows the subject whole, and less if it cuts a head or a line of text (:mod:`.scene`). A subject on
a plain background is kept whole if it fits (:attr:`SaliencyCrop.Options.plain_ground`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, Self

import numpy
from numpy.typing import NDArray
from pydantic import Field

from .. import runtimes
from .. import weights as store
from ..errors import RequestError
from ..geometry import WHOLE, AspectRatio, Box, Focal, RatioLike, Size
from ..networks.saliency.options import SaliencyOptions
from ..ops.windows import Integral, Window, best_window
from .acceptance import Slicing, acceptance
from .base import (
    Crop,
    CropMethod,
    Finder,
    Hints,
    Photo,
    Trained,
    as_array,
    as_tensor,
    options_of,
    read_pixels,
)
from .notebook import Answers
from .scene import Scene, SceneWeights
from .subject_protection import Standing, find_standing

if TYPE_CHECKING:
    import torch
    from _typeshed import DataclassInstance
    from torch import Tensor

    from ..networks.saliency.arrays import SaliencyArrays
    from ..networks.saliency.model import SaliencyNetwork
    from ..networks.saliency.openvino_network import OpenVinoNetwork


Pixels = NDArray[numpy.uint8]
Weight = Annotated[float, Field(ge=0, le=10)]

PREFERENCE = 3.1
"""Growth of the log-odds that a person prefers a window, for a difference of 1 in worth.

Fitted on the votes on 1,036 pairs of one size, of the first of five folds of FCDB's train part.
"""
SELF_TEST = "deepcrop.networks.saliency.self_test"
"""The module that compares the network in OpenVINO with that in PyTorch."""
LONGEST = 640
"""The longest edge of analysed images in pixels, unless the option ``pixels`` requires more."""


class _Seen(NamedTuple):
    """What the search for windows needs to know of an image."""

    integral: Integral
    scene: Scene
    slicing: Slicing
    standing: Standing | None
    focal: Focal
    saliency: NDArray[numpy.float32]


class SaliencyCrop(CropMethod, Trained):
    """The method ``saliency``, which returns the windows with the most saliency."""

    name: ClassVar[str] = "saliency"
    summary: ClassVar[str] = "the window that holds most of what people look at"
    weights: ClassVar[str | None] = "saliency"
    cheap_boxes: ClassVar[bool] = True
    follows_safe: ClassVar[bool] = True
    score_meaning: ClassVar[str] = (
        "the chance that a person accepts the crop: that it slices nothing that matters, 0 to 1"
    )

    @dataclass(frozen=True)
    class Options:
        """The options of the saliency crop."""

        enough: float | None = None
        """The share (0..1) of the largest window's saliency with which a smaller window is enough.

        None takes the largest window.
        """
        minimum_zoom: float = 0.5
        """Sides of the smallest allowed window relative to those of the largest, 0..1."""
        subject: Weight = 0.1
        """Bonus of the whole subject, where all gaze is 1; a part of it brings its share."""
        whole: Weight = 0.05
        """Bonus of a window that shows the subject whole, times the share of gaze on it."""
        faces: Weight = 0.12
        """Penalty of cutting the head of a person, and bonus of showing it.

        Half of it is for the face, half for the hair.
        """
        animals: Weight = 0.05
        """Penalty of cutting the head of an animal, and bonus of showing it."""
        text: Weight = 0.03
        """Penalty of cutting a line of text."""
        plain_ground: bool = True
        """Whether a subject on a plain background, such as a product on white, is shown whole and
        centred if the ratio has room for it."""
        pixels: int | None = None
        """Area of the network's input in pixels, to which the time is proportional.

        None uses the area that the weights were trained for: 288x384 for those that ship.
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

    def __init__(
        self,
        network: SaliencyNetwork | None,
        options: Options | None = None,
        *,
        runtime: OpenVinoNetwork | None = None,
    ) -> None:
        """Create the method.

        Args:
            network: the network, ready for inference; None: that of ``runtime``.
            options: the options of the crop.
            runtime: what runs in place of the network.
        """
        self.options = options or self.Options()
        self.runtime = runtime
        self._network = network
        for each in (network, runtime):
            if each is not None:
                self._set_pixels(each)

    def _set_pixels(self, network: SaliencyNetwork | OpenVinoNetwork) -> None:
        if self.options.pixels is not None:
            network.options = replace(network.options, pixels=self.options.pixels)

    @property
    def network(self) -> SaliencyNetwork:
        """The network in PyTorch, for those who read its features."""
        if self._network is None:
            from ..networks.saliency.model import SaliencyNetwork

            assert self.runtime is not None
            self._network = SaliencyNetwork.from_state(*store.load(str(self.runtime.weights)))
            self._set_pixels(self._network)
        return self._network

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

    @classmethod
    def without_torch(cls, weights: Path, options: DataclassInstance | None = None) -> Self | None:
        """Build the method for a CPU without PyTorch; None if OpenVINO doesn't serve here.

        Args:
            weights: the weights file.
            options: an instance of :class:`Options`; None: its defaults.
        """
        try:
            SaliencyOptions.from_json(store.metadata(str(weights))["options"])
        except (KeyError, ValueError):
            return None  # weights of another network, of which PyTorch's path tells
        if not runtimes.serves_openvino(weights, SELF_TEST):
            return None
        from ..networks.saliency.openvino_network import OpenVinoNetwork

        runtime = OpenVinoNetwork(weights)
        return cls(None, options_of(cls.Options, options), runtime=runtime)

    def maps(self, images: Sequence[Photo]) -> list[Tensor]:
        """Return a non-negative saliency map (h, w) for each image, which it covers exactly."""
        import torch

        seen = self.look(images, heads=False)
        return [torch.from_numpy(each.saliency) for each in seen]

    def look(self, images: Sequence[Photo], *, heads: bool = True) -> list[SaliencyArrays]:
        """Run the network; images on a GPU stay there.

        Args:
            images: the images, as for :meth:`boxes`.
            heads: whether heads, subject and text are looked for beside gaze.
        """
        if self.runtime is not None:
            return [self.runtime.look(as_array(image)) for image in images]
        tensors = [as_tensor(image) for image in images]
        return [each.arrays() for each in self.network.predict(tensors, heads=heads)]

    def boxes(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
        hints: Sequence[Hints] | None = None,
    ) -> list[list[Crop]]:
        """Return the best window of each ratio; see :class:`~deepcrop.methods.base.CropMethod`.

        The score is the chance that a person accepts the crop (:mod:`.acceptance`). Beside it
        stands the chance that a person prefers it to the centre crop (:func:`preference`). A focal
        point in the hints overrides the network. No window cuts a box to keep, unless it doesn't
        fit the ratio.
        """
        arrays, ratios, sizes, hints = read_pixels(images, aspects, sizes, hints)
        seen = self._look_at(images, arrays, sizes)
        crops = [self._crops(each, ratios, hint) for each, hint in zip(seen, hints, strict=True)]
        return Answers.of(crops, arrays, ratios, sizes, [each.saliency for each in seen])

    def finders(
        self,
        images: Sequence[Photo],
        aspects: Sequence[RatioLike],
        *,
        sizes: Sequence[Size] | None = None,
    ) -> list[Finder]:
        """Look at images, and return what finds their crops; see :class:`.base.Remembering`."""
        arrays, ratios, sizes, _ = read_pixels(images, aspects, sizes, None)
        return [partial(self._crops, seen, ratios) for seen in self._look_at(images, arrays, sizes)]

    def _look_at(
        self, images: Sequence[Photo], arrays: Sequence[Pixels], sizes: Sequence[Size]
    ) -> list[_Seen]:
        o = self.options
        heads = max(o.subject, o.whole, o.faces, o.animals, o.text) > 0
        outputs = self.look(images, heads=heads)
        return [
            self._seen(image, output, size)
            for image, output, size in zip(arrays, outputs, sizes, strict=True)
        ]

    def _seen(self, image: Pixels, output: SaliencyArrays, size: Size) -> _Seen:
        """Read what the search needs from the network's output for an image."""
        o = self.options
        integral = Integral.of(output.saliency, size)
        scene = Scene.of(
            output, integral, SceneWeights(o.subject, o.whole, o.faces, o.animals, o.text)
        )
        standing = find_standing(image, size) if o.plain_ground else None
        focal = argmax_point(output.saliency)
        slicing = Slicing.of(output, scene)
        return _Seen(integral, scene, slicing, standing, focal, output.saliency)

    def _crops(self, seen: _Seen, ratios: Sequence[AspectRatio], hint: Hints) -> list[Crop]:
        integral, scene, slicing, standing, focal, _ = seen
        size, focal = integral.size, hint.focal or focal
        crops = []
        for ratio in ratios:
            box = self._window(integral, scene, hint, standing, ratio)
            centre = Box.centred(ratio.largest_window(size), (0.5, 0.5), size)
            preferred = preference(scene.worth(box, integral) - scene.worth(centre, integral))
            parts = scene.parts + (standing.parts(ratio) if standing else ())
            score = acceptance(slicing.by(box))
            crops.append(Crop(box, score, focal, parts=parts, preference=preferred).flagged(size))
        return crops

    def _window(
        self,
        integral: Integral,
        scene: Scene,
        hint: Hints,
        standing: Standing | None,
        ratio: AspectRatio,
    ) -> Box:
        """Return the window of a ratio."""
        safe = hint.safe_of(ratio)
        if hint.focal is not None:
            return safe.centred(ratio.largest_window(integral.size), hint.focal, integral.size)

        def search(keep: Sequence[Box]) -> Window:
            return best_window(
                integral,
                ratio,
                keep=keep,
                avoid_cutting=standing.costs(integral) if standing else (),
                bonus=scene.bonus,
                min_saliency=self.options.enough,
                minimum_zoom=self.options.minimum_zoom,
                safe=safe,
            )

        if standing is None:
            return search(hint.keep).box
        if safe != WHOLE:  # the subject is not centred in the crop, but whole in its safe area
            return search((*hint.keep, *(part.box for part in standing.parts(ratio)))).box
        return standing.window(search, ratio, hint.keep)


def argmax_point(saliency: numpy.ndarray) -> Focal:
    """Return the place of a map's maximum, in 0..1 of the sides of (h, w); the middle of ties."""
    rows, columns = numpy.nonzero(saliency == saliency.max())
    height, width = saliency.shape
    return (float(columns.mean()) + 0.5) / width, (float(rows.mean()) + 0.5) / height


def preference(difference: float) -> float:
    """Return the probability (0..1) that a person prefers one window to another.

    Args:
        difference: how much more the window is worth than the other (:meth:`.scene.Scene.worth`).
    """
    return 1 / (1 + math.exp(-PREFERENCE * difference))
