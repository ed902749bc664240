"""Augmented views of gaze photos, and the losses that compare predictions with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from deepcrop.networks.saliency.model import SaliencyNetwork

from .datasets import counts, density

EPS = 1e-8
Shape = tuple[int, int]


@dataclass(frozen=True)
class Sample:
    """A training photo: with fixations, with a teacher's map, or with both.

    Attributes:
        image: uint8 RGB ``(3, h, w)``.
        points: ``(n, 2)`` fixations (x, y) in 0..1, empty if there are none.
        teacher: density ``(h', w')`` over the whole photo, or None.
    """

    image: Tensor
    points: NDArray[np.float64]
    teacher: Tensor | None = None


@dataclass(frozen=True)
class View:
    """One augmented view.

    Attributes:
        input: the network's input ``(3, H, W)``, or what its frozen blocks make of it.
        target: density ``(H / 4, W / 4)`` that sums to 1.
        fixations: counts ``(H / 4, W / 4)``, uint8.
    """

    input: Tensor
    target: Tensor
    fixations: Tensor


def shapes(network: SaliencyNetwork) -> list[Shape]:
    """Input sizes (height, width) that views are snapped to, so that they share batches."""
    ratios = (3 / 4, 1.0, 4 / 3, 3 / 2)
    return [network.input_size(1200, round(1200 * ratio)) for ratio in ratios]


def nearest_shape(shapes: Sequence[Shape], image: Tensor) -> Shape:
    """Return the shape whose ratio is nearest to that of an image ``(3, h, w)``."""
    wanted = math.log(image.shape[-1] / image.shape[-2])
    return min(shapes, key=lambda shape: abs(math.log(shape[1] / shape[0]) - wanted))


def augment(
    sample: Sample,
    shape: Shape,
    random: np.random.Generator,
    *,
    teacher_weight: float = 0.5,
    crops: bool = True,
) -> View:
    """Crop, mirror and recolour one sample; the fixations and the teacher's map go along.

    Args:
        sample: the photo.
        shape: (height, width) of the view; its sides may stretch a little.
        random: source of the choices.
        teacher_weight: share (0..1) of the teacher in the target of photos with fixations.
        crops: take a part of the photo, most of the time; else the whole.
    """
    cells = (shape[0] // 4, shape[1] // 4)
    zoom, corner = random_crop(random) if crops else (np.ones(2), np.zeros(2))
    pixels = F.interpolate(
        cut(sample.image, zoom, corner)[None], shape, mode="bilinear", antialias=True
    )[0]
    points = (sample.points - corner) / zoom
    points = points[((points >= 0) & (points < 1)).all(1)]
    teacher = None
    if sample.teacher is not None:
        seen = cut(sample.teacher[None], zoom, corner)[None]
        teacher = F.interpolate(seen, cells, mode="bilinear", align_corners=False)[0, 0]
    if random.random() < 0.5:
        pixels = pixels.flip(-1)
        points = np.stack([np.nextafter(1 - points[:, 0], 0), points[:, 1]], 1)
        teacher = None if teacher is None else teacher.flip(-1)
    target = density(points, *cells) if len(sample.points) else None
    if teacher is not None:
        teacher = teacher / teacher.sum().clamp_min(EPS)
        target = teacher if target is None else target.lerp(teacher, teacher_weight)
    if target is None:
        raise ValueError("a sample needs fixations or a teacher's map")
    return View(recolour(pixels, random), target, counts(points, *cells).to(torch.uint8))


def random_crop(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw a crop: its sides (width, height) and its corner (x, y), in 0..1 of the photo's."""
    if random.random() < 0.3:
        return np.ones(2), np.zeros(2)
    zoom = random.uniform(0.7, 1.0, 2)
    if random.random() < 0.5:
        zoom[1] = zoom[0]
    return zoom, random.uniform(0, 1 - zoom)


def cut(x: Tensor, zoom: NDArray[np.float64], corner: NDArray[np.float64]) -> Tensor:
    """Cut a crop in 0..1 out of ``(C, h, w)``."""
    height, width = x.shape[-2:]
    left, top = round(corner[0] * width), round(corner[1] * height)
    right = max(left + 1, round((corner[0] + zoom[0]) * width))
    bottom = max(top + 1, round((corner[1] + zoom[1]) * height))
    return x[:, top:bottom, left:right]


def recolour(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """Vary exposure, white balance and, rarely, colour at all; normalise to -1..1."""
    gain = random.uniform(0.8, 1.2) * random.uniform(0.93, 1.07, (3, 1, 1))
    changed = pixels.float() * torch.from_numpy(gain).float() + random.uniform(-16, 16)
    if random.random() < 0.05:
        changed = changed.mean(0, keepdim=True).expand(3, -1, -1)
    return changed.clamp(0, 255) / 127.5 - 1


def kl_divergence(prediction: Tensor, target: Tensor) -> Tensor:
    """KL divergence of the prediction from the target, ``(B, H, W)`` maps to ``(B,)``."""
    p = prediction / prediction.sum((1, 2), keepdim=True).clamp_min(EPS)
    q = target / target.sum((1, 2), keepdim=True).clamp_min(EPS)
    return (q * torch.log(q / (p + EPS) + EPS)).sum((1, 2))


def correlation(prediction: Tensor, target: Tensor) -> Tensor:
    """Pearson correlation of two maps, ``(B, H, W)`` to ``(B,)``."""
    p = prediction - prediction.mean((1, 2), keepdim=True)
    q = target - target.mean((1, 2), keepdim=True)
    return (p * q).sum((1, 2)) / (p.norm(dim=(1, 2)) * q.norm(dim=(1, 2))).clamp_min(EPS)


def nss(prediction: Tensor, fixations: Tensor) -> Tensor:
    """NSS: the standardised map's mean at the fixations, ``(B, H, W)`` and counts to ``(B,)``."""
    p = prediction - prediction.mean((1, 2), keepdim=True)
    p = p / p.std((1, 2), correction=0, keepdim=True).clamp_min(EPS)
    return (p * fixations).sum((1, 2)) / fixations.sum((1, 2)).clamp_min(1)


def loss(name: str, prediction: Tensor, target: Tensor, fixations: Tensor) -> Tensor:
    """Average a named loss over the batch.

    Args:
        name: "blog" is ``KL - CC`` (smart-cropping.txt), "sam" is ``10 KL - 2 CC - NSS``
            (arXiv 1611.09571, Eq. 12, its signs so that lower is better).
        prediction: maps ``(B, H, W)``, non-negative.
        target: densities ``(B, H, W)``.
        fixations: counts ``(B, H, W)``.

    Raises:
        ValueError: no loss has this name.
    """
    kl, cc = kl_divergence(prediction, target), correlation(prediction, target)
    if name == "blog":
        return (kl - cc).mean()
    if name == "sam":
        return (10 * kl - 2 * cc - nss(prediction, fixations)).mean()
    raise ValueError(f"loss {name!r}: expected 'sam' or 'blog'")
