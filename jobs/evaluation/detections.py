"""What the saliency network finds beside gaze: heads of animals and of people, the subject.

```python
animals = detections(animal_photos(shared), find_animals(network))
console.print(detection_table({"heads of animals": animals}))
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from deepcrop.geometry import Size
from deepcrop.networks.saliency.faces import box_iou
from deepcrop.networks.saliency.model import SaliencyNetwork
from jobs.training.fcdb import Edges

from .croppers import EvaluationPhoto, read_photos
from .heads import HeadPhoto, heads_of, large
from .subjects import read_list
from .teacher_labels import subjects_of

SAME = 0.4
"""IoU (0..1) from which two boxes are the same head."""

Finder = Callable[[EvaluationPhoto], tuple[Edges, ...]]
"""A function from a photo to the heads that it finds, in pixels of the file."""


@dataclass(frozen=True)
class Detections:
    """How many heads were found.

    Attributes:
        heads: number of annotated heads.
        found: number of those that were found.
        others: number of found heads that nobody annotated.
    """

    heads: int
    found: int
    others: int


def find_animals(network: SaliencyNetwork) -> Finder:
    """Return a finder of the heads of animals."""

    def find(photo: EvaluationPhoto) -> tuple[Edges, ...]:
        [seen] = network.predict([photo.image])
        return large(_pixels(seen.animals[:, :4].double().numpy(), photo.size), photo.size)

    return find


def find_people(network: SaliencyNetwork) -> Finder:
    """Return a finder of the heads of people, faces with the hair above them."""

    def find(photo: EvaluationPhoto) -> tuple[Edges, ...]:
        [seen] = network.predict([photo.image])
        return large(heads_of(seen.faces[:, :4].numpy(), photo.size), photo.size)

    return find


def _pixels(boxes: np.ndarray, size: Size) -> list[Edges]:
    """Convert boxes ``(n, 4)`` in 0..1 of the sides to pixels."""
    return [Edges(*row) for row in (boxes * ([size.width, size.height] * 2)).tolist()]


def detections(photos: Iterable[HeadPhoto], find: Finder) -> Detections:
    """Count the heads that are found, and others, over photos."""
    heads = found = others = 0
    for each in photos:
        mine, theirs = find(each.photo), each.heads
        heads += len(theirs)
        if not mine:
            continue
        overlap = box_iou(torch.tensor(theirs).view(-1, 4), torch.tensor(mine).view(-1, 4)) >= SAME
        found += int(overlap.any(1).sum())
        others += int((~overlap.any(0)).sum())
    return Detections(heads, found, others)


def subject_overlap(
    network: SaliencyNetwork,
    shared: Path,
    labels: Path,
    report: Callable[[str], None] = lambda line: None,
) -> float:
    """Return the mean soft IoU (0..1) of the network's and the teacher's masks of subjects.

    Args:
        network: a network with the head of the scene.
        shared: folder that holds ``data/`` and ``weights/teachers/``.
        labels: folder of the teachers' labels.
        report: called with a line if the teacher must run.
    """
    root = shared / "data"
    paths = [root / name for name in read_list()]
    masks = subjects_of(paths, shared, labels, report)
    overlaps = []
    for photo in read_photos(paths, root):
        [seen] = network.predict([photo.image])
        if seen.subject is None:
            return float("nan")
        mask = torch.from_numpy(masks[photo.name].copy())[None, None].float() / 255
        theirs = torch.nn.functional.interpolate(
            mask, seen.subject.shape, mode="bilinear", antialias=True, align_corners=False
        )[0, 0]
        common = torch.minimum(theirs, seen.subject).sum()
        overlaps.append(float(common / torch.maximum(theirs, seen.subject).sum().clamp_min(1e-9)))
    return float(np.mean(overlaps))


def detection_table(found: Mapping[str, Detections]) -> Table:
    """Tabulate what was found."""
    table = Table("heads", "annotated", "found", "share", "others found")
    for name, each in found.items():
        share = f"{each.found / max(each.heads, 1):.3f}"
        table.add_row(name, str(each.heads), str(each.found), share, str(each.others))
    return table
