"""The task of one source, which travels from stage to stage and ends in one manifest row."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import SourceError
from ..flags import Note, ordered
from ..geometry import AspectRatio, Focal, Size
from ..manifest.reuse import Reuse, has_spare, spare_row
from ..manifest.rows import ImageRow, SpareRow, VariantRow
from ..methods.base import Crop
from ..recipes import Wanted
from ..schema import PREVIOUS, SAME_SOURCE, STAGES, STAGING, WORK
from ..sources.corrections import CORRECTIONS_COLUMN, Correction
from ..sources.rows import ListingRow
from ..storage import strip_credentials
from ..tables import images_table
from .notes import (
    METHOD,
    correction_notes,
    earlier_notes,
    is_of_correction,
    noted,
    remark_name,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..image import Picture, SourceMetadata

    Pixels = NDArray[np.uint8]

UNSEEN = ("fetch", "decode")
"""Stages at which a source fails whatever is to be made of it."""
LISTING_ONLY = {"key", "caption", "focal_x", "focal_y", CORRECTIONS_COLUMN, *WORK.names}
"""Columns of the listing that the images manifest doesn't have, or has with another meaning."""


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
    wanted: Wanted | None = None
    """The recipes that the job wants for it, once its size is known."""
    reuse: Reuse | None = None
    """What holds of its earlier variants, once that is known."""
    settled: bool = False
    """Whether nothing has to be made of it, so that the stages leave it alone."""
    fails_again: bool = False
    """Whether it was touched only, and can't be decoded: its row stays that of the failure."""
    picture: Picture | None = None
    """Its decoded pixels, where the render stage runs in the process that decoded them."""
    shrink: int | None = None
    """The factor by which :attr:`picture` was asked to be shrunk."""
    metadata: SourceMetadata | None = None
    """Its metadata, for retargeted variants, which are rendered in another process."""
    caption: str | None = None
    """What its crops should show, where the method was asked for them."""
    thumbnail: Pixels | None = None
    """uint8 (H, W, 3): the input of a crop method."""
    looks: Sequence[tuple[Pixels, Sequence[int]]] = ()
    """Inputs of a retarget method, uint8 (H, W, 3), each with the requests that it serves."""
    crops: Sequence[Crop | None] = ()
    """Crops of a crop method, one for each of the job's requests; None where none is needed."""
    pixels: Sequence[Pixels | None] = ()
    """uint8 (H, W, 3): images of a retarget method, likewise."""
    focal: Focal | None = None
    """The focal point, 0..1 of the sides."""
    spare: list[SpareRow] | None = None
    """Boxes that no variant records: those of common ratios, where the method was asked for them,
    and of photos that a preset's rule keeps from being cropped."""
    notes: list[Note] = field(default_factory=list)
    """Remarks of the stages, for the row's columns ``note`` and ``flags``."""
    seen: bool = False
    """Whether it was decoded, so that :attr:`notes` has all remarks on the source itself."""
    remade: set[str] = field(default_factory=set)
    """Names of the variants of which :attr:`notes` has all remarks."""
    method_note: str | None = None
    """The method's remark."""
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
    def is_open(self) -> bool:
        """Whether the stages have something to do for it."""
        return self.error is None and not self.settled

    @property
    def previous(self) -> ImageRow | None:
        """The row that the source has; None for a new one."""
        row: ImageRow | None = self.source.get(PREVIOUS)
        return row

    @property
    def same(self) -> ImageRow | None:
        """The row that the source has, where that was made of the same bytes."""
        row = self.previous
        if row is None or row["sha256"] is None:
            return None
        known = self.sha256 or (row["sha256"] if self.source[SAME_SOURCE] else None)
        return row if row["sha256"] == known else None

    @property
    def standing(self) -> dict[str, VariantRow]:
        """The variants of the row that the source has, by their URIs."""
        return (
            {}
            if self.previous is None
            else {each["variant_uri"]: each for each in self.previous["variants"]}
        )

    @property
    def staging(self) -> str | None:
        """The folder for variants that replace others."""
        folder: str | None = self.source.get(STAGING)
        return folder

    @property
    def stated(self) -> Correction:
        """The corrections by people."""
        return Correction.of(self.source.get(CORRECTIONS_COLUMN))

    @property
    def correction(self) -> Correction:
        """The corrections by people that apply to the photo's size, once that is known."""
        return self.stated if self.size is None else self.stated.within(self.size)

    def fail(self, error: SourceError) -> None:
        """End the task with an error; bytes and pixels are dropped."""
        self.error = error
        self.release()
        self.crops, self.variants = (), []

    def release(self) -> None:
        """Drop bytes and pixels, to free their memory."""
        self.data = self.picture = self.metadata = self.thumbnail = None
        self.pixels, self.looks = (), ()

    def remark(self, notes: Iterable[Note], about: str = "") -> None:
        """Add remarks, each once.

        Args:
            notes: the remarks.
            about: the name of the variant that they are about; empty for the source.
        """
        mine = [replace(note, about=about) for note in notes]
        self.notes += [note for note in dict.fromkeys(mine) if note not in self.notes]

    def keep_remarks(self, about: str) -> None:
        """Keep the earlier remarks on a variant that is there already, as it is wanted.

        Args:
            about: the name of the variant.
        """
        earlier = (note for note in earlier_notes(self.same) if note.about == about)
        self.remark([note for note in earlier if not is_of_correction(note)], about)

    def record_box(self, ratio: AspectRatio, crop: Crop) -> None:
        """Record a crop that no variant shows, so that the method isn't asked for it again."""
        if self.spare is None:
            known = self.wanted is not None and has_spare(self.same, self.wanted)
            self.spare = list((self.same and self.same["spare_boxes"]) or ()) if known else []
        if all(each["aspect"] != ratio.slug for each in self.spare):
            self.spare.append(spare_row(ratio, crop))

    def row(self, method: str) -> dict[str, object]:
        """Return the manifest row.

        Args:
            method: name of the job's method.
        """
        same = self.same
        row: dict[str, object] = dict(same) if same is not None and self.error is None else {}
        row |= {name: value for name, value in self.source.items() if name not in LISTING_ONLY}
        row |= {
            "source_uri": strip_credentials(self.uri),
            "source_bytes": row["source_bytes"] if self.bytes is None else self.bytes,
            "source_etag": self.etag or row["source_etag"],
            "source_version_id": self.version or row.get("source_version_id"),
            "sha256": self.sha256 or (same and same["sha256"]),
            "duplicate_of": None,
            "status": "ok",
            "method": method,
        } | error_columns(None)
        if self.size is not None:
            row |= {"width": self.size.width, "height": self.size.height}
            row |= {"format": self.format, "orientation": self.orientation}
        if not self.settled or self.milliseconds:
            row |= {f"{stage}_ms": self.milliseconds.get(stage) for stage in STAGES}
            row["attempts"] = self.attempts
        focal = self.focal or next((crop.focal for crop in self.crops if crop), (None, None))
        row |= {"focal_x": focal[0], "focal_y": focal[1]}
        row |= self._recipe_columns()
        notes = [] if self.error else self._row_notes()
        variants = self._standing_variants() if self.error else self.variants
        flags: list[str] = [note.flag for note in notes if note.flag]
        flags += [flag for each in variants for flag in each["flags"] or ()]
        row |= {"note": noted(notes), "note_parts": [_plain(note) for note in notes]}
        row |= {"flags": ordered(flags), "variants": variants}
        if self.fails_again and same is not None:
            told = ("source_bytes", "source_etag", "source_modified", "source_version")
            return dict(same) | {name: row[name] for name in told}
        return row | error_columns(self.error)

    def _row_notes(self) -> list[Note]:
        """Return all remarks: on the source, on its variants in order, and of the method."""
        names = tuple(dict.fromkeys(self.wanted.names)) if self.wanted else ()
        remarks = self.wanted.remarks if self.wanted else ()
        rejected = self.wanted.rejected_remarks if self.wanted else ()
        earlier = [
            note
            for note in earlier_notes(self.same)
            if not (is_of_correction(note) or note.about in rejected)
        ]
        source = [note for note in (self.notes if self.seen else earlier) if not note.about]
        if not self.seen:
            source += [note for note in self.notes if not note.about and note not in source]
        before, after = correction_notes(self.stated, self.correction, names)
        # Variants that are asked for no more stand until they are pruned.
        others = {remark_name(each) for each in self.variants}
        variants: list[Note] = []
        for name in dict.fromkeys([*remarks, *sorted(others)]):
            known = self.notes if name in self.remade else earlier
            variants += [note for note in known if note.about == name]
        return [*source, *before, *variants, *self._method_notes(earlier), *after]

    def _method_notes(self, earlier: Sequence[Note]) -> list[Note]:
        if self.method_note is not None:
            return [Note(self.method_note, None, METHOD)]
        if self.reuse is not None and self.wanted is not None:
            holds = any(self.wanted.needs_method) and not self.reuse.unknown
            return [note for note in earlier if holds and note.about == METHOD]
        first = next((crop for crop in self.crops if crop is not None), None)
        return [Note(first.note, None, METHOD)] if first is not None and first.note else []

    def _recipe_columns(self) -> dict[str, object]:
        seen = self.wanted is not None and not (self.error and self.error.stage in UNSEEN)
        recipe = self.wanted.row if self.wanted is not None and seen else None
        entries = list(dict.fromkeys(self.wanted.entries)) if self.wanted and seen else []
        spare = self.spare
        if spare is None and self.wanted is not None and has_spare(self.same, self.wanted):
            spare = self.same and self.same["spare_boxes"]
        if not seen or recipe != (self.wanted and self.wanted.method):
            spare = None
        columns: dict[str, object] = {"analysis_recipe": recipe, "fingerprint": recipe}
        return columns | {"rendering_recipes": entries, "spare_boxes": spare or []}

    def _standing_variants(self) -> list[VariantRow]:
        """Return the earlier variants of a source that the store kept us from working on."""
        assert self.error is not None
        stands = self.error.retryable and self.error.stage in ("fetch", "write")
        return list(self.standing.values()) if stands else []


def _plain(note: Note) -> dict[str, str | None]:
    return {"about": note.about, "text": note.text, "flag": note.flag and str(note.flag)}


def from_listing(table: pa.Table) -> list[ImageTask]:
    """Return a task for every row of a listing."""
    return [ImageTask(row) for row in table.to_pylist()]


def error_columns(error: SourceError | None) -> dict[str, object]:
    """Return the columns of a row that describe an error; None: all but the status are null."""
    if error is None:
        return dict.fromkeys(("error_stage", "error_class", "error_message", "retryable"))
    return {
        "status": "failed",
        "error_stage": error.stage,
        "error_class": type(error).__name__,
        "error_message": " ".join(str(error).split())[:2000],
        "retryable": error.retryable,
    }


def to_table(tasks: Sequence[ImageTask], method: str, passthrough: pa.Schema) -> pa.Table:
    """Return the manifest rows of tasks that ended, in the schema of the images manifest."""
    return images_table([task.row(method) for task in tasks], passthrough)


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
