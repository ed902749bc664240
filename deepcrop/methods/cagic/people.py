"""How well people like windows of an image, by the network of the method ``mars``.

```python
people = PeopleScores(network, photo)           # uint8 (3, H, W); the network runs when it is asked
people(windows, 1.5)                            # (M,)
```
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...networks.mars.window_model import Scene, WindowNetwork


class PeopleScores:
    """The scores of windows of one image; see :class:`~...networks.cagic.model.People`."""

    def __init__(self, network: WindowNetwork, image: Tensor) -> None:
        self.network, self.image = network, image

    @cached_property
    def _scene(self) -> Scene:
        [scene] = self.network.look([self.image])
        return scene

    def __call__(self, windows: Tensor, ratio: float) -> Tensor:
        """Return the scores ``(M,)`` of windows ``(M, 4)`` of an aspect ratio."""
        centre, half = windows[:, :2].double().cpu(), windows[:, 2:].double().cpu()
        boxes = ((torch.cat([centre - half, centre + half], 1) + 1) / 2).clamp(0, 1)
        scores = self._scene.scores(boxes.numpy(), np.full(len(boxes), ratio))
        return torch.from_numpy(scores).to(windows)
