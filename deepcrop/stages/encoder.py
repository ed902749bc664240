"""The encoding of a variant: its pixels, with the metadata and the gain map that are true of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Lock

from .. import image
from ..flags import Flag, Note
from ..geometry import Box, Size
from ..job import Job
from .item import ImageTask
from .rendered import Rendered, size_of

FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)


@dataclass(frozen=True, eq=False)
class Encoding:
    """What a variant is encoded from; nothing else decides its bytes."""

    variant: Rendered
    format: str
    quality: int | None
    metadata: image.Metadata
    gain_map: image.GainMap | None
    settings: image.EncoderSettings = image.DEFAULT_SETTINGS
    max_bytes: int | None = None

    def has_bytes_of(self, other: Encoding) -> bool:
        """Return whether it gives the bytes that another variant of the same source has."""
        return (
            self.variant.pixels is other.variant.pixels
            and self.gain_map is None is other.gain_map
            and (self.format, self.quality, self.max_bytes, self.metadata, self.settings)
            == (other.format, other.quality, other.max_bytes, other.metadata, other.settings)
        )

    def run(self) -> Encoded:
        """Encode the variant.

        Raises:
            RenderError: the format can't hold it.
        """
        encode = partial(
            image.encode,
            self.variant.pixels,
            self.format,
            metadata=self.metadata,
            gain_map=self.gain_map,
            settings=self.settings,
        )
        if self.max_bytes is None:
            return Encoded(encode(quality=self.quality), self.quality, is_too_large=False)
        quality = self.quality
        if quality is None:
            data = encode()
        else:
            data, quality = image.encode_below(
                lambda each: encode(quality=each),
                quality,
                self.max_bytes,
                image.LOWEST_QUALITY[self.format],
            )
        return Encoded(data, quality, is_too_large=len(data) > self.max_bytes)


@dataclass(frozen=True)
class Encoded:
    """A file of a variant."""

    data: bytes
    quality: int | None
    """The quality that it was encoded at; None where there is none, or by default."""
    is_too_large: bool
    """Whether it has more bytes than its preset allows."""


class Encodings:
    """Runs the encodings of one source; equal variants of presets are encoded once."""

    def __init__(self) -> None:
        """Take none yet."""
        self._done: list[tuple[Encoding, Future[Encoded]]] = []
        self._lock = Lock()

    def __call__(self, encoding: Encoding) -> Encoded:
        """Encode a variant, or wait for the one that has the same bytes.

        Raises:
            RenderError: the format can't hold it.
        """
        if encoding.variant.fit is None:  # plain variants differ, and may be large
            return encoding.run()
        with self._lock:
            same = (file for other, file in self._done if encoding.has_bytes_of(other))
            known = next(same, None)
            file = known or Future()
            if known is None:
                self._done.append((encoding, file))
        if known is None:
            try:
                file.set_result(encoding.run())
            except BaseException as error:
                file.set_exception(error)
        return file.result()


class Encoder:
    """Says how the variants of a job are encoded."""

    def __init__(self, job: Job) -> None:
        """Take the job, which says the format, the quality and what is kept of the metadata."""
        self.job = job

    def prepare(self, task: ImageTask, variant: Rendered) -> Encoding:
        """Return what a variant is encoded from.

        Args:
            task: the source, which is told what the variant loses.
            variant: the variant.
        """
        request = self.job.requests[variant.index]
        rendition = request.rendition
        image_format = image.output_format(self.job.format, task.format or "")
        if rendition is not None:
            image_format = rendition.format
        size = size_of(variant.pixels)
        metadata = self._metadata(task, variant.box, size, image_format)
        task.remark(metadata.notes, request.name)
        gain_map = self._gain_map(task, variant.box, size, image_format, request.name)
        if image.flattens(variant.pixels, image_format):
            task.remark([FLATTENED], request.name)
        if rendition is None:
            return Encoding(variant, image_format, self.job.quality, metadata, gain_map)
        return Encoding(
            variant,
            image_format,
            rendition.output.quality_of(image_format),
            metadata,
            gain_map,
            rendition.output.settings,
            rendition.output.max_bytes,
        )

    def _gain_map(
        self, task: ImageTask, box: Box | None, size: Size, image_format: str, name: str
    ) -> image.GainMap | None:
        """Return the gain map of a variant; None if it has none, remarked if it lost it."""
        whole = task.picture.gain_map if task.picture else None
        if whole is None or task.size is None:
            return None
        if image_format != "jpeg" or box is None:
            task.remark([Note(image.GAIN_MAP_DROPPED)], name)
            return None
        return whole.cut(task.size, box, size)

    def _metadata(
        self, task: ImageTask, box: Box | None, size: Size, image_format: str
    ) -> image.Metadata:
        """Return the metadata of a variant of this size."""
        source = task.picture.metadata if task.picture else task.metadata
        if source is None or task.size is None:
            return image.Metadata()
        if not self.job.keep_metadata:
            return source.colour_only
        framing = image.Framing(task.size, size, box, source.orientation)
        return source.for_variant(framing, image_format, converted=self.job.colour == "srgb")
