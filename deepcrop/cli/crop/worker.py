"""The process of ``deepcrop crop`` that holds the method, and processes a photo at a time."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch  # noqa: F401  # seconds, which pass beside those that the parent takes

from ...errors import (
    DecodeError,
    DeepcropError,
    FetchError,
    InferError,
    RenderError,
    SourceError,
    WriteError,
)
from ...job import Job
from ...stages.child import Say, Stage
from ...stages.item import ImageTask
from ...stages.limits import LIMITED, limit_of, timed_out
from ...stages.local import LocalPipeline
from .tasks import CropResult, Photo, Task, Way

ERRORS: dict[str, type[SourceError]] = {
    each.stage: each for each in (FetchError, DecodeError, InferError, RenderError, WriteError)
}
"""Class that an unexpected error is reported as, by its stage."""


class CropWorker:
    """Holds the methods, and processes one photo at a time."""

    def __init__(self, say: Say, task: Task) -> None:
        """Load the methods.

        Raises:
            RequestError: one can't be loaded.
        """
        self.say, self.task = say, task
        self.stage = "fetch"
        self.pipelines = [LocalPipeline(job, task.device, self._begin(job)) for job in task.jobs]
        self.saliency: Any = None
        if task.way is Way.overlay:
            from ...report.maps import saliency_method

            self.saliency = saliency_method(task.jobs[0], task.device)

    def __call__(self, photo: Photo) -> CropResult:
        """Process a photo as the task asks for.

        Raises:
            SourceError: the photo could not be processed.
        """
        try:
            return self._process(photo)
        except DeepcropError:
            raise
        except Exception as error:
            if self.task.debug:
                traceback.print_exc(file=sys.stderr)
            text = f"{type(error).__name__}: {error}"
            if not isinstance(error, MemoryError):
                text += " (a bug, it seems: --debug shows where)"
            raise ERRORS[self.stage](text) from None

    def _process(self, photo: Photo) -> CropResult:
        if self.task.way is Way.compare:
            from ...report.overlays import comparison_row
            from ...report.sheet import draw_row

            rows = []
            for pipeline in self.pipelines:
                task = self._task(pipeline, photo)
                title = f"{photo.key}, {pipeline.job.method}"
                rows.append(draw_row(comparison_row(pipeline, task, title)))
            return CropResult(rows=tuple(rows))
        [pipeline] = self.pipelines
        task = self._task(pipeline, photo)
        if self.task.way is Way.boxes:
            return CropResult((json.dumps(pipeline.to_dict(task)),), _notes(task))
        if self.task.way is Way.write:
            return CropResult(tuple(pipeline.write(task)), _notes(task))
        from ...report.overlays import draw_overlay

        folder = Path(pipeline.job.output)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{photo.key}-overlay.jpg"
        draw_overlay(pipeline, task, self.saliency).save(path, quality=90)
        return CropResult((str(path),))

    def _task(self, pipeline: LocalPipeline, photo: Photo) -> ImageTask:
        return pipeline.process(photo.name, photo.key, photo.data)

    def _begin(self, job: Job) -> Callable[[str], None]:
        """Return a function that tells the parent process that a stage of a job begins."""

        def begin(stage: str) -> None:
            self.stage = stage
            if stage in LIMITED:
                self.say(Stage(stage, limit_of(job, stage), timed_out(job, stage)))
            else:
                self.say(Stage(stage))

        return begin


def _notes(task: ImageTask) -> tuple[str, ...]:
    """Return the remarks on a photo and on its crops, each once."""
    crops = (crop.note for crop in task.crops if crop is not None and crop.note is not None)
    return tuple(dict.fromkeys([*(note.text for note in task.notes), *crops]))
