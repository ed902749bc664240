"""Whether the cluster can run the job at all, watched for as long as the job runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import JobIncomplete
from .cluster import node_resources

NO_CAPACITY_TIMEOUT_S = 1800.0
"""Seconds that a job waits for a cluster of which no node could run it."""


class CapacityMonitor:
    """Gives up after :data:`NO_CAPACITY_TIMEOUT_S` in which no node could have run the job.

    Nodes that other jobs use are waited for without a limit, since they become free. Only a
    cluster that has no suitable node, as when all its workers were removed, is given up.
    """

    def __init__(self, cpus: float, gpus: float, note: Callable[[str], None]) -> None:
        """Watch the cluster.

        Args:
            cpus: CPUs that one node must have.
            gpus: GPUs that one node must have.
            note: is told when the wait begins, and an empty text when it ends.
        """
        self.needs = {"CPU": cpus, "GPU": gpus}
        self.note = note
        self.last_capacity = time.monotonic()
        self.notified = False

    def renew(self) -> None:
        """Restart the timeout: the cluster has shown that it runs the job."""
        self.last_capacity = time.monotonic()
        if self.notified:
            self.note("")
            self.notified = False

    def check(self) -> None:
        """Look at the cluster's nodes.

        Raises:
            JobIncomplete: no node could have run the job for :data:`NO_CAPACITY_TIMEOUT_S`.
        """
        if self._has_nodes():
            self.renew()
            return
        minutes = f"{NO_CAPACITY_TIMEOUT_S / 60:g} min"
        if not self.notified:
            self.note(f"no node of the cluster can run the job; waiting {minutes} for one")
            self.notified = True
        if time.monotonic() - self.last_capacity > NO_CAPACITY_TIMEOUT_S:
            raise JobIncomplete(
                f"no node of the cluster could run the job for {minutes}; "
                "once there is one, the same command resumes"
            )

    def _has_nodes(self) -> bool:
        alive = node_resources()
        return all(
            any(resources.get(name, 0) >= amount for resources in alive)
            for name, amount in self.needs.items()
        )
