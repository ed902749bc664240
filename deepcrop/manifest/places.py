"""Places of variants: what a variant has in common with the one that takes its place."""

from __future__ import annotations

from .. import image
from ..job import Job, VariantRequest

Place = tuple[str, int | None, float | None, str]
"""Ratio or preset, width, density, and format; width and density are None without a preset."""


def place_of(
    aspect: str, preset: str | None, width: int | None, density: float | None, image_format: str
) -> Place:
    """Return the place of a variant, by the values of its columns."""
    if preset is None:
        return aspect, None, None, image_format
    return f"preset {preset}", width, density, image_format


def requested_places(job: Job, source_format: str | None) -> frozenset[Place]:
    """Return the places of all variants that a job makes of a source.

    Args:
        job: the job.
        source_format: format of the source.
    """
    plain = image.output_format(job.format, source_format or "")
    return frozenset(_place_of_request(request, plain) for request in job.requests)


def _place_of_request(request: VariantRequest, plain_format: str) -> Place:
    each = request.rendition
    if each is None:
        return place_of(request.slug, None, None, None, plain_format)
    return place_of(request.slug, each.preset, each.width, each.density, each.format)
