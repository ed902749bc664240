"""The third stage: the method, with its network on a device, runs on batches of sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InferError, OutOfMemory, SourceError
from ..geometry import Size
from ..job import Job, VariantRequest
from ..methods import base, registry
from .item import ImageTask
from .limits import limit_of
from .sizing import variant_size
from .watchdog import time_limit


class Predictor:
    """Holds a method, with its network on a device, and runs it on batches of sources."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the network."""
        self.job = job
        self.method: base.Loaded = registry.load(
            job.method, device=device, weights=job.weights, **job.options
        )

    @property
    def analysis(self) -> int | None:
        """Longest edge, in pixels, of the images that the method takes; None: the full pictures."""
        return self.method.analysis if self.method.kind == "crop" else None

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Give each source its crops or its pixels, or an error."""
        ready = [task for task in tasks if task.error is None]
        start = time.perf_counter()
        with time_limit(limit_of(self.job, "infer") * len(ready)):
            self._predict_bisecting(
                ready, self._crop if self.job.kind == "crop" else self._retarget
            )
        for task in ready:
            task.thumbnail = None
            task.milliseconds["infer"] = 1000 * (time.perf_counter() - start) / len(ready)

    def _predict_bisecting(
        self, tasks: Sequence[ImageTask], predict: Callable[[Sequence[ImageTask]], None]
    ) -> None:
        """Predict for all at once; where that fails, for each half, down to the one that fails."""
        if not tasks:
            return
        try:
            predict(tasks)
            return
        except SourceError as error:
            failure = error
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            failure = OutOfMemory(text) if _is_memory(error) else InferError(text)
        if len(tasks) == 1:
            tasks[0].fail(failure)
            return
        if isinstance(failure, OutOfMemory):
            import torch

            torch.cuda.empty_cache()
        half = len(tasks) // 2
        self._predict_bisecting(tasks[:half], predict)
        self._predict_bisecting(tasks[half:], predict)

    def _crop(self, tasks: Sequence[ImageTask]) -> None:
        assert self.method.kind == "crop"
        sizes = [_size(task) for task in tasks]
        answers = self.method.boxes(
            [_thumbnail(task) for task in tasks],
            [request.aspect for request in self.job.requests],
            sizes=sizes,
            hints=[self._hints(task) for task in tasks],
        )
        for task, size, crops in zip(tasks, sizes, answers, strict=True):
            adjusted = task.correction.adjust(crops, self.job.requests, size)
            task.crops = [crop.flagged(size) for crop in adjusted]

    def _retarget(self, tasks: Sequence[ImageTask]) -> None:
        sizes = [[self._target(task, request) for request in self.job.requests] for task in tasks]
        assert self.method.kind == "retarget"
        answers = self.method.retarget([_thumbnail(task) for task in tasks], sizes)
        for task, pixels in zip(tasks, answers, strict=True):
            task.pixels = [each.permute(1, 2, 0).cpu().numpy() for each in pixels]

    def _target(self, task: ImageTask, request: VariantRequest) -> Size:
        return variant_size(self.job, request, request.aspect.largest_window(_size(task)))[0]

    def _hints(self, task: ImageTask) -> base.Hints:
        x, y = task.source["focal_x"], task.source["focal_y"]
        listed = None if x is None or y is None else (x, y)
        return base.Hints(
            caption=task.source["caption"] or self.job.caption,
            focal=task.correction.focal or listed,
            keep=task.correction.keep,
        )


def _thumbnail(task: ImageTask) -> NDArray[np.uint8]:
    """Return the input of the method, of a source that was decoded."""
    assert task.thumbnail is not None
    return task.thumbnail


def _size(task: ImageTask) -> Size:
    """Return the size of a source that was decoded."""
    assert task.size is not None
    return task.size


def _is_memory(error: Exception) -> bool:
    """Return whether memory was short; torch's libraries have several errors for that."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    phrases = ("out of memory", "can't allocate memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in phrases)
