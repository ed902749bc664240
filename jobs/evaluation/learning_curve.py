"""Measure the gain of a plain readout of the frozen trunk by the number of training photos.

A mark that a trained network must pass, and a hint at what more photos with gaze would be worth:
the network itself would take an hour or two for each point of such a curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table
from torch import Tensor, nn

from deepcrop.metrics.cropping import ASPECTS, Gain, kept_shares
from deepcrop.networks.mobilenet import MobileNetV2
from deepcrop.ops.windows import Integral, best_window
from jobs.training.datasets import GazePhoto, density, gaze
from jobs.training.readout import (
    CELLS,
    describe,
    normalised,
    predict,
    regridded,
    resized,
    train_readout,
)

from .report import by_dataset, reference_windows

SHARES = (0.25, 0.5, 1.0)
"""Shares (0..1) of the training photos on which readouts are trained."""
DRAWS = 3
"""Readouts of each share, every one of other photos and another start."""
EPOCHS = 24
"""Passes over all training photos; over a share of them as many steps, and so more passes."""


class TrunkFeatures(nn.Module):
    """Blocks of the ImageNet trunk at the scale that the saliency network is trained at."""

    def __init__(self, imagenet: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.trunk = MobileNetV2(output_stride=16)
        self.trunk.load_torchvision(imagenet)
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Describe one photo, uint8 ``(3, h, w)``, by ``(1856, 24, 32)`` in float16."""
        x = normalised(resized(image, 384 * 512, 16))
        maps = self.trunk.features(x, (6, 10, 13, 17, 18))
        return torch.cat([regridded(each) for each in maps], 1)[0].half()


@dataclass(frozen=True)
class Point:
    """The gain of readouts that a number of photos trained.

    Attributes:
        photos: that each was trained on.
        gain: on photos held out; what is kept is the mean over the readouts.
    """

    photos: int
    gain: Gain


def learning_curve(
    inputs: Tensor,
    taught: Sequence[GazePhoto],
    held_out: Sequence[GazePhoto],
    *,
    draws: int = DRAWS,
) -> Iterator[Point]:
    """Train readouts on shares of the training photos, and evaluate their windows.

    Args:
        inputs: components ``(N, 2, 448, 24, 32)`` of the training photos, then of those held out,
            each as it is and mirrored: :func:`jobs.training.readout.describe`.
        taught: the training photos.
        held_out: the photos of the evaluation.
        draws: readouts of each share.
    """
    shown, asked = inputs[: len(taught)], inputs[len(taught) :]
    targets = torch.stack([density(photo.points, *CELLS) for photo in taught])
    points, sizes = [photo.points for photo in held_out], [photo.size for photo in held_out]
    centre, human = reference_windows(held_out)
    for share in SHARES:
        count = round(share * len(taught))
        shares = []
        for seed in range(draws):
            chosen = np.random.default_rng(seed).permutation(len(taught))[:count]
            epochs = round(EPOCHS / share)
            readout = train_readout(shown[chosen], targets[chosen], epochs=epochs, seed=seed)
            maps = (predict(readout, each).double().numpy() for each in asked)
            boxes = [
                [best_window(Integral.of(saliency, size), aspect).box for aspect in ASPECTS]
                for saliency, size in zip(maps, sizes, strict=True)
            ]
            shares.append(kept_shares(boxes, points, sizes))
        yield Point(count, Gain(np.mean(shares, 0), centre, human))


def curve_table(shared: Path, imagenet: Mapping[str, Tensor], part: str) -> Table:
    """Tabulate the gain of readouts by their number of training photos.

    Args:
        shared: folder that holds ``data/gaze_*``.
        imagenet: state dict of MobileNet-V2.
        part: that judges, "test" or "validation".
    """
    photos = gaze(shared, longest=640)
    held_out: list[GazePhoto] = getattr(photos, part)
    images = [photo.image for photo in (*photos.train, *held_out)]
    inputs = describe(TrunkFeatures(imagenet), images)
    groups = by_dataset(held_out)
    title = f"plain readout of the frozen trunk: gain ± standard error, {part} photos"
    table = Table("trained on", *groups, title=title)
    for point in learning_curve(inputs, photos.train, held_out):
        gains = (point.gain.of(chosen) for chosen in groups.values())
        row = (f"{each.gain:.2f} ± {each.error:.2f}" for each in gains)
        table.add_row(f"{point.photos} photos", *row)
    return table
