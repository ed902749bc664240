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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..errors import RenderError, SourceError, WriteError
from ..flags import Flag, Note, ordered
from ..geometry import Box, Size
from ..methods.base import Crop
from ..storage import Storage, join
from .job import Job, Request
from .watchdog import time_limit
from .work import Work

THREADS = 32
EDGES = ("x0", "y0", "x1", "y1")
NO_BOX: dict[str, Any] = dict.fromkeys((*EDGES, "score")) | {"upscaled": False, "flags": []}
"""What the manifest tells of a variant that was made anew, not cut."""
FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)

Place = Callable[[Work, Request, str], str]
"""The URI of a variant, from its source, its request and its format."""


def suffix_of(form: str) -> str:
    """Return the suffix of files of a format, with its dot."""
    return image.OUTPUT_FORMATS[form]


def wanted_size(job: Job, request: Request, window: Size) -> tuple[Size, bool]:
    """Return the pixel size of a variant cut from ``window``, and whether that enlarges it."""
    if request.size is not None:
        enlarges = request.size.width > window.width or request.size.height > window.height
        if enlarges and job.upscale == "never":
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

    def __init__(self, job: Job, storage: Storage, place: Place | None = None) -> None:
        """Keep what the job says of variants; ``place`` names them otherwise than a job does."""
        self.job = job
        self.storage = storage
        self.place = place or self._key
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="write")

    def __call__(self, works: Sequence[Work]) -> None:
        """Make every variant of each source, or fail it; all are stored on return."""
        with self.synced(works):
            pending = [(work, self.begin(work)) for work in works]
            for work, writes in pending:
                self.finish(work, writes)

    @contextmanager
    def synced(self, works: Sequence[Work]) -> Iterator[None]:
        """See to it that variants written inside outlive a power failure, before their rows do.

        Where they may not, the works fail.
        """
        try:
            with self.storage.synced(self.job.output):
                yield
                start = time.perf_counter()
        except WriteError as error:
            for work in works:
                if work.error is None:
                    work.fail(WriteError(str(error)))
                    self._discard(work)
            return
        milliseconds = 1000 * (time.perf_counter() - start)
        for work in works:
            if work.error is None:
                waited = work.milliseconds.get("write", 0.0)
                work.milliseconds["write"] = waited + milliseconds / len(works)

    def begin(self, work: Work) -> list[Future[float]]:
        """Cut and encode the variants of a source, or fail it; return their writes, under way."""
        return list(self._render(work)) if work.error is None else []

    def finish(self, work: Work, writes: Sequence[Future[float]]) -> None:
        """Wait until a source's variants are stored, or fail it and remove what was."""
        for write in writes:
            try:
                milliseconds = write.result()
                work.milliseconds["write"] = work.milliseconds.get("write", 0) + milliseconds
            except SourceError as error:
                work.fail(error)
        self._discard(work)
        work.release()

    def _render(self, work: Work) -> Iterator[Future[float]]:
        try:
            with work.timed("render"), time_limit(self.job.time_limit):
                sizes = self._sizes(work)
                cuts = self._cuts(work, [size for size, _ in sizes]) if sizes else None
                for index, request in enumerate(self.job.requests):
                    if work.correction.rejects(request):
                        continue
                    pixels = cuts.render(index) if cuts else work.pixels[index]
                    data, form = self._encode(work, pixels)
                    if image.flattens(pixels, form):
                        work.remark([FLATTENED])
                    uri = self.place(work, request, form)
                    work.variants.append(
                        (_facts(work.crops[index], sizes[index][1]) if sizes else NO_BOX)
                        | {
                            "variant_uri": uri,
                            "aspect": request.slug,
                            "width": pixels.shape[1],
                            "height": pixels.shape[0],
                            "format": form,
                            "bytes": len(data),
                            "sha256": hashlib.sha256(data).hexdigest(),
                            "method": self.job.method,
                        }
                    )
                    yield self.threads.submit(self._write, uri, data, form)
        except SourceError as error:
            work.fail(error)
        except Exception as error:
            work.fail(RenderError(f"{type(error).__name__}: {error}"))
        work.picture, work.data = None, None

    def _sizes(self, work: Work) -> list[tuple[Size, bool]]:
        """Return what `wanted_size` says of each request; nothing where there are no boxes."""
        if work.pixels:
            return []
        return [
            wanted_size(self.job, request, crop.box.size)
            for crop, request in zip(work.crops, self.job.requests, strict=True)
        ]

    def _cuts(self, work: Work, sizes: Sequence[Size]) -> image.Cuts:
        """Return what a method's boxes are cut from, at a scale that serves all of them."""
        assert work.size is not None
        wanted = [(crop.box, size) for crop, size in zip(work.crops, sizes, strict=True)]
        least = image.size_to_decode(work.size, wanted)
        picture = work.picture
        if picture is None or (picture.shrink > 1 and not _covers(picture.size, least)):
            assert work.data is not None
            picture = work.picture = image.decode(
                work.data,
                at_least=least,
                max_pixels=self.job.max_pixels,
                colour=self.job.colour,
            )
        return image.Cuts(picture, wanted)

    def _encode(self, work: Work, pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
        """Return an encoded variant, and its format."""
        form = image.output_format(self.job.format, work.format or "")
        metadata = work.picture.metadata if work.picture else None
        if metadata and not self.job.keep_metadata:
            metadata = image.Metadata(icc=metadata.icc)
        return image.encode(pixels, form, quality=self.job.quality, metadata=metadata), form

    def _key(self, work: Work, request: Request, form: str) -> str:
        """Return the deterministic URI of a variant."""
        key = work.source["key"]
        if self.job.keys == "hash":
            name = f"{work.source['source_id'] & (2**64 - 1):016x}"
            key = f"{name[:2]}/{name}"
        return join(join(self.job.output, "variants"), f"{request.slug}/{key}{suffix_of(form)}")

    def _write(self, uri: str, data: bytes, form: str) -> float:
        start = time.perf_counter()
        self.storage.write(uri, data, f"image/{form}", sync=False)
        return 1000 * (time.perf_counter() - start)

    def _discard(self, work: Work) -> None:
        """Remove what an earlier attempt may have stored of variants that are not to be."""
        unwanted = [
            request
            for request in self.job.requests
            if work.error is not None or work.correction.rejects(request)
        ]
        if not unwanted:
            return
        forms = image.OUTPUT_FORMATS if self.job.format == "same" else (self.job.format,)
        stray = [self.place(work, request, form) for request in unwanted for form in forms]
        try:
            self.storage.delete(stray)
        except SourceError as error:
            if work.error is None:
                work.fail(error)
            else:
                work.error.add_note(f"and its variants could not be removed: {error}")


def _facts(crop: Crop, upscaled: bool) -> dict[str, Any]:
    """Return what the manifest tells of a variant's crop box."""
    corners = dict(zip(EDGES, crop.box.corners, strict=True))
    flags = [*crop.flags, *([Flag.ENLARGED] if upscaled else [])]
    return corners | {"score": crop.score, "upscaled": upscaled, "flags": ordered(flags)}


def _covers(size: Size, least: Size) -> bool:
    return size.width >= least.width and size.height >= least.height
