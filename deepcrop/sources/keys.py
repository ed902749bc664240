"""The key of a source: the name of its variants, which is safe as a path and unique.

A variant is the file ``KEY.SUFFIX``. Two keys differ even on file systems that ignore case or
Unicode's normal forms, and no key with a suffix is the name of a folder that another key lies in.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import RequestError
from ..image import OUTPUT_FORMATS
from ..storage import without_surrogates

EXTENSIONS = frozenset(
    [
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "png",
        "apng",
        "webp",
        *("avif", "avifs"),
        "tif",
        "tiff",
        "gif",
        "bmp",
        "dib",
        "jp2",
        *("heic", "heif", "hif", "jxl", "psd", "psb"),
        # Cameras' raw files.
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mrw"),
        *("nef", "nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    ]
)
"""Extensions of image files, in lower case; a key has none."""
MAX_SEGMENT = 180
"""Bytes of one path segment of a key at most: file systems allow 255, suffixes included."""
MAX_KEY = 800
"""Bytes of a key at most: S3 allows 1,024, the output's own prefix included."""

ROUNDS = 8
"""Attempts to make clashing keys unique; one is enough, unless names were chosen against it."""

_SUSPECT = re.compile(
    rf"({'|'.join(re.escape(suffix) for suffix in OUTPUT_FORMATS.values())})/", re.IGNORECASE
)
"""A folder's name that ends like the file of a variant."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def safe_key(path: str) -> str:
    """Return a relative path, without the image's extension, that can't escape its folder.

    ``.``, ``..`` and empty segments are encoded, characters that some store or file system rejects
    are percent-encoded, and names that are too long are cut and end in a hash of the whole.
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
    text = segment
    if not text.isascii():
        text = without_surrogates(text).encode("utf-8", "replace").decode()
    if text.startswith(".") and set(text) <= {"."}:
        return "%2E" * len(text)
    if not text:
        return "%"
    text = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", text)
    long = len(text) > MAX_SEGMENT or (not text.isascii() and len(text.encode()) > MAX_SEGMENT)
    return _shorten(text, MAX_SEGMENT) if long else text


def _shorten(text: str, limit: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return text.encode()[: limit - 17].decode("utf-8", "ignore") + "-" + digest


def distinct_keys(table: pa.Table, previous: pa.Table | None) -> pa.Table:
    """Give every source a key of its own.

    Keys that clash get their source's id at the end. Where a source of an earlier listing has the
    key ``x``, a new folder ``x.jpg`` is named ``x.jpg%``.

    Args:
        table: a listing, each source once.
        previous: an earlier listing; its sources keep their keys.

    Raises:
        RequestError: keys clash even with their ids.
    """
    keys, ids = table["key"].combine_chunks(), table["source_id"].combine_chunks()
    free = pa.repeat(True, len(ids))
    taken = pa.array([], pa.string())
    if previous is not None:
        before = previous["key"].combine_chunks()
        places = pc.index_in(ids, value_set=previous["source_id"].combine_chunks())
        free, taken = pc.is_null(places), _folded(before)
        keys = pc.coalesce(before.take(places), _beside(keys, taken))
    for _ in range(ROUNDS):
        clash = pc.and_(free, _clashes(_folded(keys), taken))
        if not pc.any(clash).as_py():
            break
        clashing = zip(keys.filter(clash).to_pylist(), ids.filter(clash).to_pylist(), strict=True)
        own = [f"{key}-{identity & (2**64 - 1):016x}" for key, identity in clashing]
        keys = pc.replace_with_mask(keys, clash, pa.array(own, pa.string()))
    else:
        raise RequestError("input: two sources' keys still clash; use keys: hash")
    return table.set_column(table.schema.get_field_index("key"), "key", keys)


def _clashes(folded: pa.Array, taken: pa.Array) -> pa.Array:
    """Tell which keys clash: with another key, or with a folder named like their file.

    Args:
        folded: the keys of all sources, as :func:`_folded` makes them.
        taken: the same of an earlier listing.
    """
    counts = pc.value_counts(folded)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    named = [*_names_of_folders(folded), *_names_of_folders(taken)]
    refused = pa.concat_arrays([several, taken, pa.array(named, pa.string())])
    return pc.is_in(folded, value_set=refused)


def _names_of_folders(folded: pa.Array) -> Iterator[str]:
    """Yield the keys whose files would have the name of a folder that keys lie in."""
    for key in set(_in_suspects(folded).to_pylist()):
        yield from (key[: match.start()] for match in _SUSPECT.finditer(key))


def _beside(keys: pa.Array, taken: pa.Array) -> pa.Array:
    """Rename the folders of keys that have the names of earlier sources' files."""
    suspects = _in_suspects(keys)
    if not len(suspects) or not len(taken):
        return keys
    files = set(taken.to_pylist())
    renamed = [_renamed(key, files) for key in suspects.to_pylist()]
    return pc.replace_with_mask(keys, _is_suspect(keys), pa.array(renamed, pa.string()))


def _renamed(key: str, files: Collection[str]) -> str:
    *folders, name = key.split("/")
    path = ""
    for folder in folders:
        match = _SUSPECT.search(folder + "/")
        taken = match is not None and _fold(path + folder[: match.start()]) in files
        path += folder + ("%/" if taken else "/")
    return path + name


def _is_suspect(keys: pa.Array) -> pa.Array:
    """Tell which keys lie in a folder whose name ends like a variant's."""
    return pc.match_substring_regex(keys, _SUSPECT.pattern, ignore_case=True)


def _in_suspects(keys: pa.Array) -> pa.Array:
    return keys.filter(_is_suspect(keys))


def _folded(keys: pa.Array) -> pa.Array:
    """Return keys as file systems compare them that ignore case, such as a.jpg and A.jpg."""
    plain = pc.string_is_ascii(keys)
    lower = pc.utf8_lower(keys)
    if pc.all(plain).as_py():
        return lower
    others = [_fold(key) for key in keys.filter(pc.invert(plain)).to_pylist()]
    return pc.replace_with_mask(lower, pc.invert(plain), pa.array(others, pa.string()))


def _fold(key: str) -> str:
    """Fold case and Unicode's normal forms: canonical caseless matching (Unicode 16, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", key).casefold())
