"""What is judged blind: two crops of one photo and ratio, which is whose kept in a key file.

The crops come from two methods, or from the manifests of two jobs, such as those of two releases
over the same folder of photos.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow.parquet as pq

from deepcrop.errors import RequestError
from deepcrop.geometry import AspectRatio, Box
from jobs.training.datasets import read_photo

from .croppers import LONGEST, EvaluationPhoto, OurMethod
from .photo_sets import (
    coco128_with,
    held_out_animals,
    held_out_flickr8k,
    held_out_gaze,
)

RATIOS = tuple(AspectRatio.parse(text) for text in ("1:1", "16:9", "9:16"))
"""The ratios that are judged."""
LIVING = frozenset(
    ("person", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra")
)
"""COCO's categories of people and animals."""


@dataclass(frozen=True)
class Answer:
    """One crop.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the photo's file.
        score: the method's score of it, 0 to 1.
    """

    box: tuple[int, int, int, int]
    score: float


Source = Callable[[Path], list[Answer]]
"""A function from a photo's file to its crops at :data:`RATIOS`."""


@dataclass(frozen=True)
class Item:
    """A pair that is judged: number ``number`` of the sheets.

    Attributes:
        number: from 1.
        photo: path of the photo.
        ratio: such as ``16:9``.
        swapped: whether the left one is the second source's crop.
        first: crop of the first source.
        second: crop of the second source.
    """

    number: int
    photo: str
    ratio: str
    swapped: bool
    first: Answer
    second: Answer

    @property
    def sides(self) -> tuple[Answer, Answer]:
        """The left and the right crop."""
        return (self.second, self.first) if self.swapped else (self.first, self.second)


def method_source(method: OurMethod) -> Source:
    """Take the crops of a method."""

    def answers(path: Path) -> list[Answer]:
        image, size = read_photo(path, LONGEST)
        crops = method.crops(EvaluationPhoto(path.name, image, size), RATIOS)
        return [Answer(crop.box.corners, crop.score) for crop in crops]

    return answers


def manifest_source(output: Path) -> tuple[Source, list[Path]]:
    """Take the crops of a job from its output, and the photos that have all of them.

    Args:
        output: folder that a job wrote to, on this machine, with ``manifest/images``.

    Raises:
        RequestError: there is no manifest.
    """
    parts = sorted((output / "manifest" / "images").rglob("*.parquet"))
    if not parts:
        raise RequestError(f"{output}: no manifest/images there")
    found: dict[Path, list[Answer]] = {}
    for row in chain.from_iterable(pq.read_table(part).to_pylist() for part in parts):
        variants = {each["aspect"]: each for each in row["variants"] or []}
        if row["status"] == "ok" and all(str(ratio) in variants for ratio in RATIOS):
            chosen = [variants[str(ratio)] for ratio in RATIOS]
            found[_local(row["source_uri"])] = [
                Answer((each["x0"], each["y0"], each["x1"], each["y1"]), each["score"])
                for each in chosen
            ]
    return lambda path: found[path], list(found)


def _local(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri)


def mixed_photos(shared: Path, count: int, seed: int) -> list[Path]:
    """Choose photos of people and animals that saliency doesn't learn from, in turn by data set.

    Args:
        shared: folder that holds ``data/``.
        count: number of photos.
        seed: another one gives other photos.
    """
    fcdb = sorted((shared / "data" / "crops_fcdb" / "images").glob("*.jpg"))
    sets = [
        held_out_animals(shared),
        held_out_flickr8k(shared),
        held_out_gaze(shared, "gaze_osie", ("test", "validation")),
        coco128_with(shared, LIVING),
        fcdb,
    ]
    turns = zip_longest(*(_shuffled(paths, seed) for paths in sets))
    return [path for path in chain.from_iterable(turns) if path is not None][:count]


def _shuffled(paths: Iterable[Path], seed: int) -> list[Path]:
    """Order files by a hash of their names and the seed, which is the same on every machine."""
    return sorted(paths, key=lambda path: hashlib.sha256(f"{seed}/{path.name}".encode()).digest())


def items(photos: Sequence[Path], first: Source, second: Source, seed: int) -> Iterator[Item]:
    """Pair the crops of two sources; sides and the order of all pairs are random by the seed.

    Args:
        photos: files.
        first: one source of crops.
        second: the other.
        seed: seed of the order and the sides.
    """
    pairs = [
        (path, ratio, one, other)
        for path in photos
        for ratio, one, other in zip(RATIOS, first(path), second(path), strict=True)
    ]
    random = np.random.default_rng(seed)
    order = random.permutation(len(pairs))
    swaps = random.random(len(pairs)) < 0.5
    for number, index in enumerate(order, 1):
        path, ratio, one, other = pairs[index]
        yield Item(number, str(path), str(ratio), bool(swaps[index]), one, other)


def write_key(path: Path, names: tuple[str, str], found: Sequence[Item]) -> None:
    """Write the key: the sources' names and all items."""
    path.write_text(json.dumps({"names": names, "items": [asdict(each) for each in found]}))


def read_key(path: Path) -> tuple[tuple[str, str], list[Item]]:
    """Read what :func:`write_key` wrote."""
    content = json.loads(path.read_text())
    first, second = content["names"]
    return (first, second), [_item(each) for each in content["items"]]


def _item(row: dict[str, object]) -> Item:
    parts = {name: _answer(row.pop(name)) for name in ("first", "second")}
    return Item(**row, **parts)  # type: ignore[arg-type] # as asdict wrote them


def _answer(value: object) -> Answer:
    assert isinstance(value, dict)
    return Answer(tuple(value["box"]), value["score"])


def box_of(answer: Answer) -> Box:
    """Return an answer's box."""
    return Box(*answer.box)
