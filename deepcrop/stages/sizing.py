"""The pixel sizes of a job's variants, and the size that a source is decoded at for them."""

from __future__ import annotations

from .. import image
from ..geometry import Box, Size
from ..job import Job, VariantRequest


def variant_size(job: Job, request: VariantRequest, window: Size) -> tuple[Size, bool]:
    """Return the pixel size of a variant, and whether that enlarges what it is cut from.

    Args:
        job: its ``upscale`` and ``max_size`` decide.
        request: the variant.
        window: the size of the crop box, in source pixels.
    """
    if request.size is not None:
        enlarges = request.size.width > window.width or request.size.height > window.height
        if enlarges and job.upscale != "allow":
            return window, False
        return request.size, enlarges
    return (window.fit(job.max_size) if job.max_size else window), False


def size_for(job: Job, request: VariantRequest, source: Size, window: Size) -> Size:
    """Return the size at which a source must at least be decoded for one variant.

    Args:
        job: the job.
        request: the variant.
        source: the size of the source, as shown.
        window: the size of the crop box, in source pixels.
    """
    box = Box.centred(window, (0.5, 0.5), source)
    return image.size_to_decode(source, [(box, variant_size(job, request, window)[0])])


def differs(request: VariantRequest, size: Size) -> bool:
    """Return whether a variant's size is not the exact size that the request names."""
    return request.size is not None and size != request.size
