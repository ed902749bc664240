"""Labels of photos by other people's small networks: subjects, faces and text.

```python
label = Teachers(shared / "weights" / "teachers")
mask = label.subject(photo)             # (320, 320) 0..1, over the whole photo
faces = label.faces(photo)              # (n, 5): x0, y0, x1, y1 in 0..1 of the sides, score
text = label.text(photo)                # (h, w) 0..1, over the whole photo
```

The teachers are U2-Net's small form (X. Qin et al., arXiv 2005.09007), YuNet (W. Wu et al., Machine
Intelligence Research 2023) and PP-OCRv4's detector of text, all under Apache-2.0. They run in
onnxruntime, which the package doesn't need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from deepcrop.networks.saliency.faces import nms

Floats = NDArray[np.float32]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
SUBJECT_SIDE = 320
"""Side, in pixels, of the square that U2-Net sees."""
LABEL_SIDE = 160
"""Side, in cells, of the stored maps, which cover their photos exactly."""
FACE_STRIDES = (8, 16, 32)
FACE_THRESHOLD = 0.3
"""Least score (0..1) of a stored face."""
SAME_FACE = 0.4
"""IoU (0..1) above which two boxes are the same face."""


class Session(Protocol):
    """A network in onnxruntime."""

    def run(self, outputs: Sequence[str] | None, inputs: dict[str, Floats]) -> list[Floats]:
        """Return the outputs of those names, or all of them."""
        ...


@dataclass(frozen=True)
class Labels:
    """What the teachers found on one photo.

    Attributes:
        photo: path of the photo, relative to the folder of all data.
        subject: uint8 ``(LABEL_SIDE, LABEL_SIDE)``, 255 inside the salient objects.
        text: uint8 ``(LABEL_SIDE, LABEL_SIDE)``, 255 inside lines of text.
        faces: ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the score.
    """

    photo: str
    subject: NDArray[np.uint8]
    text: NDArray[np.uint8]
    faces: Floats


class Teachers:
    """The teachers, loaded from a folder.

    Args:
        folder: folder that holds ``u2netp.onnx``, ``yunet_n_dynamic.onnx``, ``ppocrv4_det.onnx``.
        threads: threads of each network.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1

        def load(name: str) -> Session:
            return InferenceSession(str(folder / name), options)

        self._subject = load("u2netp.onnx")
        self._faces = load("yunet_n_dynamic.onnx")
        self._text = load("ppocrv4_det.onnx")

    def subject(self, photo: Image.Image) -> Floats:
        """Return the mask of the salient objects, ``(320, 320)`` 0..1, over the whole photo."""
        square = photo.resize((SUBJECT_SIDE, SUBJECT_SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(square, np.float32)
        pixels = (pixels / max(float(pixels.max()), 1.0) - MEAN) / DEVIATION
        return self._subject.run(None, {"input.1": _batch(pixels)})[0][0, 0]

    def faces(self, photo: Image.Image, longest: int = 640) -> Floats:
        """Return the faces ``(n, 5)``: x0, y0, x1, y1 in 0..1 of the sides, and the score.

        Args:
            photo: the photo, RGB.
            longest: its longest edge for the network, in pixels.
        """
        width, height = _fitted(photo.size, longest, 32)
        resized = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32)
        names = [f"{kind}_{s}" for s in FACE_STRIDES for kind in ("cls", "obj", "bbox")]
        found = self._faces.run(names, {"input": _batch(resized[..., ::-1])})
        boxes, scores = [], []
        for index, stride in enumerate(FACE_STRIDES):
            cls, obj, shape = (each[0] for each in found[3 * index : 3 * index + 3])
            row, column = np.divmod(np.arange(len(cls)), width // stride)
            centre = (np.stack([column, row], 1) + shape[:, :2]) * stride
            half = np.exp(shape[:, 2:]) * stride / 2
            boxes.append(np.concatenate([centre - half, centre + half], 1))
            scores.append(np.sqrt(cls.clip(0, 1) * obj.clip(0, 1))[:, 0])
        box, score = np.concatenate(boxes), np.concatenate(scores)
        box, score = box[score >= FACE_THRESHOLD], score[score >= FACE_THRESHOLD]
        kept = nms(torch.from_numpy(box), torch.from_numpy(score), SAME_FACE)
        sides = np.array([width, height, width, height], np.float32)
        return np.concatenate([box / sides, score[:, None]], 1)[kept].astype(np.float32)

    def text(self, photo: Image.Image, longest: int = 736) -> Floats:
        """Return the probability of text ``(h, w)``, 0..1, over the whole photo.

        Args:
            photo: the photo, RGB.
            longest: its longest edge for the network, in pixels.
        """
        width, height = _fitted(photo.size, longest, 32)
        resized = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32)
        pixels = (resized[..., ::-1] / np.float32(255) - MEAN) / DEVIATION
        return self._text.run(None, {"x": _batch(pixels)})[0][0, 0]


def _batch(pixels: Floats) -> Floats:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)


def _fitted(size: tuple[int, int], longest: int, multiple: int) -> tuple[int, int]:
    """Scale (width, height) to a longest edge, and round both to a multiple."""
    scale = longest / max(size)
    width, height = (max(multiple, round(side * scale / multiple) * multiple) for side in size)
    return width, height


def _stored(values: Floats, *, peaks: bool) -> NDArray[np.uint8]:
    """Resize a map of 0..1 to the stored size; ``peaks`` keeps the maximum of a cell."""
    x = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    side = (LABEL_SIDE, LABEL_SIDE)
    if peaks:
        x = functional.adaptive_max_pool2d(x, side)
    else:
        x = functional.interpolate(x, side, mode="bilinear", antialias=True, align_corners=False)
    return (x[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def label(teachers: Teachers, photos: Sequence[Path], root: Path) -> Iterator[Labels]:
    """Label photos by all teachers.

    Args:
        teachers: the networks.
        photos: files below ``root``.
        root: folder that the stored paths are relative to.
    """
    for path in photos:
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        yield Labels(
            str(path.relative_to(root)),
            _stored(teachers.subject(photo), peaks=False),
            _stored(teachers.text(photo), peaks=True),
            teachers.faces(photo),
        )


SCHEMA = pa.schema(
    [
        ("photo", pa.string()),
        ("subject", pa.binary(LABEL_SIDE * LABEL_SIDE)),
        ("text", pa.binary(LABEL_SIDE * LABEL_SIDE)),
        ("faces", pa.list_(pa.list_(pa.float32(), 5))),
    ]
)


def write_labels(rows: Iterator[Labels], path: Path) -> None:
    """Write labels as Parquet, a row group for each 50 photos."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        part: list[dict[str, object]] = []
        for row in rows:
            part.append(
                {
                    "photo": row.photo,
                    "subject": row.subject.tobytes(),
                    "text": row.text.tobytes(),
                    "faces": row.faces.tolist(),
                }
            )
            if len(part) == 50:
                writer.write_table(pa.Table.from_pylist(part, SCHEMA))
                part = []
        writer.write_table(pa.Table.from_pylist(part, SCHEMA))


def read_labels(path: Path) -> dict[str, Labels]:
    """Read what :func:`write_labels` wrote, by the path of the photo."""
    side = (LABEL_SIDE, LABEL_SIDE)
    rows = {}
    for row in pq.read_table(path).to_pylist():
        rows[row["photo"]] = Labels(
            row["photo"],
            np.frombuffer(row["subject"], np.uint8).reshape(side),
            np.frombuffer(row["text"], np.uint8).reshape(side),
            np.array(row["faces"], np.float32).reshape(-1, 5),
        )
    return rows
