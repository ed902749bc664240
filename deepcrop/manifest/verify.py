"""The audit of an output: every promise of the manifest, checked against the objects themselves.

Reads every manifest row and every variant, so it costs a download of the output. What it keeps in
memory are a part's rows, a few numbers of eight bytes for each source and variant, and what it
finds wrong.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import image
from ..errors import NotFound, SourceError
from ..sources.index import iter_row_groups
from ..sources.rows import source_id
from ..storage import Storage
from .compatibility import unreadable
from .status import open_job
from .store import Manifest
from .verification import Audit

THREADS = 16
AT_ONCE = 4096
"""Objects of a listing that are looked up at once."""
FACTS = ("variant_uri", "sha256", "bytes", "width", "height", "x0", "y0", "x1", "y1")
"""On which the two manifests must agree."""


def audit(output: str, endpoint: str | None = None) -> Audit:
    """Check an output: rows against the listing, variants against the rows, both ways.

    Raises:
        RequestError: there is no job there.
    """
    manifest, _ = open_job(output, endpoint)
    manifest.load_parts()
    return _Auditor(manifest).run()


class _Auditor:
    """One audit, a part at a time."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.storage = manifest.storage
        self.found = Audit()
        self.broken: dict[str, str] = {}
        self.rows, self.claims = _Ids(), _Ids()
        self.originals, self.copies = _Ids(), _Ids()

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
        found.lost = sorted(self._lost())
        found.orphaned = sorted(self._orphaned())
        found.duplicated = sorted({*self._sources(self.rows.repeated()), *self._twice_claimed()})
        strangers = self.copies.values[~_among(self.copies.values, self.originals.values)]
        if len(strangers):
            found.inconsistent += self._copies(strangers)
        found.inconsistent.sort()
        found.absent.sort()
        return found

    def _part(self, number: int) -> pa.Table | None:
        """Read a part; None where it can't be read, which has been told."""
        try:
            return self.manifest.read(number)
        except (SourceError, pa.ArrowException, OSError):
            return None

    def _derived(self) -> dict[int, list[str]]:
        """Return the readable files of the variants manifest by the number of their part."""
        files: dict[int, list[str]] = {}
        for uri, number in self.manifest.variants_parts():
            files.setdefault(number, [])
            if not self._is_broken(uri):
                files[number].append(uri)
        return files

    def _is_broken(self, uri: str) -> bool:
        return uri in self.broken and not _is_readable(self.storage, uri)

    def _check(self, table: pa.Table, derived: list[str], pool: ThreadPoolExecutor) -> None:
        """Check the rows of a part, their variants, and the files derived from it."""
        claims = [variant for row in table["variants"].to_pylist() for variant in row or ()]
        self.found.rows += table.num_rows
        self.found.variants += len(claims)
        self.rows.add(table["source_id"].to_numpy())
        self.claims.add([source_id(claim["variant_uri"]) for claim in claims])
        said = Counter(tuple(claim[name] for name in FACTS) for claim in claims)
        self.found.inconsistent += self._disagreements(said, derived)
        good = table.filter(pc.equal(table["status"], "ok"))
        self.originals.add(_pairs(good, "source_uri"))
        self.copies.add(_pairs(table.filter(pc.is_valid(table["duplicate_of"])), "duplicate_of"))
        for claim, fault in zip(claims, pool.map(self._fault, claims), strict=True):
            if fault is not None:
                here = self.found.absent if fault == "" else self.found.wrong
                here.append(claim["variant_uri"] if fault == "" else fault)

    def _fault(self, variant: dict[str, Any]) -> str | None:
        """Return what is wrong with a variant, if anything is; nothing where it isn't there."""
        uri = variant["variant_uri"]
        try:
            data = self.storage.get(uri).data
            probe = image.probe(data)
            pixels = image.decode(data).pixels.shape[:2]
        except NotFound:
            return ""
        except SourceError as error:
            return f"{uri}: {error}"
        facts = {
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": probe.format,
            "width": pixels[1],
            "height": pixels[0],
        }
        differing = [name for name, value in facts.items() if variant[name] != value]
        return f"{uri}: {', '.join(differing)} differ" if differing else None

    def _disagreements(self, said: Counter[tuple[Any, ...]], uris: Iterable[str]) -> Iterator[str]:
        """Yield the variants that only one of the two manifests has, or with other facts."""
        derived: Counter[tuple[Any, ...]] = Counter()
        for uri in uris:
            table = pq.ParquetFile(pa.BufferReader(self.storage.get(uri).data)).read()
            columns = (
                table[name].to_pylist() if name in table.column_names else [None] * len(table)
                for name in FACTS
            )
            derived.update(zip(*columns, strict=True))
        for key in (said - derived) + (derived - said):
            yield str(key[0])

    def _lost(self) -> Iterator[str]:
        packed = self.manifest.find_listing()
        if packed is None or self._is_broken(self.manifest.listing):
            return
        for table in iter_row_groups(packed, ["source_id", "source_uri"]):
            self.found.sources += table.num_rows
            lost = ~_among(table["source_id"].to_numpy(), self.rows.values)
            yield from table["source_uri"].filter(pa.array(lost)).to_pylist()

    def _orphaned(self) -> Iterator[str]:
        entries = self.storage.list(f"{self.manifest.output}/variants")
        while share := [entry.uri for entry in islice(entries, AT_ONCE)]:
            ids = numpy.array([source_id(uri) for uri in share], numpy.int64)
            claimed = _among(ids, self.claims.values)
            yield from (uri for uri, known in zip(share, claimed, strict=True) if not known)

    # What is known by its number is named in a second reading, where anything is wrong.

    def _sources(self, ids: numpy.ndarray) -> Iterator[str]:
        return self._named(ids, lambda table: table["source_id"].to_numpy())

    def _copies(self, pairs: numpy.ndarray) -> Iterator[str]:
        def of(table: pa.Table) -> numpy.ndarray:
            return numpy.array(_pairs(table, "duplicate_of"), numpy.int64)

        return self._named(pairs, of)

    def _named(
        self, wanted: numpy.ndarray, ids_of: Callable[[pa.Table], numpy.ndarray]
    ) -> Iterator[str]:
        for table in self._again(wanted):
            yield from (
                table["source_uri"].filter(pa.array(_among(ids_of(table), wanted))).to_pylist()
            )

    def _twice_claimed(self) -> Iterator[str]:
        wanted = self.claims.repeated()
        for table in self._again(wanted):
            for variant in pc.list_flatten(table["variants"]).to_pylist():
                if source_id(variant["variant_uri"]) in wanted:
                    yield variant["variant_uri"]

    def _again(self, wanted: numpy.ndarray) -> Iterator[pa.Table]:
        if len(wanted):
            tables = (self._part(number) for number in self.manifest.parts)
            yield from (table for table in tables if table is not None)


class _Ids:
    """Many int64, gathered in parts."""

    def __init__(self) -> None:
        self._parts = [numpy.empty(0, numpy.int64)]

    def add(self, values: Iterable[int]) -> None:
        self._parts.append(numpy.array(values, numpy.int64))

    @property
    def values(self) -> numpy.ndarray:
        """All of them, ascending."""
        if len(self._parts) > 1:
            self._parts = [numpy.sort(numpy.concatenate(self._parts))]
        return self._parts[0]

    def repeated(self) -> numpy.ndarray:
        """Those that are there more than once."""
        values = self.values
        return numpy.unique(values[1:][values[1:] == values[:-1]])


def _among(ids: numpy.ndarray, ordered: numpy.ndarray) -> numpy.ndarray:
    """Tell which ids are among others, that are ascending."""
    at = numpy.searchsorted(ordered, ids)
    here = at < len(ordered)
    here[here] = ordered[at[here]] == ids[here]
    return here


def _pairs(table: pa.Table, name: str) -> list[int]:
    """Return a number for each pair of a URI and a hash of bytes."""
    columns = (table[each].to_pylist() for each in (name, "sha256"))
    return [source_id(f"{digest} {uri}") for uri, digest in zip(*columns, strict=True)]


def _is_readable(storage: Storage, uri: str) -> bool:
    """Tell whether a file can be read, if not together with others."""
    try:
        pq.ParquetFile(pa.BufferReader(storage.get(uri).data)).read()
    except (SourceError, pa.ArrowException, OSError):
        return False
    return True
