"""Decode image files once, at the smallest scale that is large enough."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ..errors import Corrupt
from ..flags import Note
from ..geometry import Box, Size
from .animation import animation_notes, opaque_inside, select_first_frame
from .colour import management
from .colour.conversion import Colour, is_srgb, to_rgb
from .colour.description import ExifColour, colour_described
from .colour.space import BT709, ColourSpace
from .colour.tone_mapping import to_srgb
from .colour.transfer import LINEAR
from .formats.png_transparency import keyed_alpha
from .gain_maps.model import GainMap
from .header import MAX_PIXELS, opened
from .metadata.blocks import metadata_of
from .opened import Opened, Probe
from .picture import Picture
from .samples import Samples

Hdr = Literal["drop", "keep"]
"""What to do with a gain map."""
GAIN_MAP_DROPPED = "HDR gain map left out"

_MARGIN = Fraction(2)
"""The least number of decoded pixels for each pixel of the result, along each side.

The scaled DCT isn't a clean low-pass filter: its errors should lie at frequencies that the resize
filter removes. At a margin of 1.5 and 2 the mean PSNR against a whole decode and Lanczos is 41 and
43 dB (44 for a whole decode resized by our filter); a zone plate's strongest alias has 20% and 12%.
"""


def decode(
    data: bytes,
    *,
    at_least: Size | None = None,
    max_pixels: int = MAX_PIXELS,
    colour: Colour = "srgb",
    exif_colour: ExifColour = "use",
    hdr: Hdr = "drop",
) -> Picture:
    """Decode an image's first frame, oriented, to 8-bit RGB (or RGBA).

    Args:
        data: the whole file.
        at_least: a JPEG is decoded at the smallest scale of 1/1, 1/2, 1/4 and 1/8 at which both
            sides (as shown) are at least these. None means full size. Other formats are always
            decoded at full size.
        max_pixels: the largest width times height to accept.
        colour: ``srgb`` converts to sRGB; ``keep`` keeps the pixels and their ICC profile, or gives
            them an equivalent profile if code points, gAMA or EXIF declare the colours; ``strip``
            keeps the pixels and drops the profile. HDR is converted to sRGB unless stripped.
        exif_colour: whether Adobe RGB that only EXIF declares is used (DCF option files).
        hdr: whether a gain map is read; a note says that it was dropped.

    Raises:
        NotAnImage: no decoder recognises the bytes.
        Corrupt: the file is damaged or truncated.
        Unsupported: the file is of a kind that can't be read, or that would be read wrong.
        TooLarge: the header says more than ``max_pixels``; nothing is decoded.
    """
    with opened(data, max_pixels) as source:
        header = source.header
        metadata = metadata_of(source.image, source.data)
        space = colour_described(source.image, source.data, exif_colour)
        space, told = management.plan_conversion(source.image, source.data, space, colour)
        notes = source.notes + animation_notes(source) + told
        shrink, pixels, profile = _read(source, at_least, colour, space)
        orientation = 1 if source.upright else header.orientation
        turned = _turn(pixels, orientation)
        gain_map = _gain_map(source, orientation) if hdr == "keep" else None
    if source.gain_map is not None and gain_map is None:
        notes += (Note(GAIN_MAP_DROPPED),)
    origin = _origin(header, shrink, Size(turned.shape[1], turned.shape[0]))
    metadata = replace(metadata, icc=profile, orientation=header.orientation)
    return Picture(turned, header.size, header.format, shrink, origin, metadata, notes, gain_map)


def _gain_map(source: Opened, orientation: int) -> GainMap | None:
    """Return the gain map as shown; None if there is none or it is broken."""
    found = source.gain_map() if source.gain_map is not None else None
    return found and replace(found, pixels=_turn(found.pixels, orientation))


def size_to_decode(source: Size, cuts: Iterable[tuple[Box, Size]]) -> Size:
    """Return the ``at_least`` for `decode` that is large enough to render all boxes at their sizes.

    It has `_MARGIN` decoded pixels for each pixel of the cut with the largest scale, or is the size
    of the source.
    """
    scale = max(
        max(Fraction(size.width, box.size.width), Fraction(size.height, box.size.height))
        for box, size in cuts
    )
    scale = min(scale * _MARGIN, Fraction(1))
    return Size(max(1, math.ceil(source.width * scale)), max(1, math.ceil(source.height * scale)))


def _read(
    source: Opened, at_least: Size | None, colour: Colour, space: ColourSpace | None
) -> tuple[int, NDArray[np.uint8], bytes | None]:
    """Return the shrink factor, the pixels as stored (RGB or RGBA), and their ICC profile."""
    if source.samples is not None:
        return 1, *_deep(source, source.samples(), colour, space)
    image = source.image
    if image.format != "JPEG":
        return 1, *_whole(source, colour, space)
    shrink = shrink_for(source.header.size, at_least) if source.scalable else 1
    pixels = _turbo(source.data, image, shrink)
    if pixels is not None:
        return shrink, *_coloured(image, pixels, colour, space)
    shrink = _draft(image, shrink) if shrink > 1 else 1
    # Arithmetic decoding can't pause for more data, so Pillow must pass the file as one block.
    image.decodermaxblock = max(len(source.data), ImageFile.MAXBLOCK)
    return shrink, *_whole(source, colour, space)


def shrink_for(size: Size, at_least: Size | None) -> int:
    """Return the factor 1, 2, 4 or 8 by which `decode` shrinks a JPEG that can be scaled.

    Args:
        size: of the source, as shown.
        at_least: as for `decode`.
    """
    if at_least is None:
        return 1
    for shrink in (8, 4, 2):
        if (
            -(-size.width // shrink) >= at_least.width
            and -(-size.height // shrink) >= at_least.height
        ):
            return shrink
    return 1


def _turbo(data: bytes, image: ImageFile.ImageFile, shrink: int) -> NDArray[np.uint8] | None:
    """Decode a JPEG by simplejpeg; None if the file is CMYK or unusual and Pillow may read it.

    simplejpeg is faster than Pillow, which copies, and stricter: libjpeg-turbo's warnings report
    lost pixels.
    """
    if image.mode not in ("RGB", "L"):
        return None
    colorspace = "GRAY" if image.mode == "L" else "RGB"
    height, width = -(-image.height // shrink), -(-image.width // shrink)
    # A file that lacks only its end marker is complete, but a progressive file may lack its last
    # scans.
    endings = [b""] if "progressive" in image.info else [b"", b"\xff\xd9"]
    for ending in endings:
        try:
            pixels = simplejpeg.decode_jpeg(
                data + ending if ending else data, colorspace, min_height=height, min_width=width
            )
        except ValueError as error:
            message = str(error)
        else:
            if pixels.shape[:2] != (height, width):
                raise Corrupt(f"jpeg: two sizes, {width}x{height} and {pixels.shape[1::-1]}")
            return pixels
        if not message.startswith("Premature end of JPEG file"):
            break
    if _lost(message):
        raise Corrupt(f"jpeg: {message}")
    return None


def _lost(message: str) -> bool:
    """Return whether libjpeg's warning means that pixels were lost."""
    if skipped := re.search(r"(\d+) extraneous bytes", message):
        return int(skipped[1]) > 64  # padding is harmless; more means a damaged scan
    return bool(re.search(r"[Pp]remature end|bad Huffman|unrecoverable|corrupt JPEG", message))


def _draft(image: ImageFile.ImageFile, shrink: int) -> int:
    """Make Pillow decode at 1/shrink; return the shrink that it chose (1 for very small images)."""
    width = image.width
    wanted = (max(1, width // shrink), max(1, image.height // shrink))
    drafted = image.draft(image.mode, wanted)
    return round(width / drafted[1][2]) if drafted else 1


def _coloured(
    image: ImageFile.ImageFile,
    pixels: NDArray[np.uint8],
    colour: Colour,
    space: ColourSpace | None,
) -> tuple[NDArray[np.uint8], bytes | None]:
    """Convert the pixels of `_turbo` to the output colours; skip Pillow if nothing changes."""
    if space is not None:
        return management.convert_samples(image, b"", space, pixels), None
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and (not profile or colour == "strip" or is_srgb(profile, "RGB")):
        return pixels, None
    plain = Image.fromarray(pixels[..., 0] if image.mode == "L" else pixels)
    plain.info["icc_profile"] = profile
    rgb, kept = to_rgb(plain, colour)
    return np.array(rgb), kept


def _whole(
    source: Opened, colour: Colour, space: ColourSpace | None
) -> tuple[NDArray[np.uint8], bytes | None]:
    """Decode the first frame by Pillow, or by imagecodecs if a profile needs all bits."""
    if space is None and colour == "srgb":
        converted = management.convert_deep_file(source.image, source.data)
        if converted is not None:
            return converted, None
    alpha = _load(source)
    if space is not None:
        return _with_alpha(
            management.convert_samples(source.image, source.data, space), alpha
        ), None
    rgb, kept = to_rgb(source.image, colour)
    return _with_alpha(np.array(rgb), alpha), kept


def _load(source: Opened) -> NDArray[np.uint8] | None:
    """Load the first frame; return alpha (H, W) if Pillow's own is missing or wrong."""
    image, rectangle = source.image, select_first_frame(source)
    image.load()
    alpha = keyed_alpha(source.data, image) if source.header.format == "png" else None
    if alpha is not None:
        del image.info["transparency"]
    return alpha if rectangle is None else opaque_inside(image, rectangle)


def _deep(
    source: Opened, samples: Samples, colour: Colour, space: ColourSpace | None
) -> tuple[NDArray[np.uint8], bytes | None]:
    """Convert samples that were not read by Pillow to RGB or RGBA."""
    image, alpha = samples.as_image()
    profile = samples.profile or source.image.info.get("icc_profile")
    if space is None and not profile and colour != "strip" and samples.is_linear:
        space = ColourSpace(BT709, LINEAR)
    if space is not None:
        if samples.space in ("L", "RGB"):
            pixels = to_srgb(*samples.unsigned(), space)
        else:
            pixels = to_srgb(np.array(image.convert("RGB")), 8, space)
        return _with_alpha(pixels, alpha), None
    if colour == "srgb" and (converted := management.convert_deep(samples, profile)) is not None:
        return _with_alpha(converted, alpha), None
    image.info["icc_profile"] = profile
    rgb, kept = to_rgb(image, colour)
    return _with_alpha(np.array(rgb), alpha), kept


def _with_alpha(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Combine alpha (H, W) with the alpha of the pixels, unless it is opaque everywhere."""
    if alpha is None or alpha.min(initial=255) == 255:
        return pixels
    if pixels.shape[2] == 4:
        pixels[..., 3] = np.minimum(pixels[..., 3], alpha)
        return pixels
    return np.concatenate([pixels, alpha[..., None]], axis=2)


def _flips(orientation: int) -> tuple[bool, bool]:
    """Return whether an orientation mirrors the image horizontally, and vertically.

    The mirroring follows the transposition that orientations 5 to 8 start with.
    """
    return orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)


def _turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    left, top = _flips(orientation)
    return pixels[:: -1 if top else 1, :: -1 if left else 1].copy()


def _origin(header: Probe, shrink: int, decoded: Size) -> tuple[Fraction, Fraction]:
    """Return where the source's left and top edges lie in the decoded pixels, as shown.

    The partly covered column and row of a shrunk image are at its stored right and bottom.
    """
    left, top = _flips(header.orientation)
    slack_x = decoded.width - Fraction(header.size.width, shrink)
    slack_y = decoded.height - Fraction(header.size.height, shrink)
    return (slack_x if left else Fraction(0)), (slack_y if top else Fraction(0))
