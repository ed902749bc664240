"""Views of photos as features of the saliency network, on which the head of Mars is trained.

```python
looks = look_at(crops, sight)                      # runs the saliency network once a photo
views = make_views(crops, pairs, looks)            # whole photos, mirrored ones, random frames
```

Frames are parts of a photo that contain the crop that people chose. They are cut out of the photo's
features, so the trunk runs once a photo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deepcrop.geometry import Size
from deepcrop.networks.mars.sight import FINE, Seen, Sight, mirror, regridded

from .fcdb import Edges, HumanCrop, VotedPair

Floats = NDArray[np.float64]

FRAMES = 8
"""Number of random frames of each photo."""
UNCUT = 0.25
"""Probability that a frame keeps an edge of its photo."""
SLACK = 0.02
"""How far a voted crop may reach out of a frame, relative to the frame's sides."""


@dataclass(frozen=True)
class Views:
    """Views of photos, ``V`` in all.

    Attributes:
        deep: components of the trunk's features, float16 ``(V, C, 16, 16)``.
        guides: maps of gaze, heads and subject ``(V, M, 32, 32)``.
        shape: natural logarithm of the views' aspect ratios ``(V,)``.
        crop: the crop that people chose ``(V, 4)``, in 0..1 of the view.
        pairs: voted pairs ``(V, P, 2, 4)`` in 0..1 of the view.
        margin: votes for the first crop of a pair minus those for the second, as a share of all
            ``(V, P)``; 0 for pairs that are not in the view.
        photo: index of each view's photo ``(V,)``.
        whole: whether a view shows the whole photo ``(V,)``; the first view of each photo does and
            isn't mirrored.
        components: the linear map from the trunk's features to ``deep``.
    """

    deep: Tensor
    guides: Tensor
    shape: Tensor
    crop: Tensor
    pairs: Tensor
    margin: Tensor
    photo: NDArray[np.int64]
    whole: NDArray[np.bool_]
    components: Components


class Components(NamedTuple):
    """Principal components of the trunk's features.

    Attributes:
        weight: ``(C, inputs)``.
        bias: ``(C,)``.
    """

    weight: Tensor
    bias: Tensor

    def of(self, deep: Tensor) -> Tensor:
        """Return the components ``(C, h, w)`` of features ``(inputs, h, w)``."""
        flat = self.weight @ deep.float().flatten(1) + self.bias[:, None]
        return flat.view(-1, *deep.shape[1:])


def look_at(
    crops: Sequence[HumanCrop],
    sight: Sight,
    report: Callable[[int], None] | None = None,
) -> list[Seen]:
    """Run the saliency network over photos; the features are kept in float16.

    Args:
        crops: the photos.
        sight: the network, ready for inference.
        report: is called with the number of photos done.
    """
    looks = []
    for number, crop in enumerate(crops):
        with Image.open(crop.path) as photo:
            pixels = torch.from_numpy(np.array(photo.convert("RGB"))).permute(2, 0, 1).contiguous()
        x = sight.preprocess(pixels)[None].contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            [seen] = sight.look(x)
        looks.append(seen._replace(deep=seen.deep.half().clone(), guides=seen.guides.clone()))
        if report:
            report(number + 1)
    return looks


def find_components(looks: Sequence[Seen], count: int, seed: int = 0) -> Components:
    """Return the first principal components of features at random places of all photos.

    The trunk's channels are scaled to one root mean square before, and the components are scaled
    half way to one variance, so that a head's initial weights suit them.
    """
    random = np.random.default_rng(seed)
    sample = torch.cat(
        [
            flat[:, random.integers(0, flat.shape[1], 16)]
            for flat in (seen.deep.flatten(1).float() for seen in looks)
        ],
        1,
    )
    scale = sample.square().mean(1, keepdim=True).sqrt().clamp_min(1e-2)
    sample = sample / scale
    mean = sample.mean(1, keepdim=True)
    centred = sample - mean
    values, vectors = torch.linalg.eigh(centred @ centred.T / sample.shape[1])
    deviation = values.flip(0)[:count].clamp_min(1e-9).sqrt()
    basis = vectors.flip(1)[:, :count] / deviation.clamp_min(0.05 * deviation[0]).sqrt()
    return Components((basis / scale).T.contiguous(), -(basis.T @ mean)[:, 0])


def make_views(
    crops: Sequence[HumanCrop],
    pairs: Sequence[VotedPair],
    looks: Sequence[Seen],
    *,
    components: int = 192,
    frames: int = FRAMES,
    seed: int = 0,
) -> Views:
    """Make the views of photos: the whole photo, its mirror image, and random frames.

    Every second frame is mirrored. Mirroring is done to the features.

    Args:
        crops: the photos and the crops that people chose.
        pairs: the voted pairs of these photos, an equal number of each.
        looks: the result of :func:`look_at` for these photos.
        components: number of components of the features; at most the number of their channels.
        frames: number of frames of each photo.
        seed: seed of the frames.
    """
    random = np.random.default_rng(seed)
    voted: dict[str, list[VotedPair]] = {}
    for pair in pairs:
        voted.setdefault(pair.name, []).append(pair)
    projection = find_components(looks, components, seed)
    rows: list[dict[str, object]] = []
    for index, (crop, seen) in enumerate(zip(crops, looks, strict=True)):
        reduced = seen._replace(deep=projection.of(seen.deep))
        chosen = _unit(crop.box, crop.size)
        votes = voted.get(crop.name, [])
        both = np.array([[_unit(each.a, each.size), _unit(each.b, each.size)] for each in votes])
        margin = np.array([(each.a_votes - each.b_votes) / 5 for each in votes])
        for number in range(2 + frames):
            whole = number < 2
            frame = np.array([0.0, 0.0, 1.0, 1.0]) if whole else _frame(chosen, random)
            view = _view(reduced, crop.size, frame, chosen, both.reshape(-1, 2, 4), margin)
            if number % 2:
                view = _mirrored(view)
            rows.append(view | {"photo": index, "whole": whole})
    stacked = {
        key: torch.stack([row[key] for row in rows])  # type: ignore[misc]
        for key in ("deep", "guides", "shape", "crop", "pairs", "margin")
    }
    return Views(
        **stacked,
        photo=np.array([row["photo"] for row in rows]),
        whole=np.array([row["whole"] for row in rows]),
        components=projection,
    )


def _unit(box: Edges, size: Size) -> Floats:
    """Return a crop in 0..1 of its photo's sides."""
    return np.array(box) / (np.array([size.width, size.height] * 2))


def _frame(crop: Floats, random: np.random.Generator) -> Floats:
    """Return a random part of a photo that contains a crop, both in 0..1."""
    share = random.uniform(0, 1, 4)
    share = np.where(random.uniform(size=4) < UNCUT, 1.0, share)
    edges: Floats = crop + share * (np.array([0.0, 0.0, 1.0, 1.0]) - crop)
    return edges


def _view(
    seen: Seen, size: Size, frame: Floats, crop: Floats, pairs: Floats, margin: Floats
) -> dict[str, Tensor]:
    """Cut a frame out of a photo's features; see :class:`Views`."""
    part = torch.from_numpy(frame).float()
    origin, sides = np.tile(frame[:2], 2), np.tile(frame[2:] - frame[:2], 2)
    inside = (pairs - origin) / sides
    shown = np.asarray(((inside >= -SLACK) & (inside <= 1 + SLACK)).all((1, 2)))
    clipped = np.where(shown[:, None, None], inside.clip(0, 1), [0.0, 0.0, 1.0, 1.0])
    return {
        "deep": regridded(seen.deep, part).half(),
        "guides": regridded(seen.guides, part, FINE),
        "shape": torch.tensor(math.log(size.width * sides[0] / (size.height * sides[1]))),
        "crop": torch.from_numpy((crop - origin) / sides).float(),
        "pairs": torch.from_numpy(clipped).float(),
        "margin": torch.from_numpy(np.where(shown, margin, 0.0)).float(),
    }


def _mirrored(view: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Mirror a view."""
    flipped = {name: view[name].flip(-1) for name in ("deep", "guides")}
    return {**view, **flipped, "crop": mirror(view["crop"]), "pairs": mirror(view["pairs"])}


def cached(path: Path, make: Callable[[], list[Seen]]) -> list[Seen]:
    """Return what :func:`look_at` returned, from a file if it exists; otherwise write the file."""
    if path.exists():
        return [Seen(*each) for each in torch.load(path, weights_only=True)]
    looks = make()
    torch.save([tuple(each) for each in looks], path)
    return looks
