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
from ..job import Job, Request
from ..methods.base import Crop
from ..storage import Storage, join
from .item import Work
from .limits import limit_of
from .watchdog import time_limit

THREADS = 32
ASK_SECONDS = 5.0
"""How long it holds what was found out about the output as a whole."""
EDGES = ("x0", "y0", "x1", "y1")
NO_BOX: dict[str, Any] = dict.fromkeys((*EDGES, "score")) | {"upscaled": False, "flags": []}
"""What the manifest tells of a variant that was made anew, not cut."""
FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)

Place = Callable[[Work, str, str], str]
"""The URI of a variant, from its source, one of its request's names, and its format."""


def suffix_of(form: str) -> str:
    """Return the suffix of files of a format, with its dot."""
    return image.OUTPUT_FORMATS[form]


def wanted_size(job: Job, request: Request, window: Size) -> tuple[Size, bool]:
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

    def __init__(self, job: Job, storage: Storage, place: Place | None = None) -> None:
        """Keep what the job says of variants; ``place`` names them otherwise than a job does."""
        self.job = job
        self.storage = storage
        self.place = place or self._key
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self.asking = Lock()
        self.asked = -ASK_SECONDS
        self.closed: str | None = None
        """Why nothing can be written, as it was when that was asked."""

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
            with self.storage.durable_writes(self.job.output):
                yield
                start = time.perf_counter()
        except WriteError as error:
            for work in works:
                if work.error is None:
                    work.fail(type(error)(str(error)))
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
                work.fail(self._judged(error))
        self._discard(work)
        work.release()

    def _render(self, work: Work) -> Iterator[Future[float]]:
        try:
            with work.timed("render"), time_limit(limit_of(self.job, "render")):
                sizes = self._sizes(work)
                cuts = self._cuts(work, [size for size, _ in sizes]) if sizes else None
                for index, request in self._wanted(work, sizes):
                    pixels = cuts.render(index) if cuts else work.pixels[index]
                    data, form = self._encode(work, index, pixels)
                    if image.flattens(pixels, form):
                        work.remark([FLATTENED])
                    smaller = _lacks(request, Size(pixels.shape[1], pixels.shape[0]))
                    uri = self.place(work, request.names[smaller], form)
                    facts = _facts(work.crops[index], sizes[index][1]) if sizes else NO_BOX
                    own = [Flag.SMALLER] * smaller + [Flag.CORRECTED] * _corrects(work, request)
                    work.variants.append(
                        facts
                        | {
                            "flags": ordered([*facts["flags"], *own]),
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

    def _wanted(
        self, work: Work, sizes: Sequence[tuple[Size, bool]]
    ) -> Iterator[tuple[int, Request]]:
        """Yield the requests whose variants are made; remark on the others.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        refused = [each for each in self.job.requests if work.correction.rejects(each)]
        names = [""] if len(refused) == len(self.job.requests) else [f"{r.slug} " for r in refused]
        work.remark(Note(f"{name}rejected by a person", Flag.REJECTED) for name in names)
        for index, request in enumerate(self.job.requests):
            if request in refused:
                continue
            size = sizes[index][0] if sizes else Size(*work.pixels[index].shape[1::-1])
            if not _lacks(request, size) or self._makes_smaller(work, request, size):
                yield index, request

    def _makes_smaller(self, work: Work, request: Request, size: Size) -> bool:
        """Tell whether a variant with fewer pixels than asked is made, and remark on it."""
        text = f"not {request.size}: the crop box has {size} pixels"
        if self.job.upscale == "fail":
            raise RenderError(f"{text}; with --upscale allow it is enlarged")
        if self.job.upscale == "skip":
            text = f"no {request.size}: the crop box has {size} pixels"
        work.remark([Note(f"{text} (--upscale allow enlarges)", Flag.SMALLER)])
        return self.job.upscale == "never"

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
            # As where it is rendered by those who decoded it, so that all layouts make the same.
            picture = work.picture = image.decode(
                work.data,
                at_least=least.cover(work.least) if work.least else least,
                max_pixels=self.job.max_pixels,
                colour=self.job.colour,
                exif_colour=self.job.exif_colour,
            )
        return image.Cuts(picture, wanted)

    def _encode(self, work: Work, index: int, pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
        """Return an encoded variant, and its format."""
        form = image.output_format(self.job.format, work.format or "")
        metadata = self._metadata(work, index, Size(pixels.shape[1], pixels.shape[0]), form)
        work.remark(metadata.notes)
        return image.encode(pixels, form, quality=self.job.quality, metadata=metadata), form

    def _metadata(self, work: Work, index: int, size: Size, form: str) -> image.Metadata:
        """Return what a variant of this size carries."""
        source = work.picture.metadata if work.picture else work.metadata
        if source is None or work.size is None:
            return image.Metadata()
        if not self.job.keep_metadata:
            return source.colour_only
        box = None if work.pixels else work.crops[index].box
        framing = image.Framing(work.size, size, box, source.orientation)
        return source.for_variant(framing, form, converted=self.job.colour == "srgb")

    def _key(self, work: Work, folder: str, form: str) -> str:
        """Return the deterministic URI of a variant."""
        key = work.source["key"]
        if self.job.keys == "hash":
            name = f"{work.source['source_id'] & (2**64 - 1):016x}"
            key = f"{name[:2]}/{name}"
        return join(join(self.job.output, "variants"), f"{folder}/{key}{suffix_of(form)}")

    def _write(self, uri: str, data: bytes, form: str) -> float:
        start = time.perf_counter()
        self.storage.write(uri, data, f"image/{form}", sync=False)
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
        names = [name for request in unwanted for name in request.names]
        stray = [self.place(work, name, form) for name in names for form in forms]
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


def _lacks(request: Request, size: Size) -> bool:
    """Tell whether a size isn't the exact one that is asked for."""
    return request.size is not None and size != request.size


def _corrects(work: Work, request: Request) -> bool:
    """Tell whether a person has had a say in where a variant is cut."""
    said = work.correction
    return bool(said.focal or said.keep or request.slug in (said.boxes or {}))


def _covers(size: Size, least: Size) -> bool:
    return size.width >= least.width and size.height >= least.height
