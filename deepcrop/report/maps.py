"""Saliency maps as small transparent pictures, to lay over the sources."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy
import pyarrow as pa
from PIL import Image

from .. import image
from ..errors import SourceError
from ..job import Job
from ..methods import registry
from ..storage import Storage
from .thumbnails import name_of, stored

LONGEST = 160
"""Longest edge of a stored map."""
BATCH = 8
HEAT = ((70, 20, 170), (250, 60, 40), (255, 235, 90))
"""Colours of a map, from hardly to most salient: one of them differs from what lies beneath."""


def make_maps(rows: pa.Table, count: int, job: Job, folder: str) -> set[str]:
    """Make the maps of the first ``count`` sources: where people look, by the saliency network.

    A job of the method ``saliency`` is shown with its own weights and options.

    Returns:
        The names of all maps that there are.
    """
    storage = job.storage
    there = stored(storage, folder, ".png")
    named = {name_of(each["sha256"]): each for each in rows.slice(0, count).to_pylist()}
    missing = [(name, row) for name, row in named.items() if name and name not in there]
    if not missing:
        return there
    method = saliency_method(job)
    with ThreadPoolExecutor(BATCH) as pool:
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            looks = pool.map(lambda each: _look(each[1], storage, method.analysis), batch)
            for name, look in zip((name for name, _ in batch), looks, strict=True):
                if look is not None:
                    [saliency] = method.maps([look])
                    storage.write(f"{folder}/{name}.png", _png(heat(saliency.numpy())), "image/png")
                    there.add(name)
    return there


def saliency_method(job: Job, device: str | None = None) -> Any:
    """Return the method that knows where people look, with the job's own options if it is it."""
    if job.method == "saliency":
        return registry.load("saliency", device=device, weights=job.weights, **job.options)
    return registry.load("saliency", device=device)


def heat(saliency: numpy.ndarray) -> Image.Image:
    """Return a map (h, w), non-negative, as a picture: the more salient, the more opaque.

    The less salient half stays clear, so that what lies beneath can be seen.
    """
    middle, top = numpy.quantile(saliency, (0.5, 0.99))
    spread = max(float(top - middle), 1e-12)
    opacity = numpy.clip((saliency - middle) / spread, 0, 1)
    picture = numpy.empty((*saliency.shape, 4), numpy.uint8)
    steps = numpy.linspace(0, 1, len(HEAT))
    for channel in range(3):
        shades = [colour[channel] for colour in HEAT]
        picture[..., channel] = numpy.rint(numpy.interp(opacity, steps, shades))
    picture[..., 3] = numpy.rint(215 * numpy.sqrt(opacity))
    heated = Image.fromarray(picture)
    heated.thumbnail((LONGEST, LONGEST))
    return heated


def _look(row: dict[str, Any], storage: Storage, longest: int) -> numpy.ndarray | None:
    try:
        data = storage.read(row["source_uri"])
        size = image.probe(data).size.fit(longest)
        return image.thumbnail(image.decode(data, at_least=size), longest)
    except SourceError:
        return None


def _png(picture: Image.Image) -> bytes:
    sink = BytesIO()
    picture.save(sink, "png", optimize=True)
    return sink.getvalue()
