"""EXIF, XMP and ICC blocks: read, made true for a picture whose orientation is applied, carried."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from PIL import ExifTags, Image, ImageFile

# TIFF tags that describe how the file stores its pixels, wrong for any other file.
_STRUCTURE = frozenset(
    (
        *range(254, 267),
        273,
        *range(277, 282),
        *range(284, 294),
        301,
        *range(317, 348),
        *range(512, 533),
        700,
        33723,
        34377,
        34675,
    )
)

_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


@dataclass(frozen=True)
class Metadata:
    r"""The blocks of a file that a variant may keep; each None where there is none.

    Attributes:
        exif: a TIFF structure with the prefix ``Exif\0\0``; its orientation is 1, no thumbnail.
        xmp: an XMP packet; its orientation is 1.
        icc: the profile that the pixels are in; None for sRGB.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None

    @property
    def colour_only(self) -> Metadata:
        """Only what the pixels' colours need."""
        return replace(self, exif=None, xmp=None)


def orientation_of(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, or none that can be read."""
    if image.format == "TIFF":
        value = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation, 1)
    else:
        exif = _read(_exif_block(image, data))
        value = exif.get(ExifTags.Base.Orientation, 1) if exif is not None else 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def metadata_of(image: ImageFile.ImageFile, data: bytes) -> Metadata:
    """Collect the EXIF and XMP of a file whose pixels aren't loaded yet."""
    xmp = image.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    if xmp is not None:
        xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", xmp)
    tiff = image.format == "TIFF"
    exif = image.getexif() if tiff else _read(_exif_block(image, data))
    return Metadata(_written(exif), xmp or None)


def _exif_block(image: ImageFile.ImageFile, data: bytes) -> bytes | None:
    if "exif" not in image.info and image.format == "PNG":
        return _png_exif(data)
    block = image.info.get("exif")
    return block if isinstance(block, bytes) else None


def _png_exif(data: bytes) -> bytes | None:
    """Find an eXIf chunk anywhere: it may stand after the pixels, which Pillow's header skips."""
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"eXIf":
            return b"Exif\0\0" + data[at + 8 : at + 8 + length]
        at += 12 + length
    return None


def _read(block: bytes | None) -> Image.Exif | None:
    if not block:
        return None
    exif = Image.Exif()
    try:
        exif.load(block)
    except Exception:  # a broken block is as good as none: whatever the parser raises
        return None
    return exif


def _written(exif: Image.Exif | None) -> bytes | None:
    """Write the block anew, without orientation, pixel layout and thumbnail (it isn't cropped)."""
    if not exif:
        return None
    kept = Image.Exif()
    try:
        for tag, value in exif.items():
            if tag not in _STRUCTURE and tag not in _DIRECTORIES:
                kept[tag] = value
        for tag in _DIRECTORIES:
            if entries := exif.get_ifd(tag):
                kept.get_ifd(tag).update(entries)
                kept.get_ifd(tag).pop(ExifTags.IFD.Interop, None)  # points into the old block
        if ExifTags.Base.Orientation in kept:
            kept[ExifTags.Base.Orientation] = 1
        return kept.tobytes() if kept else None
    except Exception:  # entries of the wrong type: keep nothing rather than something wrong
        return None
