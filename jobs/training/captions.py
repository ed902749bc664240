"""Photos with captions, their split, and the grid of features that the captioner trains on.

```python
photos = read_captions(shared / "data" / "captions_flickr8k")
parts = split(photos, validation=80, test=100)      # the same on every machine, for ever
```
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from deepcrop.errors import RequestError
from deepcrop.networks.cagic.vocabulary import SPECIAL, tokens


@dataclass(frozen=True)
class CaptionedPhoto:
    """One photo and its captions."""

    name: str
    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """The three parts of a dataset; no photo is in two of them."""

    train: list[CaptionedPhoto]
    validation: list[CaptionedPhoto]
    test: list[CaptionedPhoto]


def read_captions(table: Path) -> list[CaptionedPhoto]:
    """Read a table of images and captions.

    Args:
        table: a ``.json`` object of image name to captions, a ``.csv`` or ``.parquet`` with the
            columns ``image`` and ``caption`` (a row a caption), or a folder with a
            ``captions.json``. Names are relative to the table's folder or to its ``images/``.

    Raises:
        RequestError: the table has another form.
    """
    table = table / "captions.json" if table.is_dir() else table
    captions: dict[str, list[str]] = {}
    if table.suffix == ".json":
        captions = json.loads(table.read_text())
    else:
        for image, caption in _rows(table):
            captions.setdefault(image, []).append(caption)
    folder = table.parent / "images" if (table.parent / "images").is_dir() else table.parent
    return [
        CaptionedPhoto(name, folder / name, tuple(texts))
        for name, texts in sorted(captions.items())
    ]


def _rows(table: Path) -> Iterable[tuple[str, str]]:
    try:
        if table.suffix == ".parquet":
            columns = pq.read_table(table, columns=["image", "caption"]).to_pydict()
            return list(zip(columns["image"], columns["caption"], strict=True))
        if table.suffix == ".csv":
            with table.open(newline="") as file:
                return [(row["image"], row["caption"]) for row in csv.DictReader(file)]
    except (KeyError, ValueError) as error:
        raise RequestError(f"{table}: expected the columns image and caption ({error})") from None
    raise RequestError(f"{table}: expected .json, .csv or .parquet")


def split(photos: Sequence[CaptionedPhoto], *, validation: int, test: int) -> Split:
    """Split by the SHA-256 of the names: smallest hashes test, next validation, the rest train."""
    ranked = sorted(photos, key=lambda photo: hashlib.sha256(photo.name.encode()).digest())
    return Split(
        train=ranked[test + validation :],
        validation=ranked[test : test + validation],
        test=ranked[:test],
    )


def vocabulary_of(photos: Iterable[CaptionedPhoto], least: int) -> list[str]:
    """Return the special words, then all words that are in at least ``least`` captions."""
    counted = Counter(word for photo in photos for text in photo.captions for word in tokens(text))
    return [*SPECIAL, *sorted(word for word, count in counted.items() if count >= least)]


def encode_captions(
    photos: Sequence[CaptionedPhoto], words: Sequence[str], longest: int
) -> tuple[Tensor, Tensor]:
    """Turn captions into word ids, ``<start> ... <end> <pad> ...``.

    Returns:
        int64 ids ``(n, longest + 2)`` and the photo ``(n,)`` that each caption belongs to.
    """
    index = {word: i for i, word in enumerate(words)}
    rows, owners = [], []
    for owner, photo in enumerate(photos):
        for text in photo.captions:
            ids = [index.get(word, index["<unk>"]) for word in tokens(text)[:longest]]
            row = [index["<start>"], *ids, index["<end>"]]
            rows.append(row + [index["<pad>"]] * (longest + 2 - len(row)))
            owners.append(owner)
    return torch.tensor(rows), torch.tensor(owners)


def read_square(path: Path, side: int, box: Sequence[float] | None = None) -> Tensor:
    """Read a photo, or a box (0..1 of its sides) of it, warped to a square: uint8 (3, s, s)."""
    with Image.open(path) as photo:
        x0, y0, x1, y1 = box or (0, 0, 1, 1)
        if box is None:
            photo.draft("RGB", (side, side))
        width, height = photo.size
        pixels = photo.convert("RGB").resize(
            (side, side),
            Image.Resampling.BILINEAR,
            (x0 * width, y0 * height, x1 * width, y1 * height),
        )
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)


@torch.no_grad()
def feature_grids(
    squares: Iterable[Tensor], encode: Callable[[Tensor], Tensor], batch: int = 16
) -> Tensor:
    """Encode squares once, for all epochs: float16 ``(n, C, H, W)``.

    Args:
        squares: uint8 ``(3, s, s)``.
        encode: uint8 ``(b, 3, s, s)`` to features ``(b, C, H, W)``.
        batch: squares at a time.
    """
    grids, waiting = [], []
    for square in squares:
        waiting.append(square)
        if len(waiting) == batch:
            grids.append(encode(torch.stack(waiting)).half())
            waiting = []
    if waiting:
        grids.append(encode(torch.stack(waiting)).half())
    return torch.cat(grids)
