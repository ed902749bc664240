"""The actors: processes that hold a method's network and keep it for the whole job.

On CPU-only machines one actor does all the work on its sources. Where there are GPUs, the actors
that hold the network get thumbnails, while fetching and rendering have actors of their own on the
CPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import Protocol

import pyarrow as pa
import ray

from ..job import Job
from ..sources.index import ParquetListing
from ..stages.decode import Decoder
from ..stages.fetch import Fetcher
from ..stages.infer import Predictor
from ..stages.item import ImageTask, deserialize, from_listing, serialize, to_table
from ..stages.render import Renderer
from ..storage import Storage
from .actor_errors import ActorError, split_errors, with_errors
from .logs import log_failures, log_to_node
from .worker_setup import configure_worker, frozen_imports


class Actor(Protocol):
    """Works on batches of sources: a table in, a table out."""

    def __call__(self, table: pa.Table, /) -> pa.Table:
        """Work on a batch."""
        ...


class FusedActor:
    """Does all the work on its sources: the layout of CPU-only machines.

    Takes rows of the listing, gives rows of the manifest. It may be called by several threads: one
    at a time computes, a source after the other, so that the pixels of few are in memory, while
    the others wait for the store.
    """

    def __init__(self, job: Job, storage: Storage, passthrough: pa.Schema) -> None:
        """Load the network; prepare the other stages."""
        configure_worker()
        log_to_node()
        self.job, self.passthrough = job, passthrough
        self.fetcher = Fetcher(storage)
        with frozen_imports():
            self.predictor = Predictor(job, "cpu")
        self.decoder = Decoder(job, self.predictor.analysis, keep_pictures=True)
        self.renderer = Renderer(job, storage)
        self.compute_lock = Lock()

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Work on a batch of sources."""
        tasks = from_listing(listing)
        self.fetcher(tasks)
        with self.renderer.durable(tasks):
            with self.compute_lock:
                pending = [(task, self._compute(task)) for task in tasks]
            for task, writes in pending:
                self.renderer.complete(task, writes)
        log_failures(tasks)
        return to_table(tasks, self.job.method, self.job.fingerprint, self.passthrough)

    def run_stages(self, source: pa.Table) -> Iterator[str | pa.Table]:
        """Work on one source; yield the name of each stage as it begins, then the row."""
        [task] = tasks = from_listing(source)
        yield "fetch"
        self.fetcher(tasks)
        with self.renderer.durable(tasks):
            yield "decode"
            self.decoder(tasks)
            yield "infer"
            self.predictor(tasks)
            yield "render"
            writes = self.renderer.submit(task)
            yield "write"
            self.renderer.complete(task, writes)
        log_failures(tasks)
        yield to_table(tasks, self.job.method, self.job.fingerprint, self.passthrough)

    def _compute(self, task: ImageTask) -> list[Future[float]]:
        # On a CPU a network takes as long for an image of a batch as for one alone.
        self.decoder([task])
        self.predictor([task])
        return self.renderer.submit(task)


class FetchActor:
    """Fetches and decodes to the analysis scale: many to a CPU, since each waits for the store."""

    def __init__(self, job: Job, storage: Storage, analysis: int | None) -> None:
        """Prepare the stages for a method that others hold."""
        self.stages = (Fetcher(storage), Decoder(job, analysis, keep_pictures=False))

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Begin the work on a batch of sources."""
        tasks = from_listing(listing)
        for stage in self.stages:
            stage(tasks)
        return serialize(tasks)


class NetworkActor:
    """Holds the method's network on its share of a GPU."""

    def __init__(self, job: Job) -> None:
        """Load the network."""
        self.predictor = Predictor(job)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Run the method on a batch."""
        tasks = deserialize(table)
        self.predictor(tasks)
        return serialize(tasks)


class RenderActor:
    """Makes and stores the variants on a CPU."""

    def __init__(self, job: Job, storage: Storage, passthrough: pa.Schema) -> None:
        """Prepare the stage."""
        log_to_node()
        self.job, self.passthrough = job, passthrough
        self.renderer = Renderer(job, storage)

    def __call__(self, table: pa.Table) -> pa.Table:
        """End the work on a batch."""
        tasks = deserialize(table)
        self.renderer(tasks)
        log_failures(tasks)
        return to_table(tasks, self.job.method, self.job.fingerprint, self.passthrough)


class IndexedActor:
    """The first actor that sources come to: it gets row indices, and reads the rows itself."""

    def __init__(
        self,
        listing: ray.ObjectRef[ParquetListing],
        actor: Callable[..., Actor],
        *arguments: object,
    ) -> None:
        """Construct the actor that works on rows of the listing."""
        self.listing, self.actor = ray.get(listing), actor(*arguments)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Give the actor rows of the listing.

        Args:
            table: columns of :data:`.index.ROW_INDEX`.
        """
        return self.actor(self.listing.take(table["row_index"].to_numpy()))


class ErrorReportingActor:
    """An actor whose own errors are data: it starts in any case, and answers what went wrong."""

    def __init__(self, actor: Callable[..., Actor], *arguments: object) -> None:
        """Construct the actor, or keep the error that it raises."""
        self.actor: Actor | None = None
        try:
            self.actor = actor(*arguments)
        except Exception as error:
            self.start_error = ActorError.of(error, "start")

    def __call__(self, table: pa.Table) -> pa.Table:
        """Have the actor work on a batch; pass on errors of the actors before it."""
        table, errors = split_errors(table)
        if self.actor is None:
            return with_errors(None, [*errors, self.start_error])
        if errors and not table.num_rows:
            return with_errors(None, errors)
        try:
            return with_errors(self.actor(table), errors)
        except Exception as error:
            return with_errors(None, [*errors, ActorError.of(error, "call")])
