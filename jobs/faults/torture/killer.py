"""Kill processes of a job, one at a time."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import psutil

from .nodes import Nodes, is_busy_actor, kill_process, title

MAX_COMMITTED_PARTS = 4
"""A driver is killed once it has committed one to this many parts of the manifest."""
MIN_PAUSE_S, MAX_PAUSE_S = 0.5, 8.0
"""Seconds from one kill to the next."""
TASK_NAMES = ("list_and_survey", "_call", "_work_alone")
"""Names of the functions that a job runs as tasks: the listing, its parts, sources tried alone."""


class Killer:
    """Kills one target at a time: a worker, an actor, a node, the driver.

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
        """Take what to kill.

        Args:
            nodes: the cluster.
            driver: returns the driver's process.
            committed: returns the number of parts that the driver has committed since it began.
            seed: seed of all choices.
        """
        self.nodes, self.driver, self.committed = nodes, driver, committed
        self.random = random.Random(seed)
        self.kinds: dict[str, Callable[[], bool]] = {
            "worker": lambda: self._kill_process(_is_task),
            "actor": lambda: self._kill_process(is_busy_actor),
            "node": lambda: self.nodes.kill_busy_node(self.random),
            "driver": self._kill_driver,
        }
        self.parts_before_kill = self.random.randint(1, MAX_COMMITTED_PARTS)

    def plan(self, count: int) -> list[str]:
        """Return ``count`` kinds of targets to kill, every kind at least once."""
        kinds = list(self.kinds)
        rest = self.random.choices(kinds, k=max(0, count - len(kinds)))
        order = self.random.sample(kinds, len(kinds))[:count] + rest
        self.random.shuffle(order)
        return order

    def pause(self) -> float:
        """Return the seconds from one kill to the next."""
        return self.random.uniform(MIN_PAUSE_S, MAX_PAUSE_S)

    def kill_first(self, plan: list[str]) -> str | None:
        """Kill the first of the plan that is there to be killed; return its kind."""
        for kind in dict.fromkeys(plan):
            with contextlib.suppress(psutil.NoSuchProcess):
                if self.kinds[kind]():
                    return kind
        return None

    def _kill_driver(self) -> bool:
        if self.committed() < self.parts_before_kill:
            return False
        self.parts_before_kill = self.random.randint(1, MAX_COMMITTED_PARTS)
        return kill_process(self.driver())

    def _kill_process(self, matches: Callable[[str], bool]) -> bool:
        found = [each for each in self.nodes.workers() if matches(title(each))]
        return bool(found) and kill_process(self.random.choice(found))


def _is_task(process_title: str) -> bool:
    return any(name in process_title for name in TASK_NAMES)
