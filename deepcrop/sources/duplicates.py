"""Sources with identical bytes, found before the first is worked on.

Only sources that share their size with another are read for it; a list of URIs knows no sizes, so
all of it is. What is found becomes part of the listing, which lands whole: a resumed job refers to
the same sources as the run before it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError
from ..storage import Storage, strip_credentials
from .mapping import ParallelMap, serial_map

CHUNK_ROWS = 256
"""Sources that one task hashes."""
THREADS = 16
HINT_COLUMNS = ("caption", "focal_x", "focal_y")


def find_duplicates(
    sources: pa.Table,
    known: pa.Table | None,
    storage: Storage,
    parallel_map: ParallelMap = serial_map,
) -> pa.Table:
    """Fill the columns ``sha256`` and ``duplicate_of`` of a listing.

    The source that others are duplicates of is the first by URI, but one that an earlier listing
    has comes before new ones, since its row may be there already. A source that can't be read now
    is nobody's duplicate: its own row will say why.

    Args:
        sources: rows of the listing.
        known: the listing of an earlier run; what it says of its sources is kept.
        storage: the store that they lie in.
        parallel_map: hashes shares of the sources side by side.
    """
    before: dict[str, tuple[str | None, str | None]] = {}
    if known is not None:
        columns = (known[name].to_pylist() for name in ("source_uri", "sha256", "duplicate_of"))
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
    looks = {uri: (digests.get(uri), *hint) for uri, hint in zip(uris, hints, strict=True)}
    firsts: dict[tuple[Any, ...], str] = {}
    for uri in sorted(uris, key=lambda uri: (uri not in before, uri)):
        if uri in digests and before.get(uri, (None, None))[1] is None:
            firsts.setdefault(looks[uri], uri)
    duplicate_of = []
    for uri in uris:
        first = before[uri][1] if uri in before else firsts.get(looks[uri])
        duplicate_of.append(None if first == uri else first)
    for name, values in (
        ("sha256", [digests.get(uri) for uri in uris]),
        ("duplicate_of", duplicate_of),
    ):
        index = sources.schema.get_field_index(name)
        sources = sources.set_column(index, name, pa.array(values, pa.string()))
    return sources


def _candidates(sources: pa.Table) -> list[str]:
    """Return the sources that may have a duplicate: those whose size is not theirs alone."""
    counts = pc.value_counts(sources["source_bytes"].combine_chunks())
    alone = counts.filter(pc.equal(counts.field("counts"), 1)).field("values").drop_null()
    unique = pc.is_in(sources["source_bytes"], value_set=alone)
    uris: list[str] = sources.filter(pc.invert(unique))["source_uri"].to_pylist()
    return uris


def _hash(uris: list[str], storage: Storage, parallel_map: ParallelMap) -> dict[str, str]:
    """Return the SHA-256 of each source that can be read."""
    shares = [uris[start : start + CHUNK_ROWS] for start in range(0, len(uris), CHUNK_ROWS)]
    hash_share = partial(_hash_share, storage=storage)
    return {
        uri: digest
        for share in parallel_map(hash_share, shares, cpus=0.25)
        for uri, digest in share.items()
    }


def _hash_share(uris: list[str], storage: Storage) -> dict[str, str]:
    def digest(uri: str) -> str | None:
        try:
            return hashlib.sha256(storage.get(uri).data).hexdigest()
        except SourceError:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        found = zip(uris, pool.map(digest, uris), strict=True)
        return {uri: value for uri, value in found if value is not None}
