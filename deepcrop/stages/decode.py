"""The second stage: pixels at the scale needed, and the thumbnail that the method looks at."""

from __future__ import annotations

from collections.abc import Sequence

from .. import image
from ..errors import SourceError
from ..job import Job
from .item import ImageTask
from .limits import limit_of
from .sizing import min_decode_size
from .watchdog import time_limit


class Decoder:
    """Decodes sources at the scale needed, and makes what the method looks at."""

    def __init__(self, job: Job, analysis: int | None, *, keep_pictures: bool) -> None:
        """Decode for a method that looks at a longest edge of ``analysis`` pixels; None: at all.

        Args:
            job: what is made of the sources.
            analysis: of the method with the job's weights and options: a loaded one says it, and
                :func:`.registry.analysis_of` where none is loaded.
            keep_pictures: the pictures stay in this process, to be rendered.
        """
        self.job = job
        self.analysis = analysis
        self.keep_pictures = keep_pictures

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Decode each source, or fail it."""
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
        # One scale for all layouts, though not all render what is decoded here: a window may turn
        # on what another scale's rounding does, and a job may go on in another layout.
        least = min_decode_size(self.job, probe.size)
        if self.analysis is not None:
            look = probe.size.fit(self.analysis)
            least = look.cover(least)
        task.least = least
        picture = image.decode(
            task.data,
            at_least=least,
            max_pixels=self.job.max_pixels,
            colour=self.job.colour,
            exif_colour=self.job.exif_colour,
        )
        task.remark(picture.notes)
        if self.analysis is not None:
            task.thumbnail = image.thumbnail(picture, self.analysis)
        else:
            task.thumbnail = picture.rgb
        if self.keep_pictures:
            task.picture = picture
        elif self.analysis is None:
            task.metadata = picture.metadata
