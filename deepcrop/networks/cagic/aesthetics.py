"""The view ranker: how well a view is composed.

It is the head of the View Finding Network (Chen et al., ACM MM 2017), over any trunk's features.

```python
ranker = ViewRanker()
score = ranker(features)                      # (B, 320, 14, 14) to (B,)
```

Scores have no unit: a view with a higher one is better composed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ViewRankerOptions:
    """The architecture of the view ranker.

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
