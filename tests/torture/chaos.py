"""A Ray cluster of several nodes on one machine, and what kills its parts."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from ray.cluster_utils import Cluster

NODES = 2
MOST_COMMITTED = 4
"""A driver is killed once it has committed so many parts of the manifest, or fewer."""
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
        """Kill a node on which the job works, with all that runs there: its machine is gone."""
        busy = [
            node
            for node in sorted(self.cluster.worker_nodes, key=lambda each: each.unique_id)
            if any(_is_busy(_title(child)) for child in _children(self._raylet(node)))
        ]
        if not busy:
            return False
        self.take_away(chance.choice(busy))
        return True

    def take_away(self, node: Any) -> None:
        """Kill a node with all that runs on it."""
        raylet = self._raylet(node)
        for process in [raylet, *_children(raylet)]:
            _kill(process)
        self.cluster.remove_node(node, allow_graceful=False)

    def _raylet(self, node: Any) -> psutil.Process:
        return psutil.Process(node.all_processes["raylet"][0].process.pid)


class Killer:
    """Kills one thing at a time: a worker, an actor, a node, the driver.

    Only what is at work is killed: a worker in the middle of a task, an actor or a node's actor in
    the middle of a batch, and a driver that has committed something since it began.
    """

    def __init__(
        self,
        nodes: Nodes,
        driver: Callable[[], psutil.Process],
        committed: Callable[[], int],
        seed: int,
    ) -> None:
        """Take the cluster, and who knows the driver's process and how much it has committed."""
        self.nodes, self.driver, self.committed = nodes, driver, committed
        self.chance = random.Random(seed)
        self.kinds = {
            "worker": lambda: self._kill_one(_is_task),
            "actor": lambda: self._kill_one(_is_busy),
            "node": lambda: self.nodes.kill_node(self.chance),
            "driver": self._kill_driver,
        }
        self.enough = self.chance.randint(1, MOST_COMMITTED)

    def plan(self, count: int) -> list[str]:
        """Return what to kill: every kind at least once."""
        kinds = list(self.kinds)
        rest = self.chance.choices(kinds, k=max(0, count - len(kinds)))
        order = self.chance.sample(kinds, len(kinds))[:count] + rest
        self.chance.shuffle(order)
        return order

    def pause(self) -> float:
        """Return the seconds from one kill to the next."""
        return self.chance.uniform(0.5, 8.0)

    def kill_one_of(self, plan: list[str]) -> str | None:
        """Kill the first of the plan that is there to be killed; tell which."""
        for kind in dict.fromkeys(plan):
            with contextlib.suppress(psutil.NoSuchProcess):
                if self.kinds[kind]():
                    return kind
        return None

    def _kill_driver(self) -> bool:
        if self.committed() < self.enough:
            return False
        self.enough = self.chance.randint(1, MOST_COMMITTED)
        return _kill(self.driver())

    def _kill_one(self, wanted: Callable[[str], bool]) -> bool:
        found = [each for each in self.nodes.workers() if wanted(_title(each))]
        return bool(found) and _kill(self.chance.choice(found))


def _is_busy(title: str) -> bool:
    """Tell whether an actor of the job has a batch in its hands."""
    return "MapBatches" in title and not title.endswith((".__init__", "))"))


def _is_task(title: str) -> bool:
    """Tell whether a task of the job's own runs: a listing, or a source that is tried alone."""
    return any(name in title for name in ("make_listing", "_list_folder", "_work_alone"))


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
