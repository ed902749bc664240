"""Crops that people drew, or that were derived from their fixations: the training set of Mars.

```python
rows = read_fcdb(folder)                              # or fat, hcdb, gaicd, cpc
write_croppings(rows, "fcdb.parquet")                 # columns: image, ratio, x0, y0, x1, y1
rows = read_croppings("fcdb.parquet")
```

The readers take the annotation files as their authors publish them, beside the images; a line
that they can't read is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deepcrop.errors import RequestError
from deepcrop.geometry import Box

BOX = ("x0", "y0", "x1", "y1")
VIEW = tuple(f"view_{corner}" for corner in BOX)


@dataclass(frozen=True)
class Cropping:
    """One box that somebody finds right for one image and one aspect ratio.

    Attributes:
        image: path of the image, relative to its dataset's folder of images.
        ratio: the requested aspect ratio, width over height.
        box: the answer, in pixels of the image.
        view: the part of the image that was looked at, which holds ``box``; None is all of it.
    """

    image: str
    ratio: float
    box: Box
    view: Box | None = None


def write_croppings(rows: Iterable[Cropping], path: str | Path) -> None:
    """Write Parquet: image string, ratio float64, x0 y0 x1 y1 int32, and the view where given."""
    rows = list(rows)
    columns: dict[str, pa.Array] = {
        "image": pa.array([row.image for row in rows], pa.string()),
        "ratio": pa.array([row.ratio for row in rows], pa.float64()),
    }
    for index, name in enumerate(BOX):
        columns[name] = pa.array([row.box.corners[index] for row in rows], pa.int32())
    if any(row.view for row in rows):
        for index, name in enumerate(VIEW):
            corners = [row.view.corners[index] if row.view else None for row in rows]
            columns[name] = pa.array(corners, pa.int32())
    pq.write_table(pa.table(columns), path)


def read_croppings(path: str | Path) -> list[Cropping]:
    """Read what :func:`write_croppings` wrote, or any Parquet file with those columns.

    Raises:
        RequestError: a column is missing.
    """
    table = pq.read_table(path)
    missing = [name for name in ("image", "ratio", *BOX) if name not in table.column_names]
    if missing:
        raise RequestError(
            f"{path}: column {missing[0]!r} is missing; expected image, ratio, {BOX}"
        )
    rows = []
    for row in table.to_pylist():
        view = None
        if row.get(VIEW[0]) is not None:
            view = Box(*(row[name] for name in VIEW))
        rows.append(Cropping(row["image"], row["ratio"], Box(*(row[name] for name in BOX)), view))
    return rows


def read_fat(folder: Path, split: str = "train") -> list[Cropping]:
    """Read FAT (Esmaili, Singh and Davis, CVPR 2017): thumbnails of given aspect ratios.

    ``FAT_train.txt`` or ``FAT_test.txt``; a line an annotation, fields divided by spaces, tabs or
    commas: image, x0, y0, x1, y1 of the thumbnail, requested width and height. Without
    the last two, the box's own ratio counts as requested.
    """
    rows = []
    for where, fields in _lines(folder / f"FAT_{split}.txt"):
        numbers = _numbers(where, fields[1:], least=4)
        box = _box(where, numbers[:4])
        asked = numbers[4:6] if len(numbers) >= 6 else (box.size.width, box.size.height)
        rows.append(Cropping(fields[0], asked[0] / asked[1], box))
    return rows


def read_fcdb(folder: Path, split: str = "test") -> list[Cropping]:
    """Read FCDB (Chen et al., WACV 2017; github.com/yiling-chen/flickr-cropping-dataset).

    ``cropping_training_set.json`` or ``cropping_testing_set.json``: a list of ``url`` and
    ``crop`` [x, y, width, height]. The images are named by the last part of the URL.
    """
    path = folder / f"cropping_{'training' if split == 'train' else 'testing'}_set.json"
    rows = []
    for entry in json.loads(path.read_text()):
        x, y, width, height = entry["crop"]
        box = _box(f"{path}: {entry['url']}", (x, y, x + width, y + height))
        rows.append(_as_drawn(entry["url"].rpartition("/")[2], box))
    return rows


def read_hcdb(folder: Path) -> list[Cropping]:
    """Read the 500 images and ten experts of Fang et al. (ACM MM 2014), also known as FLMS.

    It is the paper's HCDB. ``500_image_dataset.mat`` (scipy reads it): a cell an image, with its
    name and rows [y0, x0, y1, x1]; a row with negative numbers is no answer.

    Raises:
        RequestError: scipy isn't installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise RequestError("500_image_dataset.mat needs scipy: pip install scipy") from error
    rows = []
    path = folder / "500_image_dataset.mat"
    for cell in loadmat(path)["img_gt"].ravel():
        name = str(cell[0][0])
        for y0, x0, y1, x1 in cell[1].tolist():
            if min(y0, x0, y1, x1) >= 0:
                rows.append(_as_drawn(name, _box(f"{path}: {name}", (x0, y0, x1, y1))))
    return rows


def read_cuhk_icd(folder: Path, annotator: int | None = None) -> list[Cropping]:
    """Read CUHK-ICD (Yan et al., CVPR 2013): 950 images, each cropped by three photographers.

    ``Cropping_parameters.txt``: four lines an image, its name (with a folder and a backslash) and
    one line a photographer: y0 y1 x0 x1.

    Args:
        folder: that the file is in.
        annotator: one of the three (0, 1, 2); None takes all.
    """
    path = folder / "Cropping_parameters.txt"
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    rows = []
    for start in range(0, len(lines), 4):
        name = lines[start].replace("\\", "/")
        for person, line in enumerate(lines[start + 1 : start + 4]):
            where = f"{path}: {name}"
            y0, y1, x0, x1 = _numbers(where, line.split(), least=4)
            if annotator in (None, person):
                rows.append(_as_drawn(name, _box(where, (x0, y0, x1, y1))))
    return rows


def read_gaicd(folder: Path, split: str = "train", top: int = 1) -> list[Cropping]:
    """Read GAICD (Zeng et al., CVPR 2019): scored grid-anchor crops.

    ``annotations/SPLIT/NAME.txt`` or ``annotations/NAME.txt`` for ``images/SPLIT/NAME.jpg`` or
    ``images/NAME.jpg``; a line for each crop: y0 x0 y1 x1 and its mean score (-2 for none).

    Args:
        folder: that holds ``annotations``.
        split: a split of the journal version, if it has splits.
        top: how many of the best-scored crops count as answers.
    """
    divided = (folder / "annotations" / split).is_dir()
    base = folder / "annotations" / (split if divided else "")
    rows = []
    for path in sorted(base.glob("*.txt")):
        crops = [
            (numbers[4], (numbers[1], numbers[0], numbers[3], numbers[2]))
            for where, fields in _lines(path)
            for numbers in [_numbers(where, fields, least=5)]
        ]
        name = f"{split}/{path.stem}.jpg" if divided else f"{path.stem}.jpg"
        rows += _best(name, str(path), crops, top)
    return rows


def read_cpc(folder: Path, top: int = 1) -> list[Cropping]:
    """Read CPC (Wei et al., CVPR 2018): 24 views of each image, chosen or not by six workers.

    ``CollectedAnnotationsRaw/NAME.jpg.txt``: JSON, often inside a JSON string: ``bboxes``
    [x0, y0, x1, y1] and ``scores``, one list a worker with a number a box.

    Args:
        folder: that holds ``CollectedAnnotationsRaw``.
        top: how many of the boxes with the highest sum of scores count as answers.
    """
    rows = []
    for path in sorted((folder / "CollectedAnnotationsRaw").glob("*.txt")):
        entry = json.loads(path.read_text())
        entry = json.loads(entry) if isinstance(entry, str) else entry
        scores = [sum(column) for column in zip(*entry["scores"], strict=True)]
        crops = list(zip(scores, map(tuple, entry["bboxes"]), strict=True))
        rows += _best(path.name.removesuffix(".txt"), str(path), crops, top)
    return rows


FORMATS = ("fat", "fcdb", "hcdb", "cuhk-icd", "gaicd", "cpc")
"""Names of the datasets that :func:`read_dataset` knows."""


def read_dataset(name: str, folder: Path, split: str = "train") -> list[Cropping]:
    """Read the annotations of a dataset by its name; ``split`` is for those that have parts.

    Raises:
        RequestError: there is no reader of this name.
    """
    match name:
        case "fat":
            return read_fat(folder, split)
        case "fcdb":
            return read_fcdb(folder, split)
        case "hcdb":
            return read_hcdb(folder)
        case "cuhk-icd":
            return read_cuhk_icd(folder)
        case "gaicd":
            return read_gaicd(folder, split)
        case "cpc":
            return read_cpc(folder)
    raise RequestError(f"dataset {name!r}: unknown; one of: {', '.join(FORMATS)}")


def _as_drawn(image: str, box: Box) -> Cropping:
    """Make a row of a freely drawn crop, whose own ratio counts as the requested one."""
    return Cropping(image, box.size.width / box.size.height, box)


def _best(
    image: str, where: str, crops: Sequence[tuple[float, Sequence[float]]], top: int
) -> list[Cropping]:
    """Make rows of the crops with the highest scores."""
    ranked = sorted(crops, key=lambda crop: -crop[0])[:top]
    return [_as_drawn(image, _box(where, corners)) for _, corners in ranked]


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the fields of each line that isn't blank."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if fields := line.replace(",", " ").split():
            yield f"{path}:{number}", fields


def _numbers(where: str, fields: Sequence[str], *, least: int) -> list[float]:
    """Parse numbers, and check that there are enough."""
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        numbers = []
    if len(numbers) < least:
        raise RequestError(f"{where}: {' '.join(fields)!r}: expected {least} numbers")
    return numbers


def _box(where: str, corners: Sequence[float]) -> Box:
    """Make a box of x0, y0, x1, y1, rounded to whole pixels; none begins outside the image."""
    x0, y0, x1, y1 = (max(round(corner), 0) for corner in corners)
    if x1 <= x0 or y1 <= y0:
        raise RequestError(f"{where}: box {tuple(corners)}: x0 < x1 and y0 < y1 must hold")
    return Box(x0, y0, x1, y1)
