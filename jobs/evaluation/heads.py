"""Heads of people and animals in the largest windows: whole, cut or left out.

Heads smaller than :data:`SMALLEST` of the photo's longer edge don't count. A head
fits a ratio if the largest window of the ratio is no smaller than its box; all figures are over
pairs of a head and a ratio that it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.face_protection import head_of
from deepcrop.metrics.cropping import ASPECTS
from jobs.training.animals import AnimalPhoto, held_out, read_animals
from jobs.training.datasets import read_photo
from jobs.training.fcdb import Edges

from .croppers import LONGEST, Cropper, EvaluationPhoto, read_photos
from .photo_sets import people
from .teacher_labels import faces_of

SMALLEST = 0.03
"""Shorter side of the smallest head that counts, over the photo's longer side."""
TOUCH = 0.02
"""Share of a head's area up to which it counts as outside, or as whole when that much is cut."""
SURE_FACE = 0.8
"""Score (0..1) of YuNet from which a face is taken for true: of those from 0.45 to 0.6 that were
looked at, most were none; from 0.8 all were faces, three of them dogs'."""


@dataclass(frozen=True)
class HeadPhoto:
    """A photo with its heads in pixels of the file."""

    photo: EvaluationPhoto
    heads: tuple[Edges, ...]


@dataclass
class HeadCuts:
    """The numbers of pairs of a head and a window by outcome, and crops with a cut head."""

    whole: int = 0
    cut: int = 0
    outside: int = 0
    photos: list[bool] = field(default_factory=list)
    """For each pair of a photo and a ratio that some head fits: whether a head is cut."""

    @property
    def share(self) -> float:
        """The share (0..1) of cut heads among shown heads."""
        return self.cut / max(self.cut + self.whole, 1)

    @property
    def lost(self) -> float:
        """The share (0..1) of the heads that fit that are cut or left out."""
        return (self.cut + self.outside) / max(self.cut + self.outside + self.whole, 1)

    def add(self, share: float) -> None:
        """Count a head by the share (0..1) of its area inside a window."""
        if share <= TOUCH:
            self.outside += 1
        elif share >= 1 - TOUCH:
            self.whole += 1
        else:
            self.cut += 1


def share_inside(head: Edges, box: Box) -> float:
    """Return the share (0..1) of a head's area inside a box."""
    across = min(box.x1, head.x1) - max(box.x0, head.x0)
    down = min(box.y1, head.y1) - max(box.y0, head.y0)
    return max(across, 0.0) * max(down, 0.0) / (head.width * head.height)


def large(heads: Iterable[Edges], size: Size) -> tuple[Edges, ...]:
    """Return the heads that are large enough to count."""
    least = SMALLEST * size.longest
    return tuple(head for head in heads if min(head.width, head.height) >= least)


def fitting(heads: Sequence[Edges], aspect: AspectRatio, size: Size) -> list[Edges]:
    """Return the heads that fit the largest window of a ratio."""
    window = aspect.largest_window(size)
    return [head for head in heads if head.width <= window.width and head.height <= window.height]


def animal_photos(shared: Path, *, every: bool = False) -> Iterator[HeadPhoto]:
    """Read the held-out photos of ``data/heads_animals`` that have heads, or all of its photos."""
    for found in read_animals(shared):
        if (every or held_out(found.name)) and (heads := _animal_heads(found)):
            image, size = read_photo(found.path, LONGEST)
            name = found.path.relative_to(shared / "data").as_posix()
            yield HeadPhoto(EvaluationPhoto(name, image, size), heads)


def _animal_heads(photo: AnimalPhoto) -> tuple[Edges, ...]:
    heads = (Edges(*animal.head) for animal in photo.animals if animal.head is not None)
    return large(heads, photo.size)


def people_photos(
    shared: Path, labels: Path, report: Callable[[str], None] = lambda line: None
) -> Iterator[HeadPhoto]:
    """Read the photos of :func:`~.photo_sets.people` that have faces, with the hair above them.

    Args:
        shared: folder that holds ``data/`` and ``weights/teachers/``.
        labels: folder of the teachers' labels.
        report: called with a line if the teachers must run.
    """
    paths = people(shared)
    root = shared / "data"
    found = faces_of(paths, shared, labels, report)
    sure = {name: faces[faces[:, 4] >= SURE_FACE, :4] for name, faces in found.items()}
    shown = [path for path in paths if len(sure[path.relative_to(root).as_posix()])]
    for photo in read_photos(shown, root):
        if heads := large(heads_of(sure[photo.name], photo.size), photo.size):
            yield HeadPhoto(photo, heads)


def heads_of(faces: NDArray[np.float32], size: Size) -> list[Edges]:
    """Return heads in pixels, inside the photo, of faces ``(n, 4)`` in 0..1 of the sides."""
    heads = []
    for face in faces.astype(float).clip(0, 1).tolist():
        x0, y0, x1, y1 = head_of(face)
        heads.append(Edges(x0 * size.width, y0 * size.height, x1 * size.width, y1 * size.height))
    return heads


def best_possible(photo: HeadPhoto, aspects: Sequence[AspectRatio]) -> list[Box]:
    """Return for each ratio a largest window with the most whole heads, then the fewest cut ones.

    Every pixel along the free axis is tried.
    """
    size = photo.photo.size
    boxes = []
    for aspect in aspects:
        window = aspect.largest_window(size)
        heads = fitting(photo.heads, aspect, size)
        candidates = [
            Box(x0, y0, x0 + window.width, y0 + window.height)
            for y0 in range(size.height - window.height + 1)
            for x0 in range(size.width - window.width + 1)
        ]

        def rank(box: Box, heads: Sequence[Edges] = heads) -> tuple[int, int]:
            cuts = counted([(head, box) for head in heads])
            return cuts.whole, -cuts.cut

        boxes.append(max(candidates, key=rank))
    return boxes


def counted(pairs: Iterable[tuple[Edges, Box]]) -> HeadCuts:
    """Count the outcomes of heads in windows."""
    cuts = HeadCuts()
    for head, box in pairs:
        cuts.add(share_inside(head, box))
    return cuts


def head_cuts(
    photos: Iterable[HeadPhoto],
    croppers: Mapping[str, Cropper],
    aspects: Sequence[AspectRatio] = ASPECTS,
) -> tuple[dict[str, HeadCuts], int]:
    """Crop photos in each way and count what becomes of the heads that fit.

    Returns:
        The outcomes of each way, ``best possible`` among them, and the number of photos.
    """
    cuts = {name: HeadCuts() for name in ("best possible", *croppers)}
    count = 0
    for each in photos:
        count += 1
        boxes = {name: cropper(each.photo, aspects) for name, cropper in croppers.items()}
        boxes["best possible"] = best_possible(each, aspects)
        for name, row in boxes.items():
            for aspect, box in zip(aspects, row, strict=True):
                heads = fitting(each.heads, aspect, each.photo.size)
                for head in heads:
                    cuts[name].add(share_inside(head, box))
                if heads:
                    cuts[name].photos.append(counted((head, box) for head in heads).cut > 0)
    return cuts, count


def head_table(title: str, cuts: Mapping[str, HeadCuts]) -> Table:
    """Tabulate the outcomes, the fewest lost heads last."""
    columns = ("whole", "cut", "left out", "cut or left out", "cut, of those shown")
    table = Table("window", *columns, "crops that cut a head", title=title)
    for name, each in sorted(cuts.items(), key=lambda item: -item[1].lost):
        counts = (each.whole, each.cut, each.outside)
        crops = float(np.mean(each.photos)) if each.photos else 0.0
        shares = (f"{share:.3f}" for share in (each.lost, each.share, crops))
        table.add_row(name, *map(str, counts), *shares)
    return table
