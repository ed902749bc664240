"""The photos that no network learned from, on which crops are evaluated.

All functions return files under ``shared/data`` in an order that is the same on every machine, and
nothing for a data set that is absent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from jobs.training.animals import held_out
from jobs.training.datasets import PARTS

Part = Literal["validation", "test"]


def held_out_gaze(shared: Path, dataset: str, parts: tuple[Part, ...]) -> list[Path]:
    """Return the photos of parts of a gaze data set, as :func:`jobs.training.datasets.split` does.

    Args:
        shared: folder that holds ``data/``.
        dataset: ``gaze_osie`` or ``gaze_nus_scene``.
        parts: which parts.
    """
    folder = shared / "data" / dataset
    if not folder.exists():
        return []
    names = set(pq.read_table(folder / "fixations.parquet", columns=["image"])["image"].to_pylist())
    ranked = sorted(
        names, key=lambda name: hashlib.sha256(f"{folder.name}/{name}".encode()).digest()
    )
    validation, test = PARTS[dataset]
    chosen = {"test": ranked[:test], "validation": ranked[test : test + validation]}
    return [folder / "images" / name for part in parts for name in chosen[part]]


def held_out_flickr8k(shared: Path) -> list[Path]:
    """Return every tenth photo of Flickr8k's, whose faces no head was ever trained on."""
    return _files(shared, "captions_flickr8k/images")[::10]


def coco128(shared: Path) -> list[Path]:
    """Return the photos of COCO128."""
    return _files(shared, "objects_coco128/images")


def coco128_with(shared: Path, categories: Container[str]) -> list[Path]:
    """Return the photos of COCO128 that have an object of some categories."""
    folder = shared / "data" / "objects_coco128"
    if not folder.exists():
        return []
    objects = json.loads((folder / "objects.json").read_text())
    names = sorted(
        name
        for name, found in objects.items()
        if any(each["category"] in categories for each in found["objects"])
    )
    return [folder / "images" / name for name in names]


def kodak(shared: Path) -> list[Path]:
    """Return the photos of Kodak's set."""
    return _files(shared, "photos_kodak")


def held_out_animals(shared: Path) -> list[Path]:
    """Return the photos of animals of which no heads are learned."""
    return [path for path in _files(shared, "heads_animals/images") if held_out(path.name)]


def people(shared: Path) -> list[Path]:
    """Return photos on which the cutting of people's heads is evaluated."""
    return [
        *held_out_gaze(shared, "gaze_osie", ("test", "validation")),
        *held_out_gaze(shared, "gaze_nus_scene", ("test", "validation")),
        *held_out_flickr8k(shared),
        *coco128(shared),
    ]


def subjects(shared: Path) -> list[Path]:
    """Return photos among which those with a clear subject were chosen."""
    return [
        *held_out_gaze(shared, "gaze_osie", ("test", "validation")),
        *held_out_animals(shared),
        *coco128(shared),
        *kodak(shared),
    ]


def _files(shared: Path, folder: str) -> list[Path]:
    found = sorted((shared / "data" / folder).glob("*"))
    return [path for path in found if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
