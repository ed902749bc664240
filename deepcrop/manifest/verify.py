"""The verification of an output: its manifest, checked against the objects themselves.

It reads every manifest row and every variant, so it costs a download of the output. In memory it
keeps the rows of one part, a few numbers of eight bytes for each source and variant, and the
problems.
"""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .. import image
from ..errors import NotFound, SourceError
from ..sources.index import iter_row_groups
from ..sources.rows import source_id
from ..storage import Storage
from .compatibility import unreadable
from .rows import VariantRow
from .staging import own_uri
from .status import open_job
from .store import Manifest
from .verification import Audit

THREADS = 16
"""Variants that are read at once."""
LISTING_CHUNK = 4096
"""Objects of a listing that are looked up at once."""
Ids = NDArray[np.int64]
"""int64 (n,): hashes of URIs."""
VariantKey = tuple[object, ...]
"""Values of a variant in the columns :data:`AGREEING_COLUMNS`."""
AGREEING_COLUMNS = ("variant_uri", "sha256", "bytes", "width", "height", "x0", "y0", "x1", "y1")
"""Columns of a variant on which the two manifests must agree."""


MISSING = ""
"""Says that a variant doesn't exist."""


def audit(output: str, endpoint: str | None = None) -> Audit:
    """Check an output: rows against the listing, and variants against the rows, both ways.

    Raises:
        RequestError: there is no job there.
    """
    manifest, _ = open_job(output, endpoint)
    manifest.load_parts()
    return _Auditor(manifest).run()


class _Auditor:
    """Verifies one output, a part of its manifest at a time."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.storage = manifest.storage
        self.found = Audit()
        self.broken: dict[str, str] = {}
        self.source_ids, self.variant_ids = _IdSet(), _IdSet()
        self.replaced_ids, self.identities = _IdSet(), _IdSet()
        self.originals, self.duplicates = _IdSet(), _IdSet()

    def run(self) -> Audit:
        found = self.found
        self.broken = unreadable(self.manifest)
        found.unreadable = [f"{uri}: {why}" for uri, why in sorted(self.broken.items())]
        derived = self._derived()
        with ThreadPoolExecutor(THREADS) as pool:
            for number in self.manifest.parts:
                if (table := self._part(number)) is not None:
                    self._check(table, derived.pop(number, []), pool)
        for uris in derived.values():  # of parts that are not there
            found.inconsistent += self._disagreements(Counter(), uris)
        found.missing_rows = sorted(self._missing_rows())
        found.stale.sort()
        found.orphaned = sorted(self._orphaned())
        found.duplicated = sorted({*self._repeated_sources(), *self._repeated_variants()})
        found.inconsistent += self._broken_duplicates()
        found.inconsistent.sort()
        found.missing_variants.sort()
        return found

    def _part(self, number: int) -> pa.Table | None:
        """Read a part; None where it can't be read: it is listed as unreadable already."""
        try:
            return self.manifest.read(number)
        except (SourceError, pa.ArrowException, OSError):
            return None

    def _derived(self) -> dict[int, list[str]]:
        """Return the readable files of the variants manifest by the number of their part."""
        files: dict[int, list[str]] = {}
        for uri, part in self.manifest.variants_parts():
            number = part.first
            if number in self.manifest.parts and part != self.manifest.part(number):
                continue  # of a part that was merged into this one: the next run removes it
            files.setdefault(number, [])
            if not self._is_broken(uri):
                files[number].append(uri)
        return files

    def _is_broken(self, uri: str) -> bool:
        return uri in self.broken and not _is_readable(self.storage, uri)

    def _check(self, table: pa.Table, derived: list[str], pool: ThreadPoolExecutor) -> None:
        """Check the rows of a part, their variants, and the files derived from it."""
        variants: list[VariantRow] = pc.list_flatten(table["variants"]).to_pylist()
        self.found.rows += table.num_rows
        self.found.variants += len(variants)
        self.source_ids.add(table["source_id"].to_numpy())
        for identities in _identities(table):
            self.identities.add(identities)
        uris = [variant["variant_uri"] for variant in variants]
        self.variant_ids.add([source_id(uri) for uri in uris])
        # A killed run left these aside; the next one puts them where their predecessors are.
        staged = [own for uri in uris if (own := own_uri(uri, self.manifest.output)) != uri]
        self.replaced_ids.add([source_id(uri) for uri in staged])
        keys = (operator.itemgetter(*AGREEING_COLUMNS)(variant) for variant in variants)
        self.found.inconsistent += self._disagreements(Counter(keys), derived)
        succeeded = table.filter(pc.equal(table["status"], "ok"))
        self.originals.add(_content_ids(succeeded, "source_uri"))
        duplicates = table.filter(pc.is_valid(table["duplicate_of"]))
        self.duplicates.add(_content_ids(duplicates, "duplicate_of"))
        for variant, problem in zip(variants, pool.map(self._check_variant, variants), strict=True):
            if problem is not None:
                self.found.damaged.append(variant["variant_uri"])
            if problem == MISSING:
                self.found.missing_variants.append(variant["variant_uri"])
            elif problem is not None:
                self.found.mismatched.append(f"{variant['variant_uri']}: {problem}")

    def _check_variant(self, variant: VariantRow) -> str | None:
        """Return how a variant differs from its row, or :data:`MISSING`; None where it doesn't."""
        uri = variant["variant_uri"]
        try:
            data = self.storage.get(uri).data
            probe = image.probe(data)
            pixels = image.decode(data).pixels.shape[:2]
        except NotFound:
            return MISSING
        except SourceError as error:
            return str(error)
        actual = {
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": probe.format,
            "width": pixels[1],
            "height": pixels[0],
        }
        expected = dict(variant)
        differing = [name for name, value in actual.items() if expected[name] != value]
        return f"{', '.join(differing)} differ" if differing else None

    def _disagreements(self, nested: Counter[VariantKey], uris: Iterable[str]) -> Iterator[str]:
        """Yield the variants that differ between the two manifests, or that only one of them has.

        Args:
            nested: the variants of a part of the images manifest.
            uris: files of the variants manifest that are derived from it.
        """
        derived: Counter[VariantKey] = Counter()
        for uri in uris:
            table = pq.ParquetFile(pa.BufferReader(self.storage.get(uri).data)).read()
            columns = (
                table[name].to_pylist() if name in table.column_names else [None] * len(table)
                for name in AGREEING_COLUMNS
            )
            derived.update(zip(*columns, strict=True))
        for key in (nested - derived) + (derived - nested):
            yield str(key[0])

    def _missing_rows(self) -> Iterator[str]:
        listing = self.manifest.find_listing()
        if listing is None or self._is_broken(self.manifest.listing):
            return
        known = pq.read_schema(pa.BufferReader(listing)).names
        names = ("source_bytes", "source_etag", "source_modified", "source_version")
        told = [name for name in names if name in known]
        for table in iter_row_groups(listing, ["source_id", "source_uri", *told]):
            self.found.sources += table.num_rows
            missing = ~_contains(self.source_ids.sorted(), table["source_id"].to_numpy())
            yield from table["source_uri"].filter(pa.array(missing)).to_pylist()
            if len(told) == len(names):
                stale = ~missing & np.asarray(pc.is_valid(table["source_etag"]))
                # A source that changed after the listing has a row of later bytes.
                for listed in _identities(table):
                    stale &= ~_contains(self.identities.sorted(), np.array(listed, np.int64))
                self.found.stale += table["source_uri"].filter(pa.array(stale)).to_pylist()

    def _orphaned(self) -> Iterator[str]:
        entries = self.storage.list(f"{self.manifest.output}/variants")
        while chunk := [entry.uri for entry in islice(entries, LISTING_CHUNK)]:
            ids = np.array([source_id(uri) for uri in chunk], np.int64)
            named = _contains(self.variant_ids.sorted(), ids)
            named |= _contains(self.replaced_ids.sorted(), ids)
            yield from (uri for uri, known in zip(chunk, named, strict=True) if not known)

    # Only ids are kept. Where they show a problem, the parts are read again for the URIs.

    def _repeated_sources(self) -> Iterator[str]:
        def ids_of(table: pa.Table) -> Ids:
            return np.array(table["source_id"].to_numpy(), np.int64)

        return self._source_uris(self.source_ids.repeated(), ids_of)

    def _broken_duplicates(self) -> Iterator[str]:
        """Yield the duplicates whose original has no successful row with the same bytes."""

        def ids_of(table: pa.Table) -> Ids:
            return np.array(_content_ids(table, "duplicate_of"), np.int64)

        ids = self.duplicates.sorted()
        return self._source_uris(ids[~_contains(self.originals.sorted(), ids)], ids_of)

    def _source_uris(self, wanted: Ids, ids_of: Callable[[pa.Table], Ids]) -> Iterator[str]:
        for table in self._read_again(wanted):
            found = pa.array(_contains(wanted, ids_of(table)))
            yield from table["source_uri"].filter(found).to_pylist()

    def _repeated_variants(self) -> Iterator[str]:
        wanted = self.variant_ids.repeated()
        for table in self._read_again(wanted):
            for variant in pc.list_flatten(table["variants"]).to_pylist():
                if source_id(variant["variant_uri"]) in wanted:
                    yield variant["variant_uri"]

    def _read_again(self, wanted: Ids) -> Iterator[pa.Table]:
        """Yield the readable parts; none where nothing is wanted."""
        if len(wanted):
            tables = (self._part(number) for number in self.manifest.parts)
            yield from (table for table in tables if table is not None)


class _IdSet:
    """Many ids, eight bytes each."""

    def __init__(self) -> None:
        self._chunks: list[Ids] = [np.empty(0, np.int64)]

    def add(self, ids: Iterable[int]) -> None:
        self._chunks.append(np.array(ids, np.int64))

    def sorted(self) -> Ids:
        """Return all ids, ascending."""
        if len(self._chunks) > 1:
            self._chunks = [np.sort(np.concatenate(self._chunks))]
        return self._chunks[0]

    def repeated(self) -> Ids:
        """Return the ids that were added more than once, ascending."""
        ids = self.sorted()
        return np.unique(ids[1:][ids[1:] == ids[:-1]])


def _contains(ascending: Ids, ids: Ids) -> NDArray[np.bool_]:
    """Tell which of ``ids`` are among others, that are ascending."""
    at = np.searchsorted(ascending, ids)
    found = at < len(ascending)
    found[found] = ascending[at[found]] == ids[found]
    return found


def _content_ids(table: pa.Table, uri_column: str) -> list[int]:
    """Return an id for the URI and the hash of the bytes of each row."""
    columns = (table[name].to_pylist() for name in (uri_column, "sha256"))
    return [source_id(f"{digest} {uri}") for uri, digest in zip(*columns, strict=True)]


def _identities(table: pa.Table) -> Iterator[list[int]]:
    """Yield ids of each row's source with what the store tells of its bytes, and of their time."""
    for told in (("source_bytes", "source_etag"), ("source_modified", "source_version")):
        columns = (table[name].to_pylist() for name in ("source_id", *told))
        yield [source_id(f"{each}") for each in zip(*columns, strict=True)]


def _is_readable(storage: Storage, uri: str) -> bool:
    """Return whether a file can be read, if not together with others."""
    try:
        pq.ParquetFile(pa.BufferReader(storage.get(uri).data)).read()
    except (SourceError, pa.ArrowException, OSError):
        return False
    return True
