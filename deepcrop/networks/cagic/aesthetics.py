"""The view ranker, which scores the composition of a view.

It is the head of the View Finding Network (Chen et al., ACM MM 2017), on the features of any trunk.

```python
ranker = ViewRanker()
score = ranker(features)                      # (B, 320, 14, 14) to (B,)
```

Scores have no unit; a view with a higher score is better composed.
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
        channels: number of channels of the features.
        embedding: width of the hidden layer.
        finest: cells along each side of the spatial pyramid's finest level, a power of two.
        dropout: dropout rate before and after the hidden layer.
    """

    channels: int = 320
    embedding: int = 128
    finest: int = 4
    dropout: float = 0.3


class ViewRanker(nn.Module):
    """The View Finding Network's head with its spatial pyramid, on the features of any trunk."""

    def __init__(self, options: ViewRankerOptions | None = None) -> None:
        super().__init__()
        o = self.options = options or ViewRankerOptions()
        cells = (4 * o.finest**2 - 1) // 3
        self.dropout = nn.Dropout(o.dropout)
        self.hidden = nn.Linear(o.channels * cells, o.embedding)
        self.score = nn.Linear(o.embedding, 1, bias=False)

    def pool(self, features: Tensor) -> Tensor:
        """Max-pool features ``(B, C, H, W)`` to the pyramid's cells: ``(B, C * cells)``.

        The cells of each level are unions of the next finer level's, so its maxima are reused.
        """
        pooled = [F.adaptive_max_pool2d(features, self.options.finest)]
        while pooled[-1].shape[-1] > 1:
            pooled.append(F.max_pool2d(pooled[-1], 2))
        return torch.cat([level.flatten(1) for level in reversed(pooled)], 1)

    def rank(self, pooled: Tensor) -> Tensor:
        """Return the scores ``(B,)`` of pooled features ``(B, C * cells)``."""
        hidden = F.relu(self.hidden(self.dropout(pooled)))
        return self.score(self.dropout(hidden))[:, 0]

    def forward(self, features: Tensor) -> Tensor:
        """Return the scores ``(B,)`` of views by their features ``(B, C, H, W)``."""
        return self.rank(self.pool(features))


def ranking_loss(better: Tensor, worse: Tensor, margin: float = 1.0) -> Tensor:
    """Return the hinge loss of pairs: the better view must score ``margin`` above the worse one."""
    return F.relu(margin + worse - better).mean()
