"""The recipe of the saliency network: losses, augmentation, the loop, and its Ray Train wrapper.

The loop is plain torch and runs in one process; :func:`fit_with_ray` runs the same loop in Ray
Train's workers, on CPUs or GPUs, where each worker takes its own share of every epoch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.saliency import SaliencyNetwork
from .datasets import GazePhoto, counts, density

EPS = 1e-8


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults are the ones that made our weights.

    Attributes:
        loss: "sam" is ``10 KL - 2 CC - NSS``, "blog" is ``KL - CC``.
        epochs: passes over the training photos.
        batch: photos a step and worker.
        rate: learning rate of the head (AdamW, cosine, one tenth of an epoch of warm-up).
        trunk_rate: learning rate of the trunk's blocks from ``frozen`` on.
        frozen: blocks below this index keep the ImageNet weights.
        decay: weight decay.
        average: decay of the exponential moving average of the weights, which is what is kept.
        patience: epochs without a better validation loss before it stops.
        distilled: share of the target that comes from a teacher, where a sample has one.
        seed: of the initial head, the order and the augmentation.
    """

    loss: str = "blog"
    epochs: int = 12
    batch: int = 8
    rate: float = 1e-3
    trunk_rate: float = 2e-4
    frozen: int = 4
    decay: float = 1e-4
    average: float = 0.99
    patience: int = 5
    distilled: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """A training photo: with fixations, with a teacher's map, or with both.

    Attributes:
        image: uint8 RGB ``(3, h, w)``.
        points: ``(n, 2)`` fixations in 0..1, empty where there are none.
        teacher: a density ``(h', w')`` over the whole photo, or None.
    """

    image: Tensor
    points: np.ndarray
    teacher: Tensor | None = None


def divergence(prediction: Tensor, target: Tensor) -> Tensor:
    """KL divergence of the prediction from the target, ``(B, H, W)`` densities to ``(B,)``."""
    p = prediction / prediction.sum((1, 2), keepdim=True).clamp_min(EPS)
    q = target / target.sum((1, 2), keepdim=True).clamp_min(EPS)
    return (q * torch.log(q / (p + EPS) + EPS)).sum((1, 2))


def correlation(prediction: Tensor, target: Tensor) -> Tensor:
    """Pearson correlation of two maps, ``(B, H, W)`` to ``(B,)``."""
    p = prediction - prediction.mean((1, 2), keepdim=True)
    q = target - target.mean((1, 2), keepdim=True)
    return (p * q).sum((1, 2)) / (p.norm(dim=(1, 2)) * q.norm(dim=(1, 2))).clamp_min(EPS)


def scanpath(prediction: Tensor, fixations: Tensor) -> Tensor:
    """Mean of the standardised map at the fixations, ``(B, H, W)`` maps and counts to ``(B,)``."""
    p = prediction - prediction.mean((1, 2), keepdim=True)
    p = p / p.std((1, 2), correction=0, keepdim=True).clamp_min(EPS)
    return (p * fixations).sum((1, 2)) / fixations.sum((1, 2)).clamp_min(1)


def loss_of(name: str, prediction: Tensor, target: Tensor, fixations: Tensor) -> Tensor:
    """Return the named loss, averaged over the batch.

    Raises:
        ValueError: the name is neither "sam" nor "blog".
    """
    kl, cc = divergence(prediction, target), correlation(prediction, target)
    if name == "blog":
        return (kl - cc).mean()
    if name == "sam":
        return (10 * kl - 2 * cc - scanpath(prediction, fixations)).mean()
    raise ValueError(f"loss {name!r}: expected 'sam' or 'blog'")


def shapes(network: SaliencyNetwork) -> list[tuple[int, int]]:
    """Input sizes (height, width) that training snaps to, so that photos share batches."""
    ratios = (3 / 4, 1.0, 4 / 3, 3 / 2)
    return [network.input_size(1000, round(1000 * ratio)) for ratio in ratios]


def nearest_shape(shapes: Sequence[tuple[int, int]], height: int, width: int) -> tuple[int, int]:
    """Return the shape whose ratio is nearest to that of an image."""
    wanted = math.log(width / height)
    return min(shapes, key=lambda shape: abs(math.log(shape[1] / shape[0]) - wanted))


def augment(
    sample: Sample, shape: tuple[int, int], random: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Crop, mirror and recolour one sample.

    Returns:
        uint8 input ``(3, H, W)``, target density and fixation counts, both ``(H / 4, W / 4)``.
    """
    image, points, teacher = sample.image, sample.points, sample.teacher
    height, width = image.shape[-2:]
    cells = (shape[0] // 4, shape[1] // 4)
    if random.random() < 0.7:
        zoom = (
            random.uniform(0.7, 1.0, 2).clip(None, 1)
            if random.random() < 0.5
            else np.repeat(random.uniform(0.7, 1.0), 2)
        )
        x, y = (random.uniform(0, 1 - zoom[0]), random.uniform(0, 1 - zoom[1]))
    else:
        zoom, x, y = np.ones(2), 0.0, 0.0
    moved = (points - (x, y)) / zoom
    moved = moved[((moved >= 0) & (moved < 1)).all(1)]
    top, left = round(y * height), round(x * width)
    part = image[
        :, top : top + max(8, round(zoom[1] * height)), left : left + max(8, round(zoom[0] * width))
    ]
    if teacher is not None:
        h, w = teacher.shape
        top, left = round(y * h), round(x * w)
        seen = teacher[top : top + round(zoom[1] * h), left : left + round(zoom[0] * w)]
        teacher = F.interpolate(seen[None, None], cells, mode="bilinear", align_corners=False)[0, 0]
    mirror = random.random() < 0.5
    if mirror:
        moved = np.stack([np.nextafter(1 - moved[:, 0], 0), moved[:, 1]], 1)
        teacher = None if teacher is None else teacher.flip(-1)
        part = part.flip(-1)
    pixels = F.interpolate(part[None], shape, mode="bilinear", antialias=True)[0]
    gain = torch.from_numpy(random.uniform(0.8, 1.2) * random.uniform(0.93, 1.07, (3, 1, 1)))
    lift = random.uniform(-16, 16)
    pixels = (pixels.float() * gain.float() + lift).clamp(0, 255)
    if random.random() < 0.05:
        pixels = pixels.mean(0, keepdim=True).expand(3, -1, -1)
    target = density(moved, *cells) if len(sample.points) else torch.zeros(cells)
    if teacher is not None:
        target = target, teacher / teacher.sum().clamp_min(EPS)  # type: ignore[assignment]
    return pixels / 127.5 - 1, target, counts(moved, *cells)
