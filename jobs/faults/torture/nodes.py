"""A Ray cluster of several nodes on one machine, whose nodes can be killed and come back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import psutil
from ray.cluster_utils import Cluster

NODES = 2
"""Nodes with a CPU."""
STORE_BYTES = 100_000_000
"""Size of a node's object store, in bytes."""


class Nodes:
    """A head without CPUs, and nodes with one CPU each that come back after they were killed."""

    def __init__(self) -> None:
        """Start the head and the nodes."""
        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            },
        )
        self.fill()

    @property
    def address(self) -> str:
        """The value of ``RAY_ADDRESS`` for drivers."""
        return str(self.cluster.address)

    def fill(self) -> None:
        """Start the nodes that are missing; on a busy machine some die by themselves."""
        for node in [*self.cluster.worker_nodes]:
            if node.all_processes["raylet"][0].process.poll() is not None:
                self.cluster.remove_node(node, allow_graceful=False)
        while len(self.cluster.worker_nodes) < NODES:
            self.cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

    def close(self) -> None:
        """Shut the cluster down."""
        self.cluster.shutdown()

    def workers(self) -> list[psutil.Process]:
        """Return the processes in which tasks and actors run."""
        raylets = [_raylet(node) for node in [*self.cluster.worker_nodes]]
        return [
            child
            for raylet in raylets
            for child in _children(raylet)
            if title(child).startswith("ray::")
        ]

    def kill_busy_node(self, rng: random.Random) -> bool:
        """Kill a node on which the job works; return False if there is none."""
        busy = [
            node
            for node in sorted(self.cluster.worker_nodes, key=lambda each: each.unique_id)
            if any(is_busy_actor(title(child)) for child in _children(_raylet(node)))
        ]
        if not busy:
            return False
        self.kill(rng.choice(busy))
        return True

    def kill(self, node: Any) -> None:
        """Kill a node with all that runs on it, as if its machine were gone."""
        raylet = _raylet(node)
        for process in [raylet, *_children(raylet)]:
            kill_process(process)
        self.cluster.remove_node(node, allow_graceful=False)


def is_busy_actor(process_title: str) -> bool:
    """Return whether a process is an actor of a job that processes a batch."""
    return "MapBatches" in process_title and not process_title.endswith((".__init__", "))"))


def title(process: psutil.Process) -> str:
    """Return a process's command line, which Ray sets to the running function; "" if it ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_process(process: psutil.Process) -> bool:
    """Kill a process; return False if it has ended already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False


def _raylet(node: Any) -> psutil.Process:
    return psutil.Process(node.all_processes["raylet"][0].process.pid)


def _children(process: psutil.Process) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True)
