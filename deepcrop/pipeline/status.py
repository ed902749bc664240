"""How a job stands, read from its output alone, from anywhere that sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..errors import RequestError
from ..storage import Storage, StorageOptions, canonical
from .lease import is_held
from .manifest import Manifest


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
    """Stage and class of error: how many sources, and the first message."""

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
    manifest.find_parts()
    state = state_of(manifest, record)
    status = Status(state, record["counts"]["sources"])
    status.ignored = record.get("ignored_kinds", {})
    status.seconds = (record["updated"] if state != "running" else time.time()) - record["started"]
    columns = ["status", "error_stage", "error_class", "error_message", "variants"]
    for rows in manifest.tables(columns):
        for row in rows.to_pylist():
            status.variants += len(row["variants"])
            if row["status"] == "ok":
                status.ok += 1
            elif row["status"] == "skipped":
                status.skipped += 1
            else:
                status.failed += 1
                key = row["error_stage"], row["error_class"]
                count, example = status.errors.get(key, (0, row["error_message"]))
                status.errors[key] = count + 1, example
    status.errors = dict(sorted(status.errors.items(), key=lambda item: -item[1][0]))
    return status
