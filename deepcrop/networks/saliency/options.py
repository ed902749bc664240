"""The options of the saliency network, which its weights files carry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..json_options import JsonOptions


@dataclass(frozen=True)
class SaliencyOptions(JsonOptions):
    """The architecture; the defaults are our own network's, :meth:`sam` returns the paper's.

    Attributes:
        pixels: area to which an image is resized, in pixels, in its own aspect ratio.
        multiple: divisor of both sides of the input, in pixels.
        output_stride: stride of the trunk and of all layers up to the readout, in pixels.
        taps: indices of the trunk's blocks that are projected and summed into the ConvLSTM's input.
        width: number of channels of the ConvLSTM.
        steps: number of steps of the attentive ConvLSTM.
        priors: number of Gaussian priors in each of the two rounds.
        isotropic: whether a prior has one sigma (the blog) or one for each axis (SAM).
        dilation: dilation of the 5x5 convolution after each round of priors.
        detail: index of the block (stride 8) whose features refine the readout; None as in SAM.
        readout: "softmax" gives a density that sums to 1, "relu" SAM's non-negative map.
        blur: sigma of the Gaussian that finally smooths the map, in input pixels.
        dropout: share (0..1) of the ConvLSTM's input channels that are dropped in training.
        faces: number of channels of the head that detects faces alone; None: no such head.
        scene: number of channels of the head that finds faces, animals' heads, the subject and
            text; None: no such head.
    """

    network: ClassVar[str] = "saliency"

    pixels: int = 432 * 576
    multiple: int = 16
    output_stride: Literal[8, 16, 32] = 16
    taps: tuple[int, ...] = (13, 17)
    width: int = 64
    steps: int = 2
    priors: int = 16
    isotropic: bool = False
    dilation: int = 2
    detail: int | None = 6
    readout: Literal["softmax", "relu"] = "softmax"
    blur: float = 4.0
    dropout: float = 0.2
    faces: int | None = None
    scene: int | None = None

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) to which an image is resized: its shape with ``pixels``."""
        shape = min(max(width / height, 1 / 4), 4.0)
        sides = (math.sqrt(self.pixels / shape), math.sqrt(self.pixels * shape))
        rounded = [
            max(self.multiple, round(side / self.multiple) * self.multiple) for side in sides
        ]
        return rounded[0], rounded[1]

    @classmethod
    def sam(cls) -> SaliencyOptions:
        """Return SAM's own architecture: 512 channels, 240x320 at stride 8, ReLU readout."""
        return cls(
            pixels=240 * 320,
            steps=4,
            multiple=8,
            output_stride=8,
            taps=(17,),
            width=512,
            dilation=4,
            detail=None,
            readout="relu",
        )
