"""The head of Mars that scores crop windows, over features of the saliency network.

The score has two parts. The *dense* score is the sum of a map of logits inside the window and the
logarithm of its area; the map is a cropping area as in Mars, predicted for the aspect ratio by the
meta-learners. The *cells* score is a small network's, which reads what lies inside the window,
along its edges and outside. The difference of two windows' scores is, up to a factor, the logit of
a person preferring one to the other.

```python
head = WindowHead(WindowOptions())
x = head.features(deep, guides, shape)                  # once for each image
logits = head.logits(x, ratios)             # (B, R, G, G): one map for each ratio
scores = head.scores(x, guides, boxes, ratios, shape)
```
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cells import CellNetwork, cover
from .meta_learner import MetaLearner
from .window_options import WindowOptions

PLACE = 5
"""Number of channels that tell the place in the image and the image's shape."""


class WindowHead(nn.Module):
    """The head; see the module's documentation.

    Grids ``G x G`` cover the image's width and height, so that cells have the image's shape.
    """

    def __init__(self, options: WindowOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or WindowOptions()
        self.reduce = nn.Conv2d(o.inputs, o.width, 1)
        self.place = nn.Conv2d(o.guides + PLACE, o.width, 1, bias=False)
        self.near = nn.Conv2d(o.width, o.width, 3, padding=1)
        self.far = nn.Conv2d(o.width, o.width, 3, padding=2, dilation=2)
        self.context = nn.Linear(o.width, o.width)
        self.meta = MetaLearner(
            transform=o.width if o.transform else None,
            predictor=o.width if o.predictor else None,
            depth=o.depth,
            neurons=o.neurons,
            dimension=o.dimension if o.embedding else None,
            interpolation=o.interpolation,
        )
        self.predictor = None if o.predictor else nn.Parameter(torch.randn(o.width) * o.width**-0.5)
        self.shift = nn.Parameter(torch.zeros(()))
        self.sum_weight = nn.Parameter(torch.tensor(0.02))
        self.area_weight = nn.Parameter(torch.tensor(1.0))
        self.cells = None
        if o.hidden:
            self.cells = CellNetwork(o)
        self.dropout = nn.Dropout2d(o.dropout)
        self.input_dropout = nn.Dropout2d(o.input_dropout)

    def features(self, deep: Tensor, guides: Tensor, shape: Tensor) -> Tensor:
        """Return the head's features ``(B, width, G, G)``.

        Args:
            deep: features of the trunk ``(B, inputs, G, G)``.
            guides: non-negative maps ``(B, guides, H, W)`` of any resolution: the density of gaze,
                of any scale, and probabilities.
            shape: natural logarithm of the images' aspect ratios, ``(B,)``.
        """
        grid = deep.shape[-2:]
        seen = F.adaptive_avg_pool2d(guides, (grid[0], grid[1]))
        gaze = seen[:, :1] / seen[:, :1].mean((2, 3), keepdim=True).clamp_min(1e-9)
        down = torch.linspace(-1, 1, grid[0], device=deep.device).view(1, 1, -1, 1)
        across = torch.linspace(-1, 1, grid[1], device=deep.device).view(1, 1, 1, -1)
        ratio = shape.view(-1, 1, 1, 1)
        place = [across.abs(), down, down.abs(), across, ratio]
        planes = [each.expand(len(deep), 1, *grid) for each in place]
        known = torch.cat([gaze.clamp_min(0.02).log() / 2, seen[:, 1:], *planes], 1)
        x = F.relu(self.reduce(self.input_dropout(deep)) + self.place(known))
        x = self.dropout(x)
        x = x + F.relu(self.near(x))
        x = x + F.relu(self.far(x) + self.context(x.mean((2, 3)))[:, :, None, None])
        dropped: Tensor = self.dropout(x)
        return dropped

    def logits(self, x: Tensor, ratios: Tensor) -> Tensor:
        """Return the logits ``(B, R, G, G)`` of the cropping area of each aspect ratio.

        As in Mars without deconvolutions: the global feature, transformed by a matrix that is
        predicted for the ratio (ARS-FTM), is added to the features, and a predicted 1x1 convolution
        (ARS-PWP) reads them. Both are linear, so a window's sum of logits follows from its sum of
        features (:meth:`dense`).

        Args:
            x: the result of :meth:`features`.
            ratios: aspect ratios ``(B, R)``, width over height in pixels.
        """
        vector, constant = self._predicted(x, ratios)
        maps = torch.einsum("bchw,brc->brhw", x, vector)
        return maps + constant[..., None, None]

    def dense(self, x: Tensor, boxes: Tensor, ratios: Tensor) -> Tensor:
        """Return the dense scores ``(B, N)`` of windows.

        They are the sums of the logits of their ratio inside, and the logarithms of their areas,
        each with a learned weight.

        Args:
            x: the result of :meth:`features`.
            boxes: windows ``(B, N, 4)`` in 0..1 of the image's sides.
            ratios: their aspect ratios ``(B, N)``, or one for all windows of an image ``(B, 1)``.
        """
        x0, y0, x1, y1 = boxes.unbind(-1)
        height, width = x.shape[-2:]
        rows, columns = cover(y0, y1, height), cover(x0, x1, width)
        flat = x.permute(0, 2, 1, 3).reshape(len(x), height, -1)
        across = torch.matmul(rows, flat).view(*rows.shape[:2], -1, width)
        pooled = torch.matmul(across, columns[..., None])[..., 0]
        vector, constant = self._predicted(x, ratios)
        area = ((x1 - x0) * (y1 - y0)).clamp_min(1e-4)
        inside = (pooled * vector).sum(-1) + constant * (area * height * width)
        return self.sum_weight * inside + self.area_weight * area.log()

    def scores(
        self, x: Tensor, guides: Tensor, boxes: Tensor, ratios: Tensor, shape: Tensor
    ) -> Tensor:
        """Return the scores ``(B, N)`` of windows by which two of them are compared.

        They are the sum of the dense score and ``voted_share`` of the cells score.

        Args:
            x: the result of :meth:`features`.
            guides: the maps of :meth:`features`.
            boxes: windows ``(B, N, 4)`` in 0..1 of the image's sides.
            ratios: their aspect ratios ``(B, N)``, or one for all windows of an image ``(B, 1)``.
            shape: natural logarithm of the images' aspect ratios, ``(B,)``.
        """
        found = self.dense(x, boxes, ratios)
        if self.cells is None:
            return found
        cells: Tensor = self.cells(x, guides, boxes, shape)
        return found + self.options.voted_share * cells

    def _predicted(self, x: Tensor, ratios: Tensor) -> tuple[Tensor, Tensor]:
        """Return the predictors ``(B, R, width)`` and constants ``(B, R)`` of aspect ratios."""
        count = ratios.shape[1]
        matrix, vector = self.meta(ratios.flatten())
        added = x.mean((2, 3))[:, None]
        if matrix is not None:
            added = torch.einsum("brij,bj->bri", matrix.unflatten(0, (-1, count)), added[:, 0])
        if vector is not None:
            vector = vector.unflatten(0, (-1, count))
        else:
            assert self.predictor is not None
            vector = self.predictor.expand(*ratios.shape, -1)
        return vector, (added * vector).sum(-1) + self.shift
