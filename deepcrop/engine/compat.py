"""Actors that Ray Data starts beside a job's own, and how a cluster of our own does without them.

One keeps statistics for the dashboard, one asks the autoscaler for nodes, one knows where actors
are when a node is drained. Each is a process that imports Ray at the time when the job's own do,
and a cluster of our own has no dashboard and one node, which ends with the job. Ray Data has no
settings for them, so what would call them is replaced, by private names of the Ray that is pinned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray

# The engine's modules are imported where they are needed: workers import this one for Nobody.


@contextmanager
def dismissed() -> Iterator[None]:
    """Have Ray Data start no attendants, on a cluster of one node that has no dashboard."""
    from ray.data._internal.execution import streaming_executor
    from ray.data._internal.execution.operators import actor_pool_map_operator
    from ray.data._internal.stats import _StatsManager

    replaced = (
        (_StatsManager, "register_dataset_to_stats_actor", staticmethod(_ignore)),
        (_StatsManager, "update_execution_metrics", staticmethod(_ignore)),
        (streaming_executor, "create_cluster_autoscaler", FixedCluster),
        (actor_pool_map_operator, "get_or_create_actor_location_tracker", Nobody),
        (actor_pool_map_operator, "get_actor_locations", _nowhere),
    )
    with ExitStack() as stack:
        for place, name, other in replaced:
            stack.callback(setattr, place, name, vars(place)[name])
            setattr(place, name, other)
        yield


class FixedCluster:
    """Ray Data's ``ClusterAutoscaler`` of a cluster that neither grows nor shrinks."""

    def __init__(self, *_: object, **__: object) -> None:
        """Look at what the cluster has."""
        from ray.data._internal.execution.interfaces import ExecutionResources

        self._has = ExecutionResources.from_resource_dict(ray.cluster_resources())

    def try_trigger_scaling(self) -> None:
        """Nothing can be asked for."""

    def on_executor_shutdown(self) -> None:
        """Nothing was asked for."""

    def get_total_resources(self) -> Any:
        """Return all that there is: a cluster of our own has one job."""
        return self._has


class Nobody:
    """The handle of an ``ActorLocationTracker`` that isn't there: what it is told, it forgets."""

    @property
    def update_actor_location(self) -> Nobody:
        """The actor's method, which has a method ``remote`` of its own."""
        return self

    def remote(self, actor: str, node: str) -> None:
        """Take where an actor is."""


def _ignore(*_: object, **__: object) -> None:
    pass


def _nowhere(actors: tuple[str, ...]) -> dict[str, str]:
    """Return no place of any actor: each is where it was when it started."""
    return {}
