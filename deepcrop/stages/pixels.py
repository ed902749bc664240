"""The pixels of variants: cut from the decoded source, resized, or composed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..geometry import Box, Size
from ..job import Job
from .frames import Frame, Frames
from .item import ImageTask
from .pictures import decoded
from .planner import Planner
from .rendered import Rendered, size_of
from .sizing import RETARGETED_LONGEST, variant_size
from .whole_photo import Retargeter, blurred, padded


class PixelMaker:
    """Makes the pixels of the variants of sources."""

    def __init__(self, job: Job, planner: Planner, frames: Frames) -> None:
        """Take what decides what is made."""
        self.job, self.planner, self.frames = job, planner, frames
        self.retargeter = Retargeter()

    def of_retargeted(self, task: ImageTask) -> Iterator[Rendered]:
        """Yield the variants of a source that the job's method retargeted."""
        last: tuple[tuple[str, Size], NDArray[np.uint8]] | None = None
        for index, request in self.frames.due(task):
            pixels = task.pixels[index]
            assert pixels is not None
            whole, upscaled = size_of(pixels), False
            size = whole
            if request.rendition is not None:
                size, upscaled = variant_size(self.job, request, whole)
            if not self.frames.is_made(task, request, size, whole=True):
                continue
            if request.rendition is not None:
                made_of = request.slug, size
                if last is None or last[0] != made_of:  # its formats have the same pixels
                    last = made_of, image.Pyramid(pixels).render(_all_of(whole), size)
                pixels = last[1]
            yield Rendered(index, pixels, upscaled)

    def of_frames(self, task: ImageTask, frames: Sequence[Frame]) -> Iterator[Rendered]:
        """Yield variants of a source that the job's method cropped."""
        plain = [frame for frame in frames if frame.fit is None]
        for picture, group in self._pictures(task, plain):
            together = image.Cuts(picture, [(frame.crop.box, frame.size) for frame in group])
            for at, frame in enumerate(group):
                yield Rendered(frame.index, together.render(at), frame.upscaled, frame.crop)
        ladders = [frame for frame in frames if frame.fit is not None]
        if ladders:
            yield from self._of_presets(task, ladders)

    def _of_presets(self, task: ImageTask, frames: Sequence[Frame]) -> Iterator[Rendered]:
        """Yield variants of presets: all from one decode, whose half is halved again and again."""
        whole = image.Pyramid.of(self._whole(task))
        rearranged: dict[Size, image.Pyramid] = {}
        last: tuple[object, NDArray[np.uint8]] | None = None
        for frame in frames:
            assert frame.fit is not None
            rendition = self.job.requests[frame.index].rendition
            assert rendition is not None
            background = rendition.output.background
            made_of = (frame.fit.action, frame.crop.box, frame.size, background)
            if last is None or last[0] != made_of:  # its formats have the same pixels
                pixels = self._composed(whole, frame, background, rearranged)
                last = made_of, pixels
            yield Rendered(frame.index, last[1], frame.upscaled, frame.shown, frame.fit)

    def _composed(
        self,
        whole: image.Pyramid,
        frame: Frame,
        background: str,
        rearranged: dict[Size, image.Pyramid],
    ) -> NDArray[np.uint8]:
        """Return the pixels of a variant.

        Args:
            whole: the source.
            frame: what is made of it.
            background: of padded photos.
            rearranged: the source as it was retargeted so far, by size; another size is added.
        """
        assert frame.fit is not None
        match frame.fit.action:
            case "pad":
                return padded(whole, frame.size, background)
            case "blur":
                return blurred(whole, frame.size, frame.crop.box)
            case "retarget":
                ratio = self.job.requests[frame.index].aspect
                size = ratio.largest_window(whole.size).fit(RETARGETED_LONGEST)
                if size not in rearranged:
                    rearranged[size] = self.retargeter(whole, size)
                return rearranged[size].render(_all_of(size), frame.size)
            case _:
                return whole.render(frame.crop.box, frame.size)

    def _whole(self, task: ImageTask) -> image.Picture:
        """Return the source, decoded at its full size."""
        if task.picture is None or task.picture.shrink > 1:
            task.picture, task.shrink = self._decode(task, None), 1
        return task.picture

    def _pictures(
        self, task: ImageTask, frames: Sequence[Frame]
    ) -> Iterator[tuple[image.Picture, list[Frame]]]:
        """Yield the source's pixels at each scale that is needed, with the cuts that need it.

        The scale of a variant follows from its own box and size, and from that at which the method
        sees the source: what else is made of the source changes no byte of it.
        """
        assert task.size is not None
        recipes = self.planner.recipes
        shared = recipes.shrink(task.size, task.format)
        groups: dict[int, list[Frame]] = {}
        for frame in frames:
            needed = image.size_to_decode(task.size, [(frame.crop.box, frame.size)])
            own = image.shrink_for(task.size, needed) if task.format == "jpeg" else 1
            groups.setdefault(min(shared, own), []).append(frame)
        for shrink in sorted(groups, reverse=True):  # a picture at full size serves all that follow
            group = groups[shrink]
            if task.picture is None or (task.shrink != shrink and task.picture.shrink > 1):
                least = recipes.least(task.size)
                if shrink != shared:
                    frame = group[0]
                    least = image.size_to_decode(task.size, [(frame.crop.box, frame.size)])
                task.picture, task.shrink = self._decode(task, least), shrink
            yield task.picture, group

    def _decode(self, task: ImageTask, least: Size | None) -> image.Picture:
        assert task.data is not None
        picture = decoded(task.data, self.job, least)
        if not task.seen:
            task.remark(picture.notes)
            task.seen = True
        return picture


def _all_of(size: Size) -> Box:
    return Box(0, 0, size.width, size.height)
