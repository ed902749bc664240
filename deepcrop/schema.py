"""The columns of a job's tables: its listing, its images manifest and its variants manifest.

They are defined below the packages that write them, because the listing must know which names the
manifest uses. Columns are never renamed or removed: people's scripts read them.
"""

from __future__ import annotations

import pyarrow as pa

STAGES = ("fetch", "decode", "infer", "render", "write")
"""The stages of processing one source, in their order."""

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
    ]
)
"""A variant in the images manifest: its file, and its crop box in source pixels."""

IMAGES = pa.schema(
    [
        ("source_uri", pa.string()),
        ("source_id", pa.int64()),
        ("source_bytes", pa.int64()),
        ("source_etag", pa.string()),
        ("source_version", pa.string()),
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
