"""What a file says of its colours other than by an ICC profile.

==========  ====================================================================================
format      in the order in which they count
==========  ====================================================================================
PNG         cICP; an ICC profile; sRGB; gAMA with cHRM (PNG, third edition, section 4.3). cHRM alone
            is ignored, as browsers do: it tells no transfer function.
AVIF        an ICC profile; ``colr`` of type nclx; the AV1 sequence header. So do libavif's clients
            and browsers (HEIF allows one box of each kind and leaves the choice to the reader).
JPEG        an ICC profile; Adobe RGB by the DCF option of EXIF (DCF 2.0, 3.2), where asked for.
BMP         the ICC profile of version 5, which Pillow doesn't read (`bmp_profile`). Endpoints and
            gammas are ignored, as browsers do.
any         an ICC profile whose ``cicp`` tag (ICC.1:2022, 9.2.17) names PQ or HLG is HDR.
==========  ====================================================================================

Values that are reserved, absurd or cut short are ignored, each chunk on its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from PIL import ExifTags, Image, ImageFile

from ..formats.avif import primary_colour
from ..formats.png import colour_chunks
from .conversion import space_of
from .space import ADOBE_RGB, BT709, ColourSpace, Primaries, from_code_points
from .transfer import Curve

ExifColour = Literal["use", "ignore"]
"""Whether Adobe RGB told by EXIF alone (a DCF option file) is converted.

Cameras set to Adobe RGB embed no ICC profile: EXIF alone tells, and raw developers and photo
managers convert. Browsers don't. Converted is what the camera meant.
"""

_SRGB_GAMMA = 1 / 0.45455
_R03 = (
    b"R03",
    b"\x01\xa0\x03\x00\x01\x00\x00\x00\x02\x00",
    b"\xa0\x01\x00\x03\x00\x00\x00\x01\x00\x02",
)
"""One of these is in every EXIF block that tells Adobe RGB: a quick search saves parsing most."""


def colour_described(
    image: ImageFile.ImageFile, data: bytes, exif_colour: ExifColour = "use"
) -> ColourSpace | None:
    """Return the colour space of a file's samples where no ICC profile (or not it alone) tells it.

    Args:
        image: opened, its pixels not needed.
        data: the whole file.
        exif_colour: whether the DCF option of EXIF counts.

    Returns:
        None where the ICC profile, or sRGB where there is none, holds.
    """
    if image.format == "PNG":
        return _png(image, data)
    profile = image.info.get("icc_profile")
    if profile and space_of(profile) is not None:
        return hdr_of_profile(profile)
    if image.format == "AVIF":
        return _avif(data)
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
    """Return the space of a PNG's gAMA and cHRM chunks."""
    stored = int.from_bytes(gama, "big")
    if len(gama) != 4 or not 20_000 <= stored <= 400_000:  # powers of 5 to 1/4; absurd beyond
        return None
    primaries = BT709
    if len(chrm) == 32:
        numbers = [int.from_bytes(chrm[i : i + 4], "big") / 100_000 for i in range(0, 32, 4)]
        white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
        told = Primaries(red, green, blue, white)
        primaries = told if told.sane and not told.close_to(BT709) else BT709
    power = 100_000 / stored
    if primaries == BT709 and abs(power / _SRGB_GAMMA - 1) < 0.02:
        return None  # the chunks that sRGB's own definition in PNG (section 11.3.2.5) goes with
    return ColourSpace(primaries, Curve(power))


# Unspecified is sRGB (MIAF, ISO/IEC 23000-22, 7.3.6.4). So, in AVIF, are BT.709 and its kin: tools
# that handle sRGB pictures as video write them, and browsers show such files as sRGB.
_AVIF_SRGB = (2, 1, 6, 14, 15)


def _avif(data: bytes) -> ColourSpace | None:
    colour = primary_colour(data)
    return from_code_points(
        1 if colour.primaries == 2 else colour.primaries,
        13 if colour.characteristics in _AVIF_SRGB else colour.characteristics,
        max_light=colour.max_light,
    )


def _dcf(block: object) -> ColourSpace | None:
    """Read DCF's option for Adobe RGB: ColorSpace is uncalibrated, and Interoperability R03.

    A ColorSpace of 2, which some cameras write, says the same.
    """
    if not isinstance(block, bytes) or not any(mark in block for mark in _R03):
        return None
    exif = Image.Exif()
    try:
        exif.load(block)
        told = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1)
    except Exception:  # a broken block is as good as none: whatever the parser raises
        return None
    optional = told == 0xFFFF and str(index).strip("\0 ") == "R03"
    return ColourSpace(ADOBE_RGB, _ADOBE_GAMMA) if optional or told == 2 else None


_ADOBE_GAMMA = Curve(563 / 256)  # Adobe RGB (1998) Color Image Encoding, section 4.3.1.2


def bmp_profile(data: bytes) -> bytes | None:
    """Return the ICC profile inside a BMP of version 5 (BITMAPV5HEADER), None where none is."""
    header = data[14:138]
    if data[:2] != b"BM" or header[:4] != b"\x7c\0\0\0" or header[56:60] != b"DEBM":
        return None
    at, size = (int.from_bytes(header[i : i + 4], "little") for i in (112, 116))
    profile = data[14 + at : 14 + at + size]
    return profile if 128 < size == len(profile) else None


@lru_cache(maxsize=16)
def hdr_of_profile(profile: bytes) -> ColourSpace | None:
    """Return the HDR space that an ICC profile's ``cicp`` tag names, None where it names none."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8], "big")
            tag = profile[start : start + 12]
            if len(tag) == 12 and tag[:4] == b"cicp" and tag[10] == 0 and tag[11] < 2:
                space = from_code_points(tag[8], tag[9], full_range=bool(tag[11]))
                return space if space is not None and space.hdr is not None else None
    return None
