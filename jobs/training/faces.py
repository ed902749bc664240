"""Train the saliency network's face head on the results of a face detector.

The trunk is not touched, so that the saliency maps stay as they are: each view of a photo runs
through it once, and the head learns on what came out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deepcrop.networks.saliency.faces import TAPS, FaceHead, box_iou, read_faces
from deepcrop.networks.saliency.model import SaliencyNetwork, SaliencyOptions
from deepcrop.weights import load

from .datasets import gaze, read_photo
from .views import nearest_shape, shapes

Floats = NDArray[np.float64]

SURE = 0.9
"""Score of the detector from which a face is one; others are neither face nor background."""
CELLS = 1.5
"""Shorter side, in cells of the head, of the smallest face that is taught."""
STRIDE = 8


@dataclass(frozen=True)
class FacePhoto:
    """A photo and the faces that a detector found: ``(n, 5)`` x0, y0, x1, y1 in 0..1, score."""

    name: str
    image: Tensor
    faces: Floats


@dataclass(frozen=True)
class Recipe:
    """The recipe of the head: AdamW, a cosine schedule to zero, on views drawn once."""

    width: int = 48
    views: int = 3
    epochs: int = 8
    batch: int = 16
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class View:
    """The features of a view, and its faces in 0..1 of the sides."""

    features: list[Tensor]
    faces: Floats


def split_faces(
    photos: Sequence[FacePhoto], shared: Path
) -> tuple[list[FacePhoto], list[FacePhoto]]:
    """Split photos into those for training and those held out.

    Held out are the gaze photos of the validation and the test part, and every tenth of Flickr8k's.
    """
    parts = gaze(shared, longest=16)
    unseen = {photo.name.replace("/", "/images/") for photo in [*parts.validation, *parts.test]}
    names = [photo.name for photo in photos if photo.name.startswith("captions_flickr8k/")]
    unseen.update(names[::10])
    return (
        [photo for photo in photos if photo.name not in unseen],
        [photo for photo in photos if photo.name in unseen],
    )


def detect(files: Sequence[Path], root: Path, longest: int = 640) -> Iterator[dict[str, Any]]:
    """Yield a row a photo with what MTCNN finds, from the package facenet-pytorch (MIT).

    Args:
        files: photos.
        root: folder that their names are relative to.
        longest: edge that a larger photo is scaled down to.
    """
    from facenet_pytorch import MTCNN

    detector = MTCNN(keep_all=True, min_face_size=18, thresholds=[0.6, 0.7, 0.8], device="cpu")
    for file in files:
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        photo.thumbnail((longest, longest), Image.Resampling.BILINEAR)
        boxes, scores = detector.detect(photo)
        faces = []
        if boxes is not None:
            sides = np.array([photo.width, photo.height] * 2)
            faces = np.column_stack([boxes / sides, scores]).astype(float).tolist()
        yield {"photo": str(file.relative_to(root)), "faces": faces}


def write_faces(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows of :func:`detect` as Parquet."""
    kind = pa.schema([("photo", pa.string()), ("faces", pa.list_(pa.list_(pa.float64(), 5)))])
    pq.write_table(pa.Table.from_pylist(list(rows), kind), path)


def read_face_photos(path: Path, root: Path, longest: int = 640) -> list[FacePhoto]:
    """Read what :func:`write_faces` wrote, with the photos under ``root``."""
    return [
        FacePhoto(
            row["photo"],
            read_photo(root / row["photo"], longest)[0],
            np.array(row["faces"], np.float64).reshape(-1, 5),
        )
        for row in pq.read_table(path).to_pylist()
    ]


def draw_views(network: SaliencyNetwork, photos: Sequence[FacePhoto], recipe: Recipe) -> list[View]:
    """Draw views of each photo, the first the whole of it, and run the trunk on them."""
    random = np.random.default_rng(recipe.seed)
    allowed = shapes(network)
    views = []
    for photo in photos:
        shape = nearest_shape(allowed, photo.image)
        for number in range(recipe.views):
            zoom = random.uniform(0.4, 1.0) if number else 1.0
            corner = random.uniform(0, 1 - zoom, 2)
            height, width = photo.image.shape[-2:]
            left, top = (corner * (width, height)).astype(int)
            right, bottom = left + round(zoom * width), top + round(zoom * height)
            part = photo.image[:, top:bottom, left:right]
            faces = photo.faces.copy()
            faces[:, :4] = (faces[:, :4] * ([width, height] * 2) - [left, top] * 2) / (
                [part.shape[-1], part.shape[-2]] * 2
            )
            if random.random() < 0.5:
                part = part.flip(-1)
                faces[:, [0, 2]] = 1 - faces[:, [2, 0]]
            views.append(View([each[0].half() for each in features(network, part, shape)], faces))
    return views


def features(network: SaliencyNetwork, image: Tensor, shape: tuple[int, int]) -> list[Tensor]:
    """Run the trunk on a uint8 image ``(3, h, w)`` at a size; the outputs of :data:`TAPS`."""
    x = F.interpolate(image[None], shape, mode="bilinear", antialias=True).float() / 127.5 - 1
    with torch.no_grad():
        return network.trunk.features(x.contiguous(memory_format=torch.channels_last), TAPS)


def targets(faces: Floats, cells: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the target of the head for a view.

    Args:
        faces: ``(n, 5)`` x0, y0, x1, y1 in 0..1 of the view (they may reach outside), score.
        cells: (height, width) of the head's map.

    Returns:
        ``(h, w)`` 1 at the cells of faces' centres, falling off around them as a Gaussian; ``(4, h,
        w)`` place and size at those cells; ``(h, w)`` 0 where nothing is to be learned.
    """
    height, width = cells
    heat, weight = torch.zeros(cells), torch.ones(cells)
    shape = torch.zeros(4, *cells)
    x = torch.arange(width) + 0.5
    y = torch.arange(height) + 0.5
    for x0, y0, x1, y1, score in faces * [width, height, width, height, 1]:
        middle, centre, across, down = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        column, row = math.floor(middle), math.floor(centre)
        inside = 0 <= column < width and 0 <= row < height
        whole = x0 >= -across / 4 and y0 >= -down / 4 and x1 <= width + across / 4
        whole = whole and y1 <= height + down / 4
        if not (inside and whole and score >= SURE and min(across, down) >= CELLS):
            near = ((x > x0 - 1) & (x < x1 + 1))[None] & ((y > y0 - 1) & (y < y1 + 1))[:, None]
            weight[near] = 0
            continue
        spread = max(0.6, 0.12 * math.sqrt(across * down))
        bump = torch.exp(
            -0.5
            * (((x - column - 0.5)[None] / spread) ** 2 + ((y - row - 0.5)[:, None] / spread) ** 2)
        )
        heat = torch.maximum(heat, bump)
        shape[:, row, column] = torch.tensor(
            [middle - column - 0.5, centre - row - 0.5, math.log(across), math.log(down)]
        )
    weight[heat == 1] = 1
    return heat, shape, weight


def loss(found: Tensor, heat: Tensor, shape: Tensor, weight: Tensor) -> Tensor:
    """CenterNet's penalty-reduced focal loss (Eq. 1; alpha 2, beta 4) and L1 of place and size."""
    logit = found[:, 0]
    p = logit.sigmoid()
    centre = heat == 1
    hit = F.logsigmoid(logit) * (1 - p).square() * centre
    miss = F.logsigmoid(-logit) * p.square() * (1 - heat) ** 4 * ~centre * weight
    count = centre.sum().clamp_min(1)
    off = (found[:, 1:] - shape).abs().sum(1) * centre
    return (-(hit + miss).sum() + 0.5 * off.sum()) / count


def train(
    network: SaliencyNetwork,
    photos: Sequence[FacePhoto],
    recipe: Recipe,
    report: Callable[[str], None] = lambda line: None,
) -> FaceHead:
    """Train a head on the features of a network, which stays as it is.

    Args:
        network: ready for inference.
        photos: with the detector's faces.
        recipe: how.
        report: called with a line for each epoch.
    """
    views = draw_views(network, photos, recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = FaceHead(recipe.width).to(memory_format=torch.channels_last)
        head.get_parameter("read.bias").data[0] = -4.0  # faces are rare
    optimiser = torch.optim.AdamW(head.parameters(), recipe.rate, weight_decay=1e-3)
    random = np.random.default_rng(recipe.seed + 1)
    groups: dict[tuple[int, ...], list[View]] = {}
    for view in views:
        groups.setdefault(tuple(view.features[0].shape), []).append(view)
    plan = [
        (shape, first)
        for shape, members in groups.items()
        for first in range(0, len(members), recipe.batch)
    ]
    steps, step = recipe.epochs * len(plan), 0
    for epoch in range(recipe.epochs):
        for members in groups.values():
            random.shuffle(members)
        losses = []
        for index in random.permutation(len(plan)):
            shape, first = plan[index]
            batch = groups[shape][first : first + recipe.batch]
            inputs = [
                torch.stack(each).float().contiguous(memory_format=torch.channels_last)
                for each in zip(*(view.features for view in batch), strict=True)
            ]
            cells = (shape[-2], shape[-1])
            wanted = [
                torch.stack(each)
                for each in zip(*(targets(view.faces, cells) for view in batch), strict=True)
            ]
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / 30)
                group["lr"] = recipe.rate * warm * (1 + math.cos(math.pi * step / steps)) / 2
            value = loss(head(inputs), *wanted)
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
            optimiser.step()
            losses.append(value.item())
            step += 1
        report(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}")
    return head.eval().requires_grad_(False)


def find(network: SaliencyNetwork, head: FaceHead, image: Tensor, threshold: float) -> Tensor:
    """Find faces in one uint8 image ``(3, h, w)``; see :func:`read_faces`."""
    shape = network.input_size(image.shape[-2], image.shape[-1])
    with torch.no_grad():
        return read_faces(head(features(network, image, shape))[0], threshold)


def without_face_head(weights: str) -> SaliencyNetwork:
    """Load a saliency network, by name or from a file, without the head that it may have."""
    state, metadata = load(weights)
    options = replace(SaliencyOptions.from_json(metadata["options"]), faces=None)
    kept = {key: value for key, value in state.items() if not key.startswith("faces.")}
    return SaliencyNetwork.from_state(kept, {"options": options.to_json()})


def with_faces(network: SaliencyNetwork, head: FaceHead) -> SaliencyNetwork:
    """Return a network that has the head, ready for inference; nothing else of it is changed."""
    options = replace(network.options, faces=head.read.in_channels)
    joined = SaliencyNetwork(options)
    parts = {f"faces.{key}": value for key, value in head.state_dict().items()}
    joined.load_state_dict(network.state_dict() | parts)
    return joined.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Agreement:
    """The agreement of a head's faces with the detector's at one threshold."""

    photos: int
    faces: int
    found: int
    false: int


def agreement(
    found: Sequence[Tensor], photos: Sequence[FacePhoto], smallest: float, overlap: float = 0.4
) -> Agreement:
    """Count faces that both found, and those that only the head did.

    Args:
        found: faces ``(n, 5)`` of each photo, 0..1.
        photos: with the detector's.
        smallest: shorter side of the smallest face that counts, over the photo's longer side.
        overlap: IoU from which two boxes are one face.
    """
    faces = hits = false = 0
    for ours, photo in zip(found, photos, strict=True):
        height, width = photo.image.shape[-2:]
        scale = np.array([width, height] * 2) / max(width, height)
        theirs, mine = photo.faces[:, :4] * scale, ours[:, :4].double().numpy() * scale
        sure = (photo.faces[:, 4] >= SURE) & (
            np.minimum(theirs[:, 2] - theirs[:, 0], theirs[:, 3] - theirs[:, 1]) >= smallest
        )
        same = box_iou(torch.from_numpy(theirs), torch.from_numpy(mine)).numpy() >= overlap
        large = np.minimum(mine[:, 2] - mine[:, 0], mine[:, 3] - mine[:, 1]) >= smallest
        faces += int(sure.sum())
        hits += int(same[sure].any(1).sum())
        false += int((large & ~same.any(0)).sum())
    return Agreement(len(photos), faces, hits, false)
