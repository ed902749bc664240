"""A readout of gaze on frozen features: what a trunk alone knows of where people look.

:mod:`jobs.evaluation.learning_curve` trains it on parts of the photos. It doesn't ship.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepcrop.networks.saliency.model import blur

from .views import loss

GRID = (24, 32)
CELLS = (96, 128)
COMPONENTS = 448
SAMPLED = 160
"""Number of photos from which the principal components are computed."""


def resized(image: Tensor, pixels: int, multiple: int) -> Tensor:
    """Resize a photo to about ``pixels``, its shape kept: float32 ``(1, 3, H, W)``."""
    ratio = image.shape[-1] / image.shape[-2]
    sides = (math.sqrt(pixels / ratio), math.sqrt(pixels * ratio))
    size = [max(multiple, round(side / multiple) * multiple) for side in sides]
    return F.interpolate(image[None], size, mode="bilinear", antialias=True).float()


def normalised(x: Tensor) -> Tensor:
    """Convert pixels in 0..255 to -1..1 for MobileNet-V2."""
    return (x / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def regridded(x: Tensor) -> Tensor:
    """Resize features to the common grid: finer ones are averaged, coarser ones interpolated."""
    if x.shape[-2] > 1.5 * GRID[0]:
        return F.adaptive_avg_pool2d(x, GRID)
    return F.interpolate(x, GRID, mode="bilinear", align_corners=False)


class Components(nn.Module):
    """The principal components of features at some positions of some photos."""

    scale: Tensor
    mean: Tensor
    basis: Tensor

    def __init__(self, features: Sequence[Tensor], seed: int = 0) -> None:
        """Take the components of features ``(C, 24, 32)`` each, at 24 random positions of each."""
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sample = torch.cat(
            [
                x.flatten(1)[:, torch.randint(0, GRID[0] * GRID[1], (24,), generator=generator)]
                for x in features
            ],
            1,
        ).float()
        scale = sample.square().mean(1, keepdim=True).sqrt().clamp_min(1e-3)
        sample = sample / scale
        mean = sample.mean(1, keepdim=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            basis, _, _ = torch.svd_lowrank(sample - mean, q=COMPONENTS, niter=3)
        self.register_buffer("scale", scale)
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)

    def forward(self, x: Tensor) -> Tensor:
        """Project ``(C, 24, 32)`` to ``(448, 24, 32)``."""
        flat = x.flatten(1).float() / self.scale - self.mean
        return (self.basis.T @ flat).view(-1, *GRID)


class FrozenReadout(nn.Module):
    """1x1, dilated 3x3 residuals and a learned prior, over components of frozen features."""

    spread: Tensor

    def __init__(self, width: int, layers: int, spread: Tensor) -> None:
        super().__init__()
        self.register_buffer("spread", spread)
        self.reduce = nn.Conv2d(COMPONENTS, width, 1)
        self.mix = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=2**k, dilation=2**k) for k in range(layers)
        )
        self.score = nn.Conv2d(width, 1, 1)
        self.prior = nn.Parameter(torch.zeros(1, 1, GRID[0] // 2, GRID[1] // 2))

    def forward(self, x: Tensor) -> Tensor:
        """Predict densities ``(B, 96, 128)`` from ``(B, 448, 24, 32)``."""
        x = F.dropout2d(x / self.spread, 0.3, self.training)
        x = F.dropout2d(F.relu(self.reduce(x)), 0.1, self.training)
        for layer in self.mix:
            x = x + F.relu(layer(x))
        prior = F.interpolate(self.prior, GRID, mode="bilinear", align_corners=False)
        score = F.interpolate(self.score(x) + prior, CELLS, mode="bilinear", align_corners=False)
        return blur(score.flatten(1).softmax(1).view_as(score[:, 0]), 1.0)


def train_readout(
    inputs: Tensor,
    targets: Tensor,
    *,
    width: int = 64,
    layers: int = 3,
    epochs: int = 12,
    batch: int = 16,
    rate: float = 1.5e-3,
    seed: int = 0,
) -> FrozenReadout:
    """Train a readout on photos and their mirror images, one or the other at random.

    Args:
        inputs: components ``(N, 2, 448, 24, 32)`` of each photo and of its mirror image.
        targets: densities ``(N, 96, 128)`` of the photos.
        width: channels.
        layers: dilated convolutions; the dilation doubles from each to the next.
        epochs: passes over the photos.
        batch: photos in a step; the incomplete last batch of an epoch is not used.
        rate: highest learning rate (AdamW, a cosine to zero).
        seed: seed of the weights and the order.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spread = inputs[:, 0].float().square().mean((0, 2, 3)).sqrt()[:, None, None]
        readout = FrozenReadout(width, layers, spread.clamp_min(0.05 * spread.max()).sqrt())
        readout = readout.to(memory_format=torch.channels_last)
        averaged = copy.deepcopy(readout).requires_grad_(False)
        decayed = [p for p in readout.parameters() if p is not readout.prior]
        optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": 1e-2},
                {"params": [readout.prior], "weight_decay": 0.0},
            ]
        )
        random = np.random.default_rng(seed)
        steps = epochs * (len(inputs) // batch)
        for step in range(steps):
            if step % (len(inputs) // batch) == 0:
                order = random.permutation(len(inputs))
            first = step % (len(inputs) // batch) * batch
            chosen = torch.from_numpy(order[first : first + batch])
            mirrored = torch.from_numpy(random.integers(0, 2, batch))
            for group in optimiser.param_groups:
                cosine = (1 + math.cos(math.pi * step / steps)) / 2
                group["lr"] = rate * min(1.0, (step + 1) / 50) * cosine
            target = torch.where(
                mirrored.bool()[:, None, None], targets[chosen].flip(-1), targets[chosen]
            )
            prediction = readout(inputs[chosen, mirrored].float())
            value = loss("blog", prediction, target, target)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            with torch.no_grad():
                for kept, new in zip(averaged.parameters(), readout.parameters(), strict=True):
                    kept.lerp_(new, 1 - min(0.99, (step + 1) / (step + 11)))
    return averaged.eval()


def predict(readout: FrozenReadout, inputs: Tensor) -> Tensor:
    """Average the maps of a photo and of its mirror image, ``(2, 448, 24, 32)``: ``(96, 128)``."""
    with torch.inference_mode():
        straight, mirrored = readout(inputs.float())
    return (straight + mirrored.flip(-1)) / 2


def describe(
    features: Callable[[Tensor], Tensor], images: Sequence[Tensor], seed: int = 0
) -> Tensor:
    """Return the components of photos and of their mirror images, ``(N, 2, 448, 24, 32)``.

    Args:
        features: from a photo, uint8 ``(3, h, w)``, to ``(C, 24, 32)`` in float16.
        images: the photos.
        seed: seed of the choice of photos and positions for the components.
    """
    chosen = np.random.default_rng(seed).permutation(len(images))[:SAMPLED]
    seen = [images[index].flip(-1) if index % 2 else images[index] for index in chosen]
    components = Components([features(image) for image in seen], seed)
    result = torch.empty(len(images), 2, COMPONENTS, *GRID, dtype=torch.float16)
    for place, image in zip(result, images, strict=True):
        place[0] = components(features(image))
        place[1] = components(features(image.flip(-1)))
    return result
