"""The output of a job: whether it may be written, and the record that says whose it is."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import RequestError
from ..job import Job
from ..manifest.store import Manifest
from ..manifest.summary import RunSummary
from ..methods import registry

RECORDED_PACKAGES = ("ray", "torch", "pillow", "pyarrow", "numpy", "cykooz-resizer", "openvino")
"""Packages whose versions the record names, where they are installed."""


def check_output(job: Job, manifest: Manifest, overwrite: bool) -> dict[str, Any] | None:
    """Return the record of an earlier run of a job, or None where its output is empty.

    Args:
        job: the job.
        manifest: of the job's output.
        overwrite: remove what an earlier run left, of whatever job.

    Raises:
        RequestError: the output holds a job with other settings.
    """
    record = manifest.read_record()
    if record is None:
        return None
    if overwrite:
        _clear(manifest)
        return None
    if record["fingerprint"] != job.fingerprint:
        old, new = record["settings"], job.settings()
        changes = [
            f"{name}: {old.get(name)!r} -> {new.get(name)!r}"
            for name in sorted(old | new)
            if old.get(name) != new.get(name)
        ]
        raise RequestError(
            f"output {manifest.output}: holds a job with other settings "
            f"({'; '.join(changes)}); choose another output, or --overwrite it"
        )
    return record


def _clear(manifest: Manifest) -> None:
    """Remove a job, its record last, so that a killed removal is taken up again."""
    storage = manifest.storage
    for folder in ("variants", "manifest", "report"):
        storage.delete(entry.uri for entry in storage.list(f"{manifest.output}/{folder}"))
    storage.delete(f"{manifest.output}/job.json")


def job_record(job: Job, status: str, result: RunSummary, started: float) -> dict[str, Any]:
    """Return the content of ``job.json``.

    Args:
        job: the job.
        status: running, stopped or completed.
        result: the counts so far.
        started: the start of the run, in seconds since 1970.
    """
    return {
        "status": status,
        "fingerprint": job.fingerprint,
        "settings": job.settings(),
        "job": job.to_dict(),
        "weights_sha256": job.weights_sha256,
        "weights": [asdict(each) for each in job.weights_terms],
        "score_meaning": registry.score_meaning(job.method),
        "versions": _versions(),
        "counts": result.record(),
        "stages": result.counts.stages(),
        "ignored": result.ignored,
        "ignored_kinds": result.ignored_kinds,
        "started": started,
        "updated": time.time(),
    }


def _versions() -> dict[str, str]:
    """Return the versions of the recorded packages that are installed."""
    found = {}
    for name in RECORDED_PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
