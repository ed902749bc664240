"""The second stage: pixels at the scale that the variants need, and the input of the method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import image
from ..errors import SourceError
from ..job import Job
from ..methods import registry
from .item import ImageTask
from .limits import limit_of
from .sizing import min_decode_size
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
        self.needs_pixels = registry.needs_pixels(job.method)

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Decode each source, or fail its task."""
        for task in tasks:
            if task.error is None:
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
        task.remark_ignored_correction()
        # All layouts decode at the same scale, though some decode again to render: boxes may depend
        # on the rounding at a scale, and a job may be resumed in another layout.
        least = min_decode_size(self.job, probe.size)
        if self.analysis is not None:
            least = probe.size.fit(self.analysis).cover(least)
        task.least = least
        picture = image.decode(
            task.data,
            at_least=least,
            max_pixels=self.job.max_pixels,
            colour=self.job.colour,
            exif_colour=self.job.exif_colour,
        )
        task.remark(picture.notes)
        if self.analysis is None:
            task.thumbnail = picture.rgb
        elif self.needs_pixels:
            task.thumbnail = image.thumbnail(picture, self.analysis)
        else:
            look = probe.size.fit(self.analysis)
            task.thumbnail = np.zeros((look.height, look.width, 3), np.uint8)
        if self.keep_pictures:
            task.picture = picture
        elif self.analysis is None:
            task.metadata = picture.metadata
