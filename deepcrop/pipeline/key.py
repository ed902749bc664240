"""The key of a source: the name of its variants, safe as a path, that no two sources share."""

from __future__ import annotations

import hashlib
import re

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import RequestError

EXTENSIONS = frozenset(
    [
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "png",
        "apng",
        "webp",
        "avif",
        "tif",
        "tiff",
        "gif",
        "bmp",
        "dib",
        "jp2",
        "heic",
        "heif",
    ]
)
"""Of the names of images; a key goes without."""
MAX_SEGMENT = 180
"""Bytes of one path segment of a key: file systems end at 255, and suffixes are added."""
MAX_KEY = 800
"""Bytes of a key: S3 ends at 1,024, and the output's own prefix comes before it."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def safe_key(path: str) -> str:
    """Return a relative path, without the image's extension, that can't escape its folder.

    ``.``, ``..`` and empty segments are spelled out, characters that some store or file system
    rejects are percent-encoded, and what is too long is cut and ends in a hash of the whole.
    """
    stem, dot, extension = path.rpartition(".")
    if dot and extension.lower() in EXTENSIONS and stem.rpartition("/")[2]:
        path = stem
    segments = [_safe_segment(segment) for segment in path.lstrip("/").split("/")]
    key = "/".join(segments)
    if len(key.encode()) > MAX_KEY:
        key = _shorten(key, MAX_KEY).replace("/", "_")
        key = "/".join(key[at : at + 60] for at in range(0, len(key), 60))
    return key


def _safe_segment(segment: str) -> str:
    text = segment.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if set(text) <= {"."}:
        return "%2E" * len(text) or "%"
    text = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", text)
    return _shorten(text, MAX_SEGMENT) if len(text.encode()) > MAX_SEGMENT else text


def _shorten(text: str, limit: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return text.encode()[: limit - 17].decode("utf-8", "ignore") + "-" + digest


def distinct_keys(table: pa.Table, known: pa.Table | None) -> pa.Table:
    """Give every source a key of its own: members of a clash end in their id.

    Args:
        table: a listing, each source once.
        known: an earlier listing; its sources keep their keys.

    Raises:
        RequestError: an id makes no difference either.
    """
    keys, ids = table["key"].combine_chunks(), table["source_id"].combine_chunks()
    # Folded, because some file systems can't tell a.jpg from A.jpg.
    folded = pc.utf8_lower(keys)
    counts = pc.value_counts(folded)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    clash = pc.is_in(folded, value_set=several)
    if known is not None:
        clash = pc.or_(clash, pc.is_in(keys, value_set=known["key"].combine_chunks()))
    clashing = zip(keys.filter(clash).to_pylist(), ids.filter(clash).to_pylist(), strict=True)
    own = [f"{key}-{identity & (2**64 - 1):016x}" for key, identity in clashing]
    keys = pc.replace_with_mask(keys, clash, pa.array(own, pa.string()))
    if known is not None:
        places = pc.index_in(ids, value_set=known["source_id"].combine_chunks())
        keys = pc.coalesce(known["key"].combine_chunks().take(places), keys)
    if pc.count_distinct(keys).as_py() != len(keys):
        raise RequestError("input: two sources' keys still clash; use keys: hash")
    return table.set_column(table.schema.get_field_index("key"), "key", keys)
