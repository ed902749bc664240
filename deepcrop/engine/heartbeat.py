"""Waiting for the cluster with a heartbeat, so that the driver is never blocked without an end.

While nothing comes back from the cluster, the heartbeat runs every few seconds. The driver renews
its lease in it, commits rows, and looks whether the cluster can still run the job.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

import ray

HEARTBEAT_S = 5.0
"""Seconds without an answer after which the heartbeat runs, and runs again."""

CLOSE_TIMEOUT_S = 3.0
"""Seconds for which an interrupted iteration waits for its stream to close."""

Item = TypeVar("Item")
Heartbeat = Callable[[], None]
"""What runs while a caller waits; an exception that it raises ends the wait."""


class _End:
    """The message that says that a stream has ended, with the error that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def iterate_with_heartbeat(
    stream: Generator[Item, None, None], heartbeat: Heartbeat
) -> Iterator[Item]:
    """Yield what a stream yields, with a heartbeat whenever :data:`HEARTBEAT_S` have passed.

    The stream runs in a thread of its own, which computes an item only when it is asked for. A
    stream that is blocked when the heartbeat raises is abandoned after :data:`CLOSE_TIMEOUT_S`; its
    daemon thread ends with the process.

    Args:
        stream: what is iterated; it is closed when the iteration ends.
        heartbeat: is called in the caller's thread.

    Raises:
        BaseException: whatever the stream or the heartbeat raises.
    """
    answers: SimpleQueue[Item | _End] = SimpleQueue()
    requested = threading.Semaphore(0)
    ended = threading.Event()

    def pump() -> None:
        try:
            while requested.acquire() and not ended.is_set():
                answers.put(next(stream))
        except StopIteration:
            answers.put(_End())
        except BaseException as error:
            answers.put(_End(error))
        finally:
            stream.close()

    thread = threading.Thread(target=pump, name="stream", daemon=True)
    thread.start()
    blocked = False
    try:
        while True:
            requested.release()
            blocked = True
            answer = _get(answers, heartbeat)
            blocked = False
            if isinstance(answer, _End):
                if answer.error is not None:
                    raise answer.error
                return
            yield answer
    finally:
        ended.set()
        requested.release()
        # A stream that still uses Ray after ``ray.shutdown`` would start another cluster.
        thread.join(CLOSE_TIMEOUT_S if blocked else None)


def _get(answers: SimpleQueue[Item], heartbeat: Heartbeat) -> Item:
    while True:
        try:
            return answers.get(timeout=HEARTBEAT_S)
        except Empty:
            heartbeat()


def get_with_heartbeat(task: ray.ObjectRef[Item], heartbeat: Heartbeat) -> Item:
    """Return what a task answers, with a heartbeat whenever :data:`HEARTBEAT_S` have passed.

    Raises:
        ray.exceptions.RayError: the task failed; see :func:`unwrap_task_error`.
    """
    while not ray.wait([task], timeout=HEARTBEAT_S)[0]:
        heartbeat()
    return ray.get(task)


def unwrap_task_error(error: ray.exceptions.RayTaskError) -> Exception:
    """Return the exception that a task raised, without the wrappers that Ray puts around it."""
    cause: Exception = error.cause
    while isinstance(cause, ray.exceptions.RayTaskError):
        cause = cause.cause
    return cause
