"""The state of a job, read from its output alone, from any machine that can read it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..errors import RequestError
from ..job import Job
from ..storage import Attributes, Storage, StorageOptions, canonical
from .history import past
from .lease import is_held
from .store import JobRecord, Manifest
from .summary import COUNTED_COLUMNS, FailureKey, RowCounts


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
    """Seconds from the start of the last run to its last write."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Files of the input that were ignored, by kind; see :mod:`deepcrop.sources.selection`."""
    errors: dict[FailureKey, tuple[int, str]] = field(default_factory=dict)
    """Failed sources by stage and class of error, the most frequent first: how many, and the name
    and error message of the first."""
    flags: dict[str, int] = field(default_factory=dict)
    """Sources by flag (see :mod:`deepcrop.flags`), the most frequent first."""
    snapshot: int | None = None
    """Number of the last snapshot, or of the one that was asked for."""
    absent: int = 0
    """Sources with a row that aren't in the input any more, or that ``limit`` leaves out."""
    at: str | None = None
    """The time of the snapshot that was asked for."""
    behind: dict[str, object] | None = None
    """How far the output is behind its input; None where that was not asked for."""

    def headline(self) -> str:
        """Return one line for a person."""
        done = self.ok + self.failed + self.skipped
        share = 100 * done / self.sources if self.sources else 0.0
        return (
            f"{self.state}: {done:,} of {self.sources:,} images ({share:.1f}%), {self.ok:,} ok, "
            f"{self.failed:,} failed, {self.skipped:,} skipped, {self.variants:,} variants"
        )

    def record(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        errors = [
            {"stage": stage, "class": name, "images": count, "example": example}
            for (stage, name), (count, example) in self.errors.items()
        ]
        return {**self.__dict__, "errors": errors}


def open_job(output: str, endpoint: str | None = None) -> tuple[Manifest, JobRecord]:
    """Return the manifest and the record of the job at an output.

    Raises:
        RequestError: there is no job there.
    """
    storage = Storage(StorageOptions(endpoint=endpoint))
    manifest = Manifest(canonical(output.rstrip("/")), storage)
    record = manifest.read_record()
    if record is None:
        raise RequestError(f"output {output}: no job there (no job.json); expected a job's output")
    if told := record.get("job", {}).get("store"):
        # What is written beside the job's results is encrypted and owned as they are.
        attributes = Attributes.model_validate(told)
        manifest.storage = Storage(StorageOptions(endpoint=endpoint, attributes=attributes))
    return manifest, record


def state_of(manifest: Manifest, record: JobRecord) -> str:
    """Return running, interrupted, stopped or completed."""
    if record["status"] == "running" and not is_held(manifest.lease, manifest.storage):
        return "interrupted"
    return str(record["status"])


def read_status(output: str, endpoint: str | None = None, at: str | None = None) -> Status:
    """Read the status of the job at ``output``.

    Args:
        output: the job's output.
        endpoint: URL of the S3 server, where it is not the usual one.
        at: the number of a snapshot, or a time, of which the status is told; by default the present
            one is.

    Raises:
        RequestError: there is no job there, or no such snapshot.
    """
    manifest, record = open_job(output, endpoint)
    if at is not None:
        return _past_status(manifest, at)
    manifest.load_parts()
    state = state_of(manifest, record)
    counts = RowCounts.total(manifest.tables(COUNTED_COLUMNS))
    updated = time.time() if state == "running" else record["updated"]
    absent = record["counts"].get("absent", 0)
    return Status(
        state,
        sources=record["counts"]["sources"] + absent,
        ok=counts.ok,
        failed=counts.failed,
        skipped=counts.skipped,
        variants=counts.variants,
        seconds=updated - record["started"],
        ignored=record.get("ignored_kinds", {}),
        errors={
            key: (group.count, _example(*group.examples[0]))
            for key, group in counts.frequent_failures()
        },
        flags=dict(counts.flags.most_common()),
        snapshot=record.get("snapshot"),
        absent=absent,
    )


def _past_status(manifest: Manifest, at: str) -> Status:
    """Return the counts of a snapshot."""
    rows, snapshot = past(manifest, at)
    counts = RowCounts.total(rows.tables(COUNTED_COLUMNS))
    return Status(
        f"snapshot {snapshot.number}",
        sources=counts.done,
        ok=counts.ok,
        failed=counts.failed,
        skipped=counts.skipped,
        variants=counts.variants,
        errors={
            key: (group.count, _example(*group.examples[0]))
            for key, group in counts.frequent_failures()
        },
        flags=dict(counts.flags.most_common()),
        snapshot=snapshot.number,
        at=datetime.fromtimestamp(snapshot.time, UTC).isoformat(" ", "seconds"),
    )


def job_of(
    manifest: Manifest,
    record: JobRecord,
    endpoint: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> Job:
    """Return the job of an output, as its ``job.json`` has it.

    Args:
        manifest: the output's manifest. Its place overrides that in the record: the output may
            have been moved.
        record: the content of ``job.json``.
        endpoint: URL of the S3 server, where it is not the job's.
        changes: fields that are to differ.

    Raises:
        RequestError: the record or the changes are no valid job.
    """
    place = {"output": manifest.output} | ({"s3_endpoint": endpoint} if endpoint else {})
    return Job.parse(record["job"] | place | dict(changes or {}))


def _example(uri: str, message: str) -> str:
    """Return a failed source's name and error message."""
    return f"{uri.rpartition('/')[2]}: {message}"
