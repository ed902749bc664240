"""The layout of a job on a cluster's nodes: which pools of actors, and how many actors in each.

A layout always fits: every actor finds a node with room for it at once, and some room is left for
the small tasks between them, so no pool waits for resources that another one holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import ray

from ..errors import JobIncomplete, RequestError
from ..job import Job
from ..methods import registry
from ..sources.index import ParquetListing
from ..storage import Storage
from .actors import (
    Actor,
    ErrorReportingActor,
    FetchActor,
    FusedActor,
    IndexedActor,
    NetworkActor,
    RenderActor,
)
from .cluster import node_resources

CPU_SHARE = 0.9
"""Share of a node's CPUs that actors may take; the rest is for the small tasks between them."""
NETWORK_CPUS = 0.25
"""CPUs of an actor that holds the network on a GPU."""
CPU_ACTOR_CPUS = 0.45
"""CPUs of an actor that fetches or renders, where the network is on a GPU."""

MAX_BATCHES_PER_BLOCK = 32
"""Batches in a block of sources, at most."""
BLOCKS_PER_ACTOR = 16
"""Blocks for each concurrent call of an actor, at least, so that all actors end at about the same
time."""
MIN_BATCHES_PER_ACTOR = 4
"""Batches for each actor that holds the network, at least; a small job has smaller batches."""


@dataclass(frozen=True)
class Node:
    """The resources of a node of the cluster."""

    cpus: float
    gpus: float


@dataclass(frozen=True)
class Layout:
    """How many actors of which kind."""

    fused: bool
    """Whether one actor does all the work on a source."""
    actors: int
    """Actors that hold the network."""
    cpus: float
    """CPUs of an actor that holds the network."""
    gpus: float
    """GPUs, or the share of one, of an actor that holds the network."""
    cpu_actors: int = 0
    """Actors that fetch, and as many that render, where the layout is not fused."""

    @property
    def processes(self) -> int:
        """Actors of all kinds."""
        return self.actors + 2 * self.cpu_actors

    @property
    def max_concurrency(self) -> int:
        """Batches of an actor at a time: one is fetched, one computed, one stored."""
        return 3 if self.fused else 1

    def batch_size(self, sources: int, limit: int) -> int:
        """Return how many sources an actor is given at once: few where all have to have some.

        CPU actors don't count: on a GPU, batches are made for the network.

        Args:
            sources: sources of the run.
            limit: the job's batch size, which is not exceeded.
        """
        return min(limit, max(2, sources // (MIN_BATCHES_PER_ACTOR * self.actors)))

    def block_rows(self, sources: int, batch_size: int) -> int:
        """Return how many sources a block has: one batch, or several where there are very many.

        Ray Data takes 20 KB of the driver's memory and milliseconds of a CPU for a block.
        """
        if not self.fused or batch_size == 1:
            return batch_size
        blocks = BLOCKS_PER_ACTOR * self.actors * self.max_concurrency
        return batch_size * min(max(sources // (batch_size * blocks), 1), MAX_BATCHES_PER_BLOCK)


@dataclass(frozen=True)
class Pool:
    """Actors of one class."""

    actor: Callable[..., Actor]
    """The actor's class."""
    arguments: tuple[object, ...]
    """Arguments of the actor's constructor."""
    actors: int
    """Actors at the start."""
    max_actors: int
    """Actors where nodes join later."""
    cpus: float
    """CPUs of an actor."""
    gpus: float = 0.0
    """GPUs, or the share of one, of an actor."""


def plan_for_cluster(job: Job) -> Layout:
    """Choose the layout for the cluster at hand.

    Raises:
        RequestError: the job asks for more than the cluster has.
        JobIncomplete: the cluster has nothing to run a job on.
    """
    nodes = [Node(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in node_resources()]
    if all(each.cpus < 1 for each in nodes):
        raise JobIncomplete(
            "the cluster has no CPU that a job may use; "
            "once it has a worker node, the same command resumes"
        )
    return plan_for_nodes(job, nodes)


def plan_for_nodes(job: Job, nodes: Sequence[Node]) -> Layout:
    """Choose the layout for these nodes.

    Raises:
        RequestError: the job asks for more than they have.
    """
    cpus, gpus = sum(int(each.cpus) for each in nodes), sum(each.gpus for each in nodes)
    if cpus < 1:
        raise RequestError("the cluster has no CPU that a job may use; add a worker node")
    share = job.gpus if job.gpus is not None else (1.0 if gpus else 0.0)
    if share == 0:
        actors = job.actors or min(cpus, job.max_actors or cpus)
        if actors > cpus:
            raise RequestError(f"actors: {actors} asked for, the cluster has {cpus} CPUs")
        return Layout(True, actors, CPU_SHARE, 0.0)
    if not any(_gpu_slots(each, share) for each in nodes):
        raise RequestError(f"gpus: an actor asks for {share:g}, the cluster has {gpus:g}; use less")
    # An actor needs some of a CPU on the node of its GPU; CPU actors run on any node.
    with_cpu = sum(min(_gpu_slots(each, share), _cpu_slots(each)) for each in nodes)
    room = min(with_cpu, int((CPU_SHARE * cpus - 2 * CPU_ACTOR_CPUS) / NETWORK_CPUS))
    room = next((n for n in range(room, 0, -1) if _cpu_actor_slots(nodes, share, n) >= 2), 0)
    if room < (job.actors or 1):
        raise RequestError(
            f"actors: {job.actors or 1} with {share:g} GPU each asked for, the cluster has "
            f"{gpus:g} GPUs and {cpus} CPUs, room for {room}; ask for less, or set gpus to 0"
        )
    actors = job.actors or min(room, job.max_actors or room)
    cpu_actors = int((CPU_SHARE * cpus - actors * NETWORK_CPUS) / (2 * CPU_ACTOR_CPUS))
    cpu_actors = min(cpu_actors, _cpu_actor_slots(nodes, share, actors) // 2)
    return Layout(False, actors, NETWORK_CPUS, share, max(1, cpu_actors))


def _gpu_slots(node: Node, share: float) -> int:
    """Return how many actors a node's GPUs hold: a share lies on one GPU, or is whole GPUs."""
    tiny = 1e-9
    if share > 1:
        return int(node.gpus / share + tiny)
    return int(node.gpus) * int(1 / share + tiny)


def _cpu_actor_slots(nodes: Sequence[Node], share: float, actors: int) -> int:
    """Return how many CPU actors find room, next to ``actors`` that fill node after node."""
    slots = 0
    for node in nodes:
        here = min(actors, _gpu_slots(node, share), _cpu_slots(node))
        actors -= here
        slots += int((node.cpus - here * NETWORK_CPUS) / CPU_ACTOR_CPUS + 1e-9)
    return slots


def _cpu_slots(node: Node) -> int:
    return int(CPU_SHARE * node.cpus / NETWORK_CPUS)


def actor_pools(
    job: Job,
    storage: Storage,
    passthrough: pa.Schema,
    layout: Layout,
    listing: ray.ObjectRef[ParquetListing],
) -> list[Pool]:
    """Return the pools that a batch of sources goes through, in order.

    Args:
        job: what is made of the sources.
        storage: the store of input and output.
        passthrough: columns of the listing that the manifest takes over.
        layout: how many actors.
        listing: where the first actors find the rows of which they get the indices.
    """
    actors, cpu_actors = layout.actors, layout.cpu_actors
    max_actors = max(actors, job.max_actors or 0)
    if layout.fused:
        fused = (IndexedActor, listing, FusedActor, job, storage, passthrough)
        return [Pool(ErrorReportingActor, fused, actors, max_actors, layout.cpus)]
    max_cpu_actors = cpu_actors * max_actors // actors
    # Found here, so that who fetches needs neither the weights nor the network's packages.
    analysis = registry.analysis_of(job.method, weights=job.weights, options=job.options)
    fetch = (IndexedActor, listing, FetchActor, job, storage, analysis)
    network = (NetworkActor, job)
    render = (RenderActor, job, storage, passthrough)
    return [
        Pool(ErrorReportingActor, fetch, cpu_actors, max_cpu_actors, CPU_ACTOR_CPUS),
        Pool(ErrorReportingActor, network, actors, max_actors, layout.cpus, layout.gpus),
        Pool(ErrorReportingActor, render, cpu_actors, max_cpu_actors, CPU_ACTOR_CPUS),
    ]
