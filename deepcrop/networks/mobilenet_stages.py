"""The structure of MobileNet-V2 (arXiv 1801.04381): its blocks, for every runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

# (expansion, channels, blocks, stride of the first block): Table 2 of the paper.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
CHANNELS = (
    32,
    *(channels for _, channels, blocks, _ in STAGES for _ in range(blocks)),
    1280,
)
"""The number of output channels of ``features[i]`` for i = 0 .. 18."""

OutputStride = Literal[8, 16, 32]


class Block(NamedTuple):
    """An inverted residual."""

    expansion: int
    """Channels between the convolutions for each channel of the input."""
    inputs: int
    """Channels of the input."""
    outputs: int
    """Channels of the output."""
    stride: int
    """Stride of the depthwise convolution."""
    dilation: int
    """Dilation of the depthwise convolution."""
    reached: int
    """Pixels of the image for each pixel of the output, along a side."""


def blocks(output_stride: OutputStride) -> Iterator[Block]:
    """Yield the inverted residuals, which are torchvision's ``features[1]`` to ``features[17]``.

    Args:
        output_stride: from which on strides become dilations.
    """
    inputs, reached, dilation = 32, 2, 1
    for expansion, outputs, count, first in STAGES:
        for index in range(count):
            stride = first if index == 0 else 1
            before = dilation
            if stride == 2 and reached == output_stride:
                stride, dilation = 1, dilation * 2
            reached *= stride
            yield Block(expansion, inputs, outputs, stride, before, reached)
            inputs = outputs
