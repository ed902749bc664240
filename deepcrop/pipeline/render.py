"""The last stage: variants, cut once from the best pixels at hand, encoded and written.

While one source is cut and encoded, the variants of those before it are on their way to the
store.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .. import image
from ..errors import RenderError, SourceError
from ..geometry import Box, Size
from ..storage import Storage, join
from .job import Job, Request
from .watchdog import time_limit
from .work import Work

THREADS = 16
EXTENSIONS = {"jpeg": "jpg", "webp": "webp", "avif": "avif", "png": "png"}
FALLBACK = "png"
"""Where ``format: same`` meets a format that we read but don't write."""


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

    Exact for crop boxes that are the largest window of their ratio; a method that zooms in further
    has its source decoded again.
    """
    scale = 0.0
    for request in job.requests:
        window = request.aspect.largest_window(source)
        wanted, _ = wanted_size(job, request, window)
        scale = max(scale, wanted.width / window.width, wanted.height / window.height)
    if scale >= 1:
        return source
    return Size(-int(-source.width * scale // 1), -int(-source.height * scale // 1))


class Renderer:
    """Cuts, encodes and writes the variants of sources."""

    def __init__(self, job: Job) -> None:
        """Keep what the job says of variants."""
        self.job = job
        self.storage: Storage = job.storage
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="write")

    def __call__(self, works: Sequence[Work]) -> None:
        """Make every variant of each source, or fail it; all are stored on return."""
        pending: list[tuple[Work, list[Future[float]]]] = []
        for work in works:
            if work.error is None:
                pending.append((work, list(self._render(work))))
        for work, writes in pending:
            self._finish(work, writes)
        for work in works:
            if work.error is not None:
                self._discard(work)
            work.release()

    def _render(self, work: Work) -> Iterator[Future[float]]:
        try:
            with work.timed("render"), time_limit(self.job.time_limit):
                for index, request in enumerate(self.job.requests):
                    data, facts = self._variant(work, index, request)
                    uri = self.variant_uri(work, request, facts["format"])
                    facts |= {
                        "variant_uri": uri,
                        "aspect": request.slug,
                        "bytes": len(data),
                        "sha256": hashlib.sha256(data).hexdigest(),
                        "method": self.job.method,
                    }
                    work.variants.append(facts)
                    yield self.threads.submit(self._write, uri, data, facts["format"])
        except SourceError as error:
            work.fail(error)
        except Exception as error:
            work.fail(RenderError(f"{type(error).__name__}: {error}"))
        work.picture, work.data = None, None

    def _variant(self, work: Work, index: int, request: Request) -> tuple[bytes, dict[str, Any]]:
        """Return one encoded variant and its facts."""
        if work.pixels:
            pixels = work.pixels[index]
            height, width = pixels.shape[:2]
            box, score, upscaled = None, None, False
        else:
            crop = work.crops[index]
            box, score = crop.box, crop.score
            size, upscaled = wanted_size(self.job, request, box.size)
            pixels = image.render(self._picture(work, box, size), box, size)
            height, width = size.height, size.width
        form = self._format(work)
        data = image.encode(
            pixels,
            form,
            quality=self.job.quality,
            metadata=work.picture.metadata if work.picture and self.job.keep_metadata else None,
            icc=work.picture.icc if work.picture and self.job.icc == "keep" else None,
        )
        corners = box.corners if box else (None,) * 4
        facts = dict(zip(("x0", "y0", "x1", "y1"), corners, strict=True))
        return data, facts | {
            "score": score,
            "width": width,
            "height": height,
            "format": form,
            "upscaled": upscaled,
        }

    def _picture(self, work: Work, box: Box, size: Size) -> image.Picture:
        """Return the source's pixels, at a scale at which ``box`` has at least ``size`` pixels."""
        assert work.size is not None
        picture = work.picture
        scale = min(1.0, max(size.width / box.size.width, size.height / box.size.height))
        if picture is None or picture.scale < scale * 0.999 and picture.scale < 1:
            assert work.data is not None
            full = work.size
            least = Size(
                min(full.width, -int(-full.width * scale // 1)),
                min(full.height, -int(-full.height * scale // 1)),
            )
            picture = image.decode(
                work.data, at_least=least, max_pixels=self.job.max_pixels, icc=self.job.icc
            )
            work.picture = picture
        return picture

    def _format(self, work: Work) -> str:
        if self.job.format != "same":
            return self.job.format
        return work.format if work.format in EXTENSIONS else FALLBACK

    def variant_uri(self, work: Work, request: Request, form: str) -> str:
        """Return the deterministic URI of a variant."""
        key = work.source["key"]
        if self.job.keys == "hash":
            name = f"{work.source['source_id'] & (2**64 - 1):016x}"
            key = f"{name[:2]}/{name}"
        return join(
            join(self.job.output, "variants"), f"{request.slug}/{key}.{EXTENSIONS[form]}"
        )

    def _write(self, uri: str, data: bytes, form: str) -> float:
        start = time.perf_counter()
        self.storage.write(uri, data, f"image/{form}")
        return 1000 * (time.perf_counter() - start)

    def _finish(self, work: Work, writes: Sequence[Future[float]]) -> None:
        for write in writes:
            try:
                milliseconds = write.result()
                work.milliseconds["write"] = work.milliseconds.get("write", 0) + milliseconds
            except SourceError as error:
                work.fail(error)

    def _discard(self, work: Work) -> None:
        """Remove what an earlier attempt at a failed source may have stored."""
        forms = EXTENSIONS if self.job.format == "same" else (self.job.format,)
        stray = [
            self.variant_uri(work, request, form) for request in self.job.requests for form in forms
        ]
        try:
            self.storage.delete(stray)
        except SourceError as error:
            assert work.error is not None
            work.error.add_note(f"and its variants could not be removed: {error}")
