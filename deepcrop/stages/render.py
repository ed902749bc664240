"""The last stage: variants, cut once from the decoded pixels, encoded and written.

Writes overlap with work: while one source is cut and encoded, the variants of earlier sources are
on their way to the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from .. import image
from ..errors import RenderError, SourceError, WriteError
from ..job import Job, VariantRequest
from ..manifest.rows import VariantRow
from ..manifest.staging import staged_uri
from ..storage import Storage, join
from .encoder import Encoded, Encoder, Encoding, Encodings
from .frames import Frames
from .item import ImageTask
from .limits import limit_of
from .output_check import OutputCheck
from .parallel import SideBySide
from .pixels import PixelMaker
from .planner import Planner
from .rendered import Rendered, size_of
from .variant_rows import VariantRows
from .watchdog import time_limit

THREADS = 32
"""Variants that are written at once."""

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
        self.planner = Planner(job)
        self.frames, self.encoder = Frames(job), Encoder(job)
        self.pixels = PixelMaker(job, self.planner, self.frames)
        self.rows = VariantRows(job)
        self.side_by_side = SideBySide()

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
            if task.is_open:
                waited = task.milliseconds.get("write", 0.0)
                task.milliseconds["write"] = waited + milliseconds / len(tasks)

    def submit(self, task: ImageTask) -> list[Future[float]]:
        """Cut and encode the variants of a source, or fail it; return the pending writes.

        A write returns the milliseconds that it took.
        """
        return list(self._render(task)) if task.is_open else []

    def complete(self, task: ImageTask, writes: Sequence[Future[float]]) -> None:
        """Wait until a source's variants are stored; if one can't be, fail it and remove them."""
        for write in writes:
            try:
                milliseconds = write.result()
                task.milliseconds["write"] = task.milliseconds.get("write", 0) + milliseconds
            except SourceError as error:
                task.fail(self.output_check.classify(error))
        if not task.settled:
            self._discard(task)
        if task.error is None:
            task.variants = self.rows.in_order(task)
        task.release()

    def _render(self, task: ImageTask) -> Iterator[Future[float]]:
        try:
            with task.timed("render"), time_limit(limit_of(self.job, "render")):
                self.planner.begin_anew(task)
                encodings = (self.encoder.prepare(task, each) for each in self._rendered(task))
                for encoding, encoded in self.side_by_side.map(Encodings(), encodings):
                    variant = self._row(task, encoding, encoded)
                    place = self._place(task, variant)
                    task.variants.append(
                        {**variant, "variant_uri": place or variant["variant_uri"]}
                    )
                    if place is not None:
                        yield self.threads.submit(
                            self._write, place, encoded.data, variant["format"]
                        )
        except SourceError as error:
            task.fail(error)
        except Exception as error:
            task.fail(RenderError(f"{type(error).__name__}: {error}"))
        task.picture, task.data = None, None

    def _rendered(self, task: ImageTask) -> Iterator[Rendered]:
        """Yield the pixels of the variants to make."""
        if not any(crop is not None for crop in task.crops):
            yield from self.pixels.of_retargeted(task)
            return
        frames = []
        for frame in self.frames.of(task):
            if (standing := self.rows.standing(task, frame)) is not None:
                task.variants.append(standing)
                task.keep_remarks(self.job.requests[frame.index].name)
            else:
                frames.append(frame)
        yield from self.pixels.of_frames(task, frames)

    def _row(self, task: ImageTask, encoding: Encoding, encoded: Encoded) -> VariantRow:
        request, pixels = self.job.requests[encoding.variant.index], encoding.variant.pixels
        smaller = request.size is not None and request.is_smaller(size_of(pixels))
        uri = self.uri_builder(task, request.names[smaller], encoding.format)
        return self.rows.new(task, encoding, encoded, uri)

    def _place(self, task: ImageTask, variant: VariantRow) -> str | None:
        """Return where to write a variant; None where the same bytes are there already.

        A variant that replaces another one is written aside: the earlier one stands until the
        source's new row is committed.
        """
        uri = variant["variant_uri"]
        standing = task.standing.get(uri)
        if standing is None or task.staging is None:
            return uri
        if standing["sha256"] == variant["sha256"]:
            return None
        return staged_uri(uri, self.job.output, task.staging)

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
        uris = [
            self.uri_builder(task, name, each)
            for request in unwanted
            for name in request.names
            for each in self._formats(request)
        ]
        # Those of the row that the source has are removed once that is replaced.
        orphaned = [uri for uri in uris if uri not in task.standing]
        try:
            self.storage.delete(orphaned)
        except SourceError as error:
            if task.error is None:
                task.fail(error)
            else:
                task.error.add_note(f"and its variants could not be removed: {error}")

    def _formats(self, request: VariantRequest) -> Iterable[str]:
        """Return the formats that variants of a request may have."""
        if request.rendition is not None:
            return (request.rendition.format,)
        return image.OUTPUT_FORMATS if self.job.format == "same" else (self.job.format,)
