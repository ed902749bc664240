"""The last stage: variants, cut once from the best pixels at hand, encoded and written.

While one source is cut and encoded, the variants of those before it are on their way to the
store.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..errors import RenderError, RequestError, SourceError, Unwritable, WriteError
from ..flags import Flag, Note, ordered
from ..geometry import Box, Size
from ..job import Job, VariantRequest
from ..methods.base import Crop
from ..storage import Storage, join
from .item import ImageTask
from .limits import limit_of
from .watchdog import time_limit

THREADS = 32
ASK_SECONDS = 5.0
"""How long it holds what was found out about the output as a whole."""
EDGES = ("x0", "y0", "x1", "y1")
NO_BOX: dict[str, Any] = dict.fromkeys((*EDGES, "score")) | {"upscaled": False, "flags": []}
"""What the manifest tells of a variant that was made anew, not cut."""
FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)

UriBuilder = Callable[[ImageTask, str, str], str]
"""The URI of a variant, from its source, one of its request's names, and its format."""


def suffix_of(image_format: str) -> str:
    """Return the suffix of files of a format, with its dot."""
    return image.OUTPUT_FORMATS[image_format]


def wanted_size(job: Job, request: VariantRequest, window: Size) -> tuple[Size, bool]:
    """Return the pixel size of a variant cut from ``window``, and whether that enlarges it."""
    if request.size is not None:
        enlarges = request.size.width > window.width or request.size.height > window.height
        if enlarges and job.upscale != "allow":
            return window, False
        return request.size, enlarges
    return (window.fit(job.max_size) if job.max_size else window), False


def needed_size(job: Job, source: Size) -> Size:
    """Return the size at which a source must at least be decoded for the job's variants.

    For crop boxes that are the largest window of their ratio; where a method zooms in further, the
    source is decoded again.
    """
    windows = [request.aspect.largest_window(source) for request in job.requests]
    return image.size_to_decode(
        source,
        [
            (Box.centred(window, (0.5, 0.5), source), wanted_size(job, request, window)[0])
            for request, window in zip(job.requests, windows, strict=True)
        ],
    )


class Renderer:
    """Cuts, encodes and writes the variants of sources."""

    def __init__(self, job: Job, storage: Storage, uri_builder: UriBuilder | None = None) -> None:
        """Keep what the job says of variants; ``place`` names them otherwise than a job does."""
        self.job = job
        self.storage = storage
        self.uri_builder = uri_builder or self._default_uri
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self.asking = Lock()
        self.asked = -ASK_SECONDS
        self.closed: str | None = None
        """Why nothing can be written, as it was when that was asked."""

    def __call__(self, tasks: Sequence[ImageTask]) -> None:
        """Make every variant of each source, or fail it; all are stored on return."""
        with self.durable(tasks):
            pending = [(task, self.submit(task)) for task in tasks]
            for task, writes in pending:
                self.complete(task, writes)

    @contextmanager
    def durable(self, tasks: Sequence[ImageTask]) -> Iterator[None]:
        """See to it that variants written inside outlive a power failure, before their rows do.

        Where they may not, the works fail.
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
        """Cut and encode the variants of a source, or fail it; return their writes, under way."""
        return list(self._render(task)) if task.error is None else []

    def complete(self, task: ImageTask, writes: Sequence[Future[float]]) -> None:
        """Wait until a source's variants are stored, or fail it and remove what was."""
        for write in writes:
            try:
                milliseconds = write.result()
                task.milliseconds["write"] = task.milliseconds.get("write", 0) + milliseconds
            except SourceError as error:
                task.fail(self._judged(error))
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
                    smaller = _lacks(request, Size(pixels.shape[1], pixels.shape[0]))
                    uri = self.uri_builder(task, request.names[smaller], image_format)
                    facts = _facts(task.crops[index], sizes[index][1]) if sizes else NO_BOX
                    own = [Flag.SMALLER] * smaller + [Flag.CORRECTED] * task.correction.changes(
                        request
                    )
                    task.variants.append(
                        facts
                        | {
                            "flags": ordered([*facts["flags"], *own]),
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

    def _wanted(
        self, task: ImageTask, sizes: Sequence[tuple[Size, bool]]
    ) -> Iterator[tuple[int, VariantRequest]]:
        """Yield the requests whose variants are made; remark on the others.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        refused = [each for each in self.job.requests if task.correction.rejects(each)]
        names = [""] if len(refused) == len(self.job.requests) else [f"{r.slug} " for r in refused]
        task.remark(Note(f"{name}rejected by a person", Flag.REJECTED) for name in names)
        for index, request in enumerate(self.job.requests):
            if request in refused:
                continue
            size = sizes[index][0] if sizes else Size(*task.pixels[index].shape[1::-1])
            if not _lacks(request, size) or self._makes_smaller(task, request, size):
                yield index, request

    def _makes_smaller(self, task: ImageTask, request: VariantRequest, size: Size) -> bool:
        """Tell whether a variant with fewer pixels than asked is made, and remark on it."""
        text = f"not {request.size}: the crop box has {size} pixels"
        if self.job.upscale == "fail":
            raise RenderError(f"{text}; with --upscale allow it is enlarged")
        if self.job.upscale == "skip":
            text = f"no {request.size}: the crop box has {size} pixels"
        task.remark([Note(f"{text} (--upscale allow enlarges)", Flag.SMALLER)])
        return self.job.upscale == "never"

    def _sizes(self, task: ImageTask) -> list[tuple[Size, bool]]:
        """Return what `wanted_size` says of each request; nothing where there are no boxes."""
        if task.pixels:
            return []
        return [
            wanted_size(self.job, request, crop.box.size)
            for crop, request in zip(task.crops, self.job.requests, strict=True)
        ]

    def _cuts(self, task: ImageTask, sizes: Sequence[Size]) -> image.Cuts:
        """Return what a method's boxes are cut from, at a scale that serves all of them."""
        assert task.size is not None
        wanted = [(crop.box, size) for crop, size in zip(task.crops, sizes, strict=True)]
        least = image.size_to_decode(task.size, wanted)
        picture = task.picture
        if picture is None or (picture.shrink > 1 and not _covers(picture.size, least)):
            assert task.data is not None
            # As where it is rendered by those who decoded it, so that all layouts make the same.
            picture = task.picture = image.decode(
                task.data,
                at_least=least.cover(task.least) if task.least else least,
                max_pixels=self.job.max_pixels,
                colour=self.job.colour,
                exif_colour=self.job.exif_colour,
            )
        return image.Cuts(picture, wanted)

    def _encode(self, task: ImageTask, index: int, pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
        """Return an encoded variant, and its format."""
        image_format = image.output_format(self.job.format, task.format or "")
        metadata = self._metadata(task, index, Size(pixels.shape[1], pixels.shape[0]), image_format)
        task.remark(metadata.notes)
        return image.encode(
            pixels, image_format, quality=self.job.quality, metadata=metadata
        ), image_format

    def _metadata(
        self, task: ImageTask, index: int, size: Size, image_format: str
    ) -> image.Metadata:
        """Return what a variant of this size carries."""
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
        self.storage.write(uri, data, f"image/{image_format}", sync=False)
        return 1000 * (time.perf_counter() - start)

    def _judged(self, error: SourceError) -> SourceError:
        """Return what a failed write comes to: one that was refused may be so for all, or alone."""
        if not (isinstance(error, WriteError) and error.denied):
            return error
        with self.asking:
            if time.monotonic() > self.asked + ASK_SECONDS:
                self.closed = None
                try:
                    self.storage.check_writable(self.job.output)
                except RequestError as refusal:
                    self.closed = str(refusal)
                self.asked = time.monotonic()
        return error if self.closed is None else Unwritable(self.closed)

    def _discard(self, task: ImageTask) -> None:
        """Remove what an earlier attempt may have stored of variants that are not to be."""
        unwanted = [
            request
            for request in self.job.requests
            if task.error is not None or task.correction.rejects(request)
        ]
        if not unwanted:
            return
        formats = image.OUTPUT_FORMATS if self.job.format == "same" else (self.job.format,)
        names = [name for request in unwanted for name in request.names]
        orphaned = [
            self.uri_builder(task, name, image_format) for name in names for image_format in formats
        ]
        try:
            self.storage.delete(orphaned)
        except SourceError as error:
            if task.error is None:
                task.fail(error)
            else:
                task.error.add_note(f"and its variants could not be removed: {error}")


def _facts(crop: Crop, upscaled: bool) -> dict[str, Any]:
    """Return what the manifest tells of a variant's crop box."""
    corners = dict(zip(EDGES, crop.box.corners, strict=True))
    flags = [*crop.flags, *([Flag.ENLARGED] if upscaled else [])]
    return corners | {"score": crop.score, "upscaled": upscaled, "flags": ordered(flags)}


def _lacks(request: VariantRequest, size: Size) -> bool:
    """Tell whether a size isn't the exact one that is asked for."""
    return request.size is not None and size != request.size


def _covers(size: Size, least: Size) -> bool:
    return size.width >= least.width and size.height >= least.height
