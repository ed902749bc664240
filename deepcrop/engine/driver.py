"""The driver: surveys input and output, has executors work on sources, commits rows.

A survey says which sources are due. A pass gives every one of them that has no new row yet to an
executor. Rows come back as they are done and are committed by this process alone, so a source has
its earlier row or its new one, whatever dies meanwhile. What a pass has lost (with a killed
process, a lost node) the second pass works on, one source at a time; what that loses too is tried
in quarantine, each source in a process of its own, and if it kills that every time, it ends as a
failed row.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import numpy as np
import ray
from numpy.typing import NDArray

from ..errors import JobIncomplete, SourceError
from ..job import Job
from ..manifest.corrections import all_corrections, keep_corrections
from ..manifest.duplicates import REFERENCE_COLUMNS, duplicate_rows
from ..manifest.lease import Lease
from ..manifest.pending_marks import PendingMarks
from ..manifest.pruning import MAX_PRUNE, check_prune
from ..manifest.staging import staging_area
from ..manifest.store import JobRecord, Manifest
from ..manifest.summary import RowCounts, RunSummary
from ..manifest.survey import Question, Survey
from ..progress import NullProgress, Progress
from ..sources.corrections import Corrections
from ..sources.index import ParquetListing, SourceIndex, source_ids
from ..storage import Storage, canonical
from .committer import PART_ROWS, Committer
from .executor import Rows
from .job_errors import split_job_errors
from .output import check_output, job_record
from .preflight import check_input_output, without_empty_folders
from .session import ClusterSession, Session
from .source_loader import SourceLoader
from .telemetry import Telemetry
from .upkeep import Upkeep

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
    prune: bool = False,
    max_prune: float = MAX_PRUNE,
    wait: float = 0.0,
) -> RunSummary:
    """Bring an output up to date with its input, on the Ray cluster at hand or on this machine.

    New sources are worked on, and changed ones again; variants are made that other settings ask
    for. Marks that people made since the last run are applied. What an interrupted run has done is
    not done twice.

    Args:
        job: what is to be done.
        overwrite: remove the output's job and start afresh.
        progress: is told of the job's progress.
        corrections: a table of corrections, see :mod:`deepcrop.sources.corrections`.
        prune: remove the rows and variants of sources that the input doesn't have any more, and
            variants that the job doesn't ask for any more.
        max_prune: share of the sources, 0..1, that pruning may remove.
        wait: seconds for which to wait until another run on the same output ends.

    Raises:
        RequestError: the input or output is not usable, or pruning would remove too much.
        JobIncomplete: the job was stopped; running it again resumes it.
    """
    table = Corrections.read(corrections, job) if corrections else Corrections.none()
    options = RunOptions(overwrite, prune, max_prune, wait)
    return Driver(job, progress or NullProgress(), table, marks=True).run(options)


@dataclass(frozen=True)
class RunOptions:
    """What is asked of a run besides its job; see :func:`run`."""

    overwrite: bool = False
    prune: bool = False
    max_prune: float = MAX_PRUNE
    wait: float = 0.0


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
        retries: frozenset[str] | None = None,
        damaged: frozenset[str] = frozenset(),
        marks: bool = False,
        storage: Storage | None = None,
        session: Session | None = None,
    ) -> None:
        """Prepare; nothing is read or written yet.

        Args:
            job: what is to be done.
            progress: is told of the job's progress.
            corrections: new corrections; those of earlier runs hold too.
            relists: whether the input is listed, or the listing of the last run taken.
            retries: stages and classes of errors of failed sources that are worked on again; all
                where it is empty.
            damaged: URIs of variants that are made again.
            marks: whether marks in the output's log are applied that no run has applied yet.
            storage: the store of input and output; by default the job's.
            session: what works on the sources; by default the Ray cluster at hand, or one of this
                machine.
        """
        self.job, self.progress = job.with_absolute_paths(), progress
        self.corrections = corrections or Corrections.none()
        self.relists, self.applies_marks = relists, marks
        self.retries, self.damaged = retries, damaged
        self.storage = storage or job.storage
        self.manifest = Manifest(canonical(self.job.output.rstrip("/")), self.storage)
        self.lease = Lease(self.manifest.lease, self.storage)
        self.upkeep = Upkeep(self.job, self.manifest)
        self.committer = Committer(self.manifest, self.lease, self.upkeep.replacer)
        self.telemetry = Telemetry(job.method)
        self.stack = ExitStack()
        self.session = session or ClusterSession(self.job, progress, self.stack)
        self.created = time.time()

    @property
    def started(self) -> float:
        """The start in seconds since 1970; a cluster's own start is no part of the job's time."""
        return self.created + self.session.connect_seconds

    def run(self, options: RunOptions | None = None) -> RunSummary:
        """Run the job to its end; see :func:`run`."""
        options = options or RunOptions()
        with _translate_errors(), without_empty_folders(self.manifest.output), self.stack:
            check_input_output(self.job, lists=self.relists)
            self.lease.acquire(options.wait)
            self.stack.callback(self.lease.release)
            record = check_output(self.manifest, options.overwrite)
            self.upkeep.open()
            marks = PendingMarks.of(self.job, self.manifest, wanted=self.applies_marks)
            new = self.corrections.merged_over(marks.corrections)
            corrections = all_corrections(new, self.manifest)
            survey = self._survey(record, corrections)
            if options.prune:
                check_prune(survey.changes, options.max_prune)
            if record is None:
                self.session.connect()  # what the cluster can't do is said before a write
            keep_corrections(self.corrections, marks, survey.listing.packed, self.manifest)
            taken_over = self.upkeep.prepare(record, survey, corrections)
            return self._run(survey, taken_over, options)

    def _survey(self, record: JobRecord | None, corrections: Corrections) -> Survey:
        """Find out what there is to do."""
        loader = SourceLoader(
            self.job, self.storage, self.manifest, self.session, self.progress, self._heartbeat
        )
        area = staging_area(self.manifest.output, self.lease.owner)
        return loader.load(
            Question(self.job, corrections, record, self.relists, self.retries, area, self.damaged)
        )

    def _run(self, survey: Survey, taken_over: int, options: RunOptions) -> RunSummary:
        """Work on all sources that are due: originals first, then duplicates; then tidy up."""
        sources = SourceIndex(ParquetListing(survey.work))
        total = ParquetListing(survey.listing.public).rows
        result = RunSummary(
            self.manifest.output,
            total,
            survey.counts,
            ignored_kinds=dict(survey.listing.kinds),
            changes=survey.changes,
            taken_over=taken_over,
        )
        result.listing_seconds = time.time() - self.started
        result.resumed = result.done
        last = self.upkeep.history.last
        result.snapshot = last.number if last else None
        self._write_record("running", result)
        self.progress.start(total, result.resumed, result.failed)
        self.telemetry.set_pending(result.pending)
        self.committer.parts_of = lambda ids: sources.parts[sources.rows(ids)]
        missing = np.ones(len(sources), bool)
        self._complete(sources, ~sources.is_duplicate, missing, result)
        if sources.is_duplicate.any() and not result.stopped:
            rows = self._duplicate_rows(sources, sources.is_duplicate & missing)
            self._commit_all(rows, sources, missing, result)
            self._complete(sources, sources.is_duplicate, missing, result)
        if not result.stopped:
            self._tidy(survey, options, result)
        result.seconds = time.time() - self.started
        self._write_record("stopped" if result.stopped else "completed", result)
        return result

    def _tidy(self, survey: Survey, options: RunOptions, result: RunSummary) -> None:
        """Prune, merge small parts, and take a snapshot."""
        self.lease.renew()
        if options.prune:
            self.progress.note("pruning")
            result.pruned = self.upkeep.prune(survey, result.counts)
        result.compacted = self.upkeep.finish(survey)
        changed = bool(self.committer.rows or result.taken_over or self.upkeep.changed)
        counts = {name: getattr(result, name) for name in ("sources", "ok", "failed", "variants")}
        result.snapshot = self.upkeep.history.take(counts, changed=changed)

    def _duplicate_rows(self, sources: SourceIndex, duplicates: Mask) -> Rows:
        """Make the rows of duplicates; those whose original failed are worked on themselves."""
        originals = self.manifest.table(list(REFERENCE_COLUMNS))
        passthrough = sources.listing.passthrough
        for table in sources.tables(duplicates):
            for start in range(0, table.num_rows, PART_ROWS):
                part = table.slice(start, PART_ROWS)
                yield duplicate_rows(part, originals, passthrough)

    def _complete(
        self, sources: SourceIndex, selected: Mask, missing: Mask, result: RunSummary
    ) -> None:
        """Work on the selected sources until none is missing, or the job is stopped."""
        full_passes = 0
        while not result.stopped and (due := selected & missing).any():
            result.passes += 1
            self.session.connect()
            self.progress.note("" if result.passes == 1 else "trying again what got lost")
            # Workers of a cluster that runs already have another working folder than this process.
            job = self.job.model_copy(update={"output": self.manifest.output})
            executor = self.session.executor(full_passes, job, self.storage, sources)
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

    def _write_record(self, status: str, result: RunSummary) -> None:
        record = job_record(self.job, status, result, self.started)
        notes = self.upkeep.notes if status == "running" else {}
        self.manifest.write_record(record | notes)
