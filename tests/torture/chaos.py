"""A Ray cluster of several nodes on one machine, and what kills its parts."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from ray.cluster_utils import Cluster

NODES = 2
STORE = 100_000_000
"""Bytes of a node's object store."""


class Nodes:
    """A head without CPUs, and nodes with one CPU each that come back after they were killed."""

    def __init__(self) -> None:
        """Start the head and the nodes."""
        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE,
                "include_dashboard": False,
            },
        )
        self.fill()

    @property
    def address(self) -> str:
        """What ``RAY_ADDRESS`` must say."""
        return str(self.cluster.address)

    def fill(self) -> None:
        """Start the nodes that are missing; on a busy machine some die by themselves."""
        for node in [*self.cluster.worker_nodes]:
            if node.all_processes["raylet"][0].process.poll() is not None:
                self.cluster.remove_node(node, allow_graceful=False)
        while len(self.cluster.worker_nodes) < NODES:
            self.cluster.add_node(num_cpus=1, object_store_memory=STORE)

    def close(self) -> None:
        """End the cluster."""
        self.cluster.shutdown()

    def workers(self) -> list[psutil.Process]:
        """Return the processes in which tasks and actors run."""
        raylets = [self._raylet(node) for node in [*self.cluster.worker_nodes]]
        return [
            child
            for raylet in raylets
            for child in _children(raylet)
            if _title(child).startswith("ray::")
        ]

    def kill_node(self, chance: random.Random) -> bool:
        """Kill a node with all that runs on it, as when its machine is taken away."""
        node = chance.choice(sorted(self.cluster.worker_nodes, key=lambda each: each.unique_id))
        raylet = self._raylet(node)
        for process in [raylet, *_children(raylet)]:
            _kill(process)
        self.cluster.remove_node(node, allow_graceful=False)
        return True

    def _raylet(self, node: Any) -> psutil.Process:
        return psutil.Process(node.all_processes["raylet"][0].process.pid)


class Killer:
    """Kills one thing at a time: a worker, an actor, a node, the driver."""

    def __init__(self, nodes: Nodes, driver: Callable[[], psutil.Process], seed: int) -> None:
        """Take the cluster, and who knows the driver's process."""
        self.nodes, self.driver = nodes, driver
        self.chance = random.Random(seed)
        self.kinds = {
            "worker": lambda: self._kill_one(self._others()),
            "actor": lambda: self._kill_one(self._actors()),
            "node": lambda: self.nodes.kill_node(self.chance),
            "driver": lambda: _kill(self.driver()),
        }

    def plan(self, count: int) -> list[tuple[float, str]]:
        """Return when (seconds after the one before) to kill what: every kind at least once."""
        kinds = list(self.kinds)
        rest = self.chance.choices(kinds, k=max(0, count - len(kinds)))
        order = self.chance.sample(kinds, len(kinds))[:count] + rest
        self.chance.shuffle(order)
        return [(self.chance.uniform(0.5, 8.0), kind) for kind in order]

    def kill(self, kind: str) -> bool:
        """Kill something of a kind; tell whether there was one."""
        try:
            return self.kinds[kind]()
        except psutil.NoSuchProcess:
            return False

    def _actors(self) -> list[psutil.Process]:
        return [each for each in self.nodes.workers() if "Map" in _title(each)]

    def _others(self) -> list[psutil.Process]:
        return [each for each in self.nodes.workers() if "Map" not in _title(each)]

    def _kill_one(self, processes: list[psutil.Process]) -> bool:
        return bool(processes) and _kill(self.chance.choice(processes))


def _children(process: psutil.Process) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _kill(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False
