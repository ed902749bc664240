"""The third stage: the method, with its network on a device, runs on batches of sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InferError, OutOfMemory, SourceError
from ..geometry import WHOLE, AspectRatio, Size
from ..job import Job, VariantRequest
from ..manifest.reuse import has_spare, spare_row
from ..methods import base, registry
from ..methods.base import Crop
from ..sources.corrections import Correction
from .item import ImageTask
from .limits import limit_of
from .planner import Planner
from .sizing import once_by, retargeted_size
from .watchdog import time_limit


class Predictor:
    """Holds a method, with its network on a device, and runs it on batches of sources."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the network."""
        self.job = job
        self.method: base.Loaded = registry.load(
            job.method, device=device, weights=job.weights, **job.options
        )
        self.planner = Planner(job)

    @property
    def analysis(self) -> int | None:
        """Longest edge, in pixels, of the images that the method takes; None: the full pictures."""
        return self.method.analysis if self.method.kind == "crop" else None

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Give each source its crops or its pixels, or an error."""
        ready = [task for task in tasks if task.is_open]
        for task in ready:
            self.planner.begin_anew(task)
        asked = [task for task in ready if task.reuse and task.reuse.unknown]
        start = time.perf_counter()
        if asked:
            with time_limit(limit_of(self.job, "infer") * len(asked)):
                self._predict_bisecting(
                    asked, self._crop if self.job.kind == "crop" else self._retarget
                )
        for task in asked:
            task.thumbnail, task.looks = None, ()
            task.milliseconds["infer"] = 1000 * (time.perf_counter() - start) / len(asked)
        for task in ready:
            if task.error is None and self.job.kind == "crop":
                self._add_known_crops(task)

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
        """Ask the method for the crops that aren't known, of sources that lack the same ones."""
        together: dict[tuple[tuple[int, ...], bool], list[ImageTask]] = {}
        for task in tasks:
            assert task.reuse is not None and task.wanted is not None
            key = task.reuse.unknown, has_spare(task.same, task.wanted)
            together.setdefault(key, []).append(task)
        for (requests, has_boxes), group in together.items():
            spare = () if has_boxes else self.planner.recipes.spare_ratios
            self._crop_for(requests, spare, group)

    def _crop_for(
        self, unknown: Sequence[int], spare: Sequence[AspectRatio], tasks: Sequence[ImageTask]
    ) -> None:
        """Ask the method for crops of requests, and of further ratios."""
        assert self.method.kind == "crop"
        sizes = [_size(task) for task in tasks]
        # All variants of a preset, and those of others of the same ratio, have one crop.
        together = once_by(unknown, lambda at: self.job.requests[at].slug)
        requests = [self.job.requests[first] for first, *_ in together]
        asked = {request.aspect for request in requests}
        more = [VariantRequest(ratio, None, ratio.slug) for ratio in spare if ratio not in asked]
        answers = self.method.boxes(
            [_thumbnail(task) for task in tasks],
            [request.aspect for request in (*requests, *more)],
            sizes=sizes,
            hints=[hints_of(self.job, task, task.correction) for task in tasks],
        )
        for task, size, crops in zip(tasks, sizes, answers, strict=True):
            task.method_note = crops[0].note
            adjusted = adjusted_crops(
                crops, [*requests, *more], size, task.correction, follows_safe(self.method)
            )
            found: list[Crop | None] = [None] * len(self.job.requests)
            for same, crop in zip(together, adjusted, strict=False):
                for at in same:
                    found[at] = crop
            task.crops, task.focal = found, adjusted[0].focal
            if spare:
                ratios = [request.aspect for request in (*requests, *more)]
                boxes = dict(zip(ratios, adjusted, strict=True))
                # A box within a safe area is none of the ratio alone.
                bound = {request.aspect for request in self.job.requests if request.safe != WHOLE}
                task.spare = [
                    spare_row(ratio, boxes[ratio]) for ratio in spare if ratio not in bound
                ]

    def _add_known_crops(self, task: ImageTask) -> None:
        """Add the crops that were recorded, and those that people set, to what the method found."""
        assert task.reuse is not None and task.wanted is not None
        size, correction = _size(task), task.correction
        crops = list(task.crops) or [None] * len(self.job.requests)
        if not any(task.wanted.needs_method):
            task.focal = correction.about(task.wanted.names).focal_of_boxes(size)
        for at, crop in task.reuse.crops.items():
            crops[at] = crop
        for at in task.reuse.by_people:
            crops[at] = correction.crop(self.job.requests[at], size, task.focal or (0.5, 0.5))
        task.crops = crops

    def _retarget(self, tasks: Sequence[ImageTask]) -> None:
        looks = [
            (task, picture, once_by(requests, self._retargeted_as))
            for task in tasks
            for picture, requests in task.looks
            if requests
        ]
        sizes = [
            [
                retargeted_size(self.job, self.job.requests[first], _size(task))
                for first, *_ in together
            ]
            for task, _, together in looks
        ]
        assert self.method.kind == "retarget"
        answers = self.method.retarget([picture for _, picture, _ in looks], sizes)
        for task in tasks:
            task.pixels = [None] * len(self.job.requests)
        for (task, _, together), answer in zip(looks, answers, strict=True):
            pixels = list(task.pixels)
            for same, each in zip(together, answer, strict=True):
                made = each.permute(1, 2, 0).cpu().numpy()
                for at in same:
                    pixels[at] = made
            task.pixels = pixels

    def _retargeted_as(self, at: int) -> tuple[str, bool]:
        """Return what requests have in common that one retargeted picture serves."""
        request = self.job.requests[at]
        return request.slug, request.rendition is not None


def follows_safe(method: base.CropMethod) -> bool:
    """Return whether a method's search follows safe areas; a class of others may not say."""
    return bool(getattr(method, "follows_safe", False))


def hints_of(job: Job, task: ImageTask, correction: Correction) -> base.Hints:
    """Return what a job's method is told of a source: its caption, and what people said of it.

    Args:
        job: the job.
        task: the source.
        correction: what people said, as far as it applies to the source.
    """
    x, y = task.source["focal_x"], task.source["focal_y"]
    listed = None if x is None or y is None else (x, y)
    return base.Hints(
        caption=task.caption,
        focal=correction.focal or listed,
        keep=correction.keep,
        safe={each.aspect: each.safe for each in job.requests if each.safe != WHOLE},
    )


def adjusted_crops(
    crops: Sequence[Crop],
    requests: Sequence[VariantRequest],
    size: Size,
    correction: Correction,
    shows_safe: bool,
) -> list[Crop]:
    """Return a method's crops, with what people said and safe areas applied, and their flags.

    Boxes that people set are left out: these are the crops that the method finds.

    Args:
        crops: one a request.
        requests: the requests that the method was asked for.
        size: of the source, as shown.
        correction: what people said, as far as it applies to the source.
        shows_safe: whether the method's search has followed the safe areas.
    """
    if not shows_safe:
        crops = [
            _shifted(crop, request, size) for crop, request in zip(crops, requests, strict=True)
        ]
    adjusted = correction.about(()).adjust(crops, requests, size)
    return [crop.flagged(size) for crop in adjusted]


def _shifted(crop: Crop, request: VariantRequest, size: Size) -> Crop:
    """Return a crop whose safe area shows what the middle of the crop has shown."""
    if request.safe == WHOLE:
        return crop
    box = crop.box
    centre = (box.x0 + box.x1) / 2 / size.width, (box.y0 + box.y1) / 2 / size.height
    return replace(crop, box=request.safe.centred(box.size, centre, size))


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
