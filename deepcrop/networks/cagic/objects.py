"""The objects that the detector finds in one image.

```python
objects = find_objects(detector, photo)         # uint8 (3, H, W)
objects.of((16,))                               # those of some classes
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..saliency.faces import nms
from ..yolox import STRIDES, YoloxNano

LONGEST = 608
"""The longer edge of the detector's input, in pixels; it learned at 416, but finds more at 608."""
GREY = 114.0
"""The value of the pixels that fill the input up."""
LEAST = 0.03
"""Least probability (0..1) of an object; it is low because the user says that there is one."""
MOST = 200
"""The most boxes of a class, those of the highest scores, among which duplicates are looked for."""
OVERLAP = 0.5
"""IoU (0..1) above which two boxes of a class are the same object."""


class Objects(NamedTuple):
    """Objects, by descending probability in each class."""

    boxes: Tensor
    """``(n, 4)`` x0, y0, x1, y1 in 0..1 of the image's sides."""
    scores: Tensor
    """``(n,)`` probabilities."""
    classes: Tensor
    """``(n,)`` indices of classes."""

    def of(self, classes: Sequence[int]) -> Objects:
        """Return the objects of some classes."""
        chosen = torch.isin(self.classes, torch.tensor(list(classes), device=self.classes.device))
        return Objects(self.boxes[chosen], self.scores[chosen], self.classes[chosen])


@torch.inference_mode()
def find_objects(detector: YoloxNano, image: Tensor) -> Objects:
    """Find the objects of an image.

    Args:
        detector: the detector, ready for inference.
        image: uint8 RGB ``(3, H, W)``.
    """
    height, width = image.shape[-2:]
    scale = LONGEST / max(height, width)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    weight = next(detector.parameters())
    pixels = image[None].to(weight.device, weight.dtype)
    pixels = F.interpolate(pixels, sides, mode="bilinear", antialias=True, align_corners=False)
    below, right = (-side % STRIDES[-1] for side in sides)
    found = detector(F.pad(pixels, (0, right, 0, below), value=GREY))[0].float().cpu()
    boxes = found[:, :4] / found.new_tensor([sides[1], sides[0]] * 2)
    boxes, likely = boxes.clamp(0, 1), found[:, 4:]
    rows, classes = torch.nonzero(likely >= LEAST, as_tuple=True)
    boxes, scores = boxes[rows], likely[rows, classes]
    kept: list[int] = []
    for each in classes.unique().tolist():
        members = torch.nonzero(classes == each)[:, 0]
        members = members[scores[members].argsort(descending=True, stable=True)[:MOST]]
        kept += members[nms(boxes[members], scores[members], OVERLAP)].tolist()
    return Objects(boxes[kept], scores[kept], classes[kept])
