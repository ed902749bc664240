"""The output of a job: whether it may be written, and the record that says whose it is."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .. import __version__
from ..errors import RequestError
from ..job import Job
from ..manifest.mark_log import FOLDER as MARKS
from ..manifest.staging import FOLDER as STAGING
from ..manifest.store import VERSION, Manifest
from ..manifest.summary import RunSummary
from ..methods import registry

RECORDED_PACKAGES = ("ray", "torch", "pillow", "pyarrow", "numpy", "cykooz-resizer", "openvino")
"""Packages whose versions the record names, where they are installed."""


def check_output(manifest: Manifest, overwrite: bool) -> dict[str, Any] | None:
    """Return the record of an earlier run, or None where the output is empty.

    Args:
        manifest: of the job's output.
        overwrite: remove what an earlier run left, of whatever job.

    Raises:
        RequestError: a later release wrote the output.
    """
    record = manifest.read_record()
    if record is None:
        return None
    if overwrite:
        _clear(manifest)
        return None
    check_version(manifest.output, record)
    return record


def check_version(output: str, record: dict[str, Any]) -> None:
    """Make sure that this release knows all that an output holds.

    Raises:
        RequestError: a later release wrote it.
    """
    written = record.get("manifest_version", 1)
    if written > VERSION:
        raise RequestError(
            f"output {output}: was written by a later release of deepcrop (version {written} of "
            f"the manifest, this one knows {VERSION}); use that release, or another output"
        )


def _clear(manifest: Manifest) -> None:
    """Remove a job, its record last, so that a killed removal is taken up again."""
    storage = manifest.storage
    for folder in ("variants", "manifest", "report", MARKS, STAGING):
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
        "manifest_version": VERSION,
        "snapshot": result.snapshot,
        "fingerprint": job.fingerprint,
        "settings": job.settings(),
        "job": job.to_dict(),
        "weights_sha256": job.weights_sha256,
        "weights": [asdict(each) for each in job.weights_terms],
        "score_meaning": registry.score_meaning(job.method),
        "versions": {"deepcrop": __version__, **_versions()},
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
