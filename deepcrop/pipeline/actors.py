"""The actors: processes that hold a method's network and keep it for the whole job.

On CPU-only machines one actor does all the work on its sources; where there are GPUs, the actors
that hold the network get thumbnails, and fetching and rendering scale apart on the CPUs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import image
from ..errors import InferError, OutOfMemory, SourceError
from ..geometry import Size
from ..methods import base
from ..storage import Storage
from .fetch import Fetcher
from .job import Job, Request
from .limits import limit_of
from .logs import log_failures, log_to_node
from .process import keep_to_one_core
from .render import Renderer, needed_size, wanted_size
from .watchdog import time_limit
from .work import Work, from_listing, pack, to_table, unpack

if TYPE_CHECKING:
    import ray

    from .shelf import Packed


class Decoder:
    """Decodes sources at the scale needed, and makes what the method looks at."""

    def __init__(self, job: Job, analysis: int | None, *, keep_pictures: bool) -> None:
        """Decode for a method that looks at a longest edge of ``analysis`` pixels; None: at all.

        Args:
            job: what is made of the sources.
            analysis: of the method with the job's weights and options: a loaded one says it, and
                :func:`.base.analysis_of` where none is loaded.
            keep_pictures: the pictures stay in this process, to be rendered.
        """
        self.job = job
        self.analysis = analysis
        self.keep_pictures = keep_pictures

    def __call__(self, works: Sequence[Work]) -> None:
        """Decode each source, or fail it."""
        for work in works:
            if work.error is None:
                with work.timed("decode"), time_limit(limit_of(self.job, "decode")):
                    try:
                        self._decode(work)
                    except SourceError as error:
                        work.fail(error)

    def _decode(self, work: Work) -> None:
        assert work.data is not None
        probe = image.probe(work.data, max_pixels=self.job.max_pixels)
        work.size, work.format = probe.size, probe.format
        work.orientation = probe.orientation
        # One scale for all layouts, though not all render what is decoded here: a window may turn
        # on what another scale's rounding does, and a job may go on in another layout.
        least = needed_size(self.job, probe.size)
        if self.analysis is not None:
            look = probe.size.fit(self.analysis)
            least = look.cover(least)
        work.least = least
        picture = image.decode(
            work.data,
            at_least=least,
            max_pixels=self.job.max_pixels,
            colour=self.job.colour,
            exif_colour=self.job.exif_colour,
        )
        work.remark(picture.notes)
        if self.analysis is not None:
            work.thumbnail = image.thumbnail(picture, self.analysis)
        else:
            work.thumbnail = picture.rgb
        if self.keep_pictures:
            work.picture = picture
        elif self.analysis is None:
            work.metadata = picture.metadata


class Analyst:
    """Holds a method, with its network on a device, and asks it about batches of sources."""

    def __init__(self, job: Job, device: str | None = None) -> None:
        """Load the network."""
        self.job = job
        self.method: base.Loaded = base.load(
            job.method, device=device, weights=job.weights, **job.options
        )

    @property
    def analysis(self) -> int | None:
        """Longest edge, in pixels, at which the method looks; None: at the pictures themselves."""
        return self.method.analysis if self.method.kind == "crop" else None

    def __call__(self, works: Sequence[Work]) -> None:
        """Give each source its crops or its pixels, or fail it."""
        ready = [work for work in works if work.error is None]
        start = time.perf_counter()
        with time_limit(limit_of(self.job, "infer") * len(ready)):
            self._answer(ready, self._crop if self.job.kind == "crop" else self._retarget)
        for work in ready:
            work.thumbnail = None
            work.milliseconds["infer"] = 1000 * (time.perf_counter() - start) / len(ready)

    def _answer(self, works: Sequence[Work], ask: Callable[[Sequence[Work]], None]) -> None:
        """Ask about all at once; where that fails, about halves, down to the one that fails."""
        if not works:
            return
        try:
            ask(works)
            return
        except SourceError as error:
            failure = error
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            failure = OutOfMemory(text) if _is_memory(error) else InferError(text)
        if len(works) == 1:
            works[0].fail(failure)
            return
        if isinstance(failure, OutOfMemory):
            import torch

            torch.cuda.empty_cache()
        half = len(works) // 2
        self._answer(works[:half], ask)
        self._answer(works[half:], ask)

    def _crop(self, works: Sequence[Work]) -> None:
        assert self.method.kind == "crop"
        sizes = [_size(work) for work in works]
        answers = self.method.boxes(
            [_look(work) for work in works],
            [request.aspect for request in self.job.requests],
            sizes=sizes,
            hints=[self._hints(work) for work in works],
        )
        for work, size, crops in zip(works, sizes, answers, strict=True):
            settled = work.correction.settle(crops, self.job.requests, size)
            work.crops = [crop.flagged(size) for crop in settled]

    def _retarget(self, works: Sequence[Work]) -> None:
        sizes = [[self._target(work, request) for request in self.job.requests] for work in works]
        assert self.method.kind == "retarget"
        answers = self.method.retarget([_look(work) for work in works], sizes)
        for work, pixels in zip(works, answers, strict=True):
            work.pixels = [each.permute(1, 2, 0).cpu().numpy() for each in pixels]

    def _target(self, work: Work, request: Request) -> Size:
        return wanted_size(self.job, request, request.aspect.largest_window(_size(work)))[0]

    def _hints(self, work: Work) -> base.Hints:
        x, y = work.source["focal_x"], work.source["focal_y"]
        listed = None if x is None or y is None else (x, y)
        return base.Hints(
            caption=work.source["caption"] or self.job.caption,
            focal=work.correction.focal or listed,
            keep=work.correction.keep,
        )


def _look(work: Work) -> NDArray[np.uint8]:
    """Return what the method looks at, of a source that was decoded."""
    assert work.thumbnail is not None
    return work.thumbnail


def _size(work: Work) -> Size:
    """Return the size of a source that was decoded."""
    assert work.size is not None
    return work.size


def _is_memory(error: Exception) -> bool:
    """Tell whether memory was short: each of torch's libraries says so in its own way."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("out of memory", "can't allocate memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in words)


class Worker:
    """One actor that does all the work on its sources: the layout of CPU-only machines.

    Takes rows of the listing, gives rows of the manifest. It may be called by several threads: one
    at a time computes, a source after the other, so that the pixels of few are in memory, while
    the others wait for the store.
    """

    def __init__(self, job: Job, storage: Storage, carried: pa.Schema) -> None:
        """Load the network; prepare the other stages."""
        keep_to_one_core()
        log_to_node()
        self.job, self.carried = job, carried
        self.fetcher = Fetcher(storage)
        self.analyst = Analyst(job)
        self.decoder = Decoder(job, self.analyst.analysis, keep_pictures=True)
        self.renderer = Renderer(job, storage)
        self.core = Lock()

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Work on a batch of sources."""
        works = from_listing(listing)
        self.fetcher(works)
        with self.renderer.synced(works):
            with self.core:
                pending = [(work, self._compute(work)) for work in works]
            for work, writes in pending:
                self.renderer.finish(work, writes)
        log_failures(works)
        return to_table(works, self.job.method, self.job.fingerprint, self.carried)

    def alone(self, source: pa.Table) -> Iterator[str | pa.Table]:
        """Work on one source; yield the name of each stage as it begins, then the row."""
        [work] = works = from_listing(source)
        yield "fetch"
        self.fetcher(works)
        with self.renderer.synced(works):
            yield "decode"
            self.decoder(works)
            yield "infer"
            self.analyst(works)
            yield "render"
            writes = self.renderer.begin(work)
            yield "write"
            self.renderer.finish(work, writes)
        log_failures(works)
        yield to_table(works, self.job.method, self.job.fingerprint, self.carried)

    def _compute(self, work: Work) -> list[Future[float]]:
        # On a CPU a network takes as long for an image of a batch as for one alone.
        self.decoder([work])
        self.analyst([work])
        return self.renderer.begin(work)


class FromShelf:
    """The first actor that sources come to: it is told their places, and takes them itself."""

    def __init__(self, shelf: ray.ObjectRef[Packed], actor: type, *arguments: Any) -> None:
        """Make an actor that takes rows of the listing."""
        import ray  # a quarter of a second, which `deepcrop crop` needn't spend

        self.packed, self.actor = ray.get(shelf), actor(*arguments)

    def __call__(self, places: pa.Table) -> pa.Table:
        """Give the actor rows of the listing."""
        answer: pa.Table = self.actor(self.packed.take(places["place"].to_numpy()))
        return answer


class FetchActor:
    """Fetches and decodes to the analysis scale: many to a CPU, since each waits for the store."""

    def __init__(self, job: Job, storage: Storage, analysis: int | None) -> None:
        """Prepare the stages for a method that others hold."""
        self.stages = (Fetcher(storage), Decoder(job, analysis, keep_pictures=False))

    def __call__(self, listing: pa.Table) -> pa.Table:
        """Begin the work on a batch of sources."""
        works = from_listing(listing)
        for stage in self.stages:
            stage(works)
        return pack(works)


class NetworkActor:
    """Holds the method's network on its share of a GPU."""

    def __init__(self, job: Job) -> None:
        """Load the network."""
        self.analyst = Analyst(job)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Ask the method about a batch."""
        works = unpack(table)
        self.analyst(works)
        return pack(works)


class RenderActor:
    """Makes and stores the variants on a CPU."""

    def __init__(self, job: Job, storage: Storage, carried: pa.Schema) -> None:
        """Prepare the stage."""
        log_to_node()
        self.job, self.carried = job, carried
        self.renderer = Renderer(job, storage)

    def __call__(self, table: pa.Table) -> pa.Table:
        """End the work on a batch."""
        works = unpack(table)
        self.renderer(works)
        log_failures(works)
        return to_table(works, self.job.method, self.job.fingerprint, self.carried)
