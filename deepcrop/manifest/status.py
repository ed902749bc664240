"""How a job stands, read from its output alone, from anywhere that sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from ..errors import RequestError
from ..job import Job
from ..storage import Storage, StorageOptions, canonical
from .lease import is_held
from .store import Manifest


@dataclass
class Status:
    """Counts and failures of a job."""

    state: str
    """running, interrupted, stopped or completed."""
    sources: int
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    variants: int = 0
    seconds: float = 0.0
    """From the start of the last run to its last sign of life."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Files of the input that are no photos by their name, by kind."""
    errors: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """Stage and class of error: how many sources, and the first one's name and message."""
    flags: dict[str, int] = field(default_factory=dict)
    """By flag (see :mod:`deepcrop.flags`): how many sources have it, the most frequent first."""

    def headline(self) -> str:
        """Return one line for a person."""
        done = self.ok + self.failed + self.skipped
        share = 100 * done / self.sources if self.sources else 0.0
        return (
            f"{self.state}: {done:,} of {self.sources:,} images ({share:.1f}%), {self.ok:,} ok, "
            f"{self.failed:,} failed, {self.skipped:,} skipped, {self.variants:,} variants"
        )

    def record(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        errors = [
            {"stage": stage, "class": name, "images": count, "example": example}
            for (stage, name), (count, example) in self.errors.items()
        ]
        return {**self.__dict__, "errors": errors}


def open_job(output: str, endpoint: str | None = None) -> tuple[Manifest, dict[str, Any]]:
    """Return the manifest and the record of the job at an output.

    Raises:
        RequestError: there is no job there.
    """
    storage = Storage(StorageOptions(endpoint=endpoint))
    manifest = Manifest(canonical(output.rstrip("/")), storage)
    record = manifest.read_record()
    if record is None:
        raise RequestError(f"output {output}: no job there (no job.json); expected a job's output")
    return manifest, record


def state_of(manifest: Manifest, record: dict[str, Any]) -> str:
    """Return running, interrupted, stopped or completed."""
    if record["status"] == "running" and not is_held(manifest.lease, manifest.storage):
        return "interrupted"
    return str(record["status"])


def read_status(output: str, endpoint: str | None = None) -> Status:
    """Read how the job at ``output`` stands.

    Raises:
        RequestError: there is no job there.
    """
    manifest, record = open_job(output, endpoint)
    manifest.load_parts()
    state = state_of(manifest, record)
    status = Status(state, record["counts"]["sources"])
    status.ignored = record.get("ignored_kinds", {})
    status.seconds = (record["updated"] if state != "running" else time.time()) - record["started"]
    columns = ["source_uri", "status", "variants", "flags"]
    columns += ["error_stage", "error_class", "error_message"]
    flags: Counter[str] = Counter()
    for rows in manifest.tables(columns):
        flags.update(pc.list_flatten(rows["flags"]).to_pylist())
        for row in rows.drop_columns("flags").to_pylist():
            status.variants += len(row["variants"])
            if row["status"] == "ok":
                status.ok += 1
            elif row["status"] == "skipped":
                status.skipped += 1
            else:
                status.failed += 1
                key = row["error_stage"], row["error_class"]
                count, example = status.errors.get(key, (0, _example(row)))
                status.errors[key] = count + 1, example
    status.errors = dict(sorted(status.errors.items(), key=lambda item: -item[1][0]))
    status.flags = dict(flags.most_common())
    return status


def job_of(
    manifest: Manifest,
    record: Mapping[str, Any],
    endpoint: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Job:
    """Return the job that an output holds, as its ``job.json`` tells it.

    Args:
        manifest: of the output; where that lies now, whatever the job was told then.
        record: the ``job.json``.
        endpoint: URL of the S3 server, where it is not the job's.
        changes: fields that are to differ.
    """
    place = {"output": manifest.output} | ({"s3_endpoint": endpoint} if endpoint else {})
    return Job.parse(record["job"] | place | dict(changes or {}))


def _example(row: dict[str, Any]) -> str:
    """Return a failed source's name and what its row says."""
    return f"{row['source_uri'].rpartition('/')[2]}: {row['error_message']}"
