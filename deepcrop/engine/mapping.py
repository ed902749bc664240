"""A parallel map over the processes of the cluster, for the listing of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import ray

from .heartbeat import unwrap_task_error

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def ray_map(
    function: Callable[[Item], Answer], items: Iterable[Item], *, cpus: float
) -> list[Answer]:
    """Apply a function to every item, a Ray task each; see :class:`.mapping.ParallelMap`."""
    task: Any = ray.remote(num_cpus=cpus)(_call)  # which takes no partial functions
    try:
        answers: list[Answer] = ray.get([task.remote(function, item) for item in items])
    except ray.exceptions.RayTaskError as error:
        raise unwrap_task_error(error) from error
    return answers


def _call(function: Callable[[Item], Answer], item: Item) -> Answer:
    return function(item)
