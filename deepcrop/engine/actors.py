"""The actors: processes that hold a method's network and keep it for the whole job.

On CPU-only machines one actor does all the work on its sources; where there are GPUs, the actors
that hold the network get thumbnails, and fetching and rendering scale apart on the CPUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..job import Job
from ..stages.decode import Decoder
from ..stages.fetch import Fetcher
from ..stages.infer import Predictor
from ..stages.item import ImageTask, deserialize, from_listing, serialize, to_table
from ..stages.render import Renderer
from ..storage import Storage
from .logs import log_failures, log_to_node
from .worker_setup import keep_to_one_core

if TYPE_CHECKING:
    import ray

    from ..sources.index import Packed


class Worker:
    """One actor that does all the work on its sources: the layout of CPU-only machines.

    Takes rows of the listing, gives rows of the manifest. It may be called by several threads: one
    at a time computes, a source after the other, so that the pixels of few are in memory, while
    the others wait for the store.
    """

    def __init__(self, job: Job, storage: Storage, carried: pa.Schema) -> None:
        """Load the network; prepare the other stages."""
        keep_to_one_core()
        log_to_node()
        self.job, self.carried = job, carried
        self.fetcher = Fetcher(storage)
        self.analyst = Predictor(job)
        self.decoder = Decoder(job, self.analyst.analysis, keep_pictures=True)
        self.renderer = Renderer(job, storage)
        self.core = Lock()

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Work on a batch of sources."""
        works = from_listing(listing)
        self.fetcher(works)
        with self.renderer.durable(works):
            with self.core:
                pending = [(work, self._compute(work)) for work in works]
            for work, writes in pending:
                self.renderer.complete(work, writes)
        log_failures(works)
        return to_table(works, self.job.method, self.job.fingerprint, self.carried)

    def alone(self, source: pa.Table) -> Iterator[str | pa.Table]:
        """Work on one source; yield the name of each stage as it begins, then the row."""
        [work] = works = from_listing(source)
        yield "fetch"
        self.fetcher(works)
        with self.renderer.durable(works):
            yield "decode"
            self.decoder(works)
            yield "infer"
            self.analyst(works)
            yield "render"
            writes = self.renderer.submit(work)
            yield "write"
            self.renderer.complete(work, writes)
        log_failures(works)
        yield to_table(works, self.job.method, self.job.fingerprint, self.carried)

    def _compute(self, work: ImageTask) -> list[Future[float]]:
        # On a CPU a network takes as long for an image of a batch as for one alone.
        self.decoder([work])
        self.analyst([work])
        return self.renderer.submit(work)


class FromShelf:
    """The first actor that sources come to: it is told their places, and takes them itself."""

    def __init__(self, shelf: ray.ObjectRef[Packed], actor: type, *arguments: Any) -> None:
        """Make an actor that takes rows of the listing."""
        import ray  # a quarter of a second, which `deepcrop crop` needn't spend

        self.packed, self.actor = ray.get(shelf), actor(*arguments)

    def __call__(self, places: pa.Table) -> pa.Table:
        """Give the actor rows of the listing."""
        answer: pa.Table = self.actor(self.packed.take(places["place"].to_numpy()))
        return answer


class FetchActor:
    """Fetches and decodes to the analysis scale: many to a CPU, since each waits for the store."""

    def __init__(self, job: Job, storage: Storage, analysis: int | None) -> None:
        """Prepare the stages for a method that others hold."""
        self.stages = (Fetcher(storage), Decoder(job, analysis, keep_pictures=False))

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Begin the work on a batch of sources."""
        works = from_listing(listing)
        for stage in self.stages:
            stage(works)
        return serialize(works)


class NetworkActor:
    """Holds the method's network on its share of a GPU."""

    def __init__(self, job: Job) -> None:
        """Load the network."""
        self.analyst = Predictor(job)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Ask the method about a batch."""
        works = deserialize(table)
        self.analyst(works)
        return serialize(works)


class RenderActor:
    """Makes and stores the variants on a CPU."""

    def __init__(self, job: Job, storage: Storage, carried: pa.Schema) -> None:
        """Prepare the stage."""
        log_to_node()
        self.job, self.carried = job, carried
        self.renderer = Renderer(job, storage)

    def __call__(self, table: pa.Table) -> pa.Table:
        """End the work on a batch."""
        works = deserialize(table)
        self.renderer(works)
        log_failures(works)
        return to_table(works, self.job.method, self.job.fingerprint, self.carried)
