"""Rows of the images manifest as Python dictionaries, as ``Table.to_pylist()`` returns them."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict


class VariantRow(TypedDict):
    """A variant of a source: a value of the column ``variants``.

    The crop box ``x0, y0, x1, y1`` is in pixels of the source as shown; it is None where the
    variant shows the whole photo, retargeted or padded. Score and preference are 0..1. The last
    six are None for variants that no preset asks for; the width is that at density 1.
    """

    variant_uri: str
    aspect: str
    x0: int | None
    y0: int | None
    x1: int | None
    y1: int | None
    score: float | None
    width: int
    height: int
    format: str
    bytes: int
    sha256: str | None
    method: str
    upscaled: bool
    flags: list[str] | None
    preference: float | None
    source_sha256: str | None
    analysis_recipe: str | None
    rendering_recipe: str | None
    preset: str | None
    asked_width: int | None
    density: float | None
    quality: int | None
    fit: str | None
    fit_reason: str | None


class NoteRow(TypedDict):
    """A remark: a value of the column ``note_parts``; see :data:`deepcrop.schema.NOTE`."""

    about: str
    text: str
    flag: str | None


class SpareRow(TypedDict):
    """A box of a common ratio: a value of ``spare_boxes``; see :data:`deepcrop.schema.SPARE`."""

    aspect: str
    x0: int | None
    y0: int | None
    x1: int | None
    y1: int | None
    score: float | None
    flags: list[str] | None
    preference: float | None


class ImageRow(TypedDict):
    """A source: a row of the images manifest.

    ``width`` and ``height`` are in pixels, as shown, and None where the source was not decoded.
    The focal point is 0..1 of the sides. Times are in milliseconds.
    """

    source_uri: str
    source_id: int
    source_bytes: int | None
    source_etag: str | None
    sha256: str | None
    width: int | None
    height: int | None
    format: str | None
    orientation: int | None
    status: str
    error_stage: str | None
    error_class: str | None
    error_message: str | None
    attempts: int
    retryable: bool | None
    method: str | None
    focal_x: float | None
    focal_y: float | None
    note: str | None
    flags: list[str] | None
    duplicate_of: str | None
    variants: list[VariantRow]
    fetch_ms: float | None
    decode_ms: float | None
    infer_ms: float | None
    render_ms: float | None
    write_ms: float | None
    fingerprint: str | None
    source_modified: datetime | None
    source_version: str | None
    source_version_id: str | None
    analysis_recipe: str | None
    rendering_recipes: list[str] | None
    note_parts: list[NoteRow] | None
    spare_boxes: list[SpareRow] | None
