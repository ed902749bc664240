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
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from .. import image
from ..errors import RenderError, SourceError, WriteError
from ..flags import Flag, Note, ordered
from ..geometry import Box, Size
from ..job import Job, VariantRequest
from ..manifest.rows import VariantRow
from ..manifest.staging import staged_uri
from ..methods.base import Crop
from ..storage import Storage, join
from .encoder import Encoder, size_of
from .item import ImageTask
from .limits import limit_of
from .output_check import OutputCheck
from .pictures import decoded
from .planner import Planner
from .sizing import differs, variant_size
from .watchdog import time_limit

THREADS = 32
"""Variants that are written at once."""
FLATTENED = Note("transparent parts laid over white", Flag.ALPHA_FLATTENED)

UriBuilder = Callable[[ImageTask, str, str], str]
"""Returns the URI of a variant: from its task, one of its request's names, and its format."""


def suffix_of(image_format: str) -> str:
    """Return the suffix of files of a format, with its dot."""
    return image.OUTPUT_FORMATS[image_format]


@dataclass(frozen=True)
class Cut:
    """A variant that is to be cut from a source."""

    index: int
    """Index of its request."""
    box: Box
    """The crop box in source pixels."""
    size: Size
    """Width and height of the variant in pixels."""
    upscaled: bool
    """Whether that enlarges the box."""


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
        self.encoder = Encoder(job)

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
            task.variants = self._in_order(task)
        task.release()

    def _render(self, task: ImageTask) -> Iterator[Future[float]]:
        try:
            with task.timed("render"), time_limit(limit_of(self.job, "render")):
                self.planner.begin_anew(task)
                for index, pixels, upscaled in self._new_pixels(task):
                    variant, data = self._variant(task, index, pixels, upscaled=upscaled)
                    place = self._place(task, variant)
                    task.variants.append(
                        {**variant, "variant_uri": place or variant["variant_uri"]}
                    )
                    if place is not None:
                        yield self.threads.submit(self._write, place, data, variant["format"])
        except SourceError as error:
            task.fail(error)
        except Exception as error:
            task.fail(RenderError(f"{type(error).__name__}: {error}"))
        task.picture, task.data = None, None

    def _new_pixels(self, task: ImageTask) -> Iterator[tuple[int, NDArray[np.uint8], bool]]:
        """Yield the pixels of the variants to make, with the request and whether they enlarge."""
        if not any(crop is not None for crop in task.crops):
            for index, request in self._due(task):
                pixels = task.pixels[index]
                assert pixels is not None
                if self._is_made(task, request, size_of(pixels)):
                    yield index, pixels, False
            return
        cuts = []
        for index, request in self._due(task):
            crop = task.crops[index]
            assert crop is not None
            size, upscaled = variant_size(self.job, request, crop.box.size)
            if not self._is_made(task, request, size):
                continue
            if (standing := self._same_cut(task, index, crop)) is not None:
                task.variants.append(standing)
            else:
                cuts.append(Cut(index, crop.box, size, upscaled))
        for picture, group in self._pictures(task, cuts):
            together = image.Cuts(picture, [(cut.box, cut.size) for cut in group])
            for at, cut in enumerate(group):
                yield cut.index, together.render(at), cut.upscaled

    def _due(self, task: ImageTask) -> Iterator[tuple[int, VariantRequest]]:
        """Yield the requests that a variant has to be made of, with their indices."""
        assert task.reuse is not None
        for index, request in enumerate(self.job.requests):
            if index not in task.reuse.kept and index not in task.reuse.settled:
                task.remade.add(request.slug)
                yield index, request

    def _pictures(
        self, task: ImageTask, cuts: Sequence[Cut]
    ) -> Iterator[tuple[image.Picture, list[Cut]]]:
        """Yield the source's pixels at each scale that is needed, with the cuts that need it.

        The scale of a variant follows from its own box and size, and from that at which the method
        sees the source: what else is made of the source changes no byte of it.
        """
        assert task.size is not None
        recipes = self.planner.recipes
        shared = recipes.shrink(task.size, task.format)
        groups: dict[int, list[Cut]] = {}
        for cut in cuts:
            needed = image.size_to_decode(task.size, [(cut.box, cut.size)])
            own = image.shrink_for(task.size, needed) if task.format == "jpeg" else 1
            groups.setdefault(min(shared, own), []).append(cut)
        for shrink in sorted(groups, key=lambda each: each != task.shrink):
            group = groups[shrink]
            if task.picture is None or (task.shrink != shrink and task.picture.shrink > 1):
                least = recipes.least(task.size)
                if shrink != shared:
                    cut = group[0]
                    least = image.size_to_decode(task.size, [(cut.box, cut.size)])
                task.picture, task.shrink = self._decode(task, least), shrink
            yield task.picture, group

    def _decode(self, task: ImageTask, least: Size | None) -> image.Picture:
        assert task.data is not None
        picture = decoded(task.data, self.job, least)
        if not task.seen:
            task.remark(picture.notes)
            task.seen = True
        return picture

    def _same_cut(self, task: ImageTask, index: int, crop: Crop) -> VariantRow | None:
        """Return the variant that is there already, where another recipe gave the same box."""
        assert task.wanted is not None
        request, corners = self.job.requests[index], crop.box.corners
        for each in task.standing.values() if task.same else ():
            if (
                each["aspect"] == request.slug
                and each["rendering_recipe"] == task.wanted.renderings[index]
                and each["source_sha256"] == (task.sha256 or each["source_sha256"])
                and (each["x0"], each["y0"], each["x1"], each["y1"]) == corners
            ):
                smaller = differs(request, Size(each["width"], each["height"]))
                flags = self._flags(task, request, crop, upscaled=each["upscaled"], smaller=smaller)
                recipe = task.wanted.boxes[index]
                changed: VariantRow = {**each, "flags": flags, "method": self.job.method}
                changed["score"], changed["preference"] = crop.score, crop.preference
                return {**changed, "analysis_recipe": recipe}
        return None

    def _variant(
        self, task: ImageTask, index: int, pixels: NDArray[np.uint8], *, upscaled: bool
    ) -> tuple[VariantRow, bytes]:
        """Encode a variant; return its row and its bytes."""
        assert task.wanted is not None
        request = self.job.requests[index]
        data, image_format = self.encoder(task, index, pixels)
        if image.flattens(pixels, image_format):
            task.remark([FLATTENED], request.slug)
        smaller = differs(request, size_of(pixels))
        crop = task.crops[index] if task.crops else None
        variant: VariantRow = {
            **_box_columns(crop),
            "upscaled": upscaled,
            "flags": self._flags(task, request, crop, upscaled=upscaled, smaller=smaller),
            "variant_uri": self.uri_builder(task, request.names[smaller], image_format),
            "aspect": request.slug,
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "format": image_format,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "method": self.job.method,
            "source_sha256": task.sha256,
            "analysis_recipe": task.wanted.boxes[index],
            "rendering_recipe": task.wanted.renderings[index],
        }
        return variant, data

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

    def _in_order(self, task: ImageTask) -> list[VariantRow]:
        """Return the variants in the order of the requests, then those that nobody asks for."""
        made = {each["aspect"]: each for each in task.variants}
        kept = task.reuse.kept if task.reuse else {}
        ordered_variants = [
            variant
            for index, request in enumerate(self.job.requests)
            if (variant := made.get(request.slug) or kept.get(index)) is not None
        ]
        wanted = image.output_format(self.job.format, task.format or "")
        asked = {request.slug for request in self.job.requests}
        return ordered_variants + [
            each
            for each in task.standing.values()
            if not (each["aspect"] in asked and each["format"] == wanted)
        ]

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

    def _is_made(self, task: ImageTask, request: VariantRequest, size: Size) -> bool:
        """Return whether a variant of this size is made, and remark on one with too few pixels.

        Raises:
            RenderError: a source is too small, and the job says that it fails then.
        """
        if not differs(request, size):
            return True
        text = f"not {request.size}: the crop box has {size} pixels"
        if self.job.upscale == "fail":
            raise RenderError(f"{text}; with --upscale allow it is enlarged")
        if self.job.upscale == "skip":
            text = f"no {request.size}: the crop box has {size} pixels"
        note = Note(f"{text} (--upscale allow enlarges)", Flag.SMALLER)
        task.remark([note], request.slug)
        return self.job.upscale == "never"

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
        uris = [self.uri_builder(task, name, each) for name in names for each in formats]
        # Those of the row that the source has are removed once that is replaced.
        orphaned = [uri for uri in uris if uri not in task.standing]
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
