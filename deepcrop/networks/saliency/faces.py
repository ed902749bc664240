"""Face detection on the features of the saliency network's trunk.

The head is CenterNet's (X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as Points", arXiv 1904.07850):
at stride 8, each cell predicts whether a face is centred in it, and the face's place and size.

```python
head = FaceHead(32)
faces = read_faces(head(features)[0], threshold=0.4)    # (n, 5): x0, y0, x1, y1 in 0..1, score
```
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..mobilenet import CHANNELS, Conv2dSame
from .objects import TAPS as TAPS
from .objects import nms as objects_nms
from .objects import read_objects


class FaceHead(nn.Module):
    """The head that predicts a map of faces from the features of the trunk's :data:`TAPS`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(Conv2dSame(CHANNELS[tap], width, 1, bias=True) for tap in TAPS)
        self.mix = nn.ModuleList(
            Conv2dSame(width, width, 3, dilation=dilation, bias=True) for dilation in (1, 2)
        )
        self.read = Conv2dSame(width, 5, 1, bias=True)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Predict the map of faces ``(B, 5, H / 8, W / 8)`` from features of :data:`TAPS`.

        The channels are the logit of a face's centre, the centre's offsets to the right of and
        below the cell's centre, and the natural logarithms of width and height. The unit of
        offsets, width and height is one cell.
        """
        fine, *coarse = (
            project(each) for project, each in zip(self.project, features, strict=True)
        )
        deep = F.interpolate(sum(coarse), fine.shape[-2:], mode="bilinear", align_corners=False)
        x = F.relu(fine + deep)
        for layer in self.mix:
            x = x + F.relu(layer(x))
        found: Tensor = self.read(x)
        return found


def read_faces(found: Tensor, threshold: float) -> Tensor:
    """Return the faces of one image, by descending probability; see :func:`.objects.read_objects`.

    Args:
        found: the map ``(5, h, w)`` from :class:`FaceHead`.
        threshold: least probability of a face, 0..1.

    Returns:
        ``(n, 5)`` float32 on the map's device.
    """
    objects = read_objects(found.detach().float().cpu().numpy(), threshold)
    return torch.from_numpy(objects).to(found.device)


def nms(boxes: Tensor, scores: Tensor, overlap: float) -> list[int]:
    """Suppress the boxes that overlap one of a higher score; see :func:`.objects.nms`."""
    return objects_nms(boxes.numpy(), scores.numpy(), overlap)


def box_iou(one: Tensor, other: Tensor) -> Tensor:
    """Return the IoU ``(n, m)`` of boxes ``(n, 4)`` and ``(m, 4)``; NaN if both are empty."""
    low = torch.maximum(one[:, None, :2], other[:, :2])
    high = torch.minimum(one[:, None, 2:], other[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    area, others = ((each[:, 2:] - each[:, :2]).prod(-1) for each in (one, other))
    return common / (area[:, None] + others - common)
