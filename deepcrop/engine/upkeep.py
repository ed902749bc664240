"""The upkeep of an output around the work of a run: takeover and pruning, compaction, snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq
from pyarrow import BufferReader

from ..job import Job
from ..manifest.changes import Removed
from ..manifest.compaction import compact
from ..manifest.history import History
from ..manifest.orphans import remove_orphans
from ..manifest.pruning import prune
from ..manifest.replacement import Replacer
from ..manifest.store import Manifest
from ..manifest.summary import RowCounts
from ..manifest.survey import Survey
from ..manifest.takeover import Takeover, is_old, take_over
from ..recipes import Recipes
from ..sources.corrections import Corrections
from ..sources.index import passthrough_columns
from ..tables import PARQUET


class Upkeep:
    """Keeps the manifest of one output in order; the run that holds the lease has one."""

    def __init__(self, job: Job, manifest: Manifest) -> None:
        """Take the job and the manifest of its output."""
        self.job, self.manifest = job, manifest
        self.history = History(manifest)
        self.replacer = Replacer(manifest, self.history)
        self.changed = False
        """Whether a row was changed or removed besides those that were worked on."""
        self._sweeps = False

    def open(self) -> None:
        """Find the parts, and end what a killed driver began."""
        self.manifest.open()
        self.history.open()
        self.replacer.recover()

    def prepare(
        self, record: Mapping[str, Any] | None, survey: Survey, corrections: Corrections
    ) -> int:
        """Make the manifest ready for rows of this job; return the rows that were taken over.

        Args:
            record: the content of ``job.json`` before this run.
            survey: what the run found.
            corrections: those that the job applies.
        """
        manifest, listing = self.manifest, survey.listing
        known, taken_over = manifest.find_listing(), 0
        # Rows of a run that didn't end are in no snapshot yet.
        self.changed = record is not None and record["status"] != "completed"
        interrupted = record is not None and record["status"] == "running"
        unlike = known is not None and not known.equals(listing.public)
        self._sweeps = record is not None and (
            bool(record.get("sweeps"))
            or (interrupted and (unlike or record["fingerprint"] != self.job.fingerprint))
        )
        if record is not None and is_old(record):
            previous = None if known is None else pq.read_table(BufferReader(known))
            takeover = Takeover(record, corrections, previous)
            taken_over = take_over(manifest, takeover, pq.read_table(BufferReader(listing.public)))
        carried = passthrough_columns(listing.public)
        if record is not None and (survey.unlike or _columns_differ(known, carried)):
            manifest.conform(carried)
        if survey.absent is None:
            manifest.storage.delete(manifest.absent)
        else:
            manifest.storage.write(manifest.absent, survey.absent.to_pybytes(), PARQUET)
        if known is None or unlike:
            manifest.write_listing(listing.public)
        return taken_over

    @property
    def notes(self) -> dict[str, object]:
        """What the record of a running job says for the next run, should this one be killed."""
        return {"sweeps": True} if self._sweeps else {}

    def prune(self, survey: Survey, counts: RowCounts) -> Removed:
        """Remove what the input or the job has no more.

        Args:
            survey: what the run found.
            counts: counts of the rows that stay, from which removed variants are taken.
        """
        recipes = Recipes(self.job)
        names = [*self.job.slugs, *(request.name for request in self.job.requests)]
        removed = prune(
            self.manifest, self.replacer, survey.gone, recipes.renderings, names, counts
        )
        self.changed |= bool(removed.sources or removed.variants)
        if survey.absent is not None and removed.sources:
            table = pq.read_table(BufferReader(survey.absent))
            left = [identity not in survey.gone for identity in table["source_id"].to_pylist()]
            if any(left):
                self.manifest.put(self.manifest.absent, table.filter(left))
            else:
                self.manifest.storage.delete(self.manifest.absent)
        return removed

    def finish(self, survey: Survey) -> int:
        """Tidy up after the work; return how many parts were merged away."""
        self.replacer.clear_staging()
        if self._sweeps:
            remove_orphans(self.manifest)
            self._sweeps = False
        return compact(self.manifest, self.history, survey.part_rows)


def _columns_differ(known: object, carried: object) -> bool:
    """Return whether a listing carries other columns than the one before it."""
    return known is None or not passthrough_columns(known).equals(carried)
