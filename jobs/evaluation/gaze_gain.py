"""The gain of crops on photos with gaze, in the definitions of :mod:`deepcrop.metrics.cropping`.

The photos of PASCAL-S have animals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from deepcrop.errors import RequestError
from deepcrop.metrics.cropping import ASPECTS, Gain, best_possible_window, kept_shares
from jobs.training.datasets import PARTS, GazePhoto, read_gaze, split

from .croppers import LONGEST, Cropper, EvaluationPhoto
from .report import reference_windows

Part = Literal["all", "validation", "test"]


def read_part(text: str) -> Part:
    """Read the name of a part.

    Raises:
        RequestError: it is none.
    """
    for part in get_args(Part):
        if text == part:
            return cast("Part", part)
    raise RequestError(f"part {text!r}: unknown; one of: {', '.join(get_args(Part))}")


def gaze_photos(shared: Path, dataset: str, part: Part) -> list[GazePhoto]:
    """Read photos with gaze.

    Args:
        shared: folder that holds ``data/``.
        dataset: one of :data:`jobs.training.datasets.PARTS`, which says what its parts are, or
            another folder with fixations, which has none.
        part: ``all`` has photos for training, too.

    Raises:
        RequestError: a part is asked for of a data set that has none.
    """
    if part != "all" and dataset not in PARTS:
        raise RequestError(f"dataset {dataset!r}: has no parts; expected the part 'all'")
    photos = read_gaze(shared / "data" / dataset, LONGEST)
    if part == "all":
        return photos
    validation, test = PARTS[dataset]
    parts = split(photos, validation=validation, test=test)
    return parts.test if part == "test" else parts.validation


def gains(photos: Sequence[GazePhoto], croppers: Mapping[str, Cropper]) -> dict[str, Gain]:
    """Return the gain of each way of cropping, of the best possible windows and the references."""
    points, sizes = [photo.points for photo in photos], [photo.size for photo in photos]
    centre, human = reference_windows(photos)
    shares = {"centre": centre, "human (half of the viewers)": human}
    best = [
        [best_possible_window(aspect, photo.points, photo.size) for aspect in ASPECTS]
        for photo in photos
    ]
    shares["best possible"] = kept_shares(best, points, sizes)
    seen = [EvaluationPhoto(photo.name, photo.image, photo.size) for photo in photos]
    for name, cropper in croppers.items():
        if name not in shares:
            shares[name] = kept_shares([cropper(each, ASPECTS) for each in seen], points, sizes)
    return {name: Gain(np.asarray(share), centre, human) for name, share in shares.items()}
