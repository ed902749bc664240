"""The second stage: pixels at the scale that the variants need, and the input of the method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import image
from ..errors import SourceError
from ..geometry import Size
from ..job import Job
from ..methods import registry
from ..sources.captions import Captions
from .item import ImageTask
from .limits import limit_of
from .pictures import decoded
from .planner import Planner
from .sizing import retargeted_size, size_for
from .watchdog import time_limit


class Decoder:
    """Decodes sources at the scale that the variants need, and makes the input of the method."""

    def __init__(self, job: Job, analysis: int | None, *, keep_pictures: bool) -> None:
        """Prepare to decode for a method.

        Args:
            job: says what is made of each source.
            analysis: longest edge in pixels of the method's input, of a loaded method or of
                :func:`.registry.analysis_of`; None: the full pictures.
            keep_pictures: whether the pictures are rendered in this process.
        """
        self.job = job
        self.analysis = analysis
        self.keep_pictures = keep_pictures
        self.planner = Planner(job)
        self.captions = Captions(job.caption)
        self.needs_pixels = registry.needs_pixels(job.method)

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Decode each source, or fail its task."""
        for task in tasks:
            if task.is_open:
                with task.timed("decode"), time_limit(limit_of(self.job, "decode")):
                    try:
                        self._decode(task)
                    except SourceError as error:
                        task.fail(error)

    def _decode(self, task: ImageTask) -> None:
        assert task.data is not None
        probe = image.probe(task.data, max_pixels=self.job.max_pixels)
        task.size, task.format = probe.size, probe.format
        task.orientation = probe.orientation
        self.planner.begin_anew(task)
        assert task.reuse is not None
        if self.analysis is None:
            self._decode_for_retargeting(task, probe.size)
            return
        asked = bool(task.reuse.unknown)
        if not asked and task.same is not None:
            return  # who renders decodes, at the scale that the variants need
        recipes = self.planner.recipes
        picture = self._picture(task, recipes.least(probe.size))
        task.shrink = recipes.shrink(probe.size, probe.format)
        if asked:
            task.caption = self.captions.of(task.source, picture.metadata)
        if asked and self.needs_pixels:
            task.thumbnail = image.thumbnail(picture, self.analysis)
        elif asked:
            look = probe.size.fit(self.analysis)
            task.thumbnail = np.zeros((look.height, look.width, 3), np.uint8)
        if self.keep_pictures:
            task.picture = picture

    def _decode_for_retargeting(self, task: ImageTask, size: Size) -> None:
        """Decode at the scale of each variant: what a method makes of it depends on the scale."""
        assert task.reuse is not None
        groups: dict[int, tuple[Size, list[int]]] = {}
        for at in task.reuse.unknown or range(len(self.job.requests)):
            request = self.job.requests[at]
            least = size_for(size, request.aspect, retargeted_size(self.job, request, size))
            shrink = image.shrink_for(size, least) if task.format == "jpeg" else 1
            groups.setdefault(shrink, (least, []))[1].append(at)
        looks = []
        for least, requests in groups.values():
            picture = self._picture(task, least)
            looks.append((picture.rgb, [at for at in requests if at in task.reuse.unknown]))
            task.metadata = picture.metadata
            if self.keep_pictures:
                task.picture = picture
        task.looks = looks

    def _picture(self, task: ImageTask, least: Size | None) -> image.Picture:
        assert task.data is not None
        picture = decoded(task.data, self.job, least)
        task.remark(picture.notes)
        task.seen = True
        return picture
