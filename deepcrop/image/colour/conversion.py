"""Convert Pillow images of any mode to 8-bit RGB: profiles, CMYK, palettes, 16 bits, floats."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

Colour = Literal["srgb", "keep", "strip"]
"""What to do with an ICC profile: convert to sRGB, keep it beside unconverted RGB, or ignore it."""

_SRGB = ImageCms.createProfile("sRGB")
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab "}


def to_rgb(
    image: Image.Image, colour: Colour, white: int | None = None
) -> tuple[Image.Image, bytes | None]:
    """Convert an image to RGB, or to RGBA if some pixel is not opaque.

    Args:
        image: an image in any mode that the readers return.
        colour: what to do with the ICC profile in ``image.info``. Only an RGB profile can be kept:
            others (grey, CMYK, Lab) don't describe RGB pixels and are converted.
        white: the sample value of white in 16-bit modes, 65535 by default.

    Returns:
        The image, and the ICC profile of its pixels (None: sRGB).
    """
    profile = image.info.get("icc_profile") or None
    plain, alpha = split_alpha(image, white or 65535)
    kept = None
    if profile and colour != "strip":
        if colour == "keep" and plain.mode == "RGB" and space_of(profile) == "RGB":
            kept = profile
        else:
            plain = _converted(plain, profile)
    if plain.mode == "LAB":
        plain = _applied(_lab(), plain)
    plain = plain.convert("RGB")
    if alpha is not None and alpha.getextrema()[0] != 255:
        plain.putalpha(alpha)
    return plain, kept


def is_srgb(profile: bytes, mode: str) -> bool:
    """Return whether conversion from the profile to sRGB changes no channel by over one level."""
    return space_of(profile) != _SPACES.get(mode) or transform_of(profile, mode) is None


@lru_cache(maxsize=16)
def space_of(profile: bytes) -> str | None:
    """Return the profile's colour space (``RGB``, ``GRAY``, ``CMYK``); None if it is broken."""
    try:
        return str(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space).strip()
    except Exception:  # lcms and Pillow raise OSError, ValueError, TypeError on absurd profiles
        return None


@lru_cache(maxsize=16)
def transform_of(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return lcms's transform to sRGB; None if none is needed or the profile isn't plausible.

    The transform is relative colorimetric with black point compensation, the default of photo
    editors. A profile under which white isn't clearly lighter than black is invalid and ignored.
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            _SRGB,
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # lcms's optimised path for grey interpolates between few samples, which is wrong by 10
            # levels in dark tones.
            _FLAGS | (ImageCms.Flags.NOOPTIMIZE if mode == "L" else 0),
        )
        extremes = Image.new(mode, (2, 1), 0)
        extremes.putpixel((1, 0), 255 if mode == "L" else (255,) * len(extremes.getbands()))
        black, white = np.asarray(_applied(transform, extremes)).mean(axis=2)[0]
        if abs(white - black) < 64 or (white < black) != (mode == "CMYK"):
            return None
        if mode == "RGB" and _changes(transform) <= 1:
            return None
    except Exception:
        return None
    return transform


def _changes(transform: ImageCms.ImageCmsTransform) -> int:
    """Return the largest change of any channel over a grid of 9 x 9 x 9 colours."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(27, 27, 3)
    after = np.asarray(_applied(transform, Image.fromarray(grid)))
    return int(np.abs(after.astype(int) - grid).max())


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    space = space_of(profile)
    if image.mode == "L" and space == "RGB":
        image = image.convert("RGB")
    if space is None or space != _SPACES[image.mode].strip():
        return image
    transform = transform_of(profile, image.mode)
    if transform is None:
        return image
    if image.mode == "L":  # convert the 256 levels once and look each pixel up
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        return image.point(_applied(transform, ramp).getchannel("G").tobytes())
    return _applied(transform, image)


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None only when converting in place
    return converted


@lru_cache(maxsize=1)
def _lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _SRGB, "LAB", "RGB")


def split_alpha(image: Image.Image, white: int = 65535) -> tuple[Image.Image, Image.Image | None]:
    """Split an image into L, RGB, CMYK or LAB, and its alpha channel (None: opaque)."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _grey(image, white), None
    if "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa", "RGBA"):
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        return rgba.convert("RGB"), rgba.getchannel("A")
    if image.mode == "1":
        return image.convert("L"), None
    return (image if image.mode in _SPACES else image.convert("RGB")), None


def _grey(image: Image.Image, white: int) -> Image.Image:
    """Scale grey samples of more than 8 bits to 8 bits.

    In 16-bit modes the value of white is known. In 32-bit integers and floats it isn't: white is
    the smallest of the usual values (1, 255, 65535) that no sample exceeds, or else the largest
    sample.
    """
    samples = np.asarray(image)
    if image.mode in ("I", "F"):
        with np.errstate(invalid="ignore"):  # signalling NaNs
            samples = np.nan_to_num(samples.astype(np.float32), posinf=0.0, neginf=0.0)
        largest = samples.max()
        usual = (1, 255, 65535) if image.mode == "F" else (255, 65535)
        top = next((value for value in usual if largest <= value), largest)
        return Image.fromarray(np.rint(samples.clip(0) / top * 255).astype(np.uint8))
    levels = (np.arange(65536) * 255 + white // 2) // white
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8)[samples])
