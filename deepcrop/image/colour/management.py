"""Pixels of a file whose colours are described by code points, chunks or EXIF, not by a profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ...flags import Flag, Note
from ..formats.avif import primary_colour
from ..formats.png import critical_chunks
from .conversion import Colour, split_alpha
from .description import bmp_profile
from .space import ColourSpace
from .tone_mapping import SampleArray, to_srgb


def plan_conversion(
    image: ImageFile.ImageFile, data: bytes, space: ColourSpace | None, colour: Colour
) -> tuple[ColourSpace | None, tuple[Note, ...]]:
    """Decide how a described space is converted.

    Where an ICC profile can say the same, the image gets that profile, and the rest is as for
    files that embed one: it is converted, or kept beside unconverted pixels. Stripped, the
    description is ignored like a profile.

    Args:
        image: its ``info["icc_profile"]`` is set, or removed where the samples are sRGB.
        data: the whole file.
        space: what :func:`colour_described` found.
        colour: what was asked for.

    Returns:
        The space, where `convert_samples` has to convert the samples; and notes for the manifest.
    """
    if image.format == "BMP" and (profile := bmp_profile(data)):
        image.info["icc_profile"] = profile
    if space is None:
        return None, ()
    if colour == "strip":
        told = f"HDR ({space.name_of_hdr}) not converted: its colours are stripped"
        return None, (Note(told),) if space.hdr is not None else ()
    if space.hdr is not None:
        return space, (Note(f"HDR ({space.name_of_hdr}) tone-mapped to SDR", Flag.HDR_MAPPED),)
    image.info["icc_profile"] = space.profile
    if space.is_srgb or space.profile is not None:
        return None, ()
    return space, (
        Note("converted to sRGB: 8 bits can't keep its colours"),
    ) if colour == "keep" else ()


def convert_samples(
    image: ImageFile.ImageFile,
    data: bytes,
    space: ColourSpace,
    pixels: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Convert a file's samples to sRGB at their full depth.

    Args:
        image: opened.
        data: the whole file.
        space: what the samples mean.
        pixels: (H, W, 1 or 3), if they are decoded already.

    Returns:
        (H, W, 3) uint8, or (H, W, 4) with straight alpha where some pixel isn't opaque.
    """
    if pixels is not None:
        return to_srgb(pixels, 8, space)
    if image.format == "PNG":
        image.load()  # finds what is broken; libpng would print it
    deep = _deep_samples(image, data)
    if deep is not None and not _has_alpha(image):
        return to_srgb(*deep, space)
    image.load()
    plain, alpha = split_alpha(image)
    if deep is None:
        samples = np.asarray(plain if plain.mode == "L" else plain.convert("RGB"))
        deep = samples.reshape(*samples.shape[:2], -1), 8
    rgb = to_srgb(*deep, space)
    if alpha is None or alpha.getextrema()[0] == 255:
        return rgb
    return np.dstack([rgb, np.asarray(alpha)])


def _has_alpha(image: Image.Image) -> bool:
    return "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa", "RGBA")


def _deep_samples(image: ImageFile.ImageFile, data: bytes) -> tuple[SampleArray, int] | None:
    """Read more than 8 bits of a sample, which Pillow's AVIF and PNG readers don't give.

    Returns:
        (H, W, 1 or 3) uint16 and the bits of a sample; None where there are just 8, or where the
        reader can't and Pillow's may.
    """
    import imagecodecs  # here: 30 ms that hardly any file needs

    try:
        if image.format == "AVIF" and (bits := primary_colour(data).bits) > 8:
            # Sequences are left to Pillow, which decodes one frame: imagecodecs would decode all.
            if getattr(image, "n_frames", 1) > 1:
                return None
            samples = imagecodecs.avif_decode(data, numthreads=1)
        elif image.format == "PNG" and data[24:25] == b"\x10":
            samples, bits = imagecodecs.png_decode(critical_chunks(data)), 16
        else:
            return None
    except Exception:  # its classes are one for each format, none shared
        return None
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.dtype != np.uint16 or samples.shape[1::-1] != image.size:
        return None
    colours = samples[..., : 3 if samples.shape[2] >= 3 else 1]
    return (colours, bits) if bits == 16 else (np.minimum(colours, (1 << bits) - 1), bits)
