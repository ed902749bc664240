"""The photos from which the saliency network learns gaze and the scene.

```python
write_labels(label(Teachers(folder), labelled_paths(shared), shared / "data"), path)
photos = scene_photos(shared, read_labels(path))
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .animals import AnimalPhoto, read_animals, split_animals
from .datasets import GazePhoto, gaze, read_photo
from .scenes import ScenePhoto
from .teachers import Labels

Floats = NDArray[np.float64]

LONGEST = 640
"""Longest edge, in pixels, of the photos in memory."""
SURE = 0.7
"""Score (0..1) of YuNet from which a face is one; others teach neither face nor background."""
NO_ANIMALS = {"gaze_osie": 0.1, "gaze_nus_scene": 1.0}
"""Weight (0..1) of a dataset's photos as examples without animals' heads, which they are not
annotated for: some of OSIE's photos show animals, nearly none of NUS' scenes, all of PASCAL-S'."""


def labelled_paths(shared: Path) -> list[Path]:
    """Return the files of the photos that the teachers label, under ``shared/data``."""
    watched = [
        shared / "data" / photo.name.replace("/", "/images/")
        for photo in gaze(shared, longest=16).train
        if photo.name.split("/")[0] in NO_ANIMALS
    ]
    animals, _ = split_animals(read_animals(shared), shared)
    return [*watched, *(photo.path for photo in animals)]


def scene_photos(shared: Path, labels: Mapping[str, Labels]) -> list[ScenePhoto]:
    """Read the training photos with gaze, and those of animals without it.

    Args:
        shared: folder that holds ``data/``.
        labels: the teachers' labels by the photos' paths, relative to ``shared/data``; a photo
            without labels teaches the rest.
    """
    photos = [_watched(photo, labels) for photo in gaze(shared, longest=LONGEST).train]
    animals, _ = split_animals(read_animals(shared), shared)
    return [*photos, *(_animals(photo, labels) for photo in animals)]


def _watched(photo: GazePhoto, labels: Mapping[str, Labels]) -> ScenePhoto:
    found = labels.get(photo.name.replace("/", "/images/"))
    return ScenePhoto(
        name=photo.name,
        image=photo.image,
        points=photo.points,
        gaze=None,
        subject=_mask(found.subject if found else None),
        text=_mask(found.text if found else None),
        faces=_faces(found),
        animals=np.zeros((0, 5)),
        animals_weight=NO_ANIMALS.get(photo.name.split("/")[0], 0.0),
    )


def _animals(photo: AnimalPhoto, labels: Mapping[str, Labels]) -> ScenePhoto:
    found = labels.get(f"heads_animals/images/{photo.name}")
    heads = np.array(list(_heads(photo)), np.float64).reshape(-1, 5)
    faces = _faces(found)
    inside = [any(_holds(head, face) for head in heads) for face in faces]
    return ScenePhoto(
        name=f"heads_animals/{photo.name}",
        image=read_photo(photo.path, LONGEST)[0],
        points=np.zeros((0, 2)),
        gaze=None,
        subject=_mask(found.subject if found else None),
        text=_mask(found.text if found else None),
        faces=faces[~np.array(inside, bool)],  # the detector takes some muzzles for faces
        animals=heads,
        animals_weight=1.0,
    )


def _heads(photo: AnimalPhoto) -> Iterator[list[float]]:
    """Yield x0, y0, x1, y1 in 0..1 and a score for each animal; 0 where its head isn't known."""
    sides = [photo.size.width, photo.size.height] * 2
    for animal in photo.animals:
        box = animal.head or animal.box
        corners = [corner / side for corner, side in zip(box, sides, strict=True)]
        yield [*corners, 1.0 if animal.head else 0.0]


def _faces(labels: Labels | None) -> Floats:
    """Return YuNet's faces, those from :data:`SURE` on with a score of 1."""
    if labels is None:
        return np.zeros((0, 5))
    faces = labels.faces.astype(np.float64)
    faces[:, 4] = np.where(faces[:, 4] >= SURE, 1.0, faces[:, 4])
    return faces


def _mask(values: NDArray[np.uint8] | None) -> torch.Tensor | None:
    return None if values is None else torch.from_numpy(values.copy())


def _holds(box: Floats, other: Floats) -> bool:
    """Return whether a box contains the centre of another."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])
