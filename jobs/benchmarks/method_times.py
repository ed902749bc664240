"""Times of methods without a job: the commands ``crop``, ``batch``, ``gpu`` and ``retarget``."""

from __future__ import annotations

import json
import statistics
import time
import timeit
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from deepcrop.geometry import Size
from deepcrop.methods.base import as_aspects, as_tensor
from deepcrop.methods.registry import BUILT_IN, load, load_crop, load_retarget

from ..evaluation.retarget_timing import measure, timing_table
from . import gpu as gpus
from .comparison import cores
from .tables import show

SOURCE = 8
"""Pixels along an edge of a source for each pixel of a photo: sources have 9 to 17 megapixels."""
PHOTOS = [Image.fromarray(each) for each in (data.astronaut(), data.coffee(), data.chelsea())]
EIGHT_RATIOS = ("1:1", "4:5", "2:3", "3:4", "4:3", "3:2", "16:9", "9:16")


def crop(
    method: Annotated[list[str] | None, typer.Option(help="A crop method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=2, help="Repetitions for each photo.")] = 20,
) -> None:
    """Time crop methods on one CPU thread, for one ratio and for eight.

    It measures CPU time, for photos in memory at the method's analysis size and boxes in sources of
    9 to 17 megapixels. One ratio and eight are timed in turn, so that the median of their quotients
    doesn't depend on changes of the processor's clock rate.
    """
    if weights and len(method or []) != 1:
        raise typer.BadParameter("needs exactly one --method", param_hint="--weights")
    torch.set_num_threads(1)
    table = Table("method", "ratios", "ms, minimum", "ms, median", "relative to 1", box=None)
    for name in method or ["saliency", "mars"]:
        loaded = load_crop(name, device="cpu", weights=weights)
        times: dict[int, list[float]] = {1: [], len(EIGHT_RATIOS): []}
        for photo in PHOTOS * repeats:
            size = Size(SOURCE * photo.width, SOURCE * photo.height)
            shape = size.fit(loaded.analysis)
            image = as_tensor(photo.resize((shape.width, shape.height)))
            for count, taken in times.items():
                start = time.process_time()  # other runtimes have threads of their own
                loaded.boxes([image], EIGHT_RATIOS[:count], sizes=[size])
                taken.append(1000 * (time.process_time() - start))
        for count, taken in times.items():
            quotient = statistics.median(
                each / one for each, one in zip(taken, times[1], strict=True)
            )
            figures = f"{min(taken):.1f}", f"{statistics.median(taken):.1f}", f"{quotient:.2f}"
            table.add_row(name, str(count), *figures)
    Console().print(table)


def batch(
    method: Annotated[list[str] | None, typer.Option(help="A crop method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    size: Annotated[list[int] | None, typer.Option(help="Images in a batch; repeatable.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Batches, of which the fastest counts.")] = 5,
) -> None:
    """Measure the images a second of crop methods in batches, on the GPU if there is one.

    For eight ratios: the maps alone, from photos in memory to maps in memory, and the maps with the
    boxes, which one CPU thread finds.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    table = Table("method", "device", "batch", "maps/s", "boxes/s", box=None)
    for name in method or ["saliency", "mars"]:
        loaded: Any = load(name, device=device, weights=weights)
        sides = Size(4000, 3000).fit(loaded.analysis)
        photos = [as_tensor(photo.resize((sides.width, sides.height))) for photo in PHOTOS]
        ratios = (as_aspects(EIGHT_RATIOS),) if name == "mars" else ()
        for count in size or ([1, 4] if device == "cpu" else [16, 64, 256]):
            images = [photos[index % len(photos)] for index in range(count)]
            rates = []
            for work in (
                partial(loaded.maps, images, *ratios),
                partial(loaded.boxes, images, EIGHT_RATIOS),
            ):
                work()
                rates.append(count / min(timeit.repeat(work, number=1, repeat=repeats)))
            table.add_row(name, device, str(count), *(f"{rate:,.1f}" for rate in rates))
    Console().print(table)


def gpu(
    method: Annotated[list[str] | None, typer.Option(help="A method; repeatable.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Images in a batch; repeatable.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Seconds of a measurement.")] = 6,
    limit: Annotated[float, typer.Option(min=0, help="Seconds of all measurements.")] = 540,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads that decode.")] = None,
    sources: Annotated[int, typer.Option(min=1, help="Different photos.")] = 24,
    record: Annotated[Path | None, typer.Option(help="File for the results, as JSON.")] = None,
) -> None:
    """Measure the images a second of all methods, with decoding on the CPU and on the GPU.

    On a GPU it takes at most ten minutes. On a machine without one it measures the CPU.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    names = method or [name for name in BUILT_IN if name != "center"]
    wanted = list(gpus.settings(names, size or (), device))
    found: list[gpus.Rate] = []

    def lines() -> Iterable[list[str]]:
        for rate in gpus.measure(
            wanted,
            device,
            seconds=seconds,
            limit=limit,
            threads=threads or cores(),
            sources=sources,
        ):
            found.append(rate)
            yield rate.line()

    print(torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU: on the CPU")
    show(gpus.HEADINGS, lines())
    if record is not None:
        record.write_text(json.dumps([rate.record() for rate in found], indent=1))


def retarget(
    method: Annotated[list[str] | None, typer.Option(help="A retarget method; repeatable.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name or file; default: the method's.")
    ] = None,
    threads: Annotated[list[int] | None, typer.Option(help="CPU threads; repeatable.")] = None,
    batch: Annotated[
        list[int] | None, typer.Option(help="Images in a batch; default: 1, on a GPU also 32.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs, of which the shortest counts.")] = 3,
) -> None:
    """Time 640x480 to 75% and to 50% of the width, on the CPU and on the GPU if there is one.

    The lower bound is the time of the multiplications alone at the rate of a large matrix product.
    """
    photos = [
        as_tensor(Image.fromarray(picture).resize((640, 480)))
        for picture in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
    ]
    devices = [("cpu", count) for count in threads or [1, 2]]
    if torch.cuda.is_available():
        devices.append(("cuda", 1))
    rows = []
    for name in method or ["dnr"]:
        for device, count in devices:
            loaded = load_retarget(name, device=device, weights=weights)
            for images in batch or ([1] if device == "cpu" else [1, 32]):
                several = [photos[index % len(photos)] for index in range(images)]
                for size in (Size(480, 480), Size(320, 480)):
                    timing = measure(
                        loaded, several, size, threads=count, device=device, repeats=repeats
                    )
                    where = f"{count} thread{'s'[: count - 1]}" if device == "cpu" else "GPU"
                    rows.append((name, size, where, images, timing))
                    print(name, where, images, size, f"{timing.seconds:.3f}", flush=True)
    Console(width=110).print(timing_table(rows))
