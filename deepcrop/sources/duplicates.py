"""Sources with identical bytes, found before the first source is processed.

Only sources that share their size with another are read and hashed. The rows of a list file have no
sizes, so all of them are. The result is part of the listing, which is written in one piece, so a
resumed job has the same duplicates as the run before it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError
from ..storage import Storage, strip_credentials
from .mapping import ParallelMap, serial_map

CHUNK_ROWS = 256
"""Sources that one task hashes."""
THREADS = 16
"""Sources that a task reads at once."""
TOLD = ("source_bytes", "source_etag", "source_version")
"""Columns of the listing in which the store tells that a source changed."""
HINT_COLUMNS = ("caption", "focal_x", "focal_y")
"""Columns of the listing that change a method's result: only sources with the same hints are
duplicates."""


def find_duplicates(
    sources: pa.Table,
    previous: pa.Table | None,
    storage: Storage,
    parallel_map: ParallelMap = serial_map,
) -> pa.Table:
    """Fill the columns ``sha256`` and ``duplicate_of`` of a listing.

    The original of several duplicates is the one of the earlier listing, if that is still there
    with the same bytes; otherwise the first by URI, sources of the earlier listing before new ones.
    A source that can't be read is not a duplicate: its own row will say why.

    Args:
        sources: rows of the listing.
        previous: the listing of an earlier run; the hashes of its sources are kept where the store
            says the same of them.
        storage: the store of the sources.
        parallel_map: hashes chunks of the sources in parallel.
    """
    before = {} if previous is None else _known(previous)
    now = _known(sources)
    uris = list(now)
    digests = {
        uri: known.sha256
        for uri, known in before.items()
        if known.sha256 and uri in now and now[uri].told == known.told
    }
    unknown = [uri for uri in _candidates(sources) if strip_credentials(uri) not in digests]
    digests |= {
        strip_credentials(uri): digest
        for uri, digest in _hash(unknown, storage, parallel_map).items()
    }
    hints = zip(*(sources[name].to_pylist() for name in HINT_COLUMNS), strict=True)
    # The same bytes with other hints make other variants.
    contents = {uri: (digests.get(uri), *hint) for uri, hint in zip(uris, hints, strict=True)}
    originals: dict[tuple[object, ...], str] = {}

    def rank(uri: str) -> tuple[bool, bool, str]:
        known = before.get(uri)
        was_original = known is not None and known.duplicate_of is None and uri in digests
        return not was_original, known is None, uri

    for uri in sorted(uris, key=rank):
        if uri in digests:
            originals.setdefault(contents[uri], uri)
    found = [originals.get(contents[uri]) for uri in uris]
    duplicate_of = [
        None if original == uri else original for uri, original in zip(uris, found, strict=True)
    ]
    for name, values in (
        ("sha256", [digests.get(uri) for uri in uris]),
        ("duplicate_of", duplicate_of),
    ):
        index = sources.schema.get_field_index(name)
        sources = sources.set_column(index, name, pa.array(values, pa.string()))
    return sources


class _Known(NamedTuple):
    """What a listing has of a source."""

    told: tuple[object, ...]
    """What the store tells of it: as long as that is the same, so are its bytes."""
    sha256: str | None
    duplicate_of: str | None


def _known(listing: pa.Table) -> dict[str, _Known]:
    """Return what a listing has of its sources, by their URIs without credentials."""
    names = ["source_uri", *TOLD, "sha256", "duplicate_of"]
    empty = [None] * listing.num_rows
    columns = (
        listing[name].to_pylist() if name in listing.column_names else empty for name in names
    )
    return {
        strip_credentials(uri): _Known(tuple(told), digest, original)
        for uri, *told, digest, original in zip(*columns, strict=True)
    }


def _candidates(sources: pa.Table) -> list[str]:
    """Return the URIs of sources that may have a duplicate: their size is unknown or not unique."""
    counts = pc.value_counts(sources["source_bytes"].combine_chunks())
    alone = counts.filter(pc.equal(counts.field("counts"), 1)).field("values").drop_null()
    unique = pc.is_in(sources["source_bytes"], value_set=alone)
    uris: list[str] = sources.filter(pc.invert(unique))["source_uri"].to_pylist()
    return uris


def _hash(uris: list[str], storage: Storage, parallel_map: ParallelMap) -> dict[str, str]:
    """Return the SHA-256 of each source that can be read."""
    chunks = [uris[start : start + CHUNK_ROWS] for start in range(0, len(uris), CHUNK_ROWS)]
    hash_chunk = partial(_hash_chunk, storage=storage)
    return {
        uri: digest
        for hashes in parallel_map(hash_chunk, chunks, cpus=0.25)
        for uri, digest in hashes.items()
    }


def _hash_chunk(uris: list[str], storage: Storage) -> dict[str, str]:
    def digest(uri: str) -> str | None:
        try:
            return hashlib.sha256(storage.get(uri).data).hexdigest()
        except SourceError:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        found = zip(uris, pool.map(digest, uris), strict=True)
        return {uri: value for uri, value in found if value is not None}
