"""The heads of the saliency network that find what a crop should not cut.

One small convolutional head over the trunk answers four questions in the pass that predicts gaze:
where the faces of people are, where the heads of animals are, which pixels belong to the subject,
and which to text.

```python
head = SceneHead(48, context=64)
scene = head(features, context)             # features of faces.TAPS; context: the second round's
people = read_faces(scene.people[0], 0.35)  # (n, 5): x0, y0, x1, y1 in 0..1, score
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ..mobilenet import CHANNELS, Conv2dSame
from .objects import CHANNELS_OF, TAPS


class SceneMaps(NamedTuple):
    """The maps of a batch of images, at stride 8."""

    people: Tensor
    """Faces of people ``(B, 5, H / 8, W / 8)``; see :meth:`.faces.FaceHead.forward`."""
    animals: Tensor
    """Heads of animals ``(B, 5, H / 8, W / 8)``, in the same form."""
    subject: Tensor
    """Logits ``(B, H / 8, W / 8)`` of the mask of the salient objects."""
    text: Tensor
    """Logits ``(B, H / 8, W / 8)`` of lines of text."""


class SceneHead(nn.Module):
    """The head that predicts :class:`SceneMaps`.

    Args:
        width: number of its channels.
        context: number of channels of the features that predict gaze, which the head reads too.
    """

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(Conv2dSame(CHANNELS[tap], width, 1, bias=True) for tap in TAPS)
        self.context = Conv2dSame(context, width, 1, bias=True)
        self.coarse = Conv2dSame(width, width, 3, dilation=2, bias=True)
        self.mix = nn.ModuleList(
            Conv2dSame(width, width, 3, dilation=dilation, bias=True) for dilation in (1, 2)
        )
        self.read = Conv2dSame(width, sum(CHANNELS_OF.values()), 1, bias=True)

    def forward(self, features: Sequence[Tensor], context: Tensor) -> SceneMaps:
        """Predict the maps.

        Args:
            features: features of :data:`.faces.TAPS`, the first at stride 8, the others at 16.
            context: ``(B, context, H / 16, W / 16)``.
        """
        fine, *coarse = (
            project(each) for project, each in zip(self.project, features, strict=True)
        )
        deep = F.relu(sum(coarse) + self.context(context))
        deep = deep + F.relu(self.coarse(deep))
        deep = F.interpolate(deep, fine.shape[-2:], mode="bilinear", align_corners=False)
        x = F.relu(fine + deep)
        for layer in self.mix:
            x = x + F.relu(layer(x))
        people, animals, subject, text = self.read(x).split(list(CHANNELS_OF.values()), 1)
        return SceneMaps(people, animals, subject[:, 0], text[:, 0])
