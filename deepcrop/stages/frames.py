"""What the variants of a source are made of: which are due, their sizes, and how they fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import RenderError
from ..flags import Flag, Note
from ..geometry import WHOLE, Size
from ..job import Job, VariantRequest
from ..methods.base import Crop
from ..outputs.rules import BY_PERSON, WHOLE_PHOTO, Fit, Judged, decide
from .item import ImageTask
from .sizing import RETARGETED_LONGEST, canvas, variant_size


@dataclass(frozen=True)
class Frame:
    """A variant that is to be made of a source."""

    index: int
    """Index of its request."""
    crop: Crop
    """The crop that the method or a person chose."""
    size: Size
    """Width and height of the variant in pixels."""
    upscaled: bool
    """Whether that enlarges what it is made of."""
    fit: Fit | None = None
    """What a preset's rules say; None where no preset asks for it."""

    @property
    def shown(self) -> Crop | None:
        """The crop that the variant shows; None where it shows the whole photo."""
        return None if self.fit and self.fit.action in WHOLE_PHOTO else self.crop


class Frames:
    """Decides what is made of sources."""

    def __init__(self, job: Job) -> None:
        """Take the job."""
        self.job = job

    def due(self, task: ImageTask) -> Iterator[tuple[int, VariantRequest]]:
        """Yield the requests that a variant has to be made of, with their indices."""
        assert task.reuse is not None
        for index, request in enumerate(self.job.requests):
            if index not in task.reuse.kept and index not in task.reuse.settled:
                task.remade.add(request.name)
                yield index, request

    def of(self, task: ImageTask) -> Iterator[Frame]:
        """Yield what is made of the crops of a source; remark on what isn't.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        for index, request in self.due(task):
            crop = task.crops[index]
            assert crop is not None
            fit = None if request.rendition is None else self._fit(task, request, crop)
            window = self._window(task, request, crop, fit)
            if window is None:
                continue
            size, upscaled = variant_size(self.job, request, window)
            whole = fit is not None and fit.action in WHOLE_PHOTO
            if self.is_made(task, request, size, whole=whole):
                yield Frame(index, crop, size, upscaled, fit)

    def is_made(
        self, task: ImageTask, request: VariantRequest, size: Size, *, whole: bool = False
    ) -> bool:
        """Return whether a variant of this size is made, and remark on one with too few pixels.

        Args:
            task: the source.
            request: what is asked for.
            size: of the variant.
            whole: whether it shows the whole photo.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        if not request.is_smaller(size):
            return True
        made_of = f"the whole photo gives {size}" if whole else f"the crop box has {size} pixels"
        text = f"not {request.wanted}: {made_of}"
        if self.job.upscale == "fail":
            raise RenderError(f"{text}; with --upscale allow it is enlarged")
        if self.job.upscale == "skip":
            text = f"no {request.wanted}: {made_of}"
        note = Note(f"{text} (--upscale allow enlarges)", Flag.SMALLER)
        task.remark([note], request.name)
        return self.job.upscale == "never"

    def _fit(self, task: ImageTask, request: VariantRequest, crop: Crop) -> Fit:
        """Return what the preset's rules say of a crop; record a crop that won't be shown."""
        assert request.rendition is not None
        if request.slug in task.correction.boxes:
            return BY_PERSON
        assert task.size is not None
        kept = crop.box.area / task.size.pixels
        flags = {str(flag) for flag in crop.flags}
        judged = Judged(crop.box.size.width, crop.score, kept, flags)
        fit = decide(request.rendition.output.fit, judged)
        if fit.action not in ("crop", "review") and request.safe == WHOLE:
            task.record_box(request.aspect, crop)  # a box in a safe area is none of the ratio alone
        return fit

    def _window(
        self, task: ImageTask, request: VariantRequest, crop: Crop, fit: Fit | None
    ) -> Size | None:
        """Return the size in source pixels of what a variant is made of; None if it isn't made."""
        if request.rendition is None or fit is None:
            return crop.box.size
        assert task.size is not None
        preset, output = request.rendition.preset, request.rendition.output
        window = crop.box.size
        match fit.action:
            case "skip":
                note = Note(f"no {preset}: {fit.reason}", Flag.LEFT_OUT)
                task.remark([note], request.name)
                return None
            case "pad" | "blur":
                window = canvas(request.aspect, task.size)
            case "retarget":
                window = request.aspect.largest_window(task.size).fit(RETARGETED_LONGEST)
        short = output.min_width is not None and window.width < output.min_width
        if short and output.below_min_width == "skip" and self.job.upscale != "allow":
            text = f"no {preset}: {window.width} pixels wide, fewer than {output.min_width}"
            task.remark([Note(text, Flag.SMALLER)], request.name)
            return None
        return window
