"""What people correct after they looked: focal points, crop boxes, rejected variants.

The statements come in a file (:mod:`deepcrop.sources.corrections_file`). A job keeps those that it
applies beside its listing; those of a new file replace all earlier ones about the same source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import RequestError
from ..flags import Note
from ..geometry import Box, Focal, Size
from ..job import Job, VariantRequest
from ..methods.base import Crop
from ..ops.windows import expand_to_contain
from ..storage import strip_credentials
from .corrections_file import (
    CORNERS,
    CORRECTION_TYPE,
    SCHEMA,
    Statement,
    corners_of,
    read_statements,
)

__all__ = [
    "CORNERS",
    "CORRECTED_NOTE",
    "CORRECTIONS_COLUMN",
    "CORRECTION_TYPE",
    "OUTSIDE_NOTE",
    "SCHEMA",
    "Correction",
    "Corrections",
    "Statement",
]

CORRECTIONS_COLUMN = "corrections"
"""Column of a listing on its way to the actors: the statements about each source, or null."""
CORRECTED_NOTE = "corrected by a person"
OUTSIDE_NOTE = Note("correction outside the photo: ignored")
"""Remark on a source of which a corrected box lies wholly outside its pixels."""


@dataclass(frozen=True)
class Correction:
    """All statements about one source."""

    rejected: frozenset[str] = frozenset()
    """Names of the variants that are not made."""
    rejects_all: bool = False
    """Whether no variant is made at all."""
    focal: Focal | None = None
    """The point that must stay in: shares of the width and height, 0..1."""
    boxes: Mapping[str, Box] = field(default_factory=dict)
    """Crop boxes by the names of the variants, in source pixels."""
    keep: tuple[Box, ...] = ()
    """Boxes that no crop box may cut, in source pixels."""

    @classmethod
    def of(cls, statements: Iterable[Statement] | None) -> Correction:
        """Combine checked statements about one source; of several focal points the last counts."""
        rejected, boxes, keep = set(), {}, []
        focal, rejects_all = None, False
        for each in statements or ():
            aspect = each["aspect"]
            match each["kind"]:
                case "rejected" if aspect:
                    rejected.add(aspect)
                case "rejected":
                    rejects_all = True
                case "focal" if each["x0"] is not None and each["y0"] is not None:
                    focal = (each["x0"], each["y0"])
                case "box" if aspect and (corners := corners_of(each)):
                    boxes[aspect] = Box(*corners)
                case "keep" if corners := corners_of(each):
                    keep.append(Box(*corners))
        return cls(frozenset(rejected), rejects_all, focal, boxes, tuple(keep))

    def rejects(self, request: VariantRequest) -> bool:
        """Return whether a variant is not to be made."""
        return self.rejects_all or request.slug in self.rejected

    def changes(self, request: VariantRequest) -> bool:
        """Return whether a person has a say in where a variant is cut."""
        return bool(self.focal or self.keep or request.slug in self.boxes)

    def within(self, size: Size) -> Correction:
        """Return the part that applies to a photo: boxes wholly outside of it are left out.

        Args:
            size: of the source, as shown.
        """
        if not (self.boxes or self.keep):
            return self
        boxes = {slug: box for slug, box in self.boxes.items() if _clipped(box, size)}
        return replace(
            self, boxes=boxes, keep=tuple(box for box in self.keep if _clipped(box, size))
        )

    def exceeds(self, size: Size) -> bool:
        """Return whether a box lies wholly outside of a photo.

        Args:
            size: of the source, as shown.
        """
        applied = self.within(size)
        return (applied.boxes.keys(), applied.keep) != (self.boxes.keys(), self.keep)

    def about(self, names: Collection[str]) -> Correction:
        """Return the part that concerns some variants: it may name others, of earlier requests.

        Args:
            names: names of the variants.
        """
        boxes = {name: box for name, box in self.boxes.items() if name in names}
        return replace(self, rejected=self.rejected & set(names), boxes=boxes)

    def crop(self, request: VariantRequest, size: Size, focal: Focal) -> Crop | None:
        """Return the crop that a person set for a request; None where nobody did.

        It has no flags of what it cuts or leaves out: a person looked at that.

        Args:
            request: one of the job's requests.
            size: of the source, as shown.
            focal: the focal point of the source.
        """
        stated = self.boxes.get(request.slug)
        inside = None if stated is None else _clipped(stated, size)
        if inside is None:
            return None
        window = request.aspect.largest_window(inside.size)
        centre = _centre(inside, size)
        # The best score, so that lists of the worst crops show it last.
        return Crop(Box.centred(window, centre, size), 1.0, self.focal or focal, CORRECTED_NOTE)

    def focal_of_boxes(self, size: Size) -> Focal | None:
        """Return the focal point of a source that the method doesn't look at; None without one.

        It is the one that a person stated, or the centre of the first crop box of a person.

        Args:
            size: of the source, as shown.
        """
        if self.focal is not None:
            return self.focal
        for box in self.boxes.values():
            if inside := _clipped(box, size):
                return _centre(inside, size)
        return None

    def adjust(
        self, crops: Sequence[Crop], requests: Sequence[VariantRequest], size: Size
    ) -> Sequence[Crop]:
        """Return a method's crops, moved as this correction says.

        Args:
            crops: one a request; they are returned as they are where nothing changes them.
            requests: the job's requests.
            size: of the source, as shown.
        """
        applied = self.within(size)
        if not (applied.focal or applied.boxes or applied.keep):
            return crops
        return [
            applied._adjusted(crop, request, size)
            for crop, request in zip(crops, requests, strict=True)
        ]

    def _adjusted(self, crop: Crop, request: VariantRequest, size: Size) -> Crop:
        focal = self.focal or crop.focal
        note = f"{crop.note}; {CORRECTED_NOTE}" if crop.note else CORRECTED_NOTE
        crop = replace(crop, focal=focal, note=note)
        own = self.crop(request, size, focal)
        if own is not None:
            return replace(own, note=note)
        # Applied here too, because not every method follows focal points and kept boxes.
        safe = request.safe
        box = safe.centred(crop.box.size, focal, size) if self.focal else crop.box
        keep = [part for each in self.keep if (part := _clipped(each, size))]
        return replace(crop, box=expand_to_contain(box, keep, request.aspect, size, safe))


@dataclass(frozen=True)
class Corrections:
    """Statements about many sources."""

    table: pa.Table
    """Columns of :data:`SCHEMA`; URIs as in the manifest."""

    @classmethod
    def none(cls) -> Corrections:
        """Return corrections without a statement."""
        return cls(SCHEMA.empty_table())

    @classmethod
    def read(cls, uri: str, job: Job) -> Corrections:
        """Read a file of corrections for a job.

        Raises:
            RequestError: the file can't be read, or a statement makes no sense for the job.
        """
        return cls(read_statements(uri, job))

    @cached_property
    def statements(self) -> dict[str, list[Statement]]:
        """The statements by the sources' URIs."""
        found: dict[str, list[Statement]] = {}
        for row in self.table.to_pylist():
            found.setdefault(row.pop("source_uri"), []).append(row)
        return found

    def merged_over(self, earlier: Corrections) -> Corrections:
        """Return these corrections, and the earlier ones about other sources."""
        same = pc.is_in(earlier.table["source_uri"], value_set=pc.unique(self.table["source_uri"]))
        return Corrections(pa.concat_tables([earlier.table.filter(pc.invert(same)), self.table]))

    def changed_since(self, earlier: Corrections) -> list[str]:
        """Return the URIs of the sources whose correction differs from the earlier one."""
        now, before = self.statements, earlier.statements
        return [
            uri
            for uri in sorted(now | before)
            if Correction.of(now.get(uri)) != Correction.of(before.get(uri))
        ]

    def join(self, sources: pa.Table) -> pa.Table:
        """Return rows of a listing with their statements, in :data:`CORRECTIONS_COLUMN`.

        A source with a statement is a duplicate no more, since its variants are its own.
        """
        uris = [strip_credentials(uri) for uri in sources["source_uri"].to_pylist()]
        column = pa.array([self.statements.get(uri) for uri in uris], pa.list_(CORRECTION_TYPE))
        own = pc.if_else(pc.is_valid(column), pa.scalar(None, pa.string()), sources["duplicate_of"])
        index = sources.schema.get_field_index("duplicate_of")
        sources = sources.set_column(index, "duplicate_of", own)
        return sources.append_column(CORRECTIONS_COLUMN, column)

    def check_known(self, sources: Iterable[pa.Table]) -> None:
        """Make sure that every statement is about a source of the job.

        Args:
            sources: the listing, in parts.

        Raises:
            RequestError: a statement is about no source; the first one is named.
        """
        if uri := next(iter(self.unknown_uris(sources)), None):
            raise RequestError(
                f"corrections: {uri} is no source of this job; "
                "expected its source_uri as the manifest has it"
            )

    def unknown_uris(self, sources: Iterable[pa.Table]) -> list[str]:
        """Return the URIs of statements that a listing, in parts, doesn't have."""
        unknown = dict.fromkeys(self.statements)
        for table in sources if unknown else ():
            for uri in table["source_uri"].to_pylist():
                unknown.pop(strip_credentials(uri), None)
        return list(unknown)


def _centre(box: Box, size: Size) -> Focal:
    """Return the centre of a box, 0..1 of the sides of the source."""
    return (box.x0 + box.x1) / 2 / size.width, (box.y0 + box.y1) / 2 / size.height


def _clipped(box: Box, size: Size) -> Box | None:
    """Return what of a box lies inside the source; None where nothing does."""
    x1, y1 = min(box.x1, size.width), min(box.y1, size.height)
    return Box(box.x0, box.y0, x1, y1) if box.x0 < x1 and box.y0 < y1 else None
