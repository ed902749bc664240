"""A light teacher: a readout of features of the frozen trunk at two scales.

With 750 photos a network that is trained end to end learns them by heart sooner than it learns
what people look at; a few dozen channels over frozen features err elsewhere, so that the mean of
both is better than each (measured: see the model card). It only teaches; it doesn't ship.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.mobilenet import MobileNetV2
from ..networks.saliency import blur
from .datasets import density
from .views import Sample, loss

GRID = (15, 20)
CELLS = (60, 80)
COMPONENTS = 320


class FrozenFeatures(nn.Module):
    """Blocks of the ImageNet trunk at two image scales, on one grid over the photo."""

    def __init__(self, imagenet: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.small = MobileNetV2(output_stride=16)
        self.large = MobileNetV2(output_stride=32)
        for trunk in (self.small, self.large):
            trunk.load_torchvision(imagenet)
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Describe one photo, uint8 ``(3, h, w)``, by ``(3488, 15, 20)`` in float16."""
        small = self.small.features(_input(image, 240 * 320, 16), (6, 10, 13, 17, 18))
        large = self.large.features(_input(image, 448 * 600, 32), (13, 17, 18))
        return torch.cat([_regrid(x) for x in [*small, *large]], 1)[0].half()


def _input(image: Tensor, pixels: int, multiple: int) -> Tensor:
    """Resize a photo to about ``pixels``, its shape kept, and normalise it."""
    ratio = image.shape[-1] / image.shape[-2]
    sides = (math.sqrt(pixels / ratio), math.sqrt(pixels * ratio))
    size = [max(multiple, round(side / multiple) * multiple) for side in sides]
    x = F.interpolate(image[None], size, mode="bilinear", antialias=True).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


def _regrid(x: Tensor) -> Tensor:
    """Bring features to the common grid: averaged where finer, interpolated elsewhere."""
    if x.shape[-2] > 1.5 * GRID[0]:
        return F.adaptive_avg_pool2d(x, GRID)
    return F.interpolate(x, GRID, mode="bilinear", align_corners=False)


class Components(nn.Module):
    """The principal components of features: 3,488 channels to 320."""

    scale: Tensor
    mean: Tensor
    basis: Tensor

    def __init__(self, features: Sequence[Tensor], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sample = torch.cat(
            [
                x.flatten(1)[:, torch.randint(0, GRID[0] * GRID[1], (14,), generator=generator)]
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
        """Project ``(3488, 15, 20)`` to ``(320, 15, 20)``."""
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
        self.prior = nn.Parameter(torch.zeros(1, 1, *GRID))

    def forward(self, x: Tensor) -> Tensor:
        """Predict densities ``(B, 60, 80)`` from ``(B, 320, 15, 20)``."""
        x = F.dropout2d(x / self.spread, 0.3, self.training)
        x = F.dropout2d(F.relu(self.reduce(x)), 0.1, self.training)
        for layer in self.mix:
            x = x + F.relu(layer(x))
        x = F.interpolate(self.score(x) + self.prior, CELLS, mode="bilinear", align_corners=False)[
            :, 0
        ]
        return blur(x.flatten(1).softmax(1).view_as(x), 1.0)


def train_readout(
    inputs: Tensor,
    targets: Tensor,
    *,
    width: int = 48,
    layers: int = 2,
    epochs: int = 16,
    batch: int = 16,
    rate: float = 1.5e-3,
    seed: int = 0,
) -> FrozenReadout:
    """Train a readout on components ``(N, 320, 15, 20)`` and densities ``(N, 60, 80)``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spread = inputs.float().square().mean((0, 2, 3)).sqrt()[:, None, None]
        readout = FrozenReadout(width, layers, spread.clamp_min(0.05 * spread.max()).sqrt())
        averaged = copy.deepcopy(readout).requires_grad_(False)
        free = [readout.prior]
        decayed = [p for p in readout.parameters() if p is not readout.prior]
        optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 1e-2}, {"params": free, "weight_decay": 0.0}]
        )
        random = np.random.default_rng(seed)
        steps = epochs * (len(inputs) // batch)
        for step in range(steps):
            if step % (len(inputs) // batch) == 0:
                order = random.permutation(len(inputs))
            first = step % (len(inputs) // batch) * batch
            chosen = torch.from_numpy(order[first : first + batch])
            for group in optimiser.param_groups:
                cosine = (1 + math.cos(math.pi * step / steps)) / 2
                group["lr"] = rate * min(1.0, (step + 1) / 50) * cosine
            target = targets[chosen]
            value = loss("blog", readout(inputs[chosen].float()), target, target)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            with torch.no_grad():
                for kept, new in zip(averaged.parameters(), readout.parameters(), strict=True):
                    kept.lerp_(new, 1 - min(0.99, (step + 1) / (step + 11)))
    return averaged.eval()


class ReadoutTeacher:
    """Frozen features, their components and readouts of them, as one teacher."""

    def __init__(
        self, imagenet: Mapping[str, Tensor], samples: Sequence[Sample], readouts: int = 2
    ) -> None:
        """Train ``readouts`` of different seeds and depths on the samples and their mirrors."""
        self.features = FrozenFeatures(imagenet)
        pairs = [
            (self.features(sample.image), self.features(sample.image.flip(-1)))
            for sample in samples
        ]
        self.components = Components([pair[k % 2] for k, pair in enumerate(pairs)])
        targets = [density(sample.points, *CELLS) for sample in samples]
        inputs = torch.stack([self.components(x).half() for pair in pairs for x in pair])
        both = torch.stack([x for target in targets for x in (target, target.flip(-1))])
        self.readouts = [
            train_readout(inputs, both, layers=2 + seed, width=48 + 16 * seed, seed=seed)
            for seed in range(readouts)
        ]

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Tensor:
        """Predict a density ``(60, 80)`` over a photo, uint8 ``(3, h, w)``."""
        components = self.components(self.features(image))[None]
        return torch.stack([readout(components)[0] for readout in self.readouts]).mean(0)
