"""Mars over our saliency network: cropping areas and scores of windows for any aspect ratio.

```python
network = WindowNetwork.from_state(state, metadata)     # ours: deepcrop/pretrained/mars.*
[scene] = network.look([photo])                         # uint8 (3, h, w)
logits = scene.logits([1.0, 1.78])                      # (2, 16, 16): one map for each ratio
scores = scene.cells(boxes)                             # (n,), of windows (n, 4) in 0..1
```

One pass of the saliency network gives the features, gaze and heads. The head
(:mod:`.window_head`) learned from crops that people chose and from votes on pairs of crops.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..group_by_shape import group_by_shape
from ..saliency.model import SaliencyOptions
from .sight import GRID, Seen, Sight, mirror, regridded
from .window_head import WindowHead
from .window_options import WindowOptions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What the network knows about one image, from which all aspect ratios are answered.

    The head reads the trunk's features and their mirror image, and the results are averaged.

    Attributes:
        head: the network's head.
        x: the head's features and those of the mirror image ``(2, width, 16, 16)``.
        guides: the maps of gaze, heads and subject, and mirrored ``(2, M, 32, 32)``.
        shape: natural logarithm of the image's aspect ratio, ``(2,)``.
        faces: faces of people ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the probability.
        animals: heads of animals ``(n, 5)``.
    """

    head: WindowHead
    x: Tensor
    guides: Tensor
    shape: Tensor
    faces: Tensor
    animals: Tensor

    @classmethod
    def of(cls, head: WindowHead, seen: Seen, shape: float) -> Scene:
        """Run the head over what the trunk saw in one image.

        Args:
            head: the network's head.
            seen: the trunk's result, or any other whose features the head reads.
            shape: natural logarithm of the image's aspect ratio.
        """
        whole = seen.guides.new_tensor([0.0, 0.0, 1.0, 1.0])
        deep = seen.deep.float()
        if deep.shape[-2:] != (GRID, GRID):
            deep = regridded(deep, whole.to(deep))
        both, guides = with_mirror(deep), with_mirror(seen.guides)
        ratio = both.new_tensor([shape] * 2)
        x = head.features(both, guides, ratio)
        return cls(head, x, guides, ratio, seen.faces.float().cpu(), seen.animals.float().cpu())

    @torch.inference_mode()
    def logits(self, ratios: Sequence[float]) -> Floats:
        """Return the logits ``(R, 16, 16)`` of the cropping area of each aspect ratio."""
        asked = torch.tensor([list(ratios)] * 2, dtype=self.x.dtype, device=self.x.device)
        straight, mirrored = self.head.logits(self.x, asked).double()
        return ((straight + mirrored.flip(-1)) / 2).cpu().numpy()

    @torch.inference_mode()
    def cells(self, boxes: Floats) -> Floats:
        """Return the cells scores ``(n,)`` of windows ``(n, 4)`` in 0..1; 0 without such cells."""
        if self.head.cells is None:
            return np.zeros(len(boxes))
        windows = torch.from_numpy(boxes).to(self.x)
        both = torch.stack([windows, mirror(windows)])
        found = self.head.cells(self.x, self.guides, both, self.shape).mean(0)
        scores: Floats = found.double().cpu().numpy()
        return scores

    @torch.inference_mode()
    def scores(self, boxes: Floats, ratios: Floats) -> Floats:
        """Return the scores ``(n,)`` by which windows ``(n, 4)`` in 0..1 are compared.

        Args:
            boxes: the windows.
            ratios: their aspect ratios ``(n,)``, any, width over height in pixels.
        """
        windows = torch.from_numpy(boxes).to(self.x)
        both = torch.stack([windows, mirror(windows)])
        asked = torch.from_numpy(ratios).to(self.x).expand(2, -1)
        found = self.head.scores(self.x, self.guides, both, asked, self.shape)
        result: Floats = found.mean(0).double().cpu().numpy()
        return result


def with_mirror(maps: Tensor) -> Tensor:
    """Return maps ``(C, h, w)`` and their mirror image ``(2, C, h, w)``, float32."""
    return torch.stack([maps, maps.flip(-1)]).float()


class WindowNetwork(nn.Module):
    """The saliency network and the head."""

    def __init__(self, saliency: SaliencyOptions, head: WindowOptions) -> None:
        super().__init__()
        self.sight = Sight(saliency)
        self.head = WindowHead(head)

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        *,
        pixels: int | None = None,
    ) -> WindowNetwork:
        """Build the network that a weights file holds, ready for inference (float32, eval).

        Args:
            state: the tensors of the file, of any float type.
            metadata: the metadata of the file; ``saliency`` and ``head`` hold the architecture as
                JSON.
            pixels: area of the network's input in pixels; None: that of the weights.
        """
        saliency = SaliencyOptions.from_json(metadata["saliency"])
        if pixels is not None:
            saliency = replace(saliency, pixels=pixels)
        network = cls(saliency, WindowOptions.from_json(metadata["head"]))
        network.load_state_dict({key: value.float() for key, value in state.items()})
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def look(self, images: Sequence[Tensor]) -> list[Scene]:
        """Look at images of any sizes.

        On a CPU an image's result does not depend on the other images: see
        :func:`.group_by_shape.group_by_shape`.

        Args:
            images: uint8 RGB ``(3, h, w)``.
        """
        device, kind = next((each.device, each.dtype) for each in self.sight.parameters())
        inputs = [self.sight.preprocess(image.to(device)) for image in images]
        found: dict[int, Scene] = {}
        for members, batch in group_by_shape(inputs):
            for index, seen in zip(members, self.sight.look(batch.to(kind)), strict=True):
                height, width = images[index].shape[-2:]
                found[index] = Scene.of(self.head, seen, math.log(width / height))
        return [found[index] for index in range(len(images))]
