"""The decoding of a source as a job asks for."""

from __future__ import annotations

from .. import image
from ..geometry import Size
from ..job import Job


def decoded(data: bytes, job: Job, least: Size | None) -> image.Picture:
    """Decode a source.

    Args:
        data: its bytes.
        job: says the limit of pixels, and what is done with colours and gain maps.
        least: the size that the pixels have at least; None: the source's own.

    Raises:
        DecodeError: it can't be decoded.
    """
    return image.decode(
        data,
        at_least=least,
        max_pixels=job.max_pixels,
        colour=job.colour,
        exif_colour=job.exif_colour,
        hdr=job.hdr,
    )
