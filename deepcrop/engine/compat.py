"""Everything that deepcrop takes from Ray beyond its public API, each with what it gains.

Private names may change with any release, so they are used with the one minor version of Ray that
they were tested with, :data:`TESTED_RAY`. With another version nothing is replaced, one warning
says so, and a job has the same results at the cost stated here.

The gains were measured on jobs of 24 photos on a cluster of their own (2 cores, Ray 2.60.0):
medians of 5 paired runs, CPU seconds being the user and system time of all processes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import ray

if TYPE_CHECKING:
    import ray.data
    from ray.data._internal.execution.interfaces import ExecutionResources

# Ray Data is imported where it is needed: workers unpickle NullLocationTracker from this module.

TESTED_RAY = "2.60"
"""The minor version of Ray whose private names are used here."""


@cache
def is_tested_ray() -> bool:
    """Return whether Ray is of the tested minor version; warn once if it is another."""
    if ray.__version__.startswith(f"{TESTED_RAY}."):
        return True
    warnings.warn(
        f"Ray {ray.__version__}: deepcrop's start-up savings were tested with Ray {TESTED_RAY} and "
        "are off; jobs take some CPU seconds longer, and have the same results",
        RuntimeWarning,
        stacklevel=2,
    )
    return False


@contextmanager
def without_node_services() -> Iterator[None]:
    """Have a cluster of our own start without processes that serve others than the job.

    On its head Ray starts an autoscaler's monitor, an API server (also without the dashboard) and a
    monitor that forwards workers' logs to the driver. A cluster that ends with its job needs none:
    it doesn't scale, takes no other jobs, and the driver shows no logs.

    Gain: the three processes take 2.9 CPU seconds and 190 MB of a job's 15.5 and 1,200 with the
    method ``center``; where the monitor runs, ``ray.shutdown`` also waits a second for it.
    """
    if not is_tested_ray():
        yield
        return
    from ray._private.node import Node

    names = ("start_monitor", "start_api_server", "start_log_monitor")
    with ExitStack() as stack:
        for name in names:
            stack.callback(setattr, Node, name, vars(Node)[name])
            setattr(Node, name, _ignore)
        yield


@contextmanager
def without_ray_data_services() -> Iterator[None]:
    """Have Ray Data start no service actors, on a cluster of one node without a dashboard.

    Ray Data starts three beside a job's own actors, and has no setting for them: one keeps
    statistics for the dashboard, one asks the autoscaler for nodes, one knows where actors are
    when a node is drained. Each is a process that imports Ray at the time when the job's own do. A
    cluster of the job's own has no dashboard and one node, which ends with the job.

    Gain: 3.4 CPU seconds of 14.4 for the method ``center`` (about 1 for each of the three, 7 to 9%
    of the job), 3.4 of 15.6 for ``saliency``.
    """
    if not is_tested_ray():
        yield
        return
    from ray.data._internal.execution import streaming_executor
    from ray.data._internal.execution.operators import actor_pool_map_operator
    from ray.data._internal.stats import _StatsManager

    replacements = (
        (_StatsManager, "register_dataset_to_stats_actor", staticmethod(_ignore)),
        (_StatsManager, "update_execution_metrics", staticmethod(_ignore)),
        (streaming_executor, "create_cluster_autoscaler", StaticClusterAutoscaler),
        (actor_pool_map_operator, "get_or_create_actor_location_tracker", NullLocationTracker),
        (actor_pool_map_operator, "get_actor_locations", _no_locations),
    )
    with ExitStack() as stack:
        for owner, name, replacement in replacements:
            stack.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, replacement)
        yield


class StaticClusterAutoscaler:
    """Ray Data's ``ClusterAutoscaler`` for a cluster that neither grows nor shrinks."""

    def __init__(self, *_: object, **__: object) -> None:
        """Read the cluster's resources, which stay the same."""
        from ray.data._internal.execution.interfaces import ExecutionResources

        resources: Callable[[], dict[str, float]] = ray.cluster_resources  # not annotated
        self._total = ExecutionResources.from_resource_dict(resources())

    def try_trigger_scaling(self) -> None:
        """Do nothing: there are no nodes to ask for."""

    def on_executor_shutdown(self) -> None:
        """Do nothing: no nodes were asked for."""

    def get_total_resources(self) -> ExecutionResources:
        """Return all resources of the cluster, which has one job."""
        return self._total


class NullLocationTracker:
    """The handle of an ``ActorLocationTracker`` that is not there; updates are dropped."""

    @property
    def update_actor_location(self) -> NullLocationTracker:
        """Return the actor's method, which has a method ``remote`` of its own."""
        return self

    def remote(self, actor: str, node: str) -> None:
        """Drop the location of an actor."""


def _ignore(*_: object, **__: object) -> None:
    pass


def _no_locations(actors: tuple[str, ...]) -> dict[str, str]:
    """Return no actor's location: on one node there is nothing to know."""
    return {}


def iter_blocks(dataset: ray.data.Dataset) -> Generator[pa.Table, None, None]:
    """Run a dataset; yield its blocks as they are done, each as its last operator made it.

    ``iter_internal_ref_bundles`` is no private name, but its API is for developers of libraries.
    The documented ``iter_batches`` sends the metadata of all blocks, 6 KB each, to Ray's statistics
    every few seconds.
    """
    for bundle in dataset.iter_internal_ref_bundles():
        for block in bundle.block_refs:
            yield ray.get(block)
