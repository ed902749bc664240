"""The architecture of Mars: trunks, their truncations, and the paper's ablations as options.

```python
options = MarsOptions(trunk="vgg16", layer="c4_3")
options.truncation.channels                              # 512
MarsOptions.from_json(options.to_json())          # stored in the metadata of a weights file
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from ..json_options import JsonOptions


class Truncation(NamedTuple):
    """The truncation of a trunk: number of blocks kept, output channels, stride in pixels."""

    stop: int
    channels: int
    stride: int


TRUNCATIONS: Mapping[str, Mapping[str, Truncation]] = {
    "mobilenet_v2": {
        "c3_3": Truncation(7, 32, 8),
        "c4_3": Truncation(10, 64, 16),
        "c4_6": Truncation(13, 96, 16),
        "c5_1": Truncation(15, 160, 32),
    },
    "vgg16": {
        "c3_3": Truncation(23, 512, 8),
        "c4_1": Truncation(26, 512, 16),
        "c4_3": Truncation(30, 512, 16),
        "pool5": Truncation(31, 512, 32),
    },
    "resnet50": {
        "c3_4": Truncation(6, 512, 8),
        "c4_3": Truncation(9, 1024, 16),
        "c4_6": Truncation(12, 1024, 16),
        "c5_1": Truncation(13, 2048, 32),
    },
}
"""The truncations of Table 1 by trunk; ``cX_Y`` is after the Y-th layer at 1/2^X of the input."""


@dataclass(frozen=True)
class MarsOptions(JsonOptions):
    """The architecture of Mars; the defaults are the paper's, other values are its ablations.

    Attributes:
        trunk: the backbone.
        layer: the layer after which the trunk is truncated (Table 1).
        longest: longer edge of the input in pixels.
        channels: number of channels C_out of the deconvolution stack (Table 6).
        stride: input pixels per output pixel along a side (Table 6).
        depth: number of fully-connected layers of 512 neurons in the meta-learners (Table 2).
        ratios: number N of embedded aspect ratios (Table 5).
        dimension: dimension of the embedding vectors (Table 5).
        transform: whether to predict ARS-FTM; otherwise the global feature is added untransformed
            (Table 3).
        predictor: whether to predict ARS-PWP; otherwise this layer is learned and equal for all
            ratios (Table 3).
        embedding: whether to embed the aspect ratio; otherwise the meta-learners read its value
            (Table 4).
        interpolation: whether to interpolate between embeddings; otherwise the nearest embedding is
            used (Table 4).
    """

    network: ClassVar[str] = "Mars"

    trunk: Literal["mobilenet_v2", "vgg16", "resnet50"] = "mobilenet_v2"
    layer: str = "c4_6"
    longest: int = 256
    channels: int = 96
    stride: int = 4
    depth: int = 1
    ratios: int = 101
    dimension: int = 512
    transform: bool = True
    predictor: bool = True
    embedding: bool = True
    interpolation: bool = True

    def __post_init__(self) -> None:
        """Reject options from which no network can be built.

        Raises:
            ValueError: an option has an unsupported value; the message names it.
        """
        if self.layer not in TRUNCATIONS[self.trunk]:
            known = ", ".join(TRUNCATIONS[self.trunk])
            raise ValueError(f"layer {self.layer!r} of {self.trunk}: unknown; one of: {known}")
        if self.stride not in {self.truncation.stride >> k for k in range(6)} - {0}:
            raise ValueError(f"stride is {self.stride}; the trunk's is {self.truncation.stride}")
        if self.ratios < 3 or self.ratios % 2 == 0:
            raise ValueError(f"ratios is {self.ratios}; it must be odd and at least 3")
        if self.longest < 32:
            raise ValueError(f"longest is {self.longest}; it must be at least 32")

    @property
    def truncation(self) -> Truncation:
        """The truncation of the trunk."""
        return TRUNCATIONS[self.trunk][self.layer]

    @property
    def width(self) -> int:
        """The number of channels c of the global feature; ResNet's are reduced to 512 first."""
        return min(self.truncation.channels, 512)

    @property
    def deconvolutions(self) -> int:
        """The number of deconvolution layers, each of which doubles the resolution."""
        return (self.truncation.stride // self.stride).bit_length() - 1
