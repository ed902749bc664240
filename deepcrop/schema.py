"""The columns of a job's tables: its listing, its images manifest and its variants manifest.

They are defined below the packages that write them, because the listing must know which names the
manifest uses. Columns are never renamed or removed: people's scripts read them.
"""

from __future__ import annotations

import pyarrow as pa

STAGES = ("fetch", "decode", "infer", "render", "write")
"""The stages of processing one source, in their order."""

MODIFIED = pa.timestamp("us", "UTC")
"""The type of times of the store."""

SOURCES = pa.schema(
    [
        ("source_id", pa.int64()),
        ("source_uri", pa.string()),
        ("source_bytes", pa.int64()),
        ("source_etag", pa.string()),
        ("key", pa.string()),
        ("caption", pa.string()),
        ("focal_x", pa.float64()),
        ("focal_y", pa.float64()),
        ("sha256", pa.string()),
        ("duplicate_of", pa.string()),
        ("source_modified", MODIFIED),
        ("source_version", pa.string()),
    ]
)
"""Columns of the listing. Those carried over from an input list follow."""

VARIANT = pa.struct(
    [
        ("variant_uri", pa.string()),
        ("aspect", pa.string()),
        ("x0", pa.int32()),
        ("y0", pa.int32()),
        ("x1", pa.int32()),
        ("y1", pa.int32()),
        ("score", pa.float32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
        ("method", pa.string()),
        ("upscaled", pa.bool_()),
        ("flags", pa.list_(pa.string())),
        ("preference", pa.float32()),
        ("source_sha256", pa.string()),
        ("analysis_recipe", pa.string()),
        ("rendering_recipe", pa.string()),
        ("preset", pa.string()),
        ("asked_width", pa.int32()),
        ("density", pa.float32()),
        ("quality", pa.int32()),
        ("fit", pa.string()),
        ("fit_reason", pa.string()),
    ]
)
"""A variant in the images manifest: its file, its crop box in source pixels, and what decided them
(see :mod:`deepcrop.recipes`)."""

NOTE = pa.struct([("about", pa.string()), ("text", pa.string()), ("flag", pa.string())])
"""A remark in the images manifest. ``about`` is empty for the source, the name of a variant, or
``method`` or ``correction``, whose remark it is."""

SPARE = pa.struct(
    [
        ("aspect", pa.string()),
        *((side, pa.int32()) for side in ("x0", "y0", "x1", "y1")),
        ("score", pa.float32()),
        ("flags", pa.list_(pa.string())),
        ("preference", pa.float32()),
    ]
)
"""A crop box that the method found on the way, of a ratio that needn't have been asked for."""

IMAGES = pa.schema(
    [
        ("source_uri", pa.string()),
        ("source_id", pa.int64()),
        ("source_bytes", pa.int64()),
        ("source_etag", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("orientation", pa.int32()),
        ("status", pa.string()),
        ("error_stage", pa.string()),
        ("error_class", pa.string()),
        ("error_message", pa.string()),
        ("attempts", pa.int32()),
        ("retryable", pa.bool_()),
        ("method", pa.string()),
        ("focal_x", pa.float32()),
        ("focal_y", pa.float32()),
        ("note", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("duplicate_of", pa.string()),
        ("variants", pa.list_(VARIANT)),
        ("fetch_ms", pa.float32()),
        ("decode_ms", pa.float32()),
        ("infer_ms", pa.float32()),
        ("render_ms", pa.float32()),
        ("write_ms", pa.float32()),
        ("fingerprint", pa.string()),
        ("source_modified", MODIFIED),
        ("source_version", pa.string()),
        ("source_version_id", pa.string()),
        ("analysis_recipe", pa.string()),
        ("rendering_recipes", pa.list_(pa.string())),
        ("note_parts", pa.list_(NOTE)),
        ("spare_boxes", pa.list_(SPARE)),
    ]
)
"""Columns of the images manifest: a row a source. Those carried over from an input list follow."""

VARIANTS = pa.schema(
    [
        ("source_uri", pa.string()),
        ("source_id", pa.int64()),
        *[each for each in VARIANT if each.name != "aspect"],
        ("fingerprint", pa.string()),
        ("aspect", pa.dictionary(pa.int32(), pa.string())),
    ]
)
"""Columns of the variants manifest.

``aspect`` is also the name of the partition's folder (``aspect=1x1``). It has the type that pandas
and ``pyarrow.parquet`` give to a column from a folder's name: with plain text they refuse the
folder (pandas 3.1, pyarrow 26).
"""

PREVIOUS = "deepcrop:previous"
"""Column of sources on their way to the actors: the row that they have, a struct, or null."""
PREVIOUS_PART = "deepcrop:part"
"""Column of these sources: the number of the part that holds that row, or null."""
SAME_SOURCE = "deepcrop:same"
"""Column of these sources: whether the store says of them what it said when that row was made."""
STAGING = "deepcrop:staging"
"""Column of these sources: the folder for variants that replace others."""
WORK = pa.schema(
    [
        (PREVIOUS, pa.struct(list(IMAGES))),
        (PREVIOUS_PART, pa.int64()),
        (SAME_SOURCE, pa.bool_()),
        (STAGING, pa.string()),
    ]
)
"""Columns that sources have on their way to the actors, besides those of the listing."""
