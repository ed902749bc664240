"""The architecture of the head of Mars that scores windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..json_options import JsonOptions


@dataclass(frozen=True)
class WindowOptions(JsonOptions):
    """The architecture of the head.

    Attributes:
        inputs: number of channels of the trunk's features.
        guides: number of maps beside them: gaze, heads, and the subject if the network finds it.
        width: number of channels of the head.
        dimension: dimension of the embedding of aspect ratios.
        neurons: number of neurons of each hidden layer of the meta-learners.
        depth: number of hidden layers of the meta-learners.
        transform: whether to predict ARS-FTM; for this and the next three see
            :class:`.options.MarsOptions`.
        predictor: whether to predict ARS-PWP.
        embedding: whether to embed aspect ratios.
        interpolation: whether to interpolate between embeddings.
        learned: number of learned channels in the cells beside the guides.
        hidden: number of neurons of the cells' two hidden layers; 0: no cells.
        share: weight of the cells score beside the dense score in the choice of a window.
        voted_share: the same in the comparison of two windows. Votes follow the dense score more.
        dropout: share (0..1) of the channels that are dropped in training.
        input_dropout: share (0..1) of the trunk's channels that are dropped in training.
    """

    network: ClassVar[str] = "Mars head"

    inputs: int = 416
    guides: int = 3
    width: int = 32
    dimension: int = 32
    neurons: int = 64
    depth: int = 1
    transform: bool = True
    predictor: bool = True
    embedding: bool = True
    interpolation: bool = True
    learned: int = 0
    hidden: int = 64
    share: float = 1.0
    voted_share: float = 0.5
    dropout: float = 0.3
    input_dropout: float = 0.2
