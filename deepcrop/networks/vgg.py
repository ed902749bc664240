"""VGG (Simonyan and Zisserman, arXiv 1409.1556) as a source of named feature maps.

```python
>>> network = VGG("vgg19-slim", taps=("relu1_2", "block4_conv4"))
>>> maps = network(images)                      # (B, 3, H, W) RGB in [0, 1]
>>> maps["block4_conv4"].shape                  # (B, 128, H // 8, W // 8)
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

VARIANTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg16": ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
    # VGG-19 with a quarter of the channels, hence a sixteenth of the work, with the widths of Wang
    # et al., "Collaborative Distillation for Ultra-Resolution Universal Style Transfer" (CVPR
    # 2020). It ends with the first convolution of block 5.
    "vgg19-slim": ((16,) * 2, (32,) * 2, (64,) * 4, (128,) * 4, (128,)),
}
"""The numbers of output channels of the convolutions in each block, by variant.

Every block ends with a 2x2 max pooling.
"""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_TAP = re.compile(r"^(?:relu(\d)_(\d)|block(\d)_conv(\d)|block(\d)_pool|pool(\d))$")


def position(tap: str, variant: str = "vgg19") -> int:
    """Return the index of a tap among the layers of torchvision's ``features``.

    Args:
        tap: ``relu3_1`` or ``block3_conv1`` (both name the map of a convolution after its ReLU),
            ``pool5`` or ``block5_pool``.
        variant: a name of `VARIANTS`.

    Raises:
        ValueError: there is no such tap or variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"VGG variant {variant!r}: expected one of {', '.join(VARIANTS)}")
    match = _TAP.match(tap)
    blocks = VARIANTS[variant]
    if match:
        block, convolution = (
            int(g)
            for g in (match[1] or match[3] or match[5] or match[6], match[2] or match[4] or 0)
        )
        if 1 <= block <= len(blocks) and convolution <= len(blocks[block - 1]):
            before = sum(2 * len(b) + 1 for b in blocks[: block - 1])
            pooled = match[5] or match[6]
            if pooled:
                return before + 2 * len(blocks[block - 1])
            if convolution >= 1:
                return before + 2 * convolution - 1
    raise ValueError(
        f"tap {tap!r} of {variant}: expected a name such as relu3_1, block3_conv1 or block3_pool, "
        f"with {'/'.join(str(len(b)) for b in blocks)} convolutions in the blocks"
    )


def stride(tap: str) -> int:
    """Return the distance of neighbouring positions of a tap's map, in pixels of the image."""
    match = _TAP.match(tap)
    if not match:
        raise ValueError(f"tap {tap!r}: expected a name such as relu3_1 or block3_pool")
    block = int(match[1] or match[3] or match[5] or match[6])
    return 2 ** (block if match[5] or match[6] else block - 1)


def variant_of(state: Mapping[str, Tensor]) -> str:
    """Return the variant to which a state dict belongs, by the shapes of its parameters.

    Raises:
        ValueError: the state dict belongs to none; the message names the expected keys.
    """
    first, tenth, deeper = (state.get(f"features.{n}.weight") for n in (0, 10, 16))
    if first is not None and tenth is not None and first.ndim == 4:
        if first.shape[0] == VARIANTS["vgg19-slim"][0][0]:
            return "vgg19-slim"
        if first.shape[0] == VARIANTS["vgg19"][0][0]:
            return "vgg16" if deeper is None else "vgg19"
    raise ValueError("weights: no VGG; expected torchvision's keys (features.0.weight, ...)")


class VGG(nn.Module):
    """VGG as a source of feature maps by name, built only up to the deepest requested map.

    Args:
        variant: a name of `VARIANTS`.
        taps: names of the requested maps, in either convention (see `position`).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, variant: str = "vgg19", taps: Sequence[str] = ("block5_pool",)) -> None:
        """Build the layers with random weights; see `from_state` for trained ones."""
        super().__init__()
        self.variant = variant
        self.taps = tuple(taps)
        depth = 1 + max(position(tap, variant) for tap in self.taps)
        layers: list[nn.Module] = []
        channels = 3
        for block in VARIANTS[variant]:
            for width in block:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:depth])
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], taps: Sequence[str], variant: str | None = None
    ) -> VGG:
        """Build a frozen network in evaluation mode from torchvision's keys.

        Args:
            state: ``features.N.weight`` and ``features.N.bias``; layers deeper than the taps, and
                the classifier, are ignored. Any floating-point type.
            taps: names of the requested maps.
            variant: a name of `VARIANTS`; by default it is determined by the shapes.

        Raises:
            ValueError: the state lacks a layer that the taps need, or has other shapes.
        """
        variant = variant or variant_of(state)
        network = cls(variant, taps)
        wanted = network.state_dict()
        for key, value in wanted.items():
            if key not in state:
                raise ValueError(f"weights for {variant} up to {', '.join(taps)}: no {key!r}")
            if state[key].shape != value.shape:
                raise ValueError(
                    f"weights for {variant}: {key!r} is {tuple(state[key].shape)}, "
                    f"expected {tuple(value.shape)}"
                )
        network.load_state_dict({key: state[key].float() for key in wanted})
        return network.requires_grad_(False).eval()

    def forward(self, images: Tensor, taps: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Return the requested maps by name.

        Args:
            images: (B, 3, H, W), RGB in [0, 1]; the ImageNet normalisation is done here.
            taps: some of the constructor's taps (by default, all); layers after the deepest one
                don't run.
        """
        names = self.taps if taps is None else tuple(taps)
        at: dict[int, list[str]] = {}
        for name in names:
            at.setdefault(position(name, self.variant), []).append(name)
        maps: dict[str, Tensor] = {}
        x = (images - self.mean) / self.std
        for index, layer in enumerate(self.features[: max(at) + 1]):
            x = layer(x)
            for name in at.get(index, ()):
                maps[name] = x
        return maps
