"""The stream: the executor that sends sources through pools of actors, with Ray Data.

Ray Data is given row indices of the listing, in blocks that are as large as the job allows.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pyarrow as pa
import ray
import ray.data
from ray.data.context import DEFAULT_TARGET_MAX_BLOCK_SIZE
from ray.util.annotations import RayDeprecationWarning

from ..errors import JobIncomplete
from ..job import Job
from ..sources.index import ParquetListing, RowIndices, index_blocks
from ..storage import Storage
from .actor_errors import split_errors
from .compat import iter_blocks
from .executor import Rows
from .heartbeat import Heartbeat, iterate_with_heartbeat
from .layout import Layout, Pool, actor_pools
from .logs import quiet_loggers

MAX_BLOCKS = 1 << 11
"""Blocks that one dataset has at most in a small job; the actors are started anew for the next."""
BLOCKS_PER_PROCESS = 1 << 7
"""Blocks that one dataset has at most in a large job, for each of its processes."""
OUTPUT_BLOCK_BYTES = 1 << 16
"""Bytes of rows that an actor sends at once. That is below Ray's limit for objects which the driver
itself holds, so that they outlive the actor's node."""


class StreamExecutor:
    """Works on batches of sources in pools of actors, which keep the network for the whole run."""

    def __init__(
        self, job: Job, storage: Storage, layout: Layout, listing: ParquetListing, batch_size: int
    ) -> None:
        """Prepare; no actor starts yet.

        Args:
            job: what is made of the sources.
            storage: the store of input and output.
            layout: the pools of actors.
            listing: the rows of all sources.
            batch_size: sources that an actor works on at once, at most. A batch of one is alone in
                its actor, so that no other source is lost when the actor dies.
        """
        self.job, self.storage, self.layout, self.listing = job, storage, layout, listing
        self.batch_size = batch_size
        self.lost_node = False

    def run(self, rows: RowIndices, heartbeat: Heartbeat) -> Rows:
        """Work on sources; see :meth:`.executor.Executor.run`."""
        yield from iterate_with_heartbeat(self._run(rows), heartbeat)

    def _run(self, rows: RowIndices) -> Rows:
        batch_size = self.layout.batch_size(len(rows), self.batch_size)
        listing = ray.put(self.listing)
        pools = actor_pools(self.job, self.storage, self.listing.passthrough, self.layout, listing)
        block_rows = self.layout.block_rows(len(rows), batch_size)
        window = block_rows * max(MAX_BLOCKS, BLOCKS_PER_PROCESS * self.layout.processes)
        for start in range(0, len(rows), window):
            blocks = index_blocks(rows[start : start + window], block_rows)
            yield from self._stream(blocks, pools, batch_size)

    def _stream(self, blocks: list[pa.Table], pools: list[Pool], batch_size: int) -> Rows:
        """Send blocks of row indices through pools of actors, which are started for them."""
        dataset = self._dataset(blocks, pools, batch_size)
        # What Ray Data logs of lost blocks reaches the user as rows and errors.
        with (
            quiet_loggers("ray.data", level=logging.CRITICAL),
            closing(iter_blocks(dataset)) as answers,
        ):
            try:
                for block in answers:
                    rows, errors = split_errors(block)
                    for error in errors:
                        # Sources of a batch that an actor failed on have no row: they run again.
                        if error.phase == "start":
                            raise error.exception()
                    if rows.num_rows:
                        yield rows
            except ray.exceptions.ObjectLostError:
                self.lost_node = True
            except (ray.exceptions.RayTaskError, ray.exceptions.RayActorError) as error:
                # Not an error of an actor, which would be data, but of the process around it.
                last = str(error).strip().splitlines()[-1]
                raise JobIncomplete(f"an actor could not start ({last})") from error

    def _dataset(
        self, blocks: list[pa.Table], pools: list[Pool], batch_size: int
    ) -> ray.data.Dataset:
        """Describe the run to Ray Data."""
        with _settings(self.layout):
            # Not from_arrow, which runs a task for each block: 40 KB of the driver's memory, 1 ms.
            rows: ray.data.Dataset = ray.data.from_blocks(blocks)
            concurrency = self.layout.max_concurrency if batch_size > 1 else 1
            for pool in pools:
                rows = _through(rows, pool, len(blocks), batch_size, concurrency)
            return rows


def _through(
    rows: ray.data.Dataset, pool: Pool, blocks: int, batch_size: int, concurrency: int
) -> ray.data.Dataset:
    """Send a dataset through one pool of actors."""
    # The first to start takes no more than its part, or the others would find none left.
    part = -(-blocks // pool.actors)
    strategy = ray.data.ActorPoolStrategy(
        min_size=min(pool.actors, blocks),
        max_size=min(pool.max_actors, blocks),
        max_tasks_in_flight_per_actor=min(max(2, concurrency), part) if batch_size > 1 else 1,
        max_concurrent_calls_per_actor=concurrency,
        enable_true_multi_threading=concurrency > 1,
    )
    with warnings.catch_warnings():
        # The two limits have no named parameter in Ray 2.60.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        return rows.map_batches(
            pool.actor,
            fn_constructor_args=pool.arguments,
            batch_size=batch_size,
            batch_format="pyarrow",
            compute=strategy,
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
            max_restarts=-1,
            max_task_retries=0,
        )


@contextmanager
def _settings(layout: Layout) -> Iterator[None]:
    """Have datasets that are made inside take our settings; those of the process stay as they are.

    A dataset keeps a copy of the settings that hold when it is made.
    """
    context = ray.data.DataContext.get_current().copy()
    context.max_errored_blocks = -1
    # GPUs that others hold are waited for; a cluster that has none is for the CapacityMonitor.
    context.execution_no_progress_timeout_s = -1
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.verbose_progress = False
    context.target_max_block_size = (
        OUTPUT_BLOCK_BYTES if layout.fused else DEFAULT_TARGET_MAX_BLOCK_SIZE
    )
    with ray.data.DataContext.current(context):
        yield
