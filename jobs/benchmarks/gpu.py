"""Images a second of every method in batches, on a GPU where there is one.

Three ways to feed a method: with images that are in memory already; with files that CPU threads
decode; and with files that the GPU decodes (nvJPEG, by torchvision). The next batch is decoded, and
copied to the GPU from pinned memory in a stream of its own, while the method works on one.

Everything together takes no longer than a time that is given: what doesn't fit is left out, and the
table says so.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle, islice
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_jpeg

from deepcrop import image
from deepcrop.geometry import Size
from deepcrop.methods import registry
from deepcrop.methods.base import Loaded, as_tensor

from .corpus import mosaic
from .task import ASPECTS

Feed = Literal["memory", "CPU", "GPU"]
"""Where the images of a batch come from: from memory, or decoded on the CPU or on the GPU."""

HEADINGS = ("method", "batch", "decode", "images/s")
RETARGET_SIZE = Size(320, 480)
"""Width and height, in pixels, to which retarget methods bring photos of 640x480."""
BATCHES = {"crop": (16, 64, 256), "retarget": (1, 16)}
"""Images in a batch, by the kind of the method."""
SLOW = ("cagic", "dnr-paper", "deepir")
"""Methods that search or optimise for seconds an image; they get the smallest batch alone."""


@dataclass(frozen=True)
class Setting:
    """One measurement."""

    method: str
    batch: int
    feed: Feed


@dataclass(frozen=True)
class Rate:
    """The result of a measurement; the rate is None if there was no time left for it."""

    setting: Setting
    images_per_second: float | None

    def line(self) -> list[str]:
        """Return the result's line of the table."""
        rate = self.images_per_second
        shown = "left out: no time" if rate is None else f"{rate:,.1f}"
        return [self.setting.method, str(self.setting.batch), self.setting.feed, shown]

    def record(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {**asdict(self.setting), "images_per_second": self.images_per_second}


def settings(
    names: Sequence[str], batches: Sequence[int], device: torch.device
) -> Iterator[Setting]:
    """Yield what is measured: first all methods from memory, then the ways to decode.

    Args:
        names: the methods.
        batches: numbers of images in a batch; none: those of :data:`BATCHES`.
        device: the GPU, or the CPU, which decodes nothing as a GPU does.
    """
    sizes = {
        name: list(batches or BATCHES[registry.find(name).kind])[: 1 if name in SLOW else None]
        for name in names
    }
    yield from (Setting(name, size, "memory") for name in names for size in sizes[name])
    feeds: list[Feed] = ["CPU", "GPU"] if device.type == "cuda" else ["CPU"]
    for name in names:
        for feed in feeds:
            yield Setting(name, sizes[name][-1], feed)


def measure(
    wanted: Sequence[Setting],
    device: torch.device,
    *,
    seconds: float,
    limit: float,
    threads: int,
    sources: int = 24,
) -> Iterator[Rate]:
    """Measure settings one after the other.

    Args:
        wanted: the settings; those of one method need its network loaded only once.
        device: where the networks run.
        seconds: seconds of a measurement, after a first batch that isn't counted.
        limit: seconds of all measurements; none begins that would not end before.
        threads: CPU threads that decode.
        sources: number of different photos.
    """
    deadline = time.monotonic() + limit
    files = [_jpeg(number) for number in range(sources)]
    loaded: dict[str, Loaded] = {}
    with ThreadPoolExecutor(threads) as pool:
        for setting in wanted:
            if time.monotonic() + 2 * seconds > deadline:
                yield Rate(setting, None)
                continue
            if setting.method not in loaded:
                loaded.clear()  # so that one network at a time takes memory
                loaded[setting.method] = registry.load(setting.method, device=str(device))
            method = loaded[setting.method]
            batches = _Feeder(files, method, setting, device, pool)
            yield Rate(setting, _rate(_work_of(method), batches, setting.batch, seconds, deadline))


def _jpeg(number: int) -> bytes:
    """Return a photo of some megapixels as a JPEG file."""
    file = io.BytesIO()
    mosaic(number).save(file, "jpeg", quality=90)
    return file.getvalue()


def _work_of(method: Loaded) -> Callable[[Sequence[Tensor]], object]:
    """Return what a method does with a batch: five ratios, or one size."""
    if method.kind == "crop":
        return lambda images: method.boxes(images, ASPECTS)
    return lambda images: method.retarget(images, [[RETARGET_SIZE]] * len(images))


def _rate(
    work: Callable[[Sequence[Tensor]], object],
    batches: _Feeder,
    size: int,
    seconds: float,
    deadline: float,
) -> float:
    """Return the images a second of the batches after the first, one at least."""
    done, start = -1, 0.0
    for batch in batches:
        work(batch)
        _wait(batches.device)
        done += 1
        if done == 0:
            start = time.monotonic()
        elif time.monotonic() - start > seconds or time.monotonic() > deadline:
            break
    return done * size / (time.monotonic() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _Feeder:
    """Yields batches of images on the device without end; the next one is made meanwhile."""

    def __init__(
        self,
        files: Sequence[bytes],
        method: Loaded,
        setting: Setting,
        device: torch.device,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.device, self.pool, self.setting = device, pool, setting
        self.longest = method.analysis if method.kind == "crop" else 640
        self.files = cycle(files)
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        count = min(len(files), setting.batch)
        self.ready = [self._decoded(data) for data in islice(files, count)]

    def __iter__(self) -> Iterator[list[Tensor]]:
        if self.setting.feed == "memory":
            images = cycle(self.ready)
            while True:
                yield list(islice(images, self.setting.batch))
        following = self._begin()
        while True:
            batch, following = following, self._begin()
            yield self._end(batch)

    def _begin(self) -> list[Future[Tensor]] | list[bytes]:
        """Begin to make a batch: threads decode it, or nothing yet where the GPU does."""
        files = list(islice(self.files, self.setting.batch))
        if self.setting.feed == "GPU":
            return files
        return [self.pool.submit(self._decoded, data) for data in files]

    def _end(self, batch: list[Future[Tensor]] | list[bytes]) -> list[Tensor]:
        images = [each.result() for each in batch if isinstance(each, Future)]
        files = [each for each in batch if isinstance(each, bytes)]
        if files:
            images = self._decoded_by_gpu(files)
        if self.stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self.stream)
        return images

    def _decoded(self, data: bytes) -> Tensor:
        """Decode a file as a job does, and copy it to the device."""
        picture = image.decode(data, at_least=Size(self.longest, self.longest))
        pixels = as_tensor(image.thumbnail(picture, self.longest))
        if self.stream is None:
            return pixels
        with torch.cuda.stream(self.stream):
            return pixels.contiguous().pin_memory().to(self.device, non_blocking=True)

    def _decoded_by_gpu(self, files: Sequence[bytes]) -> list[Tensor]:
        """Decode files on the GPU, at full size, since nvJPEG doesn't scale, and resize them."""
        coded = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in files]
        context = nullcontext() if self.stream is None else torch.cuda.stream(self.stream)
        with context:
            decoded = decode_jpeg(coded, mode=ImageReadMode.RGB, device=self.device)
            return [self._resized(each) for each in decoded]

    def _resized(self, pixels: Tensor) -> Tensor:
        size = Size(pixels.shape[2], pixels.shape[1]).fit(self.longest)
        shrink = partial(functional.interpolate, mode="bilinear", antialias=True)
        small = shrink(pixels[None].float(), (size.height, size.width))
        return small[0].round().clamp(0, 255).to(torch.uint8)
