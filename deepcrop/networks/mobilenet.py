"""MobileNet-V2 (arXiv 1801.04381) with the padding and dilation that the methods need.

```python
trunk = MobileNetV2(stop=18, output_stride=16)
trunk.load_torchvision(state)              # any torchvision state dict; extra keys are ignored
taps = trunk.features(images, (6, 13, 17)) # images (B, 3, H, W), normalised as in training
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import onednn
from .mobilenet_stages import CHANNELS as CHANNELS
from .mobilenet_stages import Block, OutputStride, blocks

Padding = Literal["same", "symmetric"]


class Conv2dSame(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, or with PyTorch's symmetric one.

    They differ if the stride is 2: on an even side SAME pads (0, 1) and PyTorch (1, 1), which
    shifts the sampling grid by one pixel. A clipped convolution applies ReLU6 to its result.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        bias: bool = False,
        same: bool = True,
        clipped: bool = False,
    ) -> None:
        self.clipped = clipped
        self.asymmetric = same and stride > 1
        padding = 0 if self.asymmetric else dilation * (kernel - 1) // 2
        super().__init__(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``(B, C, H, W)`` to ``(B, C', ceil(H / stride), ceil(W / stride))``."""
        if not self.asymmetric:
            return self._convolve(input, self.weight, self.padding)
        height, width = input.shape[-2:]
        if self.kernel_size == (3, 3) and height % 2 == width % 2 == 0 and self.stride == (2, 2):
            # A 4x4 kernel whose first row and column are zero, with a padding of 1 pixel, gives the
            # same result without a copy of the input: 27 instead of 35 ms for the saliency network.
            return self._convolve(input, F.pad(self.weight, (1, 0, 1, 0)), (1, 1))
        top, bottom = _same(height, self.kernel_size[0], self.stride[0])
        left, right = _same(width, self.kernel_size[1], self.stride[1])
        return self._convolve(F.pad(input, (left, right, top, bottom)), self.weight, (0, 0))

    def _convolve(self, input: Tensor, weight: Tensor, padding: str | tuple[int, ...]) -> Tensor:
        """Convolve and clip, by oneDNN if that is faster."""
        rest = (self.stride, self.dilation, self.groups)
        if onednn.is_faster(input):
            return onednn.convolve(input, weight, self.bias, padding, *rest, clipped=self.clipped)
        stride, dilation, groups = rest
        y = F.conv2d(input, weight, self.bias, stride, padding, dilation, groups)
        return F.relu6(y, inplace=True) if self.clipped else y


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the pixels that TensorFlow's SAME padding adds before and after a side of ``size``."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _convolve(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
    folded: bool,
    same: bool,
    activation: bool = True,
) -> list[nn.Module]:
    """Build convolution, batch norm and ReLU6 at torchvision's indices; one layer if folded."""
    layers: list[nn.Module] = [
        Conv2dSame(
            inputs,
            outputs,
            kernel,
            stride=stride,
            groups=groups,
            dilation=dilation,
            bias=folded,
            same=same,
            clipped=folded and activation,
        ),
        nn.Identity() if folded else nn.BatchNorm2d(outputs),
    ]
    return layers if folded or not activation else [*layers, nn.ReLU6(inplace=True)]


class InvertedResidual(nn.Module):
    """A 1x1 expansion, a depthwise 3x3 convolution, and a linear 1x1 projection (Figure 3b)."""

    def __init__(self, block: Block, *, folded: bool, same: bool) -> None:
        super().__init__()
        inputs, outputs = block.inputs, block.outputs
        hidden = inputs * block.expansion
        self.residual = block.stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if block.expansion != 1:
            layers.append(nn.Sequential(*_convolve(inputs, hidden, 1, folded=folded, same=same)))
        depthwise = _convolve(
            hidden,
            hidden,
            3,
            stride=block.stride,
            groups=hidden,
            dilation=block.dilation,
            folded=folded,
            same=same,
        )
        project = _convolve(hidden, outputs, 1, folded=folded, same=same, activation=False)
        self.conv = nn.Sequential(*layers, nn.Sequential(*depthwise), *project)

    def forward(self, x: Tensor) -> Tensor:
        """Transform ``(B, C, H, W)``; the input is added if the shapes are equal."""
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The convolutional trunk of MobileNet-V2, which is torchvision's ``features[:stop]``.

    Args:
        stop: number of torchvision's 19 feature blocks to build; 13 ends at 96 channels and stride
            16, 18 at 320 channels, 19 adds the last 1x1 convolution to 1280.
        output_stride: input pixels per output pixel along a side, 32 as trained. At 16 or 8 the
            last strides become dilations, so that the denser features contain those of the strided
            network unchanged.
        padding: "same" for weights that were trained in TensorFlow, "symmetric" for torchvision's.
        folded: whether the batch norms are folded into the weights and biases of the convolutions,
            whose keys keep torchvision's names.
    """

    def __init__(
        self,
        *,
        stop: int = 19,
        output_stride: OutputStride = 32,
        padding: Padding = "same",
        folded: bool = True,
    ) -> None:
        super().__init__()
        if not 1 <= stop <= 19:
            raise ValueError(f"stop is {stop}; it must be 1 to 19")
        if output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride is {output_stride}; it must be 8, 16 or 32")
        same = padding == "same"
        layers: list[nn.Module] = [
            nn.Sequential(*_convolve(3, 32, 3, stride=2, folded=folded, same=same))
        ]
        strides = [2]
        for block in blocks(output_stride):
            strides.append(block.reached)
            layers.append(InvertedResidual(block, folded=folded, same=same))
        layers.append(nn.Sequential(*_convolve(320, 1280, 1, folded=folded, same=same)))
        self.blocks = nn.Sequential(*layers[:stop])
        self.strides = (*strides, strides[-1])[:stop]
        self.folded = folded
        self.channels = CHANNELS[stop - 1]

    def forward(self, x: Tensor) -> Tensor:
        """Return the last block's output ``(B, channels, H / s, W / s)`` for ``(B, 3, H, W)``."""
        y: Tensor = self.blocks(x)
        return y

    def features(self, x: Tensor, taps: Sequence[int], start: int = 0) -> list[Tensor]:
        """Return the outputs of the blocks ``taps`` in one pass.

        Args:
            x: images, or the output of block ``start - 1``, which may be a tap itself.
            taps: ascending block indices in torchvision's numbering.
            start: index of the first block to run.
        """
        outputs = [x] if start - 1 in taps else []
        for index in range(start, max(taps) + 1):
            x = self.blocks[index](x)
            if index in taps:
                outputs.append(x)
        return outputs

    def load_torchvision(self, state: Mapping[str, Tensor]) -> None:
        """Load ``features.*`` of a torchvision state dict; batch norms are folded if ``folded``.

        Raises:
            RuntimeError: a block of this trunk is missing in the state, or has another shape.
        """
        blocks = {
            key.removeprefix("features."): value
            for key, value in state.items()
            if key.startswith("features.") and int(key.split(".")[1]) < len(self.blocks)
        }
        self.blocks.load_state_dict(fold_batch_norms(blocks) if self.folded else blocks)


def fold_batch_norms(state: Mapping[str, Tensor], eps: float = 1e-5) -> dict[str, Tensor]:
    """Fold each batch norm of a torchvision state dict into the convolution just before it.

    It computes ``w' = w * g / sqrt(v + eps)`` and ``b' = b - m * g / sqrt(v + eps)`` in float64.
    """
    folded: dict[str, Tensor] = {}
    for key, weight in state.items():
        prefix, _, name = key.rpartition(".")
        if name != "weight" or weight.ndim != 4:
            continue
        parent, _, index = prefix.rpartition(".")
        norm = f"{parent}.{int(index) + 1}"
        scale = state[f"{norm}.weight"].double() * torch.rsqrt(
            state[f"{norm}.running_var"].double() + eps
        )
        bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
        folded[key] = (weight.double() * scale[:, None, None, None]).to(weight.dtype)
        folded[f"{prefix}.bias"] = bias.to(weight.dtype)
    return folded
