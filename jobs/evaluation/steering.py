"""Evaluate on photos with named objects how well crop methods follow captions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.table import Table
from torch import Tensor

from deepcrop import weights
from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.methods.cagic.method import Cagic
from deepcrop.methods.registry import load, read_options
from deepcrop.metrics.steering import Steered, summarise
from deepcrop.ops.windows import Integral
from jobs.training.datasets import read_photo

from .cagic_ablation import AblationOptions

PARTS = ("evaluation", "tuning", "all")
"""Halves of the photos, by the hash of their names: options are chosen on "tuning" alone."""
SMALLEST, LARGEST = 0.02, 0.4
"""The least and the largest share (0..1) of the photo that an object covers."""
CLASS = 10
"""Least number of crops of a category that has its own row."""
THRESHOLD = 0.2
"""Share (0..1) of a Grad-CAM map's maximum from which a position is the object's (4.1.2)."""


@dataclass(frozen=True)
class NamedObject:
    """The largest object of one category in a photo."""

    photo: Path
    category: str
    box: Box

    @property
    def caption(self) -> str:
        """The caption that a user would type."""
        article = "an" if self.category[0] in "aeiou" else "a"
        return f"{article} {self.category}"


def part_of(name: str) -> str:
    """Return the half of a photo by the hash of its file's name."""
    return PARTS[int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2]


def read_objects(folder: Path, part: str = "all") -> dict[Path, list[NamedObject]]:
    """Read ``objects.json``: of each photo, the largest object of each category.

    Crowds, and objects outside 2 to 40% of the photo, are left out.

    Args:
        folder: folder that holds it.
        part: one of :data:`PARTS`.
    """
    photos: dict[Path, list[NamedObject]] = {}
    for name, entry in sorted(json.loads((folder / "objects.json").read_text()).items()):
        if part not in ("all", part_of(name)):
            continue
        size = Size(entry["width"], entry["height"])
        largest: dict[str, Box] = {}
        for each in entry["objects"]:
            x, y, w, h = each["box_xywh"]
            box = Box(
                round(x), round(y), max(round(x + w), round(x) + 1), max(round(y + h), round(y) + 1)
            )
            share = box.area / size.pixels
            known = largest.get(each["category"])
            if each["crowd"] or not SMALLEST <= share <= LARGEST:
                continue
            if known is None or box.area > known.area:
                largest[each["category"]] = box
        path = folder / "images" / name
        photos[path] = [NamedObject(path, category, box) for category, box in largest.items()]
    return {path: objects for path, objects in photos.items() if objects}


Cropper = Callable[[Tensor, Size, Sequence[str]], list[Box]]
"""Image, size, captions to a crop a caption."""


def cropper_of(method: Cagic) -> Cropper:
    """Crop with CAGIC, in the photo's own ratio."""

    def crop(image: Tensor, size: Size, captions: Sequence[str]) -> list[Box]:
        scene = method.scene(image)
        return [
            method.search([scene], [method.request(caption)], [size], [ratio_of(size)])[0][0].box
            for caption in captions
        ]

    return crop


def ratio_of(size: Size) -> AspectRatio:
    """Return the ratio of a photo."""
    return AspectRatio.parse(f"{size.width}:{size.height}")


def grad_cam_cropper(method: Cagic) -> Cropper:
    """Crop to the positions above the threshold in the Grad-CAM map of the score."""

    def crop(image: Tensor, size: Size, captions: Sequence[str]) -> list[Box]:
        scene = method.scene(image)
        return [
            bounding_box(method.grad_cam(scene, method.request(caption)), size)
            for caption in captions
        ]

    return crop


def bounding_box(grad_cam: Tensor, size: Size) -> Box:
    """Return the box around a map's values above the threshold; the photo if there are none."""
    if float(grad_cam.max()) <= 0:
        return Box(0, 0, size.width, size.height)
    fine = F.interpolate(grad_cam[None, None], (size.height, size.width), mode="bilinear")[0, 0]
    rows, columns = torch.nonzero(fine > THRESHOLD * fine.max(), as_tuple=True)
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def centre_of(size: Size, boxes: Sequence[Box]) -> list[Box]:
    """Return windows of the crops' sizes at the centre of the photo."""
    return [Box.centred(box.size, (0.5, 0.5), size) for box in boxes]


def most_salient(saliency: Tensor, size: Size, boxes: Sequence[Box]) -> list[Box]:
    """Return windows of the crops' sizes with the most of a saliency map ``(h, w)``."""
    integral = Integral.of(saliency.cpu().numpy(), size)
    return [_densest(integral, box.size, size) for box in boxes]


def _densest(integral: Integral, window: Size, size: Size) -> Box:
    x = np.arange(0, size.width - window.width + 1, 4)
    y = np.arange(0, size.height - window.height + 1, 4)
    mass = integral.shares(y, x, window)
    row, column = np.unravel_index(int(mass.argmax()), mass.shape)
    left, top = int(x[column]), int(y[row])
    return Box(left, top, left + window.width, top + window.height)


def cases_of(
    objects: Mapping[Path, Sequence[NamedObject]],
    crops: Mapping[Path, Sequence[Box]],
    sizes: Mapping[Path, Size],
) -> list[Steered]:
    """Pair the crops with their objects; the rivals are the other crops of the photo."""
    return [
        Steered(
            crop=crops[path][i],
            target=named.box,
            size=sizes[path],
            rivals=tuple(other for j, other in enumerate(crops[path]) if j != i),
        )
        for path, each in objects.items()
        for i, named in enumerate(each)
    ]


def steering_tables(
    shared: Path,
    name: str,
    rows: Sequence[str],
    photos: int,
    log: Callable[[str], None] = print,
    part: str = "all",
) -> list[Table]:
    """Measure CAGIC and its baselines on objects that no training has seen.

    Args:
        shared: folder that holds ``data/objects_coco128``.
        name: the name or the path of the weights.
        rows: ``NAME:option=value,...``, one run of CAGIC each. The first of each score has its
            baselines beside it: windows of the same sizes at the centre and where saliency is
            most, and Grad-CAM of the same score.
        photos: the largest number of photos used.
        log: takes a line a result.
        part: one of :data:`PARTS`.

    Returns:
        A table of the rows and their baselines, and one of the first row's categories that have
        :data:`CLASS` crops, if there are any.
    """
    objects = dict(list(read_objects(shared / "data" / "objects_coco128", part).items())[:photos])
    images, sizes = {}, {}
    for path in objects:
        images[path], sizes[path] = read_photo(path, Cagic.analysis)
    state, metadata = weights.load(name)
    table = Table("method", "share", "area", "lift", "IoU", "right beats other", "CPU s a crop")

    def add(title: str, crops: Mapping[Path, Sequence[Box]], seconds: float | None) -> None:
        found = summarise(cases_of(objects, crops, sizes))
        wins = "-" if found.wins is None else f"{found.wins:.3f} of {found.duels}"
        cells = [f"{found.share:.3f}", f"{found.area:.3f}", f"{found.lift:.2f}"]
        cells += [f"{found.iou:.3f}", wins]
        cells += ["-" if seconds is None else f"{seconds / found.crops:.2f}"]
        table.add_row(title, *cells)
        log(f"{title}: share, area, lift, IoU, wins, s: {', '.join(cells)}; {found.crops} crops")

    def measure(title: str, crop: Cropper) -> dict[Path, list[Box]]:
        start = time.process_time()
        crops = {
            path: crop(images[path], sizes[path], [each.caption for each in named])
            for path, named in objects.items()
        }
        add(title, crops, time.process_time() - start)
        return crops

    finder = load("saliency", device="cpu")
    maps = {path: finder.network.maps([images[path]])[0] for path in objects}
    scores = set()
    by_class: Table | None = None
    for spec in rows:
        title, _, text = spec.partition(":")
        chosen = dict(part.split("=", 1) for part in text.split(",") if part)
        method = Cagic.from_weights(
            state, metadata, read_options(AblationOptions, chosen, method="cagic")
        )
        crops = measure(title, cropper_of(method))
        by_class = by_class or class_table(title, objects, crops, sizes)
        if method.options.score in scores:
            continue
        scores.add(method.options.score)
        add("  centre, same sizes", {p: centre_of(sizes[p], crops[p]) for p in crops}, None)
        add(
            "  saliency, same sizes",
            {p: most_salient(maps[p], sizes[p], crops[p]) for p in crops},
            None,
        )
        measure("  Grad-CAM, same score", grad_cam_cropper(method))
    return [each for each in (table, by_class) if each is not None and each.row_count]


def class_table(
    title: str,
    objects: Mapping[Path, Sequence[NamedObject]],
    crops: Mapping[Path, Sequence[Box]],
    sizes: Mapping[Path, Size],
) -> Table:
    """Return a row for each category of which there are :data:`CLASS` crops."""
    names = [named.category for each in objects.values() for named in each]
    cases = cases_of(objects, crops, sizes)
    table = Table(title, "crops", "share", "area", "IoU")
    for name in sorted({each for each in names if names.count(each) >= CLASS}):
        found = summarise([c for c, category in zip(cases, names, strict=True) if category == name])
        figures = (f"{value:.3f}" for value in (found.share, found.area, found.iou))
        table.add_row(name, str(found.crops), *figures)
    return table
