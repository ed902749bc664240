"""The third stage: the method, with its network on a device, answers for batches of sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InferError, OutOfMemory, SourceError
from ..geometry import Size
from ..job import Job, Request
from ..methods import base, registry
from .item import Work
from .limits import limit_of
from .render import wanted_size
from .watchdog import time_limit


class Analyst:
    """Holds a method, with its network on a device, and asks it about batches of sources."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the network."""
        self.job = job
        self.method: base.Loaded = registry.load(
            job.method, device=device, weights=job.weights, **job.options
        )

    @property
    def analysis(self) -> int | None:
        """Longest edge, in pixels, at which the method looks; None: at the pictures themselves."""
        return self.method.analysis if self.method.kind == "crop" else None

    def __call__(self, works: Sequence[Work]) -> None:
        """Give each source its crops or its pixels, or fail it."""
        ready = [work for work in works if work.error is None]
        start = time.perf_counter()
        with time_limit(limit_of(self.job, "infer") * len(ready)):
            self._answer(ready, self._crop if self.job.kind == "crop" else self._retarget)
        for work in ready:
            work.thumbnail = None
            work.milliseconds["infer"] = 1000 * (time.perf_counter() - start) / len(ready)

    def _answer(self, works: Sequence[Work], ask: Callable[[Sequence[Work]], None]) -> None:
        """Ask about all at once; where that fails, about halves, down to the one that fails."""
        if not works:
            return
        try:
            ask(works)
            return
        except SourceError as error:
            failure = error
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            failure = OutOfMemory(text) if _is_memory(error) else InferError(text)
        if len(works) == 1:
            works[0].fail(failure)
            return
        if isinstance(failure, OutOfMemory):
            import torch

            torch.cuda.empty_cache()
        half = len(works) // 2
        self._answer(works[:half], ask)
        self._answer(works[half:], ask)

    def _crop(self, works: Sequence[Work]) -> None:
        assert self.method.kind == "crop"
        sizes = [_size(work) for work in works]
        answers = self.method.boxes(
            [_look(work) for work in works],
            [request.aspect for request in self.job.requests],
            sizes=sizes,
            hints=[self._hints(work) for work in works],
        )
        for work, size, crops in zip(works, sizes, answers, strict=True):
            settled = work.correction.settle(crops, self.job.requests, size)
            work.crops = [crop.flagged(size) for crop in settled]

    def _retarget(self, works: Sequence[Work]) -> None:
        sizes = [[self._target(work, request) for request in self.job.requests] for work in works]
        assert self.method.kind == "retarget"
        answers = self.method.retarget([_look(work) for work in works], sizes)
        for work, pixels in zip(works, answers, strict=True):
            work.pixels = [each.permute(1, 2, 0).cpu().numpy() for each in pixels]

    def _target(self, work: Work, request: Request) -> Size:
        return wanted_size(self.job, request, request.aspect.largest_window(_size(work)))[0]

    def _hints(self, work: Work) -> base.Hints:
        x, y = work.source["focal_x"], work.source["focal_y"]
        listed = None if x is None or y is None else (x, y)
        return base.Hints(
            caption=work.source["caption"] or self.job.caption,
            focal=work.correction.focal or listed,
            keep=work.correction.keep,
        )


def _look(work: Work) -> NDArray[np.uint8]:
    """Return what the method looks at, of a source that was decoded."""
    assert work.thumbnail is not None
    return work.thumbnail


def _size(work: Work) -> Size:
    """Return the size of a source that was decoded."""
    assert work.size is not None
    return work.size


def _is_memory(error: Exception) -> bool:
    """Tell whether memory was short: each of torch's libraries says so in its own way."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("out of memory", "can't allocate memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in words)
