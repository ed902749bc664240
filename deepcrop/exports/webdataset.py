"""A job's variants as a WebDataset: tar files of samples, for training loops that read in order.

A sample is a source: its variants (``ID.1x1.jpg``, ``ID.card-320w.avif``) and its manifest row
(``ID.json``). The ID is the source's, in hexadecimal: a file name may contain dots, and WebDataset
ends a sample's name at the first one. Shards are made from a manifest rather than by the job,
because a killed job must be able to write each variant again.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ..manifest.rows import ImageRow, VariantRow
from ..manifest.store import Manifest
from ..storage import Storage
from .base import ExportFormat, ExportOptions, ExportResult
from .rows import ok_rows

SHARD_SAMPLES = 1000
"""Samples in a shard; the last shard has fewer."""
READ_THREADS = 16
"""Variants that are read at the same time."""


def write_shards(rows: Iterable[ImageRow], storage: Storage, folder: str) -> list[str]:
    """Write the sources that have variants as ``shard-000000.tar`` and so on; return the URIs.

    The same rows give the same bytes.

    Args:
        rows: rows of the images manifest.
        storage: reads the variants and writes the shards.
        folder: URI of the folder that the shards are written to.

    Raises:
        FetchError: a variant can't be read.
        WriteError: a shard can't be written.
    """
    written = []
    for number, samples in enumerate(_batches(row for row in rows if row["variants"])):
        uri = f"{folder.rstrip('/')}/shard-{number:06d}.tar"
        storage.write(uri, _shard(samples, storage), "application/x-tar")
        written.append(uri)
    return written


def _batches(rows: Iterator[ImageRow]) -> Iterator[list[ImageRow]]:
    batch: list[ImageRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == SHARD_SAMPLES:
            yield batch
            batch = []
    if batch:
        yield batch


def _shard(samples: list[ImageRow], storage: Storage) -> bytes:
    uris = [variant["variant_uri"] for row in samples for variant in row["variants"]]
    sink = io.BytesIO()
    with ThreadPoolExecutor(READ_THREADS) as pool, tarfile.open(fileobj=sink, mode="w") as tar:
        images = pool.map(storage.read, uris)
        for row in samples:
            key = f"{row['source_id'] & (2**64 - 1):016x}"
            for variant in row["variants"]:
                suffix = variant["variant_uri"].rpartition(".")[2]
                _add(tar, f"{key}.{_part(variant)}.{suffix}", next(images))
            _add(tar, f"{key}.json", json.dumps(row, default=str).encode())
    return sink.getvalue()


def _part(variant: VariantRow) -> str:
    """Return the name of a variant in its sample: ``1x1``, ``card-320w``, ``card-320w@1_5x``."""
    if variant["preset"] is None:
        return variant["aspect"]
    density = variant["density"] or 1.0
    suffix = "" if density == 1 else f"@{density:g}x".replace(".", "_")
    return f"{variant['preset']}-{variant['asked_width']}w{suffix}"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write a job's shards into the folder ``target``; duplicates are no samples of their own."""
    return ExportResult(write_shards(ok_rows(manifest), manifest.storage, target))


FORMAT = ExportFormat(frozenset(), write)
