"""The encoding of a variant: its pixels, with the metadata and the gain map that are true of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..flags import Note
from ..geometry import Size
from ..job import Job
from .item import ImageTask


class Encoder:
    """Encodes variants as a job asks for."""

    def __init__(self, job: Job) -> None:
        """Take the job, which says the format, the quality and what is kept of the metadata."""
        self.job = job

    def __call__(self, task: ImageTask, index: int, pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
        """Return an encoded variant, and its format.

        Args:
            task: the source, which is told what the variant lost.
            index: of the variant's request.
            pixels: uint8 (H, W, C).

        Raises:
            RenderError: the format can't hold it.
        """
        image_format = image.output_format(self.job.format, task.format or "")
        metadata = self._metadata(task, index, size_of(pixels), image_format)
        slug = self.job.requests[index].slug
        task.remark(metadata.notes, slug)
        gain_map = self._gain_map(task, index, size_of(pixels), image_format)
        data = image.encode(
            pixels, image_format, quality=self.job.quality, metadata=metadata, gain_map=gain_map
        )
        return data, image_format

    def _gain_map(
        self, task: ImageTask, index: int, size: Size, image_format: str
    ) -> image.GainMap | None:
        """Return the gain map of a variant; None if it has none, remarked if it lost it."""
        whole = task.picture.gain_map if task.picture else None
        if whole is None or task.size is None:
            return None
        if image_format != "jpeg" or task.pixels:
            task.remark([Note(image.GAIN_MAP_DROPPED)], self.job.requests[index].slug)
            return None
        crop = task.crops[index]
        assert crop is not None
        return whole.cut(task.size, crop.box, size)

    def _metadata(
        self, task: ImageTask, index: int, size: Size, image_format: str
    ) -> image.Metadata:
        """Return the metadata of a variant of this size."""
        source = task.picture.metadata if task.picture else task.metadata
        if source is None or task.size is None:
            return image.Metadata()
        if not self.job.keep_metadata:
            return source.colour_only
        crop = task.crops[index] if task.crops else None
        box = crop.box if crop else None
        framing = image.Framing(task.size, size, box, source.orientation)
        return source.for_variant(framing, image_format, converted=self.job.colour == "srgb")


def size_of(pixels: NDArray[np.uint8]) -> Size:
    """Return the size of pixels, uint8 (H, W, C)."""
    return Size(pixels.shape[1], pixels.shape[0])
