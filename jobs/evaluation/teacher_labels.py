"""Subjects and faces by the teachers on the photos that are evaluated, kept in a folder.

Files of ``jobs.training.teachers`` in the folder are read. What none of them has is labelled here,
and kept in a subfolder (:data:`OWN`), a file for each kind of label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from jobs.training.teachers import LABEL_SIDE, Labels, Teachers, read_labels

Mask = NDArray[np.uint8]
Faces = NDArray[np.float32]
LabelT = TypeVar("LabelT")

OWN = "evaluation"
"""The subfolder, in the folder of labels, that this module writes to."""
SIDE = (LABEL_SIDE, LABEL_SIDE)


def subjects_of(
    photos: Sequence[Path],
    shared: Path,
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Mask]:
    """Return the masks of photos' subjects by their paths relative to ``shared/data``.

    Args:
        photos: files under ``shared/data``.
        shared: folder that holds ``data/`` and ``weights/teachers/``.
        folder: folder of label files; it is created, and what it lacks is added.
        report: called with a line before the teacher runs, which takes 0.3 s a photo.

    Returns:
        uint8 ``(LABEL_SIDE, LABEL_SIDE)`` each, 255 inside the subject, over the whole photo.
    """
    wanted = _wanted(photos, shared)
    found = _labelled(wanted, folder, lambda labels: labels.subject)
    own = folder / OWN / "subjects.parquet"
    kept = {
        name: np.frombuffer(value, np.uint8).reshape(SIDE) for name, value in _read(own).items()
    }
    found = {name: kept[name] for name in wanted if name in kept} | found
    if missing := _missing(wanted, found, report):
        teachers = Teachers(shared / "weights" / "teachers")
        for name, path in missing.items():
            mask = (teachers.subject(_open(path)).clip(0, 1) * 255).round().astype(np.uint8)
            small = Image.fromarray(mask).resize(SIDE, Image.Resampling.BILINEAR)
            kept[name] = found[name] = np.asarray(small)
        _write(own, {name: mask.tobytes() for name, mask in kept.items()}, pa.binary())
    return {name: found[name] for name in wanted}


def faces_of(
    photos: Sequence[Path],
    shared: Path,
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Faces]:
    """Return the faces of photos by their paths; see :func:`subjects_of`.

    Returns:
        float32 ``(n, 5)`` each: x0, y0, x1, y1 in 0..1 of the sides, and the score.
    """
    wanted = _wanted(photos, shared)
    found = _labelled(wanted, folder, lambda labels: labels.faces)
    own = folder / OWN / "faces.parquet"
    kept = {name: np.array(each, np.float32).reshape(-1, 5) for name, each in _read(own).items()}
    found = {name: kept[name] for name in wanted if name in kept} | found
    if missing := _missing(wanted, found, report):
        teachers = Teachers(shared / "weights" / "teachers")
        for name, path in missing.items():
            kept[name] = found[name] = teachers.faces(_open(path))
        kind = pa.list_(pa.list_(pa.float32(), 5))
        _write(own, {name: each.tolist() for name, each in kept.items()}, kind)
    return {name: found[name] for name in wanted}


def _wanted(photos: Sequence[Path], shared: Path) -> dict[str, Path]:
    return {path.relative_to(shared / "data").as_posix(): path for path in photos}


def _labelled(
    wanted: Mapping[str, Path], folder: Path, choose: Callable[[Labels], LabelT]
) -> dict[str, LabelT]:
    """Return what the files of ``jobs.training.teachers`` have of the wanted photos."""
    found = {}
    for file in sorted(folder.glob("*.parquet")):
        names = pq.read_table(file, columns=["photo"])["photo"].to_pylist()
        if not wanted.keys().isdisjoint(names):
            labels = read_labels(file)
            found.update({name: choose(labels[name]) for name in wanted if name in labels})
    return found


def _missing(
    wanted: Mapping[str, Path], found: Mapping[str, object], report: Callable[[str], None]
) -> dict[str, Path]:
    missing = {name: path for name, path in wanted.items() if name not in found}
    if missing:
        report(f"{len(missing)} photos have no labels yet: running the teacher")
    return missing


def _open(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        return photo.convert("RGB")


def _write(path: Path, labels: Mapping[str, object], kind: pa.DataType) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"photo": name, "label": label} for name, label in labels.items()]
    schema = pa.schema([("photo", pa.string()), ("label", kind)])
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def _read(path: Path) -> dict[str, bytes]:
    if not path.exists():
        return {}
    return {row["photo"]: row["label"] for row in pq.read_table(path).to_pylist()}
