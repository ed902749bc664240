"""Checks of a job's output by its manifest and objects as they lie in the store.

It reads them with boto3 and pyarrow alone, independently of ``deepcrop verify``, and compares them
with the corpus and with the output of a run without any fault.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

from .corpus import Source


@dataclass
class Findings:
    """The errors in an output.

    Attributes:
        lost: sources without a row, and variants without an object.
        duplicated: sources with several rows, and objects that several rows name.
        orphaned: objects that no row names.
        wrong: rows and objects with a content other than expected.
    """

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of findings of all kinds."""
        return sum(map(len, vars(self).values()))


def objects(client: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys below a prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from (each["Key"] for each in page.get("Contents", ()))


def read_rows(client: Any, bucket: str, output: str) -> list[dict[str, Any]]:
    """Return all rows of the images manifest."""
    rows: list[dict[str, Any]] = []
    for key in objects(client, bucket, f"{output}/manifest/images/"):
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        rows += pq.read_table(io.BytesIO(body)).to_pylist()
    return rows


def hashes(client: Any, bucket: str, output: str) -> dict[str, str]:
    """Return the SHA-256 of every variant object, by its key below the output."""
    root = f"{output}/variants/"

    def digest(key: str) -> tuple[str, str]:
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return key.removeprefix(f"{output}/"), hashlib.sha256(body).hexdigest()

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(digest, objects(client, bucket, root)))


def check(
    client: Any,
    bucket: str,
    output: str,
    prefix: str,
    corpus: Sequence[Source],
    reference: dict[str, str] | None,
) -> Findings:
    """Compare an output with the corpus, and with the variants of an undisturbed run.

    Args:
        client: a boto3 client of the store.
        bucket: the bucket of both the corpus and the output.
        output: prefix of the output.
        prefix: prefix of the corpus.
        corpus: what was uploaded.
        reference: what `hashes` returned for the undisturbed run; None skips this comparison.
    """
    found = Findings()
    rows = read_rows(client, bucket, output)
    expected = {f"s3://{bucket}/{prefix}/{source.key}": source for source in corpus}
    counts = Counter(row["source_uri"] for row in rows)
    found.lost += [uri for uri in expected if not counts[uri]]
    found.duplicated += [uri for uri, count in counts.items() if count > 1]
    found.wrong += [f"{uri}: not in the corpus" for uri in counts if uri not in expected]
    for row in rows:
        source = expected.get(row["source_uri"])
        if source and row["error_class"] != source.error:
            found.wrong.append(
                f"{source.key}: {row['status']} {row['error_class']} ({row['error_message']}), "
                f"expected {source.error or 'ok'}"
            )
        digest = source and hashlib.sha256(source.data).hexdigest()
        if row["status"] == "ok" and row["sha256"] != digest:
            found.wrong.append(f"{row['source_uri']}: hash of the source")
    claims = [
        (variant["variant_uri"].removeprefix(f"s3://{bucket}/{output}/"), variant["sha256"])
        for row in rows
        for variant in row["variants"]
    ]
    stored = hashes(client, bucket, output)
    claimed = dict(claims)
    found.duplicated += [
        key for key, count in Counter(key for key, _ in claims).items() if count > 1
    ]
    found.orphaned += [key for key in stored if key not in claimed]
    found.lost += [key for key in claimed if key not in stored]
    found.wrong += [
        f"{key}: bytes" for key in stored if claimed.get(key) not in (None, stored[key])
    ]
    if reference is not None:
        found.lost += [key for key in reference if key not in stored]
        found.wrong += [
            f"{key}: not the undisturbed run's bytes"
            for key in stored
            if reference.get(key) != stored[key]
        ]
    outside = {"variants", "manifest", "job.json", ".lease.json"}
    found.orphaned += [
        key
        for key in objects(client, bucket, f"{output}/")
        if key.removeprefix(f"{output}/").split("/")[0] not in outside
    ]
    return found
