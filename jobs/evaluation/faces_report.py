"""The tables of the face head: what it finds, and how often windows then cut a face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from deepcrop.geometry import Box, Size
from deepcrop.methods.face_protection import HAIR_RATIO, head_of
from deepcrop.methods.registry import load, load_crop
from deepcrop.metrics.cropping import ASPECTS, Gain, kept
from deepcrop.networks.saliency.model import FACE_THRESHOLD
from jobs.training.datasets import gaze
from jobs.training.faces import SURE, FacePhoto, agreement, read_face_photos, split_faces

from .report import reference_windows

SMALLEST = 0.03
"""Shorter side of the smallest face that counts, over the photo's longer side."""
TOUCH = 0.02
"""Share of a face's area up to which it counts as outside, or as whole when that much is cut."""


@dataclass
class Cuts:
    """The numbers of pairs of a face and a window by outcome: face whole, cut or outside."""

    whole: int = 0
    cut: int = 0
    outside: int = 0

    @property
    def share(self) -> float:
        """The share (0..1) of cut faces among shown faces."""
        return self.cut / max(self.cut + self.whole, 1)

    def add(self, share: float) -> None:
        """Count a face by the share (0..1) of its area inside a window."""
        if share <= TOUCH:
            self.outside += 1
        elif share >= 1 - TOUCH:
            self.whole += 1
        else:
            self.cut += 1


def found_table(photos: Sequence[FacePhoto], weights: str) -> Table:
    """Tabulate the faces that the head finds of the detector's, by size."""
    network = load("saliency", device="cpu", weights=weights).network
    found = [network.predict([photo.image])[0].faces for photo in photos]
    table = Table("faces from", "faces", "found", "others found", title=f"{len(photos)} photos")
    for smallest in (SMALLEST, 0.05, 0.1):
        each = agreement(found, photos, smallest)
        figures = (str(figure) for figure in (each.faces, each.found, each.false))
        table.add_row(f"{smallest:.0%} of the longer edge, score {FACE_THRESHOLD}", *figures)
    return table


def cut_table(
    photos: Sequence[FacePhoto], shared: Path, method: str, weights: str, settings: Sequence[float]
) -> Table:
    """Tabulate the detector's faces that windows cut, and the gain that is lost on gaze photos."""
    parts = gaze(shared, longest=640)
    watched = {
        photo.name: photo
        for photo in [*parts.validation, *parts.test]
        if photo.name.startswith("gaze_osie/")
    }
    centre, human = reference_windows(list(watched.values()))
    titles = ("faces", "whole", "cut", "of those shown", "outside", "of heads", "gain on OSIE")
    table = Table(*titles)
    for setting in settings:
        careful = load_crop(method, device="cpu", weights=weights, faces=setting)
        cuts, heads, shares = Cuts(), Cuts(), {}
        for photo in photos:
            seen = watched.get(photo.name.replace("/images/", "/"))
            size = seen.size if seen else Size(photo.image.shape[-1], photo.image.shape[-2])
            [crops] = careful.boxes([photo.image], ASPECTS, sizes=[size])
            for crop in crops:
                for share in shown(photo, crop.box, size):
                    cuts.add(share)
                for share in shown(photo, crop.box, size, hair=HAIR_RATIO):
                    heads.add(share)
            if seen:
                shares[seen.name] = [kept(crop.box, seen.points, size) for crop in crops]
        gain = Gain(np.mean([shares[name] for name in watched], 1), centre, human)
        table.add_row(
            f"{setting:g}",
            str(cuts.whole),
            str(cuts.cut),
            f"{cuts.share:.1%}",
            str(cuts.outside),
            f"{heads.share:.1%}",
            f"{gain.gain:.2f}",
        )
    return table


def shown(photo: FacePhoto, box: Box, size: Size, hair: float = 0.0) -> list[float]:
    """Return the share of each of the detector's faces, as far as it is in the photo, in a window.

    Small and unsure ones are left out.

    Args:
        photo: with its faces.
        box: the window.
        size: size of the photo in the window's pixels.
        hair: height that counts as well above a face, over that of the face.
    """
    faces = photo.faces[photo.faces[:, 4] >= SURE, :4].clip(0, 1)
    sides = (faces[:, 2:] - faces[:, :2]) * [size.width, size.height]
    large = faces[sides.min(1) >= SMALLEST * size.longest]
    heads = np.array([head_of(face, hair) for face in large.tolist()]).reshape(-1, 4)
    faces = heads * ([size.width, size.height] * 2)
    low = np.maximum(faces[:, :2], [box.x0, box.y0])
    high = np.minimum(faces[:, 2:], [box.x1, box.y1])
    inside = (high - low).clip(0).prod(1) / (faces[:, 2:] - faces[:, :2]).prod(1)
    return inside.tolist()


def faces_tables(
    labels: Path,
    shared: Path,
    weights: str,
    settings: Sequence[float] = (0, 0.2, 0.4, 1, 10),
    *,
    method: str = "saliency",
) -> Iterator[Table]:
    """Yield both tables, on the photos that the head did not learn from.

    Of ``mars`` only the second: its head is that of ``saliency``.

    Args:
        labels: what :func:`jobs.training.faces.write_faces` wrote.
        shared: folder that holds ``data/``.
        weights: name or file.
        settings: the values of the option ``faces``.
        method: saliency or mars.
    """
    torch.set_num_threads(1)
    _, photos = split_faces(read_face_photos(labels, shared / "data"), shared)
    if method == "saliency":
        yield found_table(photos, weights)
    yield cut_table(photos, shared, method, weights, settings)
