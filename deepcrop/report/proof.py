"""Photos as a method sees them: boxes and saliency drawn over one, or methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from PIL import Image

from .. import image
from ..geometry import Box, Focal, Size
from ..stages.item import ImageTask
from ..stages.local import LocalPipeline
from .maps import heat
from .sheet import Line, overlay

LONGEST = 1200
"""Longest edge of an overlay."""


def overlay_of(single: LocalPipeline, work: ImageTask, saliency: Any) -> Image.Image:
    """Draw a photo's crop boxes, its focal point and where people look.

    Args:
        single: who looked at it.
        work: what came of it; its picture must be there still.
        saliency: a method with ``maps``.
    """
    shown, boxes, focal = _shown(single, work, LONGEST)
    [found] = saliency.maps([_look(work, saliency.analysis)])
    mask = heat(found.numpy()).resize(shown.size, Image.Resampling.BICUBIC)
    shown.paste(mask, (0, 0), mask)
    return overlay(shown, boxes, focal)


def compare_line(single: LocalPipeline, work: ImageTask, title: str) -> Line:
    """Return the line of a contact sheet that shows what a method makes of a photo."""
    shown, boxes, focal = _shown(single, work, LONGEST)
    slugs = [request.slug for request in single.job.requests]
    if work.pixels:
        made = [Image.fromarray(pixels) for pixels in work.pixels]
    else:
        made = [shown.crop(boxes[slug].corners) for slug in slugs]
    return Line(title, shown, boxes, focal, dict(zip(slugs, made, strict=True)))


def _shown(
    single: LocalPipeline, work: ImageTask, longest: int
) -> tuple[Image.Image, Mapping[str, Box], Focal | None]:
    """Return the photo at a size to look at, with its boxes in that size's pixels."""
    assert work.size is not None
    shown = Image.fromarray(_look(work, longest))
    slugs: Sequence[str] = [request.slug for request in single.job.requests]
    boxes = {
        slug: _scaled(crop.box, work.size, Size(*shown.size))
        for slug, crop in zip(slugs, work.crops, strict=False)
    }
    return shown, boxes, work.crops[0].focal if work.crops else None


def _look(work: ImageTask, longest: int) -> numpy.ndarray:
    assert work.picture is not None
    return image.thumbnail(work.picture, longest)


def _scaled(box: Box, source: Size, shown: Size) -> Box:
    x0, x1 = (round(x * shown.width / source.width) for x in (box.x0, box.x1))
    y0, y1 = (round(y * shown.height / source.height) for y in (box.y0, box.y1))
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
