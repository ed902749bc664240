"""The driver: lists the sources, has executors work on them, commits rows, finds what got lost.

A pass gives every source that has no row yet to an executor. Rows come back as they are done and
are committed in parts by this process alone, so a source has a row or it has none, whatever dies
meanwhile. What a pass has lost (with a killed process, a lost node) the second pass works on, one
source at a time; what that loses too is tried in quarantine, each source in a process of its own,
and if it kills that every time, it ends as a failed row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from ..errors import JobIncomplete, SourceError
from ..job import Job
from ..manifest.duplicates import REFERENCE_COLUMNS, duplicate_rows
from ..manifest.lease import Lease
from ..manifest.store import Manifest
from ..manifest.summary import COUNTED_COLUMNS, RowCounts, RunSummary
from ..progress import NullProgress, Progress
from ..sources.corrections import Corrections
from ..sources.index import SourceIndex, source_ids
from ..storage import canonical
from .committer import PART_ROWS, Committer
from .executor import Rows
from .job_errors import split_job_errors
from .output import check_output, job_record
from .passes import executor_for
from .preflight import check_input_output, without_empty_folders
from .session import ClusterSession
from .source_loader import SourceLoader
from .telemetry import Telemetry

MIN_ROWS_BEFORE_ABORT = 50
"""Rows before ``max_failed`` is judged by those that are done."""

Mask = NDArray[np.bool_]
"""bool (sources,): some of a job's sources, in the order of the listing."""


def run(
    job: Job,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    corrections: str | None = None,
) -> RunSummary:
    """Run a job on the Ray cluster at hand, or on one of this machine's own; or resume it.

    Args:
        job: what is to be done.
        overwrite: remove the output's job and start afresh.
        progress: is told of the job's progress.
        corrections: a table of corrections, see :mod:`deepcrop.sources.corrections`; of the sources
            done before, only those that it changes are done again.

    Raises:
        RequestError: the input or output is not usable, or the output is another job's.
        JobIncomplete: the job was stopped; running it again resumes it.
    """
    table = Corrections.read(corrections, job) if corrections else Corrections.none()
    return Driver(job, progress or NullProgress(), table).run(overwrite)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn what ends a driver into one clear error.

    Raises:
        JobIncomplete: it was stopped, or the cluster failed.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise JobIncomplete("interrupted; the same command resumes") from None
    except SourceError as error:
        # Sources' errors end in their rows: this one is about the manifest or the listing.
        raise JobIncomplete(f"{error}; the same command resumes") from error
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise JobIncomplete(f"the cluster failed ({first}); the same command resumes") from error


class Driver:
    """One run of a job."""

    def __init__(
        self,
        job: Job,
        progress: Progress,
        corrections: Corrections | None = None,
        *,
        relists: bool = True,
        redo: Callable[[pa.Table], pa.Array] | None = None,
    ) -> None:
        """Prepare; nothing is read or written yet.

        Args:
            job: what is to be done.
            progress: is told of the job's progress.
            corrections: new corrections; those of earlier runs hold too.
            relists: whether a completed job looks for new sources.
            redo: marks rows of the manifest, bool (rows,), of which the sources are worked on
                again.
        """
        self.job, self.progress = job, progress
        self.corrections = corrections or Corrections.none()
        self.relists, self.redo = relists, redo
        self.storage = job.storage
        self.manifest = Manifest(canonical(job.output.rstrip("/")), self.storage)
        self.lease = Lease(self.manifest.lease, self.storage)
        self.committer = Committer(self.manifest, self.lease)
        self.telemetry = Telemetry(job.method)
        self.stack = ExitStack()
        self.session = ClusterSession(job, progress, self.stack)
        self.created = time.time()

    @property
    def started(self) -> float:
        """The start in seconds since 1970; a cluster's own start is no part of the job's time."""
        return self.created + self.session.connect_seconds

    def run(self, overwrite: bool) -> RunSummary:
        """Run the job to its end; see :func:`run`."""
        with _translate_errors(), without_empty_folders(self.manifest.output), self.stack:
            check_input_output(self.job, lists=self.relists)
            self.lease.acquire()
            self.stack.callback(self.lease.release)
            record = check_output(self.job, self.manifest, overwrite)
            self.manifest.open()
            if record is not None and self.redo is not None:
                self.manifest.write_record(record | {"status": "running"})
                self.manifest.delete_rows(self.redo)
            loader = SourceLoader(
                self.job,
                self.storage,
                self.manifest,
                self.session,
                self.progress,
                self._heartbeat,
                self.relists,
            )
            return self._run(*loader.load(record, self.corrections))

    def _run(self, sources: SourceIndex, ignored: Mapping[str, int]) -> RunSummary:
        """Work on all sources that have no row yet: originals first, then their duplicates."""
        result = RunSummary(self.manifest.output, len(sources), ignored_kinds=dict(ignored))
        result.listing_seconds = time.time() - self.started
        missing = self._count_committed(sources, result)
        result.resumed = result.done
        self._write_record("running", result)
        self.progress.start(len(sources), result.resumed, result.failed)
        self.telemetry.set_pending(result.pending)
        self._complete(sources, ~sources.is_duplicate, missing, result)
        if sources.is_duplicate.any() and not result.stopped:
            rows = self._duplicate_rows(sources, sources.is_duplicate & missing)
            self._commit_all(rows, sources, missing, result)
            self._complete(sources, sources.is_duplicate, missing, result)
        result.seconds = time.time() - self.started
        self._write_record("stopped" if result.stopped else "completed", result)
        return result

    def _duplicate_rows(self, sources: SourceIndex, duplicates: Mask) -> Rows:
        """Make the rows of duplicates; those whose original failed are worked on themselves."""
        originals = self.manifest.table(list(REFERENCE_COLUMNS))
        passthrough = sources.listing.passthrough
        for table in sources.tables(duplicates):
            for start in range(0, table.num_rows, PART_ROWS):
                part = table.slice(start, PART_ROWS)
                yield duplicate_rows(part, originals, self.job.fingerprint, passthrough)

    def _complete(
        self, sources: SourceIndex, selected: Mask, missing: Mask, result: RunSummary
    ) -> None:
        """Work on the selected sources until none is missing, or the job is stopped."""
        full_passes = 0
        while not result.stopped and (due := selected & missing).any():
            result.passes += 1
            layout = self.session.connect()
            self.progress.note("" if result.passes == 1 else "trying again what got lost")
            # Workers of a cluster that runs already have another working folder than this process.
            job = self.job.model_copy(update={"output": self.manifest.output})
            executor = executor_for(full_passes, job, self.storage, layout, sources)
            before = result.done
            rows = executor.run(np.flatnonzero(due), self._heartbeat)
            self._commit_all(rows, sources, missing, result)
            # A pass that a lost node ended has lost much more than what was running there.
            full_passes += not executor.lost_node or result.done == before

    def _commit_all(
        self, rows: Rows, sources: SourceIndex, missing: Mask, result: RunSummary
    ) -> None:
        """Commit rows as they come; their sources are missing no more."""
        try:
            self._consume(rows, sources, missing, result)
        except BaseException:
            self.committer.commit_if_possible()
            raise
        self.committer.commit()

    def _consume(self, rows: Rows, sources: SourceIndex, missing: Mask, result: RunSummary) -> None:
        """Take rows until there are no more, or the job is stopped.

        Raises:
            JobIncomplete: a row says that every further source would fail too.
        """
        with closing(rows):
            for answer in rows:
                self.session.renew_capacity()
                table, problem = split_job_errors(answer)
                counts = RowCounts.of(table)
                result.counts.add(counts)
                self.progress.advance(counts.done, counts.failed)
                self.telemetry.count(counts, table)
                self.telemetry.set_pending(result.pending)
                self.committer.add(table)
                missing[sources.rows(source_ids(table))] = False
                if problem is not None:
                    raise JobIncomplete(f"{problem}; once that is mended, the same command resumes")
                if self._should_abort(result):
                    result.stopped = True
                    break

    def _should_abort(self, result: RunSummary) -> bool:
        """Return whether too many sources failed; only a job with ``max_failed`` ends early."""
        share, done = self.job.max_failed, result.done
        if share is None or done == result.sources:
            return False
        if done >= MIN_ROWS_BEFORE_ABORT and result.failed > share * done:
            return True
        return result.exceeds(share)

    def _heartbeat(self) -> None:
        """Do what is due while no row comes back: keep the lease, commit, look at the cluster."""
        self.committer.commit_if_due()
        self.session.check_capacity()

    def _count_committed(self, sources: SourceIndex, result: RunSummary) -> Mask:
        """Count the rows of earlier runs; return which sources have none."""
        missing = np.ones(len(sources), bool)
        for rows in self.manifest.tables(["source_id", *COUNTED_COLUMNS]):
            result.counts.add(RowCounts.of(rows))
            missing[sources.rows(source_ids(rows))] = False
        return missing

    def _write_record(self, status: str, result: RunSummary) -> None:
        self.manifest.write_record(job_record(self.job, status, result, self.started))
