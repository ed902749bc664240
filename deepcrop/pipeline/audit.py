"""The audit of an output: every promise of the manifest, checked against the objects themselves.

Reads every manifest row and every variant, so it costs a download of the output.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import image
from ..errors import SourceError
from ..storage import Storage
from .manifest import Manifest
from .status import open_job

THREADS = 16


@dataclass
class Audit:
    """What is wrong with an output; all lists are empty where nothing is."""

    sources: int = 0
    rows: int = 0
    variants: int = 0
    lost: list[str] = field(default_factory=list)
    """Listed sources without a row."""
    duplicated: list[str] = field(default_factory=list)
    """Sources with more than one row, and variants that two rows claim."""
    orphaned: list[str] = field(default_factory=list)
    """Objects under ``variants/`` that no row names."""
    absent: list[str] = field(default_factory=list)
    """Variants that a row names and that are not there."""
    wrong: list[str] = field(default_factory=list)
    """Variants whose bytes, hash, format or pixel size are not what their row says."""
    inconsistent: list[str] = field(default_factory=list)
    """Variants on which the two manifests disagree, and duplicates of what is not the same."""

    @property
    def clean(self) -> bool:
        """Whether every promise holds."""
        return not any(self.problems().values())

    def problems(self) -> dict[str, list[str]]:
        """Return the lists of what is wrong, by name."""
        return {
            each.name: value
            for each in fields(self)
            if isinstance(value := getattr(self, each.name), list)
        }


def audit(output: str, endpoint: str | None = None) -> Audit:
    """Check an output: rows against the listing, variants against the rows, both ways.

    Raises:
        RequestError: there is no job there.
    """
    manifest, _ = open_job(output, endpoint)
    manifest.find_parts()
    found = Audit()
    listing = manifest.read_listing()
    listed = set(listing["source_uri"].to_pylist()) if listing is not None else set()
    rows = manifest.table()
    uris = Counter(rows["source_uri"].to_pylist())
    found.sources, found.rows = len(listed), rows.num_rows
    found.lost = sorted(listed - set(uris))
    found.duplicated = sorted(uri for uri, count in uris.items() if count > 1)
    claims = [variant for row in rows["variants"].to_pylist() for variant in row]
    claimed = Counter(variant["variant_uri"] for variant in claims)
    found.variants = len(claims)
    found.duplicated += sorted(uri for uri, count in claimed.items() if count > 1)
    stored = {entry.uri for entry in manifest.storage.list(f"{manifest.output}/variants")}
    found.orphaned = sorted(stored - set(claimed))
    found.absent = sorted(set(claimed) - stored)
    found.inconsistent = sorted([*_disagreements(manifest, claims), *_strangers(rows)])
    here = [variant for variant in claims if variant["variant_uri"] in stored]
    with ThreadPoolExecutor(THREADS) as pool:
        faults = pool.map(lambda variant: _fault(manifest.storage, variant), here)
    found.wrong = [fault for fault in faults if fault]
    return found


def _fault(storage: Storage, variant: dict[str, Any]) -> str | None:
    """Return what is wrong with a stored variant, if anything is."""
    uri = variant["variant_uri"]
    try:
        data = storage.get(uri).data
        probe = image.probe(data)
        pixels = image.decode(data).pixels.shape[:2]
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


def _strangers(rows: pa.Table) -> Iterator[str]:
    """Yield the duplicates that refer to a source that is not ok, or has other bytes."""
    columns = (rows[name].to_pylist() for name in ("source_uri", "status", "sha256"))
    good = {(uri, digest) for uri, status, digest in zip(*columns, strict=True) if status == "ok"}
    copies = rows.filter(pc.is_valid(rows["duplicate_of"]))
    for row in copies.select(["source_uri", "duplicate_of", "sha256"]).to_pylist():
        if (row["duplicate_of"], row["sha256"]) not in good:
            yield str(row["source_uri"])


def _disagreements(manifest: Manifest, claims: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the variants that only one of the two manifests has, or with other facts."""
    names = ("variant_uri", "sha256", "bytes", "width", "height", "x0", "y0", "x1", "y1")
    nested = Counter(tuple(claim[name] for name in names) for claim in claims)
    derived: Counter[tuple[Any, ...]] = Counter()
    for entry in manifest.storage.list(manifest.variants):
        table = pq.read_table(pa.BufferReader(manifest.storage.get(entry.uri).data))
        derived.update(zip(*(table[name].to_pylist() for name in names), strict=True))
    for key in (nested - derived) + (derived - nested):
        yield str(key[0])
