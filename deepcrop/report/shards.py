"""A job's variants as a WebDataset: tar files of samples, for training loops that read in order.

A sample is a source: its variants (``ID.1x1.jpg``, ``ID.16x9.jpg``) and what the manifest says of
it (``ID.json``). The ID is the source's, in hexadecimal: names may have dots, which WebDataset
takes for the end of a sample's name. Shards are made from a finished manifest, not by the job
itself, whose variants stay single objects that a killed run can write again.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..storage import Storage

SAMPLES = 1000
"""Samples of a shard."""
THREADS = 16


def write_shards(rows: Iterable[Mapping[str, Any]], storage: Storage, folder: str) -> list[str]:
    """Write the sources that have variants as ``shard-000000.tar`` and so on; return the URIs.

    The same rows give the same bytes.

    Args:
        rows: of the images manifest.
        storage: the store that the variants lie in, and the shards will.
        folder: where the shards go.

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


def _batches(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == SAMPLES:
            yield batch
            batch = []
    if batch:
        yield batch


def _shard(samples: list[Mapping[str, Any]], storage: Storage) -> bytes:
    uris = [variant["variant_uri"] for row in samples for variant in row["variants"]]
    sink = io.BytesIO()
    with ThreadPoolExecutor(THREADS) as pool, tarfile.open(fileobj=sink, mode="w") as tar:
        images = pool.map(storage.read, uris)
        for row in samples:
            key = f"{row['source_id'] & (2**64 - 1):016x}"
            for variant in row["variants"]:
                suffix = variant["variant_uri"].rpartition(".")[2]
                _add(tar, f"{key}.{variant['aspect']}.{suffix}", next(images))
            _add(tar, f"{key}.json", json.dumps(row, default=str).encode())
    return sink.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
