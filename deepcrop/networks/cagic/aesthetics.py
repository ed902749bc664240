"""The View Finding Network (Chen et al., ACM MM 2017): how well a view is composed.

```python
paper = ViewFindingNetwork()                  # AlexNet's trunk
score = paper(warped)                         # (B, 3, 227, 227), RGB / 255 - 0.5, to (B,)
light = ViewRanker(channels=320)              # the same head over features that are there anyway
score = light(features)                       # (B, 320, 14, 14) to (B,)
```

Scores have no unit: a view with a higher one is the better composed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class ViewFindingNetwork(nn.Module):
    """AlexNet's five convolutions, max pooling, one hidden layer and a score without bias.

    Args:
        embedding: width of the hidden layer.
        spatial_pyramid: pool at 6x6, 2x2 and 3x3 (the authors' ``SPP``), or at 6x6 only.
    """

    def __init__(self, embedding: int = 1000, *, spatial_pyramid: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        # Kernel and stride on the 13x13 map, in the authors' order of concatenation.
        self.pools = ((3, 2), (7, 6), (5, 4)) if spatial_pyramid else ((3, 2),)
        cells = 36 + 4 + 9 if spatial_pyramid else 36
        self.fc6 = nn.Linear(256 * cells, embedding)
        self.score = nn.Linear(embedding, 1, bias=False)

    def forward(self, views: Tensor) -> Tensor:
        """Score views ``(B, 3, 227, 227)``, RGB / 255 - 0.5, warped to the square: ``(B,)``."""
        # TensorFlow's SAME for kernel 11 and stride 4 on 227 pixels pads 4 before and 4 after.
        x = F.relu(self.conv1(F.pad(views, (4, 4, 4, 4))))
        x = F.max_pool2d(_normalise(x), 3, 2)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(_normalise(x), 3, 2)
        x = F.relu(self.conv5(F.relu(self.conv4(F.relu(self.conv3(x))))))
        pooled = [F.max_pool2d(x, kernel, stride).flatten(1) for kernel, stride in self.pools]
        return self.score(F.relu(self.fc6(torch.cat(pooled, 1))))[:, 0]

    @classmethod
    def from_tensorflow(cls, variables: Mapping[str, NDArray]) -> ViewFindingNetwork:
        """Build the network from the authors' variables.

        Their checkpoint names the convolutions' weights and biases, in turn, ``Variable``,
        ``Variable_1`` .. ``Variable_9``, and the head ``ranker/fc6w``, ``ranker/fc6b`` and
        ``ranker/W``. Convolutions are (height, width, in, out); the hidden layer takes
        channels last.

        Raises:
            KeyError: a variable is missing.
            RuntimeError: one has another shape.
        """
        hidden = np.asarray(variables["ranker/fc6w"])
        network = cls(hidden.shape[1], spatial_pyramid=hidden.shape[0] == 256 * 49)
        state: dict[str, Tensor] = {}
        for layer in range(5):
            names = [f"Variable_{i}" if i else "Variable" for i in (2 * layer, 2 * layer + 1)]
            kernel, bias = (np.asarray(variables[name], np.float32) for name in names)
            state[f"conv{layer + 1}.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
            state[f"conv{layer + 1}.bias"] = torch.from_numpy(bias.copy())
        blocks, at = [], 0
        for side in (6, 2, 3) if hidden.shape[0] == 256 * 49 else (6,):
            rows = torch.from_numpy(np.array(hidden[at : at + side * side * 256], np.float32))
            blocks.append(rows.reshape(side * side, 256, -1).transpose(0, 1).flatten(0, 1))
            at += side * side * 256
        state["fc6.weight"] = torch.cat(blocks).T.contiguous()
        state["fc6.bias"] = torch.from_numpy(np.array(variables["ranker/fc6b"], np.float32))
        state["score.weight"] = torch.from_numpy(np.array(variables["ranker/W"], np.float32)).T
        network.load_state_dict(state)
        return network


def _normalise(x: Tensor) -> Tensor:
    """Local response normalisation, radius 2, alpha 2e-5 a channel (TensorFlow's), beta 0.75."""
    return F.local_response_norm(x, 5, alpha=5 * 2e-5, beta=0.75, k=1.0)


@dataclass(frozen=True)
class ViewRankerOptions:
    """The light head.

    Attributes:
        channels: of the features.
        embedding: width of the hidden layer.
        finest: cells along each side of the spatial pyramid's finest level, a power of two.
        dropout: before and after the hidden layer.
    """

    channels: int = 320
    embedding: int = 128
    finest: int = 4
    dropout: float = 0.3


class ViewRanker(nn.Module):
    """The View Finding Network's head, spatial pyramid and all, over any trunk's features."""

    def __init__(self, options: ViewRankerOptions | None = None) -> None:
        super().__init__()
        o = self.options = options or ViewRankerOptions()
        cells = (4 * o.finest**2 - 1) // 3
        self.dropout = nn.Dropout(o.dropout)
        self.hidden = nn.Linear(o.channels * cells, o.embedding)
        self.score = nn.Linear(o.embedding, 1, bias=False)

    def pool(self, features: Tensor) -> Tensor:
        """Max-pool features ``(B, C, H, W)`` to the pyramid's cells: ``(B, C * cells)``.

        Each level's cells are unions of the next's, so the maxima are taken once.
        """
        pooled = [F.adaptive_max_pool2d(features, self.options.finest)]
        while pooled[-1].shape[-1] > 1:
            pooled.append(F.max_pool2d(pooled[-1], 2))
        return torch.cat([level.flatten(1) for level in reversed(pooled)], 1)

    def rank(self, pooled: Tensor) -> Tensor:
        """Score pooled features ``(B, C * cells)``: ``(B,)``."""
        hidden = F.relu(self.hidden(self.dropout(pooled)))
        return self.score(self.dropout(hidden))[:, 0]

    def forward(self, features: Tensor) -> Tensor:
        """Score views by their features ``(B, C, H, W)``: ``(B,)``."""
        return self.rank(self.pool(features))


def ranking_loss(better: Tensor, worse: Tensor, margin: float = 1.0) -> Tensor:
    """Hinge loss of pairs: a better view's score must lie ``margin`` above the worse one's."""
    return F.relu(margin + worse - better).mean()
