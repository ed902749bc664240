"""YOLOX-Nano, a detector of COCO's 80 classes (Z. Ge et al., arXiv 2107.08430).

```python
network = YoloxNano(classes=80)
found = network(batch)               # (B, 3, H, W), sides divisible by 32 -> (B, n, 4 + classes)
```

Batch normalisation is folded into the convolutions. The published weights are converted by
``python -m jobs.train detector``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (8, 16, 32)
"""Strides of the three levels at which objects are found, in pixels of the input."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
WIDTH = 16
"""Number of channels of the stem; those of deeper layers are multiples of it."""


class Conv(nn.Sequential):
    """A convolution with SiLU."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups), nn.SiLU()
        )


class SeparableConv(nn.Sequential):
    """A depthwise 3x3 convolution and a pointwise one, each with SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(Conv(inputs, inputs, 3, stride, inputs), Conv(inputs, outputs, 1))


class Bottleneck(nn.Module):
    """A pointwise and a separable convolution, with a residual connection or without."""

    def __init__(self, width: int, *, residual: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(Conv(width, width, 1), SeparableConv(width, width))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


class CrossStage(nn.Module):
    """A cross-stage partial layer: bottlenecks on one half of the channels beside the other."""

    def __init__(self, inputs: int, outputs: int, depth: int, *, residual: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.deep, self.short = Conv(inputs, half, 1), Conv(inputs, half, 1)
        self.body = nn.Sequential(*(Bottleneck(half, residual=residual) for _ in range(depth)))
        self.join = Conv(outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features ``(B, outputs, h, w)``."""
        deep, short = self.deep(x), self.short(x)
        joined: Tensor = self.join(torch.cat([self.body(deep), short], 1))
        return joined


class PyramidPooling(nn.Module):
    """Maxima over windows of 5, 9 and 13 cells, beside the features themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce, self.join = Conv(width, width // 2, 1), Conv(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        x = self.reduce(x)
        pooled = [F.max_pool2d(x, size, 1, size // 2) for size in (5, 9, 13)]
        joined: Tensor = self.join(torch.cat([x, *pooled], 1))
        return joined


class Backbone(nn.Module):
    """The trunk: features at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        w = WIDTH
        self.stem = Conv(12, w, 3)
        self.stage1 = nn.Sequential(
            SeparableConv(w, 2 * w, 2), CrossStage(2 * w, 2 * w, 1, residual=True)
        )
        self.stage2 = nn.Sequential(
            SeparableConv(2 * w, 4 * w, 2), CrossStage(4 * w, 4 * w, 3, residual=True)
        )
        self.stage3 = nn.Sequential(
            SeparableConv(4 * w, 8 * w, 2), CrossStage(8 * w, 8 * w, 3, residual=True)
        )
        self.stage4 = nn.Sequential(
            SeparableConv(8 * w, 16 * w, 2),
            PyramidPooling(16 * w),
            CrossStage(16 * w, 16 * w, 1, residual=False),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features of normalised pixels ``(B, 3, H, W)``."""
        # Every second pixel of every second row: four images of half the size, as channels.
        parts = (x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2])
        fine = self.stage2(self.stage1(self.stem(torch.cat(parts, 1))))
        middle = self.stage3(fine)
        return fine, middle, self.stage4(middle)


class Neck(nn.Module):
    """A path aggregation network over the trunk's three levels."""

    def __init__(self) -> None:
        super().__init__()
        w = WIDTH
        self.lateral, self.reduce = Conv(16 * w, 8 * w, 1), Conv(8 * w, 4 * w, 1)
        self.down_middle = CrossStage(16 * w, 8 * w, 1, residual=False)
        self.down_fine = CrossStage(8 * w, 4 * w, 1, residual=False)
        self.to_middle, self.to_coarse = (
            SeparableConv(4 * w, 4 * w, 2),
            SeparableConv(8 * w, 8 * w, 2),
        )
        self.up_middle = CrossStage(8 * w, 8 * w, 1, residual=False)
        self.up_coarse = CrossStage(16 * w, 16 * w, 1, residual=False)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, ...]:
        """Return the features of the three levels, of 64, 128 and 256 channels."""
        top = self.lateral(coarse)
        inner = self.reduce(self.down_middle(torch.cat([_doubled(top), middle], 1)))
        first = self.down_fine(torch.cat([_doubled(inner), fine], 1))
        second = self.up_middle(torch.cat([self.to_middle(first), inner], 1))
        third = self.up_coarse(torch.cat([self.to_coarse(second), top], 1))
        return first, second, third


class LevelHead(nn.Module):
    """The decoupled head of one level."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        w = 4 * WIDTH
        self.stem = Conv(inputs, w, 1)
        self.kind = nn.Sequential(SeparableConv(w, w), SeparableConv(w, w))
        self.kinds = nn.Conv2d(w, classes, 1)
        self.place = nn.Sequential(SeparableConv(w, w), SeparableConv(w, w))
        self.box, self.object = nn.Conv2d(w, 4, 1), nn.Conv2d(w, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return box, objectness and classes of each cell, ``(B, 5 + classes, h, w)``; logits."""
        x = self.stem(x)
        kinds = self.kinds(self.kind(x))
        place = self.place(x)
        return torch.cat([self.box(place), self.object(place), kinds], 1)


class YoloxNano(nn.Module):
    """The detector.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int = 80) -> None:
        super().__init__()
        self.backbone, self.neck = Backbone(), Neck()
        self.heads = nn.ModuleList(LevelHead(n * WIDTH, classes) for n in (4, 8, 16))
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Find objects.

        Args:
            x: ``(B, 3, H, W)`` RGB, 0..255; sides divisible by 32.

        Returns:
            ``(B, n, 4 + classes)``, a row for each cell of the three levels: x0, y0, x1, y1 in
            pixels of the input, and for each class the probability (0..1) of such an object there.
        """
        mean, deviation = self.get_buffer("mean"), self.get_buffer("deviation")
        levels = self.neck(*self.backbone((x / 255 - mean) / deviation))
        found = [
            _decoded(head(each), stride)
            for head, each, stride in zip(self.heads, levels, STRIDES, strict=True)
        ]
        return torch.cat(found, 1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _decoded(found: Tensor, stride: int) -> Tensor:
    """Convert a level's logits ``(B, 5 + classes, h, w)`` to boxes and probabilities."""
    height, width = found.shape[-2:]
    rows = torch.arange(height, device=found.device, dtype=found.dtype)
    columns = torch.arange(width, device=found.device, dtype=found.dtype)
    cell = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))
    centre = (found[:, :2] + cell) * stride
    half = found[:, 2:4].exp() * stride / 2
    likely = found[:, 4:5].sigmoid() * found[:, 5:].sigmoid()
    return torch.cat([centre - half, centre + half, likely], 1).flatten(2).transpose(1, 2)


_NAMES = """
person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign
parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella
handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard
surfboard tennis_racket bottle wine_glass cup fork knife spoon bowl banana apple sandwich orange
broccoli carrot hot_dog pizza donut cake chair couch potted_plant bed dining_table toilet tv laptop
mouse remote keyboard cell_phone microwave oven toaster sink refrigerator book clock vase scissors
teddy_bear hair_drier toothbrush
"""
COCO: tuple[str, ...] = tuple(_NAMES.split())
"""Names of the classes, in the network's order; words of two tokens are joined by ``_``."""
