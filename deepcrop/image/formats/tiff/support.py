"""Decide which reader reads a TIFF layout; unsupported layouts are rejected with a reason."""

from __future__ import annotations

from ....errors import TooLarge, Unsupported
from ...samples import Space
from .layout import Layout
from .ycbcr import YCbCr

NONE, FAX, LZW, OLD_JPEG, JPEG = 1, (2, 3, 4), 5, 6, 7
DEFLATE, PACKBITS, LZMA, ZSTD, WEBP = (8, 32946), 32773, 34925, 50000, 50001
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9

COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
COLOURS |= {CIELAB: 3, ICCLAB: 3}
SPACES: dict[int, Space] = {
    WHITE_IS_ZERO: "L", BLACK_IS_ZERO: "L", RGB: "RGB", PALETTE: "RGB", CMYK: "CMYK",
    YCBCR: "RGB", CIELAB: "LAB", ICCLAB: "LAB",
}  # fmt: skip

LOSSLESS = {
    LZW: "lzw", PACKBITS: "packbits", LZMA: "lzma", ZSTD: "zstd", **dict.fromkeys(DEFLATE, "zlib")
}  # fmt: skip
"""imagecodecs's names of the lossless compressions, by TIFF's number."""

_OTHERS = {
    34676: "LogLuv (HDR) samples", 34677: "LogLuv (HDR) samples", 34712: "JPEG 2000",
    33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34892: "lossy DNG",
    50002: "JPEG XL", 52546: "JPEG XL", 32809: "ThunderScan", 32766: "NeXT", 32908: "PixarFilm",
    32909: "PixarLog", 34661: "JBIG", 32771: "CCITT with word padding",
}  # fmt: skip

_SAMPLE_BYTES = 8
"""Bytes of samples allowed for each pixel of the limit: those of 16-bit RGBA."""


def by_pillow(layout: Layout) -> bool:
    """Return whether Pillow reads this layout correctly, by an allowlist of tested layouts.

    Pillow 13 is faster than `decoding.read`, but it returns wrong pixels without an error for
    samples in planes, for white-is-zero beyond 8 bits, and for sub-sampled YCbCr without JPEG. It
    can't open big-endian BigTIFF.
    """
    colours = COLOURS.get(layout.photometric)
    if layout.kind != "u" or layout.planar or layout.predictor not in (1, 2):
        return False
    if layout.directory.big and layout.directory.order == ">":
        return False
    if _is_cr2(layout):
        return False
    if layout.photometric == PALETTE and not layout.deep_colours:
        return False
    if layout.compression in FAX:
        # Without a photometric tag, Pillow and libtiff assume that fax is white-is-zero.
        known = layout.photometric in (-1, WHITE_IS_ZERO, BLACK_IS_ZERO)
        return known and layout.bits == layout.samples == 1
    if layout.bits != 8 or layout.fill_order != 1:
        return False
    if layout.compression == OLD_JPEG:
        return layout.photometric == YCBCR and layout.samples == 3
    if layout.compression == JPEG:
        known = layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, YCBCR)
        return known and layout.samples == colours and layout.inks == 1
    if layout.compression == WEBP:
        return layout.photometric == RGB and layout.samples == 3
    if layout.compression != NONE and layout.compression not in LOSSLESS:
        return False
    if layout.photometric == RGB and layout.samples == 4:
        return layout.extra == (2,)
    known = layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK)
    return known and layout.samples == colours and layout.inks == 1


def is_camera_raw(layout: Layout) -> bool:
    """Return whether the page holds a camera's raw samples, or the file is Canon's raw (CR2)."""
    return layout.photometric in (32803, 34892) or _is_cr2(layout)


def _is_cr2(layout: Layout) -> bool:
    """Return whether the file is Canon raw, whose first page is a preview that isn't marked."""
    return not layout.directory.big and layout.directory.data[8:10] == b"CR"


def check(layout: Layout, max_pixels: int) -> None:
    """Check that `decoding.read` can read a layout.

    Raises:
        Unsupported: it can't; the message names the unsupported property.
        TooLarge: the samples of the image or of one tile need too much memory.
    """
    if why := _unknown(layout):
        raise Unsupported(
            f"tiff: {why} (photometric {layout.photometric}, {layout.samples} samples of "
            f"{layout.bits or 'several'} bits, compression {layout.compression})"
        )
    pixels = max(layout.width * layout.height, layout.segment[0] * layout.segment[1])
    if pixels * layout.samples * max(layout.bits, 8) // 8 > max_pixels * _SAMPLE_BYTES:
        raise TooLarge(
            f"{layout.width}x{layout.height} pixels of {layout.samples} samples of {layout.bits} "
            f"bits are more than {max_pixels} pixels of {_SAMPLE_BYTES} bytes; "
            "a larger --max-pixels allows them"
        )


def _unknown(layout: Layout) -> str | None:
    """Return the reason why `decoding.read` can't read a layout; None if it can."""
    if layout.compression in _OTHERS:
        return f"compressed by {_OTHERS[layout.compression]}"
    if layout.compression in FAX and layout.directory.big:
        return "fax in a big-endian BigTIFF"
    if layout.compression in (JPEG, OLD_JPEG, WEBP) or layout.compression in FAX:
        return "samples of this kind under this compression"
    if layout.compression != NONE and layout.compression not in LOSSLESS:
        return "an unknown compression"
    colours = COLOURS.get(layout.photometric)
    if colours is None:
        return "an unknown kind of colour"
    if layout.photometric == CMYK and layout.inks != 1:
        return "inks other than CMYK"
    if layout.samples < colours:
        return f"fewer than {colours} samples"
    return _unknown_type(layout) or _unknown_arrangement(layout)


def _unknown_type(layout: Layout) -> str | None:
    known = {"u": (1, 2, 4, 8, 10, 12, 14, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
    if layout.bits not in known.get(layout.kind, ()):
        return "samples of an unknown type"
    if layout.photometric == PALETTE and (layout.kind != "u" or layout.bits > 8):
        return "a palette with deep indices"
    if layout.photometric == PALETTE and layout.colourmap is None:
        return "a palette without its colours"
    if layout.photometric == YCBCR and (layout.kind != "u" or layout.bits != 8):
        return "deep YCbCr"
    if layout.photometric in (CIELAB, ICCLAB) and layout.bits not in (8, 16):
        return "deep L*a*b*"
    return None


def _unknown_arrangement(layout: Layout) -> str | None:
    if layout.fill_order not in (1, 2):
        return "an unknown order of bits"
    if layout.fill_order == 2 and layout.bits > 8:
        return "bits in reverse order in deep samples"
    if layout.predictor not in (1, 2, 3):
        return "an unknown predictor"
    if layout.predictor == 2 and layout.bits not in (8, 16, 32, 64):
        return "a predictor over packed bits"
    if layout.predictor == 3 and layout.kind != "f":
        return "a floating-point predictor over integers"
    if layout.predictor != 1 and layout.compression == NONE:
        return "a predictor without compression"
    if layout.photometric == YCBCR:
        if layout.planar and layout.sampling != (1, 1):
            return "sub-sampled planes"
        if layout.samples != 3 or any(each not in (1, 2, 4) for each in layout.sampling):
            return "an unknown sub-sampling"
        if layout.predictor != 1 and layout.sampling != (1, 1):
            return "a predictor over sub-sampled YCbCr"
        if not YCbCr.of(layout.directory).possible:
            return "YCbCr with impossible coefficients or range"
    return None


def mode_of(layout: Layout) -> str:
    """Return a layout's name: colour space, bits, and a letter unless samples are unsigned."""
    space = "P" if layout.photometric == PALETTE else SPACES[layout.photometric]
    return f"{space};{layout.bits}{layout.kind.strip('u')}"
