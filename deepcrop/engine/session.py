"""The cluster that a run uses, joined when the run first needs it."""

from __future__ import annotations

import time
from contextlib import ExitStack

from ..job import Job
from ..progress import Progress
from .capacity import CapacityMonitor
from .cluster import connected
from .layout import Layout, plan_for_cluster


class ClusterSession:
    """Joins or starts a Ray cluster on first use.

    A cluster takes seconds to start. A wrong request, or a job that has nothing left to do, is
    noticed without one.
    """

    def __init__(self, job: Job, progress: Progress, stack: ExitStack) -> None:
        """Prepare; the cluster is left when ``stack`` is closed."""
        self.job, self.progress, self.stack = job, progress, stack
        self.connect_seconds = 0.0
        """Seconds that joining took; they are no part of the job's own time."""
        self._layout: Layout | None = None
        self._capacity: CapacityMonitor | None = None

    def connect(self) -> Layout:
        """Join the cluster unless that is done; return the job's layout on it.

        Raises:
            RequestError: the job asks for more than the cluster has.
            JobIncomplete: there is no cluster at the address, or none can be started.
        """
        if self._layout is None:
            self.progress.note("connecting to a Ray cluster")
            start = time.monotonic()
            self.stack.enter_context(connected())
            self.connect_seconds += time.monotonic() - start
            self._layout = plan_for_cluster(self.job)
            needs = self._layout.cpus, self._layout.gpus
            self._capacity = CapacityMonitor(*needs, self.progress.note)
        return self._layout

    def renew_capacity(self) -> None:
        """Note that the cluster has worked for the job."""
        if self._capacity is not None:
            self._capacity.renew()

    def check_capacity(self) -> None:
        """Give up a cluster that can't run the job; see :class:`.capacity.CapacityMonitor`."""
        if self._capacity is not None:
            self._capacity.check()
