"""The cluster that a run uses, joined when the run first needs it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Protocol

from ..job import Job
from ..progress import Progress
from ..sources.index import SourceIndex
from ..storage import Storage
from .capacity import CapacityMonitor
from .cluster import connected
from .executor import Executor
from .layout import Layout, plan_for_cluster
from .passes import executor_for


class Session(Protocol):
    """What a run works with; it costs nothing before it is first needed."""

    connect_seconds: float
    """Seconds that connecting took; they are no part of the job's own time."""

    def connect(self) -> object:
        """Make sure that the job can be worked on.

        Raises:
            RequestError: the job asks for more than there is.
            JobIncomplete: nothing can work on it.
        """
        ...

    def executor(self, number: int, job: Job, storage: Storage, sources: SourceIndex) -> Executor:
        """Return what runs a pass over sources; see :func:`.passes.executor_for`."""
        ...

    def renew_capacity(self) -> None:
        """Note that there was work done."""
        ...

    def check_capacity(self) -> None:
        """Give up where no more work can be done.

        Raises:
            JobIncomplete: it can't.
        """
        ...


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

    def executor(self, number: int, job: Job, storage: Storage, sources: SourceIndex) -> Executor:
        """Return what runs a pass over sources; see :func:`.passes.executor_for`."""
        return executor_for(number, job, storage, self.connect(), sources)

    def renew_capacity(self) -> None:
        """Note that the cluster has worked for the job."""
        if self._capacity is not None:
            self._capacity.renew()

    def check_capacity(self) -> None:
        """Give up a cluster that can't run the job; see :class:`.capacity.CapacityMonitor`."""
        if self._capacity is not None:
            self._capacity.check()
