"""The Ray cluster that a job runs on, and the layout of its actors there."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from ..errors import Interrupted, RequestError
from .job import Job

OBJECT_STORE = 1 << 30
"""Bytes of the object store of a cluster of our own; Ray's default takes 30% of the memory."""
CPU_SHARE = 0.9
"""CPUs that an actor asks for: together they leave room for the small tasks between them."""


@contextmanager
def connected() -> Iterator[None]:
    """Use the cluster at hand: this process's, that of RAY_ADDRESS, or one made for the time.

    Raises:
        Interrupted: there is an address, but no cluster answers there.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    own: dict[str, Any] = {"object_store_memory": OBJECT_STORE, "include_dashboard": False}
    # The engine's own chatter; what matters to the user reaches them as rows and errors.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        with _quiet_stderr():
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else own),
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Interrupted(f"Ray cluster {address or 'of this machine'}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drop what native code prints while the engine starts: what fails, raises."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


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
    """Actors that render, where the layout is not fused."""

    @property
    def calls(self) -> int:
        """Batches that an actor has at hand: one being fetched, one worked on, one being stored."""
        return 3 if self.fused else 1


def lay_out(job: Job) -> Layout:
    """Choose the layout for the cluster at hand.

    Raises:
        RequestError: the job asks for more than the cluster has.
    """
    resources = ray.cluster_resources()
    cpus, gpus = int(resources.get("CPU", 0)), resources.get("GPU", 0.0)
    if cpus < 1:
        raise RequestError("the cluster has no CPU that a job may use; add a worker node")
    share = job.gpus if job.gpus is not None else (1.0 if gpus else 0.0)
    if share > gpus:
        raise RequestError(f"gpus: an actor asks for {share:g}, the cluster has {gpus:g}; use less")
    if share == 0:
        actors = job.actors or cpus
        if actors > cpus:
            raise RequestError(f"actors: {actors} asked for, the cluster has {cpus} CPUs")
        return Layout(True, actors, CPU_SHARE, 0.0)
    # A share above 1 takes whole GPUs of one node.
    actors = job.actors or max(1, int(gpus / share))
    if actors * share > gpus:
        raise RequestError(
            f"actors: {actors} with {share:g} GPU each asked for, the cluster has {gpus:g} GPUs"
        )
    helpers = max(1, int(cpus / CPU_SHARE) - 1 - actors // 4)
    return Layout(False, actors, 0.25, share, helpers)
