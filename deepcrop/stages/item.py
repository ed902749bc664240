"""The task of one source, which travels from stage to stage and ends in one manifest row."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import SourceError
from ..flags import Note, ordered
from ..geometry import Size
from ..manifest.rows import VariantRow
from ..methods.base import Crop
from ..schema import STAGES
from ..sources.corrections import CORRECTIONS_COLUMN, OUTSIDE_NOTE, Correction
from ..sources.rows import ListingRow
from ..storage import strip_credentials
from ..tables import images_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..image import Picture, SourceMetadata

    Pixels = NDArray[np.uint8]


@dataclass
class ImageTask:
    """What the stages have made of one source so far."""

    source: ListingRow
    """Its row of the listing."""
    data: bytes | None = None
    """Its bytes, as they were stored; dropped once the variants are made."""
    bytes: int | None = None
    etag: str | None = None
    version: str | None = None
    attempts: int = 1
    sha256: str | None = None
    size: Size | None = None
    """Full size in pixels, as shown: with the EXIF orientation applied."""
    format: str | None = None
    orientation: int | None = None
    """EXIF orientation of the stored pixels, 1 to 8."""
    picture: Picture | None = None
    """Its decoded pixels, where the render stage runs in the process that decoded them."""
    metadata: SourceMetadata | None = None
    """Its metadata, for retargeted variants, which are rendered in another process."""
    least: Size | None = None
    """The least size that it was decoded at; a second decode keeps to it."""
    thumbnail: Pixels | None = None
    """uint8 (H, W, 3): the input of the method."""
    crops: Sequence[Crop] = ()
    """Crops of a crop method, one for each of the job's requests."""
    pixels: Sequence[Pixels] = ()
    """uint8 (H, W, 3): images of a retarget method, one for each of the job's requests."""
    notes: list[Note] = field(default_factory=list)
    """Remarks of the stages, for the row's columns ``note`` and ``flags``."""
    variants: list[VariantRow] = field(default_factory=list)
    error: SourceError | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)
    """Time spent, by stage."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = 1000 * (time.perf_counter() - start)
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + elapsed

    @property
    def uri(self) -> str:
        """The source's URI."""
        return str(self.source["source_uri"])

    @property
    def correction(self) -> Correction:
        """The corrections by people; once the photo is decoded, those that apply to its size."""
        stated = Correction.of(self.source.get(CORRECTIONS_COLUMN))
        return stated if self.size is None else stated.within(self.size)

    def remark_ignored_correction(self) -> None:
        """Remark that a corrected box lies outside the decoded photo, if one does."""
        if self.correction != Correction.of(self.source.get(CORRECTIONS_COLUMN)):
            self.remark([OUTSIDE_NOTE])

    def fail(self, error: SourceError) -> None:
        """End the task with an error; bytes and pixels are dropped."""
        self.error = error
        self.release()
        self.crops, self.variants = (), []

    def release(self) -> None:
        """Drop bytes and pixels, to free their memory."""
        self.data = self.picture = self.metadata = self.thumbnail = None
        self.pixels = ()

    def row(self, method: str, fingerprint: str) -> dict[str, object]:
        """Return the manifest row.

        Args:
            method: name of the job's method.
            fingerprint: the job's fingerprint.
        """
        known: ListingRow = {
            name: value
            for name, value in self.source.items()
            if name not in ("key", "caption", "focal_x", "focal_y", CORRECTIONS_COLUMN)
        }
        focal = self.crops[0].focal if self.crops else (None, None)
        row: dict[str, object] = known | {
            "source_uri": strip_credentials(self.uri),
            "source_bytes": known["source_bytes"] if self.bytes is None else self.bytes,
            "source_etag": self.etag or known["source_etag"],
            "source_version": self.version,
            "sha256": self.sha256,
            "duplicate_of": None,
            "width": self.size and self.size.width,
            "height": self.size and self.size.height,
            "format": self.format,
            "orientation": self.orientation,
            "status": "ok",
            "attempts": self.attempts,
            "method": method,
            "focal_x": focal[0],
            "focal_y": focal[1],
            "note": self._note(),
            "flags": ordered(self._flags()),
            "variants": self.variants,
            "fingerprint": fingerprint,
        }
        row |= {f"{stage}_ms": self.milliseconds.get(stage) for stage in STAGES}
        return row | error_columns(self.error) if self.error else row

    def remark(self, notes: Iterable[Note]) -> None:
        """Add remarks, each once."""
        self.notes += [note for note in dict.fromkeys(notes) if note not in self.notes]

    def _note(self) -> str | None:
        texts = [note.text for note in self.notes]
        if self.crops and self.crops[0].note:
            texts.append(self.crops[0].note)
        return "; ".join(texts) or None

    def _flags(self) -> Iterator[str]:
        yield from (note.flag for note in self.notes if note.flag is not None)
        for variant in self.variants:
            yield from variant["flags"] or ()


def from_listing(table: pa.Table) -> list[ImageTask]:
    """Return a task for every row of a listing."""
    return [ImageTask(row) for row in table.to_pylist()]


def error_columns(error: SourceError) -> dict[str, object]:
    """Return the columns of a failed row that describe its error."""
    return {
        "status": "failed",
        "error_stage": error.stage,
        "error_class": type(error).__name__,
        "error_message": " ".join(str(error).split())[:2000],
        "retryable": error.retryable,
    }


def to_table(
    tasks: Sequence[ImageTask], method: str, fingerprint: str, passthrough: pa.Schema
) -> pa.Table:
    """Return the manifest rows of tasks that ended, in the schema of the images manifest."""
    return images_table([task.row(method, fingerprint) for task in tasks], passthrough)


def serialize(tasks: Sequence[ImageTask]) -> pa.Table:
    """Return tasks as a table that another process reads; decoded pictures are left out."""
    for task in tasks:
        task.picture = None
    return pa.table(
        {"task": pa.array([pickle.dumps(task, 5) for task in tasks], pa.large_binary())}
    )


def deserialize(table: pa.Table) -> list[ImageTask]:
    """Return the tasks of a table that :func:`serialize` made."""
    return [pickle.loads(each.as_buffer()) for each in table["task"]]
