"""Convert files whose colour space is declared by code points, chunks or EXIF, not by ICC."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ...flags import Flag, Note
from ..formats.avif import primary_colour
from ..formats.png import critical_chunks
from ..samples import Samples
from .conversion import Colour, is_srgb, split_alpha
from .deep import profile_to_srgb
from .description import bmp_profile
from .lab import lab_to_srgb
from .space import ColourSpace
from .tone_mapping import SampleArray, to_srgb


def plan_conversion(
    image: ImageFile.ImageFile, data: bytes, space: ColourSpace | None, colour: Colour
) -> tuple[ColourSpace | None, tuple[Note, ...]]:
    """Decide how to convert samples whose colour space the file declares without ICC.

    If an ICC profile can describe the space, the image gets that profile and is handled like a file
    that embeds one: it is converted, or the profile is kept beside unconverted pixels. With
    ``strip`` the declaration is ignored, as a profile would be.

    Args:
        image: the opened file. Its ``info["icc_profile"]`` is set, or removed if the samples are
            sRGB.
        data: the whole file.
        space: the result of :func:`colour_described`.
        colour: the requested handling of colours.

    Returns:
        The space if `convert_samples` has to convert the samples, else None; and the notes for the
        manifest.
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


def convert_deep(samples: Samples, profile: object) -> NDArray[np.uint8] | None:
    """Convert samples of more than 8 bits to sRGB at their full depth.

    Args:
        samples: the samples.
        profile: their ICC profile; None for none.

    Returns:
        (H, W, 3) uint8; None if 8 bits suffice, or if this can't be done.
    """
    if not samples.is_deep:
        return None
    if samples.space == "LAB" and not profile:
        return lab_to_srgb(np.asarray(samples.values[..., :3], np.float32))
    if not _must_convert(profile, samples.space):
        return None
    return profile_to_srgb(*samples.unsigned(), profile)


def _must_convert(profile: object, mode: str) -> TypeGuard[bytes]:
    """Return whether a profile is one of grey or RGB pixels of a mode, and not sRGB."""
    return isinstance(profile, bytes) and mode in ("L", "RGB") and not is_srgb(profile, mode)


def convert_deep_file(image: ImageFile.ImageFile, data: bytes) -> NDArray[np.uint8] | None:
    """Convert samples of more than 8 bits by the file's ICC profile at their full depth.

    Args:
        image: the opened file, not loaded yet.
        data: the whole file.

    Returns:
        (H, W, 3) uint8; None if 8 bits suffice, or if this can't be done: with transparency, say.
    """
    profile = image.info.get("icc_profile")
    mode = "L" if image.mode in ("L", "I", "I;16") else image.mode
    if not _may_be_deep(image, data) or _has_alpha(image) or not _must_convert(profile, mode):
        return None
    image.load()  # reports damage as an exception; libpng would print it
    deep = _deep_samples(image, data)
    if deep is None or deep[0].shape[2] != len(mode):
        return None
    return profile_to_srgb(*deep, profile)


def convert_samples(
    image: ImageFile.ImageFile,
    data: bytes,
    space: ColourSpace,
    pixels: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Convert a file's samples to sRGB at their full depth.

    Args:
        image: the opened file.
        data: the whole file.
        space: the colour space of the samples.
        pixels: (H, W, 1 or 3) uint8, if they are decoded already.

    Returns:
        (H, W, 3) uint8, or (H, W, 4) with straight alpha if some pixel isn't opaque.
    """
    if pixels is not None:
        return to_srgb(pixels, 8, space)
    if image.format == "PNG":
        image.load()  # reports damage as an exception; libpng would print it
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


def _may_be_deep(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Return whether a file of Pillow's may have samples of more than 8 bits, by its header."""
    return image.format == "AVIF" or (image.format == "PNG" and data[24:25] == b"\x10")


def _deep_samples(image: ImageFile.ImageFile, data: bytes) -> tuple[SampleArray, int] | None:
    """Read samples of more than 8 bits, which Pillow's AVIF and PNG readers reduce to 8.

    Returns:
        (H, W, 1 or 3) uint16 and the bits of a sample; None if samples have 8 bits, or if
        imagecodecs can't read the file and Pillow may.
    """
    import imagecodecs  # imported here because it takes 30 ms and few files need it

    try:
        if image.format == "AVIF" and (bits := primary_colour(data).bits) > 8:
            # Pillow reads sequences because it decodes one frame; imagecodecs would decode all.
            if getattr(image, "n_frames", 1) > 1:
                return None
            samples = imagecodecs.avif_decode(data, numthreads=1)
        elif image.format == "PNG" and data[24:25] == b"\x10":
            samples, bits = imagecodecs.png_decode(critical_chunks(data)), 16
        else:
            return None
    except Exception:  # imagecodecs has an error class for each format and no common base class
        return None
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.dtype != np.uint16 or samples.shape[1::-1] != image.size:
        return None
    colours = samples[..., : 3 if samples.shape[2] >= 3 else 1]
    return (colours, bits) if bits == 16 else (np.minimum(colours, (1 << bits) - 1), bits)
