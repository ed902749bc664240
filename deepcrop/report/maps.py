"""Saliency maps as small transparent images, which the page lays over the sources."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING

import numpy
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from .. import image
from ..errors import RequestError, SourceError
from ..job import Job
from ..manifest.rows import ImageRow
from ..methods import licence, registry
from ..storage import Storage
from .thumbnails import list_names, thumbnail_name

if TYPE_CHECKING:
    from ..methods.saliency import SaliencyCrop

LONGEST_EDGE = 160
"""Longest edge of a stored map, in pixels."""
READ_AHEAD = 8
"""Sources that are read and decoded at the same time."""
COLOURS = ((70, 20, 170), (250, 60, 40), (255, 235, 90))
"""RGB from the least to the most salient: at least one of them contrasts with any photo."""


def make_maps(rows: pa.Table, count: int, job: Job, folder: str) -> set[str]:
    """Write the saliency maps of the first ``count`` sources that have none yet.

    Args:
        rows: rows of the images manifest, the first ones first.
        count: how many sources get a map.
        job: the job; if its method is ``saliency``, its own weights and options are used.
        folder: URI of the folder that the maps are written to.

    Returns:
        The names of all maps in the folder.
    """
    storage = job.storage
    existing = list_names(storage, folder, ".png")
    first: list[ImageRow] = rows.slice(0, count).to_pylist()
    named = {thumbnail_name(each["sha256"]): each for each in first}
    missing = [(name, row) for name, row in named.items() if name and name not in existing]
    if not missing:
        return existing
    method = saliency_method(job)
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        for start in range(0, len(missing), READ_AHEAD):
            batch = missing[start : start + READ_AHEAD]
            images = pool.map(lambda each: _read(each[1], storage, method.analysis), batch)
            for (name, _), pixels in zip(batch, images, strict=True):
                if pixels is not None:
                    [saliency] = method.maps([pixels])
                    data = _png(heat_map(saliency.numpy()))
                    storage.write(f"{folder}/{name}.png", data, "image/png")
                    existing.add(name)
    return existing


def saliency_method(job: Job, device: str | None = None) -> SaliencyCrop:
    """Return the method ``saliency``, with the job's weights and options if it is the job's.

    Raises:
        RequestError: the job's licence policy refuses the weights.
    """
    if job.method == "saliency":
        return registry.load("saliency", device=device, weights=job.weights, **job.options)
    try:
        licence.check(job.licence, "saliency")
    except RequestError as error:
        raise RequestError(f"saliency map: {error}") from None
    return registry.load("saliency", device=device)


def heat_map(saliency: NDArray[numpy.floating]) -> Image.Image:
    """Return a saliency map (h, w), non-negative, as an RGBA image of at most ``LONGEST_EDGE``.

    The more salient, the more opaque. The less salient half is transparent, so that the photo
    beneath stays visible.
    """
    middle, top = numpy.quantile(saliency, (0.5, 0.99))
    spread = max(float(top - middle), 1e-12)
    opacity = numpy.clip((saliency - middle) / spread, 0, 1)
    picture = numpy.empty((*saliency.shape, 4), numpy.uint8)
    steps = numpy.linspace(0, 1, len(COLOURS))
    for channel in range(3):
        shades = [colour[channel] for colour in COLOURS]
        picture[..., channel] = numpy.rint(numpy.interp(opacity, steps, shades))
    picture[..., 3] = numpy.rint(215 * numpy.sqrt(opacity))
    heated = Image.fromarray(picture)
    heated.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
    return heated


def _read(row: ImageRow, storage: Storage, longest_edge: int) -> NDArray[numpy.uint8] | None:
    """Return a source scaled down for the network; None where it can't be read any more."""
    try:
        data = storage.read(row["source_uri"])
        size = image.probe(data).size.fit(longest_edge)
        return image.thumbnail(image.decode(data, at_least=size), longest_edge)
    except SourceError:
        return None


def _png(picture: Image.Image) -> bytes:
    sink = BytesIO()
    picture.save(sink, "png", optimize=True)
    return sink.getvalue()
