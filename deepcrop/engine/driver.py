"""The driver: lists, streams the sources through the actors, commits rows, finds what got lost.

A pass sends every source that has no row yet through Ray Data. Rows come back as they are done
and are committed in parts by this process alone, so a source has a row or it has none, whatever
dies meanwhile. What a pass has lost (with a killed process, a lost node) a second pass takes up,
one source at a time; what that loses too is tried alone, each source in a process of its own, and
if it kills that every time, it ends as a failed row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import numpy
import pyarrow as pa
import ray

from ..errors import Interrupted, RequestError, SourceError
from ..job import Job
from ..manifest.corrections import apply_corrections
from ..manifest.duplicates import REFERENCE_COLUMNS, duplicate_rows
from ..manifest.lease import Lease
from ..manifest.store import Manifest
from ..manifest.summary import COUNTED_COLUMNS, RowCounts, RunSummary
from ..progress import NullProgress, Progress
from ..sources.corrections import Corrections
from ..sources.discovery import is_redacted
from ..sources.index import Packed, Shelf, groups, ids_of, passthrough_columns
from ..sources.listing import Listing, build_listing, list_locally, restore_secrets
from ..storage import canonical
from .cluster import connected
from .heartbeat import Patience, answer_of, awaited, cause_of
from .layout import Layout, lay_out
from .mapping import ray_map
from .preflight import check_places
from .quarantine import Quarantine
from .telemetry import Telemetry
from .unsettled import unsettled

if TYPE_CHECKING:
    from .stream import Stream

Rows = Generator[pa.Table, None, None]
"""Rows of the images manifest, as they are done."""

PART_ROWS = 2000
"""Rows of a manifest part, unless :data:`PART_SECONDS` are over before."""
PART_SECONDS = 15.0
PASSES = 2
"""Passes through Ray Data before what is still missing is tried alone."""
EARLY = 50
"""Rows before ``max_failed`` is judged by those that are done."""


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
        Interrupted: the job was stopped; running it again resumes it.
    """
    said = Corrections.read(corrections, job) if corrections else Corrections.none()
    return Driver(job, progress or NullProgress(), said).run(overwrite)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn what ends a driver into one clear error.

    Raises:
        Interrupted: it was stopped, or the cluster failed.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the same command resumes") from None
    except SourceError as error:
        # Sources' errors end in their rows: this one is about the manifest or the listing.
        raise Interrupted(f"{error}; the same command resumes") from error
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise Interrupted(f"the cluster failed ({first}); the same command resumes") from error


class Driver:
    """One run of a job."""

    relists = True
    """Whether a completed job looks for new sources."""

    def __init__(
        self, job: Job, progress: Progress, corrections: Corrections | None = None
    ) -> None:
        """Prepare; nothing is read or written yet."""
        self.job = job
        self.progress = progress
        self.corrections = corrections or Corrections.none()
        self.storage = job.storage
        output = job.output.rstrip("/")
        self.manifest = Manifest(canonical(output), self.storage)
        self.lease = Lease(self.manifest.lease, self.storage)
        self.telemetry = Telemetry(job.method)
        self.patience = Patience(0.0, 0.0, progress.note)
        self.layout: Layout | None = None
        self.started = time.time()
        self.waiting: list[pa.Table] = []
        self.committed = time.monotonic()
        self.listing_seconds = 0.0

    def run(self, overwrite: bool) -> RunSummary:
        """Run it to its end, on the cluster at hand.

        A cluster takes seconds to start: that waits until something needs it, so what is wrong
        with the request, or that there is nothing to do, is said at once.
        """
        with _guarded(), ExitStack() as self.stack:
            check_places(self.job, lists=self.relists)
            self.lease.acquire()
            self.stack.callback(self.lease.release)
            return self._process(*self._shelve(self._claim(overwrite)))

    def _connect(self) -> Layout:
        """Join the cluster, or start one, unless that is done; return the job's layout on it."""
        if self.layout is None:
            self.progress.note("connecting to a Ray cluster")
            before = time.time()
            self.stack.enter_context(connected())
            self.started += time.time() - before  # it is no part of the job's own time
            self.layout = lay_out(self.job)
            self.patience = Patience(self.layout.cpus, self.layout.gpus, self.progress.note)
        return self.layout

    # Before the first source

    def _claim(self, overwrite: bool) -> dict[str, Any] | None:
        """Return the record of an earlier run of this job; refuse another job's output."""
        record = self.manifest.read_record()
        if record is not None and overwrite:
            self._clear()
            record = None
        if record is None:
            return None
        if record["fingerprint"] != self.job.fingerprint:
            old, new = record["settings"], self.job.settings()
            changes = [
                f"{name}: {old.get(name)!r} -> {new.get(name)!r}"
                for name in sorted(old | new)
                if old.get(name) != new.get(name)
            ]
            raise RequestError(
                f"output {self.manifest.output}: holds a job with other settings "
                f"({'; '.join(changes)}); choose another output, or --overwrite it"
            )
        return record

    def _clear(self) -> None:
        """Remove an earlier job, its record last, so that a killed removal is taken up again."""
        for folder in ("variants", "manifest", "report"):
            self.storage.delete(
                entry.uri for entry in self.storage.list(f"{self.manifest.output}/{folder}")
            )
        self.storage.delete(f"{self.manifest.output}/job.json")

    def _shelve(self, record: dict[str, Any] | None) -> tuple[Shelf, Mapping[str, int]]:
        """Return the sources, and how many files were ignored, by kind."""
        listing = self._list(record)
        names = groups(listing.packed, ["source_uri"])
        said = apply_corrections(self.corrections, names, self.manifest, record)
        shelf = Shelf(Packed(listing.packed, said.attach))
        self.listing_seconds = time.time() - self.started
        return shelf, listing.kinds

    def _list(self, record: dict[str, Any] | None) -> Listing:
        """Return the sources: those of the interrupted run, or those that are there now."""
        self.manifest.open()
        if record is not None:
            self._prepare(record)
        known = self.manifest.find_listing()
        kinds = (record or {}).get("ignored_kinds", {})
        if known is not None and record is not None and not self._lists_anew(record):
            if not any(is_redacted(names) for names in groups(known, ["source_uri"])):
                return Listing(known, known, kinds)
            return self._listed(restore_secrets, known, kinds)
        self.progress.note("listing, looking for duplicates" if self.job.dedupe else "listing")
        listing = list_locally(self.job, self.storage, known) or self._listed(build_listing, known)
        if record is None:
            self._connect()  # what the cluster can't do is said before anything is written
        else:
            self.manifest.conform(passthrough_columns(listing.public))
        self.manifest.write_listing(listing.public)
        return listing

    def _listed(self, make: Callable[..., Listing], *arguments: Any) -> Listing:
        """Make the listing in a process of its own."""
        self._connect()
        task = ray.remote(num_cpus=0, max_calls=1)(make)
        try:
            answer = answer_of(
                task.remote(self.job, self.storage, *arguments, parallel_map=ray_map), self._turn
            )
        except ray.exceptions.RayTaskError as error:
            raise cause_of(error) from error
        return cast(Listing, answer)

    def _prepare(self, record: dict[str, Any]) -> None:
        """Change the manifest before the run; a retry takes failed rows back."""

    def _lists_anew(self, record: dict[str, Any]) -> bool:
        """Tell whether to look for new sources: once those of before are all done."""
        return self.relists and record["status"] == "completed"

    # The sources

    def _process(self, sources: Shelf, ignored: Mapping[str, int]) -> RunSummary:
        result = RunSummary(self.manifest.output, len(sources), ignored_kinds=dict(ignored))
        result.listing_seconds = self.listing_seconds
        missing = self._count_committed(sources, result)
        result.resumed = result.done
        self._record("running", result)
        self.progress.start(len(sources), result.resumed, result.failed)
        self.telemetry.wait_for(result.pending)
        self._complete(sources, ~sources.copies, missing, result)
        if sources.copies.any() and not result.stopped:
            self._commit_all(
                self._refer(sources, sources.copies & missing), sources, missing, result
            )
            self._complete(sources, sources.copies, missing, result)
        result.seconds = time.time() - self.started
        self._record("stopped" if result.stopped else "completed", result)
        return result

    def _refer(self, sources: Shelf, copies: numpy.ndarray) -> Rows:
        """Make the rows of duplicates; those of which the first failed are tried themselves."""
        firsts = self.manifest.table(list(REFERENCE_COLUMNS))
        for table in sources.tables(copies):
            for start in range(0, table.num_rows, PART_ROWS):
                share = table.slice(start, PART_ROWS)
                yield duplicate_rows(share, firsts, self.job.fingerprint, sources.packed.carried)

    def _complete(
        self,
        sources: Shelf,
        wanted: numpy.ndarray,
        missing: numpy.ndarray,
        result: RunSummary,
    ) -> None:
        """Work on the wanted sources until none is missing, or the job is stopped."""
        whole = 0
        while not result.stopped and (due := wanted & missing).any():
            result.passes += 1
            layout = self._connect()
            self.progress.note("" if result.passes == 1 else "trying again what got lost")
            from .stream import Stream  # imports Ray Data: see connected

            stream = Stream(self.job, self.storage, layout, sources.packed)
            before = result.done
            self._commit_all(self._pass(stream, sources, due, whole), sources, missing, result)
            # One that a lost node ended early has lost much more than what died with it.
            whole += not stream.cut_short or result.done == before

    def _pass(self, stream: Stream, sources: Shelf, missing: numpy.ndarray, number: int) -> Rows:
        """Try sources once, in smaller shares as the passes go on."""
        if number < PASSES:
            size = self.job.batch_size if number == 0 else 1
            yield from awaited(stream.rows(numpy.flatnonzero(missing), size), self._turn)
        else:
            alone = Quarantine(self.job, self.storage, stream.layout, self._turn)
            for table in sources.tables(missing):
                yield from alone.rows(table, sources.packed.carried)

    def _commit_all(
        self, stream: Rows, sources: Shelf, missing: numpy.ndarray, result: RunSummary
    ) -> None:
        """Commit the rows of a stream as they come; their sources are missing no more."""
        try:
            self._take(stream, sources, missing, result)
        except BaseException:
            self._commit_if_possible()
            raise
        self._commit()

    def _take(
        self, stream: Rows, sources: Shelf, missing: numpy.ndarray, result: RunSummary
    ) -> None:
        """Take the rows of a stream until it ends, or the job does."""
        with closing(stream):
            for answer in stream:
                self.patience.renew()
                rows, problem = unsettled(answer)
                self.waiting.append(rows)
                counts = RowCounts.of(rows)
                result.counts.add(counts)
                self.progress.advance(counts.done, counts.failed)
                self.telemetry.count(counts, rows)
                self.telemetry.wait_for(result.pending)
                full = sum(table.num_rows for table in self.waiting) >= PART_ROWS
                if full or time.monotonic() - self.committed > PART_SECONDS:
                    self._commit()
                missing[sources.places(ids_of(rows))] = False
                if problem is not None:
                    raise Interrupted(f"{problem}; once that is mended, the same command resumes")
                if self._goes_wrong(result):
                    result.stopped = True
                    break

    def _goes_wrong(self, result: RunSummary) -> bool:
        """Tell whether to stop early: only a job that says how many sources may fail does."""
        share, done = self.job.max_failed, result.done
        if share is None or done == result.sources:
            return False
        return (done >= EARLY and result.failed > share * done) or result.exceeds(share)

    def _commit(self) -> None:
        self.lease.renew()
        if any(rows.num_rows for rows in self.waiting):
            self.manifest.append(pa.concat_tables(self.waiting))
        self.waiting = []
        self.committed = time.monotonic()

    def _commit_if_possible(self) -> None:
        """Commit what waits, if the store takes it; else its sources are done again one day."""
        with suppress(SourceError):
            self._commit()
        self.waiting = []

    def _turn(self) -> None:
        """While nothing comes back: keep the lease, commit what waits, don't wait for ever."""
        if time.monotonic() - self.committed > PART_SECONDS:
            self._commit()
        self.patience.check()

    def _count_committed(self, sources: Shelf, result: RunSummary) -> numpy.ndarray:
        """Count the rows of earlier runs; return bool (sources,), which have none."""
        missing = numpy.ones(len(sources), bool)
        for rows in self.manifest.tables(["source_id", *COUNTED_COLUMNS]):
            result.counts.add(RowCounts.of(rows))
            missing[sources.places(ids_of(rows))] = False
        return missing

    def _record(self, status: str, result: RunSummary) -> None:
        self.manifest.write_record(
            {
                "status": status,
                "fingerprint": self.job.fingerprint,
                "settings": self.job.settings(),
                "job": self.job.model_dump(mode="json", exclude_defaults=True),
                "weights_sha256": self.job.weights_sha256,
                "versions": {
                    name: version(name) for name in ("ray", "torch", "pillow", "pyarrow", "numpy")
                },
                "counts": result.record(),
                "stages": result.counts.stages(),
                "ignored": result.ignored,
                "ignored_kinds": result.ignored_kinds,
                "started": self.started,
                "updated": time.time(),
            }
        )
