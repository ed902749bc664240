"""The sources of a run: those that an interrupted run listed, or those that are there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import ray

from ..job import Job
from ..manifest.corrections import apply_corrections
from ..manifest.store import Manifest
from ..progress import Progress
from ..sources.corrections import Corrections
from ..sources.discovery import is_redacted
from ..sources.index import ParquetListing, SourceIndex, iter_row_groups, passthrough_columns
from ..sources.listing import (
    Listing,
    build_listing,
    join_corrections,
    list_locally,
    restore_secrets,
)
from ..storage import Storage
from .heartbeat import Heartbeat, get_with_heartbeat, unwrap_task_error
from .mapping import ray_map
from .session import ClusterSession

Record = Mapping[str, Any]
"""The content of ``job.json``."""


@dataclass(frozen=True)
class SourceLoader:
    """Lists the sources of a job, or takes the listing of an earlier run."""

    job: Job
    storage: Storage
    manifest: Manifest
    session: ClusterSession
    progress: Progress
    heartbeat: Heartbeat
    relists: bool
    """Whether a completed job looks for new sources."""

    def load(
        self, record: Record | None, corrections: Corrections
    ) -> tuple[SourceIndex, Mapping[str, int]]:
        """Return the sources, and how many files were ignored, by kind.

        Args:
            record: of an earlier run of the job, if there was one.
            corrections: new ones; those of earlier runs hold too.

        Raises:
            RequestError: there is no input, or a correction is about no source of the job.
        """
        listing = self._list(record)
        uris = iter_row_groups(listing.packed, ["source_uri"])
        corrections = apply_corrections(corrections, uris, self.manifest, record)
        data = join_corrections(listing.packed, corrections)
        return SourceIndex(ParquetListing(data)), listing.kinds

    def _list(self, record: Record | None) -> Listing:
        """Return the listing, which is written down before the first source is worked on."""
        known = self.manifest.find_listing()
        kinds: Mapping[str, int] = (record or {}).get("ignored_kinds", {})
        if known is not None and record is not None and not self._should_relist(record):
            if not any(is_redacted(uris) for uris in iter_row_groups(known, ["source_uri"])):
                return Listing(known, known, kinds)
            return self._list_remotely(restore_secrets, known, kinds)
        self.progress.note("listing, looking for duplicates" if self.job.dedupe else "listing")
        listing = list_locally(self.job, self.storage, known)
        if listing is None:
            listing = self._list_remotely(build_listing, known)
        if record is None:
            self.session.connect()  # what the cluster can't do is said before anything is written
        else:
            self.manifest.conform(passthrough_columns(listing.public))
        self.manifest.write_listing(listing.public)
        return listing

    def _should_relist(self, record: Record) -> bool:
        """Return whether to look for new sources: once those of before are all done."""
        return self.relists and record["status"] == "completed"

    def _list_remotely(self, make: Callable[..., Listing], *arguments: object) -> Listing:
        """Make the listing in a process of its own, which gives its memory back when it ends."""
        self.session.connect()
        # Ray's annotations know functions of positional arguments alone.
        task: Any = ray.remote(num_cpus=0, max_calls=1)(make)
        try:
            answer = task.remote(self.job, self.storage, *arguments, parallel_map=ray_map)
            return cast(Listing, get_with_heartbeat(answer, self.heartbeat))
        except ray.exceptions.RayTaskError as error:
            raise unwrap_task_error(error) from error
