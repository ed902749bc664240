"""The meta-learners of Mars: they predict two layers' parameters from aspect ratios (3.3)."""

from __future__ import annotations

import math
from itertools import chain, pairwise

import torch
from torch import Tensor, nn

LIMIT = math.log(2)
"""The largest absolute natural logarithm of an aspect ratio: ratios are clamped to 1/2..2."""


class Embedding(nn.Module):
    """Embedding vectors of N aspect ratios, evenly spaced in log space, and interpolation (Eq. 7).

    The vectors are initialised as sinusoids of the logarithm, so that neighbours start similar.
    """

    def __init__(self, count: int, dimension: int, *, interpolation: bool) -> None:
        super().__init__()
        place = torch.linspace(-LIMIT, LIMIT, count)[:, None]
        frequency, phase = 3 * torch.randn(dimension), 2 * math.pi * torch.rand(dimension)
        self.vectors = nn.Parameter(torch.sin(frequency * place + phase))
        self.interpolation = interpolation

    def forward(self, ratios: Tensor) -> Tensor:
        """Embed aspect ratios ``(R,)``, clamped to 1/2..2, to vectors ``(R, dimension)``."""
        last = len(self.vectors) - 1
        place = (ratios.log().clamp(-LIMIT, LIMIT) + LIMIT) * (last / (2 * LIMIT))
        if not self.interpolation:
            return self.vectors[place.round().long()]
        lower = place.floor().long().clamp(0, last - 1)
        part = (place - lower)[:, None]
        return (1 - part) * self.vectors[lower] + part * self.vectors[lower + 1]


class RatioScalar(nn.Module):
    """The aspect ratio's value instead of an embedding vector (Table 4)."""

    def forward(self, ratios: Tensor) -> Tensor:
        """Return aspect ratios ``(R,)``, clamped to 1/2..2, as ``(R, 1)``."""
        return ratios.clamp(0.5, 2)[:, None]


class MetaLearner(nn.Module):
    """A fully-connected network that maps aspect ratios to parameters, with two outputs (Figure 4).

    Args:
        transform: the number of channels c of ARS-FTM; None doesn't predict ARS-FTM.
        predictor: the number of channels C_out of ARS-PWP; None doesn't predict ARS-PWP.
        depth: number of hidden layers.
        neurons: number of neurons of each hidden layer.
        ratios: number of embedded aspect ratios.
        dimension: dimension of the embedding; None uses the aspect ratio's value instead.
        interpolation: whether to interpolate between embeddings.
    """

    def __init__(
        self,
        *,
        transform: int | None,
        predictor: int | None,
        depth: int = 1,
        neurons: int = 512,
        ratios: int = 101,
        dimension: int | None = 512,
        interpolation: bool = True,
    ) -> None:
        super().__init__()
        self.embed: nn.Module = RatioScalar()
        if dimension is not None:
            self.embed = Embedding(ratios, dimension, interpolation=interpolation)
        sizes = [dimension or 1, *[neurons] * depth]
        layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
        self.layers = nn.Sequential(*chain.from_iterable(layers))
        self.transform = _head(sizes[-1], transform**2, transform) if transform else None
        self.predictor = _head(sizes[-1], predictor, predictor) if predictor else None

    def forward(self, ratios: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Predict ARS-FTM ``(R, c, c)`` and ARS-PWP ``(R, C_out)`` for aspect ratios ``(R,)``."""
        x = self.layers(self.embed(ratios))
        matrix = vector = None
        if self.transform is not None:
            flat = self.transform(x)
            matrix = flat.view(len(flat), math.isqrt(flat.shape[1]), -1)
        if self.predictor is not None:
            vector = self.predictor(x)
        return matrix, vector


def _head(inputs: int, outputs: int, fan_in: int) -> nn.Linear:
    """Return an output layer that initially predicts typical parameters of a layer.

    Args:
        inputs: number of inputs of the output layer.
        outputs: number of predicted parameters.
        fan_in: number of inputs of the layer whose parameters are predicted.
    """
    head = nn.Linear(inputs, outputs)
    nn.init.normal_(head.bias, std=fan_in**-0.5)
    nn.init.normal_(head.weight, std=0.3 * (inputs * fan_in) ** -0.5)
    return head
