"""The architecture of Mars: trunks, their truncations, and the paper's ablations as switches.

```python
options = MarsOptions(trunk="vgg16", layer="c4_3")
options.truncation.channels                              # 512
MarsOptions.from_json(options.to_json())          # as a weights file's metadata holds it
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, NamedTuple


class Truncation(NamedTuple):
    """The place where a trunk is truncated: number of blocks kept, channels, stride in pixels."""

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
    "sam": {
        "readout": Truncation(1, 96, 8),
    },
}
"""The truncations of Table 1, by trunk: ``cX_Y`` follows the Y-th layer at 1/2^X of the input.

"sam" isn't in the paper: it is our saliency network before the last layer of its readout, whose
features tell more about saliency than those of Table 1.
"""


@dataclass(frozen=True)
class MarsOptions:
    """The architecture; the defaults are the paper's choice, the switches its ablations.

    Attributes:
        trunk: the backbone.
        layer: where it is truncated (Table 1).
        longest: longer edge of the input in pixels; with the trunk "sam", that of a 4:3 image, and
            the input of any other shape has the same area.
        channels: C_out, of the deconvolution stack (Table 6).
        stride: input pixels per output pixel, along a side (Table 6).
        depth: fully-connected layers of 512 neurons in the meta-learners (Table 2).
        ratios: N, the embedded aspect ratios (Table 5).
        dimension: of their embedding vectors (Table 5).
        transform: predict ARS-FTM; without it the global feature is added as it is (Table 3).
        predictor: predict ARS-PWP; without it that layer is learned, one for all (Table 3).
        embedding: embed the ratio; without it the meta-learners read its value (Table 4).
        interpolation: between embeddings; without it the nearest one is taken (Table 4).
    """

    trunk: Literal["mobilenet_v2", "vgg16", "resnet50", "sam"] = "mobilenet_v2"
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
        """Reject what can't be built."""
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
        """The place where the trunk is truncated."""
        return TRUNCATIONS[self.trunk][self.layer]

    @property
    def width(self) -> int:
        """Channels c of the global feature: ResNet's are reduced to 512 first."""
        return min(self.truncation.channels, 512)

    @property
    def deconvolutions(self) -> int:
        """Layers of the stack, each of which doubles the resolution."""
        return (self.truncation.stride // self.stride).bit_length() - 1

    def to_json(self) -> str:
        """Write as a JSON object, as the weights' metadata holds it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> MarsOptions:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: the object has a name that is no option.
        """
        values = json.loads(text)
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown Mars options: {', '.join(sorted(unknown))}")
        return cls(**values)
