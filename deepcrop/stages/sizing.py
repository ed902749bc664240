"""The pixel sizes of a job's variants, and the size that a source is decoded at for them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from .. import image
from ..geometry import AspectRatio, Box, Size
from ..job import Job, VariantRequest
from ..outputs.presets import Rendition, sized

RETARGETED_LONGEST = 1600
"""Longest edge, in pixels, of the retargeted picture that all variants of a preset are made of."""


def variant_size(job: Job, request: VariantRequest, window: Size) -> tuple[Size, bool]:
    """Return the pixel size of a variant, and whether that enlarges what it is cut from.

    Args:
        job: its ``upscale`` and ``max_size`` decide.
        request: the variant.
        window: the size of the crop box, in source pixels.
    """
    if request.rendition is not None:
        return _rendition_size(job, request.size, request.rendition, window)
    if request.size is not None:
        enlarges = request.size.width > window.width or request.size.height > window.height
        if enlarges and job.upscale != "allow":
            return window, False
        return request.size, enlarges
    return (window.fit(job.max_size) if job.max_size else window), False


def size_for(source: Size, ratio: AspectRatio, size: Size) -> Size:
    """Return the size at which a source must at least be decoded to be retargeted.

    Args:
        source: the size of the source, as shown.
        ratio: the ratio that it is retargeted to.
        size: the size that it is retargeted to, in pixels.
    """
    box = Box.centred(ratio.largest_window(source), (0.5, 0.5), source)
    return image.size_to_decode(source, [(box, size)])


def retargeted_size(job: Job, request: VariantRequest, source: Size) -> Size:
    """Return the size that a source is retargeted to for a request, in pixels.

    Args:
        job: a job whose method retargets.
        request: the variant.
        source: the size of the source, as shown.
    """
    window = request.aspect.largest_window(source)
    if request.rendition is not None:
        return window.fit(RETARGETED_LONGEST)
    return variant_size(job, request, window)[0]


def canvas(ratio: AspectRatio, source: Size) -> Size:
    """Return the smallest size of a ratio that a whole photo lies in, in pixels of the photo."""
    width = -(-source.height * ratio.width // ratio.height)
    if width >= source.width:
        return Size(width, source.height)
    return Size(source.width, -(-source.width * ratio.height // ratio.width))


def once_by(indices: Iterable[int], common: Callable[[int], Hashable]) -> Sequence[tuple[int, ...]]:
    """Return indices in groups that have something in common, by their first ones."""
    groups: dict[Hashable, list[int]] = {}
    for at in indices:
        groups.setdefault(common(at), []).append(at)
    return [tuple(group) for group in groups.values()]


def _rendition_size(
    job: Job, exact: Size | None, rendition: Rendition, window: Size
) -> tuple[Size, bool]:
    """Return the pixel size of a preset's variant, and whether that enlarges the window."""
    output = rendition.output
    wanted = exact or sized(output.ratio, rendition.pixel_width)
    enlarges = wanted.width > window.width or wanted.height > window.height
    if not enlarges:
        # What has the width of the crop box is the crop box, however its height was rounded.
        return (window if exact is None and wanted.width == window.width else wanted), False
    if job.upscale == "allow":
        return wanted, True
    if output.below_min_width == "enlarge" and (output.min_width or 0) > window.width:
        if wanted.width <= (output.min_width or 0):
            return wanted, True
        return sized(output.ratio, output.min_width or 1), True
    return window, False
