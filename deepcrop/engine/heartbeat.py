"""Waiting for the cluster: what comes back is taken as it comes, and no wait is blind.

While nothing comes back, the driver has its turn every few seconds: it keeps its lease, and looks
whether the cluster can still run the job at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import ray

from ..errors import Interrupted

PAUSE = 5.0
"""Seconds without an answer after which the driver has its turn."""
PATIENCE = 1800.0
"""Seconds that a job waits for a cluster none of whose nodes could run it."""

Item = TypeVar("Item")
_END = object()


def awaited(stream: Generator[Item, None, None], turn: Callable[[], None]) -> Iterator[Item]:
    """Yield what a stream yields; call ``turn`` whenever nothing came for :data:`PAUSE` seconds.

    The stream runs in a thread of its own, an item at a time as each is asked for. What ``turn``
    raises ends the wait; a stream that is stuck then is left behind, and ends with the process.
    """
    answers: SimpleQueue[Any] = SimpleQueue()
    wanted = threading.Semaphore(0)
    over = threading.Event()

    def pump() -> None:
        try:
            while wanted.acquire() and not over.is_set():
                answers.put((next(stream, _END), None))
        except BaseException as error:
            answers.put((_END, error))
        finally:
            stream.close()

    thread = threading.Thread(target=pump, name="stream", daemon=True)
    thread.start()
    busy = False
    try:
        while True:
            wanted.release()
            busy = True
            item, error = _answer(answers, turn)
            busy = False
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        over.set()
        wanted.release()
        if not busy:
            thread.join()


def _answer(answers: SimpleQueue[Any], turn: Callable[[], None]) -> Any:
    while True:
        try:
            return answers.get(timeout=PAUSE)
        except Empty:
            turn()


def answer_of(task: ray.ObjectRef, turn: Callable[[], None]) -> Any:
    """Return what a task answers; call ``turn`` whenever :data:`PAUSE` seconds went by.

    Raises:
        ray.exceptions.RayError: the task failed; :func:`cause_of` tells what it raised.
    """
    while not ray.wait([task], timeout=PAUSE)[0]:
        turn()
    return ray.get(task)


def cause_of(error: ray.exceptions.RayTaskError) -> Exception:
    """Return the error that a task raised, as it was raised there."""
    cause: Exception = error.cause
    while isinstance(cause, ray.exceptions.RayTaskError):
        cause = cause.cause
    return cause


class Patience:
    """Watches whether some node could run the job, and gives up after :data:`PATIENCE` seconds.

    A job that waits for nodes that others use waits as long as it takes; only a cluster that has
    no such node, as when all were taken away, is waited for in vain.
    """

    def __init__(self, cpus: float, gpus: float, note: Callable[[str], None]) -> None:
        """Take what one node must have, and who is told of a wait."""
        self.needs = {"CPU": cpus, "GPU": gpus}
        self.note = note
        self.hope = time.monotonic()
        self.told = False

    def renew(self) -> None:
        """Begin to wait anew: the cluster has shown that it runs the job."""
        self.hope = time.monotonic()
        if self.told:
            self.note("")
            self.told = False

    def check(self) -> None:
        """Look at the cluster's nodes.

        Raises:
            Interrupted: none could run the job for too long.
        """
        if self._has_nodes():
            self.renew()
            return
        if not self.told:
            self.note(
                f"no node of the cluster can run the job; waiting {PATIENCE / 60:g} min for one"
            )
            self.told = True
        if time.monotonic() - self.hope > PATIENCE:
            raise Interrupted(
                f"no node of the cluster could run the job for {PATIENCE / 60:g} min; "
                "once there is one, the same command resumes"
            )

    def _has_nodes(self) -> bool:
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return all(
            any(resources.get(name, 0) >= amount for resources in alive)
            for name, amount in self.needs.items()
        )
