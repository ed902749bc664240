"""The stream: sources in, through Ray Data and the actors; rows of the images manifest out.

Ray Data is given places on the shelf, in blocks that are as large as the job allows.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from typing import cast

import numpy
import pyarrow as pa
import ray
from ray.data.context import DEFAULT_TARGET_MAX_BLOCK_SIZE
from ray.util.annotations import RayDeprecationWarning

from ..errors import Interrupted, RequestError
from ..job import Job
from ..sources.index import Blocks, Packed
from ..storage import Storage
from .layout import Layout, Pool, pools

BLOCKS = 1 << 11
"""Blocks that Ray Data is given at once, unless there are many processes: the actors start anew
for the next ones."""
SHARE = 1 << 7
"""As many for each process of a larger job."""
ANSWER = 1 << 16
"""Bytes of rows that an actor sends at once; below Ray's limit of what the driver itself holds, so
that they outlive the actor's node."""


class Stream:
    """Sources of one pass on their way; what a dying process held doesn't come back."""

    def __init__(self, job: Job, storage: Storage, layout: Layout, packed: Packed) -> None:
        """Take the job, its actors, and the listing; nothing starts yet."""
        self.job, self.storage, self.layout, self.packed = job, storage, layout, packed
        self.cut_short = False
        """Whether a lost node ended it before its end."""

    def rows(self, places: numpy.ndarray, size: int) -> Generator[pa.Table, None, None]:
        """Send sources; yield rows of the manifest as they come.

        Args:
            places: int64 (sources,), ascending: of those that are sent.
            size: sources that an actor works on at once, at most.

        Raises:
            RequestError: an actor found something wrong that the driver could not see.
            Interrupted: an actor could not start.
        """
        size = self.layout.batch(len(places), size)
        shelf = ray.put(self.packed)
        stages = pools(self.job, self.storage, self.packed.carried, self.layout, shelf)
        block = self.layout.rows(len(places), size)
        window = block * max(BLOCKS, SHARE * self.layout.processes)
        for start in range(0, len(places), window):
            yield from self._send(Blocks(places[start : start + window], block), stages, size)

    def _send(
        self, blocks: Blocks, stages: list[Pool], size: int
    ) -> Generator[pa.Table, None, None]:
        """Send blocks of places through pools of actors, which start for it."""
        layout = self.layout
        context = ray.data.DataContext.get_current()
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context.max_errored_blocks = -1
        # GPUs that others hold are waited for; a cluster that has none is noticed by the patience.
        context.execution_no_progress_timeout_s = -1
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_options.verbose_progress = False
        context.target_max_block_size = ANSWER if layout.fused else DEFAULT_TARGET_MAX_BLOCK_SIZE
        # Not from_arrow, which runs a task for each block: 40 KB of the driver's memory, and 1 ms.
        # Its type asks for a list; it takes what has a length and can be gone through.
        rows: ray.data.Dataset = ray.data.from_blocks(cast(list, blocks))
        # A lone source is given to an actor that holds no other, which would die with it.
        calls = layout.calls if size > 1 else 1
        for pool in stages:
            # The first to start takes no more than its part, or the others would find none left.
            part = -(-len(blocks) // pool.actors)
            strategy = ray.data.ActorPoolStrategy(
                min_size=min(pool.actors, len(blocks)),
                max_size=min(pool.most, len(blocks)),
                max_tasks_in_flight_per_actor=min(max(2, calls), part) if size > 1 else 1,
                max_concurrent_calls_per_actor=calls,
                enable_true_multi_threading=calls > 1,
            )
            with warnings.catch_warnings():
                # The two limits have no named parameter yet; the pin of Ray ends before they must.
                warnings.simplefilter("ignore", RayDeprecationWarning)
                rows = rows.map_batches(
                    pool.actor,
                    fn_constructor_args=pool.arguments,
                    batch_size=size,
                    batch_format="pyarrow",
                    compute=strategy,
                    num_cpus=pool.cpus,
                    num_gpus=pool.gpus or None,
                    max_restarts=-1,
                    max_task_retries=0,
                )
        try:
            # Not iter_batches, which sends the metadata of all blocks, 6 KB each, to Ray's
            # statistics every few seconds.
            for bundle in rows.iter_internal_ref_bundles():
                for block in bundle.block_refs:
                    yield ray.get(block)
        except ray.exceptions.ObjectLostError:
            self.cut_short = True
        except (ray.exceptions.RayTaskError, ray.exceptions.RayActorError) as error:
            # Every error of a source is caught in its stage: this is the job's own.
            last = str(error).strip().splitlines()[-1]
            # Ray keeps no more of what an actor raised than its text.
            kind, _, message = last.partition(": ")
            if kind == f"{RequestError.__module__}.{RequestError.__name__}":
                raise RequestError(message) from error
            raise Interrupted(f"an actor could not start ({last})") from error
