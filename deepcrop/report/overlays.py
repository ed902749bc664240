"""Photos with a method's crop boxes and saliency drawn over them, or beside their variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy
from numpy.typing import NDArray
from PIL import Image

from .. import image
from ..geometry import Box, Focal, Size
from ..methods.base import CaptionMapped
from ..stages.item import ImageTask
from ..stages.local import LocalPipeline
from .maps import heat_map
from .sheet import ContactSheetRow, draw_boxes

if TYPE_CHECKING:
    from torch import Tensor

    from ..methods.saliency import SaliencyCrop

LONGEST_EDGE = 1200
"""Longest edge of an overlay, in pixels."""


def draw_overlay(pipeline: LocalPipeline, task: ImageTask, saliency: SaliencyCrop) -> Image.Image:
    """Draw a photo with its saliency map, crop boxes and focal point over it.

    Where the method follows a caption, the map of what the caption names takes the place of the
    saliency map.

    Args:
        pipeline: the pipeline that processed the photo.
        task: the processed photo, with its decoded picture.
        saliency: the method whose saliency map is drawn.
    """
    shown, boxes, focal = _shown(pipeline, task)
    mask = heat_map(_map(pipeline, task, saliency).numpy()).resize(
        shown.size, Image.Resampling.BICUBIC
    )
    shown.paste(mask, (0, 0), mask)
    return draw_boxes(shown, boxes, focal)


def _map(pipeline: LocalPipeline, task: ImageTask, saliency: SaliencyCrop) -> Tensor:
    """Return the map that is drawn over a photo, (h, w)."""
    method = pipeline.predictor.method
    if task.caption and isinstance(method, CaptionMapped):
        edge = method.analysis if method.kind == "crop" else LONGEST_EDGE
        found = method.caption_map(_thumbnail(task, edge), task.caption)
        if found is not None:
            return found
    return saliency.maps([_thumbnail(task, saliency.analysis)])[0]


def comparison_row(pipeline: LocalPipeline, task: ImageTask, title: str) -> ContactSheetRow:
    """Return the row of a contact sheet that shows a photo and a method's variants of it."""
    shown, boxes, focal = _shown(pipeline, task)
    slugs = pipeline.job.slugs
    if task.pixels:
        by_slug = {
            request.slug: Image.fromarray(pixels)
            for request, pixels in zip(pipeline.job.requests, task.pixels, strict=True)
            if pixels is not None
        }
        variants = [by_slug[slug] for slug in slugs]
    else:
        variants = [shown.crop(boxes[slug].corners) for slug in slugs]
    return ContactSheetRow(title, shown, boxes, focal, dict(zip(slugs, variants, strict=True)))


def _shown(
    pipeline: LocalPipeline, task: ImageTask
) -> tuple[Image.Image, Mapping[str, Box], Focal | None]:
    """Return the photo at the size of an overlay, with its crop boxes in pixels of that size."""
    assert task.size is not None
    shown = Image.fromarray(_thumbnail(task, LONGEST_EDGE))
    slugs: Sequence[str] = [request.slug for request in pipeline.job.requests]
    boxes = {
        slug: _scaled(crop.box, task.size, Size(*shown.size))
        for slug, crop in zip(slugs, task.crops, strict=False)
        if crop is not None
    }
    return shown, boxes, task.focal


def _thumbnail(task: ImageTask, longest_edge: int) -> NDArray[numpy.uint8]:
    assert task.picture is not None
    return image.thumbnail(task.picture, longest_edge)


def _scaled(box: Box, source: Size, shown: Size) -> Box:
    x0, x1 = (round(x * shown.width / source.width) for x in (box.x0, box.x1))
    y0, y1 = (round(y * shown.height / source.height) for y in (box.y0, box.y1))
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
