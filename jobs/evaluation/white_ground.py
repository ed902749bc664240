"""A sweep of synthetic product photos: one subject on plain ground, at varied places and sizes.

Half of the subjects are drawn (plates, bottles, boxes, groups of three, banners); half are cut out
of photos by the teacher's masks, where a folder of labels is given. The truth is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from rich.table import Table

from deepcrop.geometry import AspectRatio, Box, Size
from deepcrop.metrics.cropping import ASPECTS
from deepcrop.ops.windows import Integral

from .croppers import Cropper, EvaluationPhoto
from .subjects import read_list
from .teacher_labels import subjects_of

Alpha = NDArray[np.uint8]

SIZES = (Size(600, 400), Size(400, 600), Size(500, 500), Size(640, 360), Size(480, 640))
"""Sizes of the photos in pixels."""
GROUNDS = ("white", "off-white", "grey", "gradient", "shadow", "noise")
"""Kinds of ground, one after the other."""
SHAPES = ("plate", "bottle", "box", "three", "banner")
"""Kinds of drawn subjects, one after the other."""
CUT = 0.05
"""Share of the subject outside a window from which it counts as cut."""


@dataclass(frozen=True)
class Product:
    """A synthetic photo and its subject.

    Attributes:
        photo: the photo.
        kind: ground and subject, for the report.
        mask: ``(h, w)`` uint8, 255 inside the subject, in pixels of the photo.
        box: around the subject.
    """

    photo: EvaluationPhoto
    kind: str
    mask: Alpha
    box: Box


def products(
    count: int = 60, seed: int = 0, cutouts: Sequence[Image.Image] = ()
) -> Iterator[Product]:
    """Make photos; the same arguments give the same photos.

    Args:
        count: number of photos.
        seed: seed of all random choices.
        cutouts: RGBA pictures of subjects, of which every second photo has one.
    """
    for number in range(count):
        random = np.random.default_rng((seed, number))
        size = SIZES[int(random.integers(len(SIZES)))]
        ground = GROUNDS[number // 2 % len(GROUNDS)]
        if cutouts and number % 2:
            kind, subject = "cutout", cutouts[number // 2 % len(cutouts)]
        else:
            kind = SHAPES[number // 2 % len(SHAPES)]
            subject = drawn(kind, random)
        yield _compose(f"product_{number:02}", f"{kind} on {ground}", subject, size, random)


def drawn(kind: str, random: np.random.Generator) -> Image.Image:
    """Draw a subject, RGBA, of random colours; one of :data:`SHAPES`."""
    first, second, third = (tuple(random.integers(20, 200, 3).tolist()) for _ in range(3))
    sides = {"bottle": (140, 400), "banner": (480, 110), "three": (420, 160)}
    picture = Image.new("RGBA", sides.get(kind, (320, 320)))
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    if kind == "plate":
        draw.ellipse((0, 0, width - 1, height - 1), fill=(*first, 255))
        draw.ellipse((50, 50, width - 51, height - 51), fill=(*second, 255))
        draw.pieslice((90, 90, width - 91, height - 91), 20, 150, fill=(*third, 255))
    elif kind == "bottle":
        draw.rounded_rectangle((0, 130, width - 1, height - 1), 40, fill=(*first, 255))
        draw.rectangle((50, 0, 90, 140), fill=(*second, 255))
        draw.rectangle((10, 210, width - 11, 310), fill=(*third, 255))
    elif kind == "box":
        draw.rectangle((0, 60, 230, height - 1), fill=(*first, 255))
        draw.polygon([(0, 60), (90, 0), (width - 1, 0), (230, 60)], fill=(*second, 255))
        points = [(230, 60), (width - 1, 0), (width - 1, 250), (230, height - 1)]
        draw.polygon(points, fill=(*third, 255))
    elif kind == "three":
        for left, colour in zip((0, 140, 280), (first, second, third), strict=True):
            draw.ellipse((left, 20, left + 138, 158), fill=(*colour, 255))
    else:
        draw.rectangle((0, 0, width - 1, height - 1), fill=(*first, 255))
        for left in range(30, width - 40, 45):
            draw.rectangle((left, 35, left + 25, height - 36), fill=(240, 240, 230, 255))
    return picture


def cutout(photo: Image.Image, mask: NDArray[np.uint8]) -> Image.Image | None:
    """Cut the subject out of a photo: RGBA, trimmed to its mask.

    Args:
        photo: RGB.
        mask: ``(h, w)``, 255 inside the subject; it covers the photo.

    Returns:
        None if the subject touches an edge of the photo, where it would be cut already.
    """
    alpha = Image.fromarray(mask).resize(photo.size, Image.Resampling.BICUBIC)
    values = np.asarray(alpha).astype(np.float64)
    sharp = ((values - 96) / 64).clip(0, 1)
    rows, columns = sharp.max(1) > 0, sharp.max(0) > 0
    if rows[0] or rows[-1] or columns[0] or columns[-1] or not rows.any():
        return None
    picture = photo.convert("RGBA")
    picture.putalpha(Image.fromarray((255 * sharp).astype(np.uint8)))
    return picture.crop(picture.getchannel("A").getbbox())


def cutouts(shared: Path, labels: Path, count: int = 30) -> list[Image.Image]:
    """Cut clear subjects that touch no edge out of the photos of ``subject_photos.txt``.

    Args:
        shared: folder that holds ``data/``.
        labels: folder of the teachers' labels.
        count: the largest number of cutouts.
    """
    root = shared / "data"
    paths = [root / name for name in read_list()]
    masks = subjects_of(paths, shared, labels)
    found: list[Image.Image] = []
    for path in paths:
        if len(found) == count:
            break
        with Image.open(path) as photo:
            picture = cutout(photo.convert("RGB"), masks[path.relative_to(root).as_posix()])
        if picture is not None:
            found.append(picture)
    return found


def contact_sheet(photos: Sequence[Product], columns: int = 10, side: int = 150) -> Image.Image:
    """Draw all photos on grey, with the boxes of their subjects."""
    rows = -(-len(photos) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), "grey")
    for index, product in enumerate(photos):
        picture = Image.fromarray(product.photo.image.permute(1, 2, 0).contiguous().numpy())
        box = product.box
        ImageDraw.Draw(picture).rectangle((box.x0, box.y0, box.x1, box.y1), outline="red", width=2)
        picture.thumbnail((side - 6, side - 6))
        row, column = divmod(index, columns)
        sheet.paste(picture, (column * side + 3, row * side + 3))
    return sheet


def _compose(
    name: str, kind: str, subject: Image.Image, size: Size, random: np.random.Generator
) -> Product:
    """Put a subject on its ground, somewhere at a random size with some ground around it."""
    room = random.uniform(0.35, 0.85)
    scale = room * min(size.width / subject.width, size.height / subject.height)
    sides = (max(8, round(scale * subject.width)), max(8, round(scale * subject.height)))
    scaled = subject.resize(sides, Image.Resampling.LANCZOS)
    free = (size.width - sides[0], size.height - sides[1])
    left, top = (round(side * random.uniform(0.06, 0.94)) for side in free)
    layer = Image.new("RGBA", (size.width, size.height))
    layer.paste(scaled, (left, top))
    alpha = layer.getchannel("A")
    picture = _ground(kind.rpartition(" ")[2], size, alpha, random)
    picture.paste(layer, (0, 0), alpha)
    mask = np.where(np.asarray(alpha) > 127, 255, 0).astype(np.uint8)
    bounds = Image.fromarray(mask).getbbox()
    assert bounds is not None
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
    return Product(EvaluationPhoto(name, image, size), kind, mask, Box(*bounds))


def _ground(kind: str, size: Size, alpha: Image.Image, random: np.random.Generator) -> Image.Image:
    """Draw a ground of one of :data:`GROUNDS`; the subject's alpha casts the shadow."""
    level = {"white": 255, "off-white": 246, "grey": 205}.get(kind, 250)
    values = np.full((size.height, size.width, 3), level, np.float64)
    if kind == "gradient":
        values -= 45 * np.linspace(0, 1, size.height)[:, None, None]
    if kind == "noise":
        values += random.normal(0, 2, values.shape)
    if kind == "shadow":
        soft = alpha.filter(ImageFilter.GaussianBlur(0.02 * size.longest))
        offset = Image.new("L", soft.size)
        offset.paste(soft, (round(0.01 * size.longest), round(0.02 * size.longest)))
        values -= 70 * np.asarray(offset)[..., None] / 255
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


@dataclass(frozen=True)
class Sweep:
    """Outcomes of one way of cropping.

    Attributes:
        fitting: pairs of a photo and a ratio whose largest window the subject fits.
        cut: such pairs in which more than :data:`CUT` of the subject is outside.
        subjects: photos with at least one such pair.
        off_centre: mean distance of the window's centre from the best one for a centred subject,
            relative to the window's side, along the axis that the window moves along.
        kinds: the kinds of the photos that are cut.
    """

    fitting: int
    cut: int
    subjects: int
    off_centre: float
    kinds: tuple[str, ...]


def sweep(
    photos: Sequence[Product],
    croppers: Mapping[str, Cropper],
    aspects: Sequence[AspectRatio] = ASPECTS,
) -> dict[str, Sweep]:
    """Crop the photos in each way, and count cut subjects."""
    found = {}
    for name, cropper in croppers.items():
        fitting, cut, kinds, offsets = 0, 0, [], []
        for product in photos:
            size = product.photo.size
            integral = Integral.of(product.mask, size)
            ruined = False
            for aspect, box in zip(aspects, cropper(product.photo, aspects), strict=True):
                window = aspect.largest_window(size)
                room = (window.width - product.box.size.width) >= 0
                if not (room and window.height >= product.box.size.height):
                    continue
                fitting += 1
                is_cut = integral.mass(box) < 1 - CUT
                cut += is_cut
                ruined |= is_cut
                offsets.append(off_centre(box, product.box, size))
            if ruined:
                kinds.append(product.kind)
        mean = float(np.mean(offsets)) if offsets else 0.0
        found[name] = Sweep(fitting, cut, len(kinds), mean, tuple(kinds))
    return found


def off_centre(box: Box, subject: Box, size: Size) -> float:
    """Return how far a window is from where the subject is as central as the photo allows.

    The distance is relative to the window's side; the axis is the one with the larger distance.
    """
    middle = (
        (subject.x0 + subject.x1) / 2 / size.width,
        (subject.y0 + subject.y1) / 2 / size.height,
    )
    best = Box.centred(box.size, middle, size)
    return max(abs(box.x0 - best.x0) / box.size.width, abs(box.y0 - best.y0) / box.size.height)


def sweep_table(photos: Sequence[Product], found: Mapping[str, Sweep]) -> Table:
    """Tabulate the sweep, the fewest cut subjects last."""
    title = f"{len(photos)} synthetic photos on plain ground"
    columns = ("subjects cut by more than 5%", "of crops that they fit", "cut crops", "off centre")
    table = Table("window", *columns, title=title)
    for name, each in sorted(found.items(), key=lambda item: -item[1].subjects):
        counts = (each.subjects, each.fitting, each.cut)
        table.add_row(name, *map(str, counts), f"{each.off_centre:.3f}")
    return table
