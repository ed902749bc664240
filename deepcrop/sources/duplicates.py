"""Sources with identical bytes, found before the first source is processed.

Only sources that share their size with another are read and hashed. The rows of a list file have no
sizes, so all of them are. The result is part of the listing, which is written in one piece, so a
resumed job has the same duplicates as the run before it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError
from ..storage import Storage, strip_credentials
from .mapping import ParallelMap, serial_map

CHUNK_ROWS = 256
"""Sources that one task hashes."""
THREADS = 16
"""Sources that a task reads at once."""
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

    The original of several duplicates is the first by URI; sources of an earlier listing come
    before new ones, since they may have rows already. A source that can't be read is not a
    duplicate: its own row will say why.

    Args:
        sources: rows of the listing.
        previous: the listing of an earlier run; its hashes and duplicates are kept.
        storage: the store of the sources.
        parallel_map: hashes chunks of the sources in parallel.
    """
    before: dict[str, tuple[str | None, str | None]] = {}
    if previous is not None:
        columns = (previous[name].to_pylist() for name in ("source_uri", "sha256", "duplicate_of"))
        before = {uri: (digest, first) for uri, digest, first in zip(*columns, strict=True)}
    uris = [strip_credentials(uri) for uri in sources["source_uri"].to_pylist()]
    digests = {uri: digest for uri, (digest, _) in before.items() if digest}
    unknown = [uri for uri in _candidates(sources) if strip_credentials(uri) not in digests]
    digests |= {
        strip_credentials(uri): digest
        for uri, digest in _hash(unknown, storage, parallel_map).items()
    }
    hints = zip(*(sources[name].to_pylist() for name in HINT_COLUMNS), strict=True)
    # The same bytes with other hints make other variants.
    contents = {uri: (digests.get(uri), *hint) for uri, hint in zip(uris, hints, strict=True)}
    originals: dict[tuple[object, ...], str] = {}
    for uri in sorted(uris, key=lambda uri: (uri not in before, uri)):
        if uri in digests and before.get(uri, (None, None))[1] is None:
            originals.setdefault(contents[uri], uri)
    duplicate_of = []
    for uri in uris:
        original = before[uri][1] if uri in before else originals.get(contents[uri])
        duplicate_of.append(None if original == uri else original)
    for name, values in (
        ("sha256", [digests.get(uri) for uri in uris]),
        ("duplicate_of", duplicate_of),
    ):
        index = sources.schema.get_field_index(name)
        sources = sources.set_column(index, name, pa.array(values, pa.string()))
    return sources


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
