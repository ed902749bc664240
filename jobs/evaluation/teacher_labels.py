"""Subjects and faces by the teachers on the photos that are evaluated, kept in a folder.

Files of ``jobs.training.teachers`` in the folder are read. Photos that none of them has are
labelled here, without text, and kept in :data:`OWN`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from jobs.training.teachers import LABEL_SIDE, Teachers, read_labels

OWN = Path("evaluation", "subjects_and_faces.parquet")
"""The file, in the folder of labels, that this module writes."""


@dataclass(frozen=True)
class Found:
    """What the teachers found on one photo.

    Attributes:
        subject: uint8 ``(LABEL_SIDE, LABEL_SIDE)``, 255 inside the subject; it covers the photo.
        faces: float32 ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the score.
    """

    subject: NDArray[np.uint8]
    faces: NDArray[np.float32]


def labels_of(
    photos: Sequence[Path],
    shared: Path,
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Found]:
    """Return the labels of photos by their paths relative to ``shared/data``.

    Args:
        photos: files under ``shared/data``.
        shared: folder that holds ``data/`` and ``weights/teachers/``.
        folder: folder of label files; it is created, and what it lacks is added.
        report: called with a line before photos are labelled, which takes 0.4 s each.
    """
    root = shared / "data"
    wanted = {path.relative_to(root).as_posix(): path for path in photos}
    found: dict[str, Found] = {}
    for file in sorted(folder.glob("*.parquet")):
        if not wanted.keys().isdisjoint(
            pq.read_table(file, columns=["photo"])["photo"].to_pylist()
        ):
            labels = read_labels(file)
            for name in wanted.keys() & labels.keys():
                found[name] = Found(labels[name].subject, labels[name].faces)
    own = _read(folder / OWN)
    found = {name: own[name] for name in wanted if name in own} | found
    missing = {name: path for name, path in wanted.items() if name not in found}
    if missing:
        report(f"{len(missing)} photos have no labels in {folder}: running the teachers")
        teachers = Teachers(shared / "weights" / "teachers")
        added = {name: _look(teachers, path) for name, path in missing.items()}
        _write(own | added, folder / OWN)
        found |= added
    return {name: found[name] for name in wanted}


def _look(teachers: Teachers, path: Path) -> Found:
    with Image.open(path) as opened:
        photo = opened.convert("RGB")
    mask = Image.fromarray((teachers.subject(photo).clip(0, 1) * 255).round().astype(np.uint8))
    stored = mask.resize((LABEL_SIDE, LABEL_SIDE), Image.Resampling.BILINEAR)
    return Found(np.asarray(stored), teachers.faces(photo))


def _write(labels: dict[str, Found], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"photo": name, "subject": each.subject.tobytes(), "faces": each.faces.tolist()}
        for name, each in labels.items()
    ]
    kinds = [("photo", pa.string()), ("subject", pa.binary(LABEL_SIDE**2))]
    schema = pa.schema([*kinds, ("faces", pa.list_(pa.list_(pa.float32(), 5)))])
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def _read(path: Path) -> dict[str, Found]:
    if not path.exists():
        return {}
    return {
        row["photo"]: Found(
            np.frombuffer(row["subject"], np.uint8).reshape(LABEL_SIDE, LABEL_SIDE),
            np.array(row["faces"], np.float32).reshape(-1, 5),
        )
        for row in pq.read_table(path).to_pylist()
    }
