"""The layout of a job on a cluster's nodes: which pools of actors, how many of each.

What is laid out fits: every actor finds a node with room for it at once, and some room is left for
the small tasks between them, so no pool waits for what another one holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray

from ..errors import Interrupted, RequestError
from ..job import Job
from ..methods import registry
from ..sources.index import Packed
from ..storage import Storage
from .actors import FetchActor, FromShelf, NetworkActor, RenderActor, Worker

CPU_SHARE = 0.9
"""Of a node's CPUs, what actors may take: the rest is for the small tasks between them."""
NETWORK_CPUS = 0.25
"""CPUs of an actor that holds the network on a GPU."""
HELPER_CPUS = 0.45
"""CPUs of an actor that fetches or renders, where the network is on a GPU."""

BATCHES = 32
"""Of a block, at most."""
SHARES = 16
"""Blocks for each call of an actor, at least, so that all end at about the same time."""
SPLITS = 4
"""Batches for each actor that holds the network, at least, where a job has so few sources."""


@dataclass(frozen=True)
class Node:
    """What a node of the cluster has."""

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
    """CPUs of each."""
    gpus: float
    """Share of a GPU of each."""
    helpers: int = 0
    """Actors that fetch, and as many that render, where the layout is not fused."""

    @property
    def processes(self) -> int:
        """Actors of all kinds."""
        return self.actors + 2 * self.helpers

    @property
    def calls(self) -> int:
        """Batches that an actor has at hand: one being fetched, one worked on, one being stored."""
        return 3 if self.fused else 1

    def batch(self, sources: int, most: int) -> int:
        """Return how many sources an actor is given at once: few where all have to have some.

        Helpers don't count: on a GPU it is the network that batches are made for.
        """
        return min(most, max(2, sources // (SPLITS * self.actors)))

    def rows(self, sources: int, batch: int) -> int:
        """Return how many sources a block has: one batch, or several where there are very many.

        Ray Data takes 20 KB of the driver's memory and milliseconds of a CPU for a block.
        """
        if not self.fused or batch == 1:
            return batch
        shares = SHARES * self.actors * self.calls
        return batch * min(max(sources // (batch * shares), 1), BATCHES)


@dataclass(frozen=True)
class Pool:
    """Actors of one class."""

    actor: type
    arguments: tuple[Any, ...]
    """Of its constructor."""
    actors: int
    most: int
    """Actors where nodes join later."""
    cpus: float
    """Of each."""
    gpus: float = 0.0
    """Of each."""


def lay_out(job: Job) -> Layout:
    """Choose the layout for the cluster at hand.

    Raises:
        RequestError: the job asks for more than the cluster has.
        Interrupted: the cluster has nothing to run a job on.
    """
    found = [each["Resources"] for each in ray.nodes() if each["Alive"]]
    nodes = [Node(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in found]
    if all(each.cpus < 1 for each in nodes):
        raise Interrupted(
            "the cluster has no CPU that a job may use; "
            "once it has a worker node, the same command resumes"
        )
    return arrange(job, nodes)


def arrange(job: Job, nodes: Sequence[Node]) -> Layout:
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
    if not any(_gpu_places(each, share) for each in nodes):
        raise RequestError(f"gpus: an actor asks for {share:g}, the cluster has {gpus:g}; use less")
    # Beside its GPU an actor needs some of a CPU, on the same node; so do its helpers, anywhere.
    beside = sum(min(_gpu_places(each, share), _cpu_places(each)) for each in nodes)
    room = min(beside, int((CPU_SHARE * cpus - 2 * HELPER_CPUS) / NETWORK_CPUS))
    room = next((n for n in range(room, 0, -1) if _helper_places(nodes, share, n) >= 2), 0)
    if room < (job.actors or 1):
        raise RequestError(
            f"actors: {job.actors or 1} with {share:g} GPU each asked for, the cluster has "
            f"{gpus:g} GPUs and {cpus} CPUs, room for {room}; ask for less, or set gpus to 0"
        )
    actors = job.actors or min(room, job.max_actors or room)
    helpers = int((CPU_SHARE * cpus - actors * NETWORK_CPUS) / (2 * HELPER_CPUS))
    helpers = min(helpers, _helper_places(nodes, share, actors) // 2)
    return Layout(False, actors, NETWORK_CPUS, share, max(1, helpers))


def _gpu_places(node: Node, share: float) -> int:
    """Return how many actors a node's GPUs hold: a share lies on one GPU, or is whole GPUs."""
    tiny = 1e-9
    if share > 1:
        return int(node.gpus / share + tiny)
    return int(node.gpus) * int(1 / share + tiny)


def _helper_places(nodes: Sequence[Node], share: float, actors: int) -> int:
    """Return how many helpers find a CPU on one node, beside actors that fill node by node."""
    places = 0
    for node in nodes:
        here = min(actors, _gpu_places(node, share), _cpu_places(node))
        actors -= here
        places += int((node.cpus - here * NETWORK_CPUS) / HELPER_CPUS + 1e-9)
    return places


def _cpu_places(node: Node) -> int:
    return int(CPU_SHARE * node.cpus / NETWORK_CPUS)


def pools(
    job: Job,
    storage: Storage,
    carried: pa.Schema,
    layout: Layout,
    shelf: ray.ObjectRef[Packed],
) -> list[Pool]:
    """Return the pools that a batch of sources goes through, in order."""
    actors, helpers = layout.actors, layout.helpers
    most = max(actors, job.max_actors or 0)
    if layout.fused:
        worker = (shelf, Worker, job, storage, carried)
        return [Pool(FromShelf, worker, actors, most, layout.cpus)]
    more = helpers * most // actors
    # Found here: those who fetch need neither the weights nor what the network is built with.
    analysis = registry.analysis_of(job.method, weights=job.weights, options=job.options)
    fetch = (shelf, FetchActor, job, storage, analysis)
    return [
        Pool(FromShelf, fetch, helpers, more, HELPER_CPUS),
        Pool(NetworkActor, (job,), actors, most, layout.cpus, layout.gpus),
        Pool(RenderActor, (job, storage, carried), helpers, more, HELPER_CPUS),
    ]
