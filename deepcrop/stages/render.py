"""The last stage: variants, cut once from the decoded pixels, encoded and written.

Writes overlap with work: while one source is cut and encoded, the variants of earlier sources are
on their way to the store.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..errors import RenderError, SourceError, WriteError
from ..flags import Flag, Note, ordered
from ..geometry import Size
from ..job import Job, VariantRequest
from ..methods.base import Crop
from ..storage import Storage, join
from .item import ImageTask
from .limits import limit_of
from .output_check import OutputCheck
from .sizing import covers, differs, variant_size
from .watchdog import time_limit

THREADS = 32
"""Variants that are written at once."""
FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)

UriBuilder = Callable[[ImageTask, str, str], str]
"""Returns the URI of a variant: from its task, one of its request's names, and its format."""


def suffix_of(image_format: str) -> str:
    """Return the suffix of files of a format, with its dot."""
    return image.OUTPUT_FORMATS[image_format]


class Renderer:
    """Cuts, encodes and writes the variants of sources."""

    def __init__(self, job: Job, storage: Storage, uri_builder: UriBuilder | None = None) -> None:
        """Prepare; nothing is written yet.

        Args:
            job: says what is made of each source.
            storage: the store of the output.
            uri_builder: names the variants; by default, as a job's output has them.
        """
        self.job = job
        self.storage = storage
        self.uri_builder = uri_builder or self._default_uri
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self.output_check = OutputCheck(storage, job.output)

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Make every variant of each source, or fail the source; all are stored on return."""
        with self.durable(tasks):
            pending = [(task, self.submit(task)) for task in tasks]
            for task, writes in pending:
                self.complete(task, writes)

    @contextmanager
    def durable(self, tasks: Sequence[ImageTask]) -> Iterator[None]:
        """Make sure that variants written inside the block survive a power failure.

        The block ends before the sources get rows. Where durability can't be had, the tasks fail.
        """
        try:
            with self.storage.durable_writes(self.job.output):
                yield
                start = time.perf_counter()
        except WriteError as error:
            for task in tasks:
                if task.error is None:
                    task.fail(type(error)(str(error)))
                    self._discard(task)
            return
        milliseconds = 1000 * (time.perf_counter() - start)
        for task in tasks:
            if task.error is None:
                waited = task.milliseconds.get("write", 0.0)
                task.milliseconds["write"] = waited + milliseconds / len(tasks)

    def submit(self, task: ImageTask) -> list[Future[float]]:
        """Cut and encode the variants of a source, or fail it; return the pending writes.

        A write returns the milliseconds that it took.
        """
        return list(self._render(task)) if task.error is None else []

    def complete(self, task: ImageTask, writes: Sequence[Future[float]]) -> None:
        """Wait until a source's variants are stored; if one can't be, fail it and remove them."""
        for write in writes:
            try:
                milliseconds = write.result()
                task.milliseconds["write"] = task.milliseconds.get("write", 0) + milliseconds
            except SourceError as error:
                task.fail(self.output_check.classify(error))
        self._discard(task)
        task.release()

    def _render(self, task: ImageTask) -> Iterator[Future[float]]:
        try:
            with task.timed("render"), time_limit(limit_of(self.job, "render")):
                sizes = self._sizes(task)
                cuts = self._cuts(task, [size for size, _ in sizes]) if sizes else None
                for index, request in self._wanted(task, sizes):
                    pixels = cuts.render(index) if cuts else task.pixels[index]
                    data, image_format = self._encode(task, index, pixels)
                    if image.flattens(pixels, image_format):
                        task.remark([FLATTENED])
                    smaller = differs(request, _size_of(pixels))
                    uri = self.uri_builder(task, request.names[smaller], image_format)
                    upscaled = bool(sizes) and sizes[index][1]
                    crop = task.crops[index] if sizes else None
                    flags = self._flags(task, request, crop, upscaled=upscaled, smaller=smaller)
                    task.variants.append(
                        {
                            **_box_columns(crop),
                            "upscaled": upscaled,
                            "flags": flags,
                            "variant_uri": uri,
                            "aspect": request.slug,
                            "width": pixels.shape[1],
                            "height": pixels.shape[0],
                            "format": image_format,
                            "bytes": len(data),
                            "sha256": hashlib.sha256(data).hexdigest(),
                            "method": self.job.method,
                        }
                    )
                    yield self.threads.submit(self._write, uri, data, image_format)
        except SourceError as error:
            task.fail(error)
        except Exception as error:
            task.fail(RenderError(f"{type(error).__name__}: {error}"))
        task.picture, task.data = None, None

    def _flags(
        self,
        task: ImageTask,
        request: VariantRequest,
        crop: Crop | None,
        *,
        upscaled: bool,
        smaller: bool,
    ) -> list[str]:
        """Return the flags of a variant."""
        flags = list(crop.flags) if crop else []
        flags += [Flag.ENLARGED] * upscaled + [Flag.SMALLER] * smaller
        flags += [Flag.CORRECTED] * task.correction.changes(request)
        return ordered(flags)

    def _wanted(
        self, task: ImageTask, sizes: Sequence[tuple[Size, bool]]
    ) -> Iterator[tuple[int, VariantRequest]]:
        """Yield the requests whose variants are made, with their indices; remark on the others.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        rejected = [each for each in self.job.requests if task.correction.rejects(each)]
        names = (
            [""] if len(rejected) == len(self.job.requests) else [f"{r.slug} " for r in rejected]
        )
        task.remark(Note(f"{name}rejected by a person", Flag.REJECTED) for name in names)
        for index, request in enumerate(self.job.requests):
            if request in rejected:
                continue
            size = sizes[index][0] if sizes else _size_of(task.pixels[index])
            if not differs(request, size) or self._makes_smaller(task, request, size):
                yield index, request

    def _makes_smaller(self, task: ImageTask, request: VariantRequest, size: Size) -> bool:
        """Return whether a variant with fewer pixels than asked is made, and remark on it."""
        text = f"not {request.size}: the crop box has {size} pixels"
        if self.job.upscale == "fail":
            raise RenderError(f"{text}; with --upscale allow it is enlarged")
        if self.job.upscale == "skip":
            text = f"no {request.size}: the crop box has {size} pixels"
        task.remark([Note(f"{text} (--upscale allow enlarges)", Flag.SMALLER)])
        return self.job.upscale == "never"

    def _sizes(self, task: ImageTask) -> list[tuple[Size, bool]]:
        """Return :func:`.variant_size` of each request; nothing where there are no boxes."""
        if task.pixels:
            return []
        return [
            variant_size(self.job, request, crop.box.size)
            for crop, request in zip(task.crops, self.job.requests, strict=True)
        ]

    def _cuts(self, task: ImageTask, sizes: Sequence[Size]) -> image.Cuts:
        """Return the pixels that crop boxes are cut from, at a scale that serves all of them."""
        assert task.size is not None
        wanted = [(crop.box, size) for crop, size in zip(task.crops, sizes, strict=True)]
        least = image.size_to_decode(task.size, wanted)
        picture = task.picture
        if picture is None or (picture.shrink > 1 and not covers(picture.size, least)):
            assert task.data is not None
            # The scale of the first decode counts too, so that all layouts make the same bytes.
            picture = task.picture = image.decode(
                task.data,
                at_least=least.cover(task.least) if task.least else least,
                max_pixels=self.job.max_pixels,
                colour=self.job.colour,
                exif_colour=self.job.exif_colour,
                hdr=self.job.hdr,
            )
        return image.Cuts(picture, wanted)

    def _encode(self, task: ImageTask, index: int, pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
        """Return an encoded variant, and its format."""
        image_format = image.output_format(self.job.format, task.format or "")
        metadata = self._metadata(task, index, _size_of(pixels), image_format)
        task.remark(metadata.notes)
        gain_map = self._gain_map(task, index, _size_of(pixels), image_format)
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
            task.remark([Note(image.GAIN_MAP_DROPPED)])
            return None
        return whole.cut(task.size, task.crops[index].box, size)

    def _metadata(
        self, task: ImageTask, index: int, size: Size, image_format: str
    ) -> image.Metadata:
        """Return the metadata of a variant of this size."""
        source = task.picture.metadata if task.picture else task.metadata
        if source is None or task.size is None:
            return image.Metadata()
        if not self.job.keep_metadata:
            return source.colour_only
        box = None if task.pixels else task.crops[index].box
        framing = image.Framing(task.size, size, box, source.orientation)
        return source.for_variant(framing, image_format, converted=self.job.colour == "srgb")

    def _default_uri(self, task: ImageTask, folder: str, image_format: str) -> str:
        """Return the deterministic URI of a variant."""
        key = task.source["key"]
        if self.job.keys == "hash":
            name = f"{task.source['source_id'] & (2**64 - 1):016x}"
            key = f"{name[:2]}/{name}"
        return join(join(self.job.output, "variants"), f"{folder}/{key}{suffix_of(image_format)}")

    def _write(self, uri: str, data: bytes, image_format: str) -> float:
        start = time.perf_counter()
        self.storage.write(uri, data, f"image/{image_format}", sync=False, variant=True)
        return 1000 * (time.perf_counter() - start)

    def _discard(self, task: ImageTask) -> None:
        """Remove the stored variants of a failed source, and rejected ones."""
        unwanted = [
            request
            for request in self.job.requests
            if task.error is not None or task.correction.rejects(request)
        ]
        if not unwanted:
            return
        formats = image.OUTPUT_FORMATS if self.job.format == "same" else (self.job.format,)
        names = [name for request in unwanted for name in request.names]
        orphaned = [self.uri_builder(task, name, each) for name in names for each in formats]
        try:
            self.storage.delete(orphaned)
        except SourceError as error:
            if task.error is None:
                task.fail(error)
            else:
                task.error.add_note(f"and its variants could not be removed: {error}")


class _BoxColumns(TypedDict):
    """The crop box of a variant in source pixels and its chances; all None for a retargeted one."""

    x0: int | None
    y0: int | None
    x1: int | None
    y1: int | None
    score: float | None
    preference: float | None


def _box_columns(crop: Crop | None) -> _BoxColumns:
    if crop is None:
        return _BoxColumns(x0=None, y0=None, x1=None, y1=None, score=None, preference=None)
    x0, y0, x1, y1 = crop.box.corners
    return _BoxColumns(x0=x0, y0=y0, x1=x1, y1=y1, score=crop.score, preference=crop.preference)


def _size_of(pixels: NDArray[np.uint8]) -> Size:
    """Return the size of pixels, uint8 (H, W, C)."""
    return Size(pixels.shape[1], pixels.shape[0])
