"""Attention: the part of a retarget method's importance that comes from the saliency network.

```python
network = attention_network(weight=0.5)                  # None if the weight is 0
[saliency] = network.maps([image])
factors = saliency_factors(saliency, 0.5, (192, 256))    # multiply the features' importance
```
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .. import weights
from ..networks.saliency.model import SaliencyNetwork


def attention_network(weight: float, device: torch.device | str = "cpu") -> SaliencyNetwork | None:
    """Return the network ``saliency`` on a device; None for a weight of 0, which needs none."""
    if weight == 0:
        return None
    return SaliencyNetwork.from_state(*weights.load("saliency")).to(device)


def saliency_factors(saliency: Tensor | None, weight: float, shape: tuple[int, int]) -> Tensor:
    """Return the factors by which a saliency map changes the importance.

    Args:
        saliency: the map (h, w), of any resolution; None gives factors of 1.
        weight: the share (0..1) of the importance that is proportional to the saliency.
        shape: height and width of the factors.

    Returns:
        (1, 1, *shape) with mean 1, at least 1 - ``weight`` everywhere.
    """
    if saliency is None:
        return torch.ones(1, 1, *shape)
    resized = functional.interpolate(saliency[None, None], shape, mode="bilinear", antialias=True)
    return 1 - weight + weight * resized / resized.mean().clamp_min(1e-12)
