"""Read the colour space that a file declares by other means than an ICC profile.

==========  ====================================================================================
format      the declarations that are read, in order of precedence
==========  ====================================================================================
PNG         cICP; an ICC profile; sRGB; gAMA with cHRM (PNG, third edition, section 4.3). cHRM alone
            is ignored, as browsers do: it has no transfer function.
AVIF        an ICC profile; ``colr`` of type nclx; the AV1 sequence header. libavif's clients and
            browsers use this order too (HEIF allows one box of each kind and doesn't rank them).
HEIF        the same, without AV1. Unspecified code points are sRGB, as in AVIF.
JPEG XL     the header, unless it has an ICC profile. A lossy file with a profile is decoded to
            linear sRGB.
JPEG        an ICC profile; Adobe RGB by the DCF option of EXIF (DCF 2.0, 3.2), if requested.
BMP         the ICC profile of version 5, which Pillow doesn't read (`bmp_profile`). Endpoints and
            gammas are ignored, as browsers do.
any         an ICC profile whose ``cicp`` tag (ICC.1:2022, 9.2.17) names PQ or HLG is HDR.
==========  ====================================================================================

A chunk whose values are reserved, implausible or truncated is ignored; other chunks still count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from PIL import ExifTags, Image, ImageFile

from ..formats import jxl
from ..formats.avif import primary_colour
from ..formats.png import colour_chunks
from .conversion import space_of
from .space import ADOBE_RGB, BT709, ColourSpace, Primaries, from_code_points
from .transfer import HLG, LINEAR, PQ, SRGB, Curve

ExifColour = Literal["use", "ignore"]
"""Whether to convert Adobe RGB that only EXIF declares (a DCF option file).

Cameras set to Adobe RGB embed no ICC profile and declare the colour space only in EXIF. Raw
developers and photo managers convert such files, browsers don't. Converting gives the colours that
the camera recorded.
"""

_SRGB_GAMMA = 1 / 0.45455
_R03 = (
    b"R03",
    b"\x01\xa0\x03\x00\x01\x00\x00\x00\x02\x00",
    b"\xa0\x01\x00\x03\x00\x00\x00\x01\x00\x02",
)
"""Byte strings, one of which is in every EXIF block that declares Adobe RGB.

Searching for them first avoids parsing most EXIF blocks.
"""


def colour_described(
    image: ImageFile.ImageFile, data: bytes, exif_colour: ExifColour = "use"
) -> ColourSpace | None:
    """Return the colour space of a file's samples if something else than its ICC profile sets it.

    Args:
        image: the opened file; its pixels needn't be loaded.
        data: the whole file.
        exif_colour: whether the DCF option of EXIF is used.

    Returns:
        The colour space; None if the ICC profile sets it, or if it is sRGB by default.
    """
    if image.format == "PNG":
        return _png(image, data)
    profile = image.info.get("icc_profile")
    if profile and space_of(profile) is not None:
        return hdr_of_profile(profile)
    if image.format in ("AVIF", "HEIF"):
        return _avif(data)
    if image.format == "JXL":
        return _jxl(data)
    if image.format == "JPEG" and exif_colour == "use":
        return _dcf(image.info.get("exif"))
    return None


def _png(image: ImageFile.ImageFile, data: bytes) -> ColourSpace | None:
    chunks = colour_chunks(data)
    cicp, light = chunks.get(b"cICP", b""), chunks.get(b"cLLI", b"")
    if len(cicp) == 4 and cicp[2] == 0 and cicp[3] < 2:
        max_light = int.from_bytes(light[:4], "big") / 10_000 if len(light) == 8 else 0
        space = from_code_points(
            cicp[0], cicp[1], full_range=bool(cicp[3]), max_light=max_light or None
        )
        if space is not None:
            return space
    profile = image.info.get("icc_profile")
    if profile and space_of(profile) is not None:
        return hdr_of_profile(profile)
    if b"sRGB" in chunks or b"gAMA" not in chunks:
        return None
    return _gamma(chunks[b"gAMA"], chunks.get(b"cHRM", b""))


def _gamma(gama: bytes, chrm: bytes) -> ColourSpace | None:
    """Return the colour space that a PNG's gAMA and cHRM chunks declare."""
    stored = int.from_bytes(gama, "big")
    if len(gama) != 4 or not 20_000 <= stored <= 400_000:  # exponents of 5 to 1/4
        return None
    primaries = BT709
    if len(chrm) == 32:
        numbers = [int.from_bytes(chrm[i : i + 4], "big") / 100_000 for i in range(0, 32, 4)]
        white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
        stated = Primaries(red, green, blue, white)
        primaries = stated if stated.sane and not stated.close_to(BT709) else BT709
    power = 100_000 / stored
    if primaries == BT709 and abs(power / _SRGB_GAMMA - 1) < 0.02:
        return None  # the values that PNG prescribes beside the sRGB chunk (section 11.3.2.5)
    return ColourSpace(primaries, Curve(power))


# Unspecified means sRGB (MIAF, ISO/IEC 23000-22, 7.3.6.4). In AVIF, BT.709 and equivalent codes are
# read as sRGB too: tools that handle sRGB images as video write them, and browsers show them so.
_AVIF_SRGB = (2, 1, 6, 14, 15)


def _avif(data: bytes) -> ColourSpace | None:
    colour = primary_colour(data)
    return from_code_points(
        1 if colour.primaries == 2 else colour.primaries,
        13 if colour.characteristics in _AVIF_SRGB else colour.characteristics,
        max_light=colour.max_light,
    )


def _jxl(data: bytes) -> ColourSpace | None:
    header = jxl.header_of(data)
    colours = header.colours
    if colours is None:
        return ColourSpace(BT709, LINEAR) if header.xyb else None
    stated = Primaries(*colours.primaries, colours.white)
    if not stated.sane:
        return None
    if stated.close_to(BT709):
        stated = BT709
    if colours.gamma is not None:
        return ColourSpace(stated, Curve(1 / colours.gamma)) if colours.gamma > 0.2 else None
    if colours.transfer in (PQ, HLG):
        return ColourSpace(stated, None, colours.transfer, max_light=header.peak)
    curve = _JXL_CURVES.get(colours.transfer)
    return None if curve is None else ColourSpace(stated, curve)


# JPEG XL codes light by these functions, so their inverse gives it back; in video, a display's own
# gamma of 2.4 follows BT.709.
_JXL_CURVES = {
    1: Curve(1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),
    8: LINEAR,
    13: SRGB,
    17: Curve(2.6),
}


def _dcf(block: object) -> ColourSpace | None:
    """Return Adobe RGB if the EXIF block declares it; else None.

    DCF's option declares it by an uncalibrated ColorSpace and the interoperability index R03. Some
    cameras write a ColorSpace of 2 instead.
    """
    if not isinstance(block, bytes) or not any(mark in block for mark in _R03):
        return None
    exif = Image.Exif()
    try:
        exif.load(block)
        told = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1)
    except Exception:  # treat a broken block as missing; the parser may raise any exception
        return None
    optional = told == 0xFFFF and str(index).strip("\0 ") == "R03"
    return ColourSpace(ADOBE_RGB, _ADOBE_GAMMA) if optional or told == 2 else None


_ADOBE_GAMMA = Curve(563 / 256)  # Adobe RGB (1998) Color Image Encoding, section 4.3.1.2


def bmp_profile(data: bytes) -> bytes | None:
    """Return the ICC profile of a BMP of version 5 (BITMAPV5HEADER); None if it has none."""
    header = data[14:138]
    if data[:2] != b"BM" or header[:4] != b"\x7c\0\0\0" or header[56:60] != b"DEBM":
        return None
    at, size = (int.from_bytes(header[i : i + 4], "little") for i in (112, 116))
    profile = data[14 + at : 14 + at + size]
    return profile if 128 < size == len(profile) else None


@lru_cache(maxsize=16)
def hdr_of_profile(profile: bytes) -> ColourSpace | None:
    """Return the HDR colour space that an ICC profile's ``cicp`` tag names; None without one."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8], "big")
            tag = profile[start : start + 12]
            if len(tag) == 12 and tag[:4] == b"cicp" and tag[10] == 0 and tag[11] < 2:
                space = from_code_points(tag[8], tag[9], full_range=bool(tag[11]))
                return space if space is not None and space.hdr is not None else None
    return None
