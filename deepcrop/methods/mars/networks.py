"""The networks of the method Mars: the paper's, and ours over the saliency network."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ...geometry import AspectRatio
from ...networks.mars.options import MarsOptions
from .choice import ScoreWeights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ...networks.mars.model import Mars, RatioParameters
    from ...networks.mars.window_head import WindowHead
    from ...networks.mars.window_model import WindowNetwork

Floats = NDArray[np.float64]

LONGEST = 640
"""Least longest edge, in pixels, of images that our network analyses."""


@dataclass(frozen=True)
class Looked:
    """What a network tells about one image.

    Attributes:
        logits: ``(R, h, w)``, of the cropping area of each ratio.
        faces: faces of people ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the probability.
        animals: heads of animals ``(n, 5)``.
        cells: a function that returns additional scores ``(n,)`` of windows ``(n, 4)`` in 0..1;
            None if the network has none.
    """

    logits: Floats
    faces: Tensor
    animals: Tensor
    cells: Callable[[Floats], Floats] | None


class Looker(Protocol):
    """A network that predicts cropping areas."""

    @property
    def longest(self) -> int:
        """The longest edge of analysed images in pixels."""
        ...

    @property
    def weights(self) -> ScoreWeights:
        """The weights of a window's score."""
        ...

    def look(self, images: Sequence[Tensor], ratios: Sequence[AspectRatio]) -> list[Looked]:
        """Look at uint8 images ``(3, h, w)`` once each, for all ratios."""
        ...


def longest_edge(metadata: Mapping[str, str], pixels: int | None) -> int:
    """Return the longest edge of analysed images, in pixels, for the metadata of weights."""
    if "head" not in metadata:
        return MarsOptions.from_json(metadata["options"]).longest
    area = pixels or json.loads(metadata["saliency"])["pixels"]
    return max(LONGEST, math.ceil(math.sqrt(area * 4 / 3)))


def looker_of(
    state: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    device: torch.device | str,
    *,
    pixels: int | None,
) -> Looker:
    """Build the network of a weights file; the metadata of ours, not the paper's, has ``head``."""
    from ...networks.precision import inference_dtype  # imports torch; option checks must not

    score = ScoreWeights(**json.loads(metadata.get("score", "{}")))
    if "head" not in metadata:
        from ...networks.mars.model import Mars

        paper = Mars.from_state(state, metadata).to(device)
        paper.trunk.to(inference_dtype(device))
        return PaperLooker(paper, score)
    from ...networks.mars.window_model import WindowNetwork

    ours = WindowNetwork.from_state(state, metadata, pixels=pixels).to(device)
    ours.sight.to(inference_dtype(device))
    score = score_weights(ours.head, score.calibration)
    return WindowLooker(ours, score, longest_edge(metadata, pixels))


def score_weights(head: WindowHead, calibration: float = 1.0) -> ScoreWeights:
    """Return the weights of a head's scores."""
    return ScoreWeights(
        total=float(head.sum_weight),
        area=float(head.area_weight),
        cells=head.options.share,
        voted_cells=head.options.voted_share,
        calibration=calibration,
    )


@dataclass(frozen=True)
class WindowLooker:
    """Our network, see :class:`Looker`."""

    network: WindowNetwork
    weights: ScoreWeights
    longest: int

    def look(self, images: Sequence[Tensor], ratios: Sequence[AspectRatio]) -> list[Looked]:
        """Look at uint8 images ``(3, h, w)`` once each, for all ratios."""
        wanted = [float(ratio) for ratio in ratios]
        return [
            Looked(scene.logits(wanted), scene.faces, scene.animals, scene.cells)
            for scene in self.network.look(images)
        ]


class PaperLooker:
    """The paper's network, see :class:`Looker`."""

    def __init__(self, network: Mars, weights: ScoreWeights) -> None:
        self.network = network
        self.weights = weights
        self._parameters = lru_cache(maxsize=1024)(self._predict)

    @property
    def longest(self) -> int:
        """The longest edge of analysed images in pixels."""
        return self.network.options.longest

    def look(self, images: Sequence[Tensor], ratios: Sequence[AspectRatio]) -> list[Looked]:
        """Look at uint8 images ``(3, h, w)`` once each; the parameters of a ratio are cached."""
        import torch

        from ...networks.mars.model import RatioParameters

        parameters = RatioParameters.stack([self._parameters(ratio) for ratio in ratios])
        nobody = torch.zeros(0, 5)
        return [
            Looked(areas.double().logit(1e-6).numpy(), nobody, nobody, None)
            for areas in self.network.maps(images, parameters)
        ]

    def _predict(self, ratio: AspectRatio) -> RatioParameters:
        """Run the meta-learners for one ratio."""
        import torch

        with torch.inference_mode():
            device = self.network.reduce.weight.device
            return self.network.parameters_of(torch.tensor([float(ratio)], device=device))
